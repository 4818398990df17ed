"""Formulas as MathML: well formed for every law, and with the right structure."""

import re
from xml.etree import ElementTree

import pytest

from asymptopia.contract.catalogue import law_classes
from asymptopia.report.mathml import formula, to_mathml
from asymptopia.report.typeset import segments


def flat(latex, display=False):
    """The formula without its rows."""
    return re.sub(r"</?mrow>|</?math[^>]*>", "", formula(latex, display))


@pytest.mark.parametrize(
    ("latex", "mathml"),
    [
        ("x_1^2", "<msubsup><mi>x</mi><mn>1</mn><mn>2</mn></msubsup>"),
        (r"\frac{a}{2}", "<mfrac><mi>a</mi><mn>2</mn></mfrac>"),
        (r"\sqrt{\alpha}", "<msqrt><mi>\u03b1</mi></msqrt>"),
        (r"\hat q", '<mover accent="true"><mi>q</mi><mo>^</mo></mover>'),
        (r"\mathrm{test\_error}", "<mtext>test_error</mtext>"),
        ("f'", "<msup><mi>f</mi><mo>\u2032</mo></msup>"),
        (r"-1.5 \le x", "<mo>\u2212</mo><mn>1.5</mn><mo>≤</mo><mi>x</mi>"),
        (r"a < b", "<mi>a</mi><mo>&lt;</mo><mi>b</mi>"),
    ],
)
def test_the_structure_of_a_formula(latex, mathml):
    assert flat(latex) == mathml


def test_bounds_stand_beneath_a_sum_that_is_displayed():
    assert flat(r"\sum_i x", True).startswith("<munder><mo>∑</mo><mi>i</mi></munder>")
    assert flat(r"\sum_i x").startswith("<msub><mo>∑</mo><mi>i</mi></msub>")


def test_what_has_no_translation_is_set_in_unicode():
    assert "<math" not in formula(r"\begin{cases} x \end{cases}") and "x" in formula(r"\begin{cases} x \end{cases}")
    assert formula("{x") == "x" and to_mathml("<b> $x$").startswith("&lt;b&gt; <math")


def test_nearly_every_formula_of_every_law_is_translated_and_well_formed():
    texts = [text for cls in law_classes().values()
             for text in (cls.__doc__, *(f"${o.symbol}$" for o in cls().observables.values()))]  # fmt: skip
    pieces = [(p, k == "display") for text in texts for k, p in segments(text) if k in ("math", "display")]
    made = [formula(*piece) for piece in pieces]
    plain = [latex for (latex, _), text in zip(pieces, made, strict=True) if not text.startswith("<math")]
    for text in made:
        ElementTree.fromstring(f"<p>{text}</p>")
    assert len(pieces) > 1000 and len(plain) <= len(pieces) // 200, plain
