r"""Words and mathematics of laws: the light convention of docstrings, and LaTeX for pages, figures and hover texts.

The convention, for docstrings and for the text of a report's sections:

- paragraphs are separated by blank lines; lines that start with `- ` make a list;
- `$...$` inside a line is mathematics in LaTeX, `$$...$$` is displayed mathematics; `\$` is a dollar sign;
- `` `...` `` is code;
- a block indented deeper than its surroundings is displayed: as mathematics if it is LaTeX (it has a backslash command,
  or `$$` around it), and as it stands otherwise.
"""

# ruff: noqa: RUF001 (symbols are what this file is about)
from __future__ import annotations

import html
import inspect
import re
import textwrap
import unicodedata
from functools import lru_cache

_PIECES = re.compile(r"(\$\$.+?\$\$|(?<!\\)\$(?!\s)[^$\n]+?(?:\n[^$\n]+?)*?(?<![\s\\])\$|``.+?``|`[^`\n]+`)", re.S)
_COMMAND = re.compile(r"\\[A-Za-z]+")


def _pairs(text: str) -> dict[str, str]:
    """Names and signs in turn."""
    words = text.split()
    return dict(zip(words[::2], words[1::2], strict=True))


_GREEK = _pairs(
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ "
    "mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ "
    "Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω"
)
_SIGNS = _pairs(
    "langle ⟨ rangle ⟩ infty ∞ times × cdot · partial ∂ nabla ∇ ell ℓ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ approx ≈ sim ∼ to → "
    "sum ∑ int ∫ pm ± star ⋆ ast ∗ dagger † top ⊤ perp ⊥ mid | parallel ∥ Vert ‖ lVert ‖ rVert ‖ sqrt √ prime ′ in ∈ "
    "dots … ldots … hbar ℏ propto ∝"
)
_ACCENTS = dict(
    hat="\u0302",
    widehat="\u0302",
    bar="\u0304",
    overline="\u0304",
    tilde="\u0303",
    widetilde="\u0303",
    dot="\u0307",
    vec="\u20d7",
)
_ACCENT = re.compile(rf"\\({'|'.join(_ACCENTS)})(?![A-Za-z])\s*(?:\{{(\\?\w+)\}}|(\\[A-Za-z]+|\w))")
_FONTS = "mathrm|mathbf|mathit|mathsf|mathbb|mathcal|mathtt|boldsymbol|text|textrm|operatorname"
_FONTS += "|rm|bf|left|right|big[lr]?|Big"


def literal(text: object) -> str:
    """A text as a label that shows it verbatim: a dollar sign in it does not start mathematics."""
    return str(text).replace("$", r"\$")


def name_label(name: str) -> str:
    """The label of a field or dimension: `alpha` is a symbol, `test_error` is words."""
    head, _, tail = name.partition("_")
    symbol = rf"\{head}" if head in _GREEK else head if len(head) == 1 else ""
    if symbol and len(tail) <= 4:
        return (
            rf"$\hat{{{symbol}}}$" if tail == "hat" else rf"${symbol}_{{\mathrm{{{tail}}}}}$" if tail else f"${symbol}$"
        )
    return literal(name.replace("_", " "))


def segments(label: str) -> list[tuple[str, str]]:
    """A text as pieces of kind "text", "math", "display" or "code", in order."""
    found = []
    for i, piece in enumerate(_PIECES.split(label)):
        if not piece:
            continue
        if i % 2 == 0:
            found.append(("text", piece.replace(r"\$", "$")))
        elif piece.startswith("$$"):
            found.append(("display", piece[2:-2].strip()))
        elif piece.startswith("$"):
            found.append(("math", piece[1:-1]))
        else:
            found.append(("code", piece.strip("`").strip()))
    return found


def to_html(label: str) -> str:
    """A text with mathematics as HTML; the page typesets `.math` elements, and shows their LaTeX without scripts."""
    tags = {
        "text": "{}",
        "math": '<span class="math">{}</span>',
        "display": '<span class="math display">{}</span>',
        "code": "<code>{}</code>",
    }
    return "".join(tags[kind].format(html.escape(piece)) for kind, piece in segments(label))


def to_matplotlib(label: str) -> str:
    """A text with mathematics for matplotlib; what its mathtext cannot set becomes plain symbols."""
    out = []
    for kind, piece in segments(label):
        if kind in ("math", "display"):
            out.append(f"${piece}$" if _settable(piece) else plain(piece).replace("$", r"\$"))
        else:
            out.append(piece.replace("$", r"\$"))
    return "".join(out)


def to_hover(label: str) -> str:
    """A text with mathematics in the small HTML that plotly sets, with Unicode symbols, sub- and superscripts."""
    return "".join(
        plain(p, html_scripts=True) if k in ("math", "display") else html.escape(p, quote=False)
        for k, p in segments(label)
    )


