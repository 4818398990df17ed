"""The light convention of docstrings, and LaTeX in Unicode."""

# ruff: noqa: RUF001
from __future__ import annotations

import inspect

import pytest

from asymptopia.report.typeset import (
    literal,
    name_label,
    plain,
    render_text,
    segments,
    to_hover,
    to_html,
    to_matplotlib,
    to_plain,
)


def test_paragraphs_lists_displays_and_code():
    text = r"""First, with $x < y$ inside.

    Then

        \int_0^1 f(x) \, dx = 1

    and `code`:

        y = f(x) + 1

    - one $a$;
      still one
    - two.
    """
    page = render_text(inspect.cleandoc(text))
    assert page.split("\n") == [
        '<p>First, with <span class="math">x &lt; y</span> inside.</p>',
        "<p>Then</p>",
        r'<div class="math display">\int_0^1 f(x) \, dx = 1</div>',
        "<p>and <code>code</code>:</p>",
        "<pre>y = f(x) + 1</pre>",
        '<ul><li>one <span class="math">a</span>; still one</li><li>two.</li></ul>',
    ]


def test_indented_block_right_under_its_paragraph():
    assert render_text("Energy\n    \\beta H\nis it.").split("\n") == [
        "<p>Energy</p>",
        r'<div class="math display">\beta H</div>',
        "<p>is it.</p>",
    ]


def test_displayed_formula_inside_a_paragraph_may_span_indented_lines():
    assert render_text("The\n\n$$a = b, \\quad\n  c = d,$$\n\nand") == (
        '<p>The</p>\n<p><span class="math display">a = b, \\quad\n  c = d,</span></p>\n<p>and</p>'
    )


def test_displayed_formulas_are_one_a_line_unless_an_environment_spans_them():
    assert render_text("a\n\n    \\alpha = 1\n    \\beta = 2").count("math display") == 2
    assert render_text("a\n\n    \\begin{aligned}\n    a &= 1\n    \\end{aligned}").count("math display") == 1


@pytest.mark.parametrize("text", ["costs $5", r"a \$b\$ c", "10 $ and 20 $ more"])
def test_dollars_that_are_money(text):
    assert all(kind == "text" for kind, _ in segments(text))


def test_text_is_escaped_everywhere():
    for rendered in (render_text("<script>x</script> & $a<b$\n\n    <b>"), to_html("<i>$</script>$</i>")):
        assert (
            "<script" not in rendered and "</script" not in rendered and "<b>" not in rendered and "<i>" not in rendered
        )
    assert to_hover("<b> $x_1$") == "&lt;b&gt; x<sub>1</sub>"
    assert to_hover(r"$\mathrm{test\_error}_1$") == "test_error<sub>1</sub>"


def test_literal_text_survives_every_renderer():
    text = "$x$ & $"
    assert to_plain(literal(text)) == text
    assert to_html(literal(text)) == "$x$ &amp; $"
    assert to_matplotlib(literal(text)) == r"\$x\$ & \$"


@pytest.mark.parametrize(
    ("latex", "unicode"),
    [
        (r"\hat q_\star", "q̂_⋆"),
        (r"\frac{1}{n}\sum_i x_i", "(1)/(n)∑_i x_i"),
        (r"n\,\mathrm{Var}(\bar y)", "n Var(ȳ)"),
        (r"\hat{\rho}_{\mathrm{max}}", "ρ̂_max"),
        (r"\{a\}", "{a}"),
        (r"\frac1n", "1/n"),
        (r"\epsilon^2", "ϵ^2"),
    ],
)
def test_latex_in_unicode(latex, unicode):
    assert plain(latex) == unicode


def test_scripts_for_hover_texts():
    assert plain(r"q^{*}_{01}", html_scripts=True) == "q<sup>*</sup><sub>01</sub>"
    assert plain("a<b", html_scripts=True) == "a&lt;b"


def test_what_mathtext_cannot_set_becomes_plain():
    assert to_matplotlib(r"$\alpha$") == r"$\alpha$"
    assert to_matplotlib(r"$\undefinedmacro{y}$") == "undefinedmacroy"


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("alpha", r"$\alpha$"),
        ("q_hat", r"$\hat{q}$"),
        ("lambda_max", r"$\lambda_{\mathrm{max}}$"),
        ("test_error", "test error"),
        ("h", "$h$"),
    ],
)
def test_names_of_fields_as_labels(name, label):
    assert name_label(name) == label