def to_plain(label: str) -> str:
    """A text with mathematics as plain Unicode, for titles, alternative texts and tables of values."""
    return "".join(plain(p) if k in ("math", "display") else p for k, p in segments(label))


def plain(latex: str, html_scripts: bool = False) -> str:
    r"""A short formula in Unicode: `\hat q_\star` is q̂⋆ with its index as a subscript, or after an underscore."""
    text = html.escape(latex, quote=False) if html_scripts else latex
    text = re.sub(r"\\(?:[,;:! ]|quad\b)", " ", text).replace(r"\|", "‖").replace(r"\{", "\x01").replace(r"\}", "\x02")
    text = text.replace(r"\_", "\x03")
    group = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
    for _ in range(4):
        text = re.sub(rf"\\[dt]?frac\s*{group}\s*{group}", r"(\1)/(\2)", text)
        text = re.sub(r"\\[dt]?frac\s*(\w)\s*(\w)", r"\1/\2", text)
        text = re.sub(rf"\\sqrt\s*{group}", r"√(\1)", text)
    text = _ACCENT.sub(_accented, text)
    text = re.sub(rf"\\(?:{_FONTS})(?![A-Za-z])", "", text)
    text = _COMMAND.sub(lambda m: _word(m.group()[1:]), text)
    for sign, tag in (("_", "sub"), ("^", "sup")):
        before, after = (f"<{tag}>", f"</{tag}>") if html_scripts else (sign, "")
        text = re.sub(rf"{re.escape(sign)}\s*(?:{group}|(&\w+;|\S))", rf"{before}\1\2{after}", text)
    text = text.replace("{", "").replace("}", "").replace("\\", "")
    text = text.replace("\x01", "{").replace("\x02", "}").replace("\x03", "_")
    return unicodedata.normalize("NFC", re.sub(r"\s+", " ", text).strip())


def render_text(text: str) -> str:
    """A text of the convention above as HTML; docstrings go through `inspect.cleandoc` first."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", textwrap.dedent(text).strip("\n")):
        out += _block(block.rstrip().split("\n"))
    return "\n".join(out)


def _block(lines: list[str]) -> list[str]:
    """Paragraphs, lists and indented displays of one block, in order."""
    out: list[str] = []
    run: list[str] = []
    kind = ""
    for line in [*lines, ""]:
        inside = "\n".join(run).count("$$") % 2 == 1  # of a displayed formula that goes on
        now = kind if inside else _kind(line, kind)
        if run and (now != kind or not line):
            out.append(_shown(kind, run))
            run = []
        kind = now
        if line.strip():
            run.append(line)
    return out


def _kind(line: str, before: str) -> str:
    """Whether a line belongs to a list ("item"), to a display ("deep") or to a paragraph ("text")."""
    deep = line[:1] in (" ", "\t")
    if line.startswith("- ") or (deep and before == "item"):
        return "item"
    return "deep" if deep else "text"


def _shown(kind: str, lines: list[str]) -> str:
    text = "\n".join(lines)
    if kind == "item":
        items = re.split(r"(?:^|\n)- ", text)[1:]
        return "<ul>" + "".join(f"<li>{to_html(' '.join(item.split()))}</li>" for item in items) + "</ul>"
    if kind == "deep":
        body = inspect.cleandoc("\n" + text)
        bare = body[2:-2].strip() if body.startswith("$$") and body.endswith("$$") and len(body) > 4 else body
        if bare is not body or (_COMMAND.search(bare) and "$" not in bare):
            return "".join(f'<div class="math display">{html.escape(row)}</div>' for row in _formulas(bare))
        return f"<p>{to_html(body)}</p>" if "$" in body else f"<pre>{html.escape(body)}</pre>"
    return f"<p>{to_html(text)}</p>"


def _formulas(body: str) -> list[str]:
    """One formula a line, unless an environment or an open brace spans the lines."""
    lines = [line.strip() for line in body.split("\n") if line.strip()]
    whole = r"\begin" in body or r"\\" in body or any(line.count("{") != line.count("}") for line in lines)
    return [" ".join(lines)] if whole else lines


def _accented(match: re.Match[str]) -> str:
    inner = match[2] or match[3]
    inner = _word(inner[1:]) if inner.startswith("\\") else inner
    return inner[0] + _ACCENTS[match[1]] + inner[1:]


def _word(name: str) -> str:
    return _GREEK.get(name) or _SIGNS.get(name) or name


@lru_cache(maxsize=4096)
def _settable(latex: str) -> bool:
    from matplotlib.mathtext import MathTextParser

    try:
        MathTextParser("path").parse(f"${latex}$")
    except (ValueError, RuntimeError):
        return False
    return True
