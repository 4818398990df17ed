"""Formulas as MathML, which browsers and readers of screens set without a script: for notebooks."""

from __future__ import annotations

import html
import re

from .typeset import plain, segments

_TOKENS = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.", re.S)
_ACCENTS = {"hat": "^", "widehat": "^", "bar": "¯", "overline": "¯", "tilde": "~", "widetilde": "~", "dot": "˙",
            "ddot": "¨", "vec": "→"}  # fmt: skip
_WORDS = {"mathrm", "text", "textrm", "operatorname", "mathtt"}
_FONTS = {"mathbf", "mathit", "mathsf", "mathbb", "mathcal", "boldsymbol"}
_SIZES = {"left", "right", "big", "bigl", "bigr", "Big", "Bigl", "Bigr", "rm", "bf", "displaystyle"}
_SPACES = {",": 0.17, ":": 0.22, ";": 0.28, " ": 0.33, "!": 0.0, "quad": 1.0, "qquad": 2.0}
_NAMES = {"log", "exp", "min", "max", "lim", "sup", "inf", "sin", "cos", "tan", "sinh", "cosh", "tanh", "coth",
          "arccos", "arctan", "arcsin", "det", "ln", "arg"}  # fmt: skip
_MORE = {"leftarrow": "←", "gets": "←", "mapsto": "↦", "cdots": "⋯", "otimes": "⊗", "odot": "⊙", "simeq": "≃",
         "notin": "∉", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "prod": "∏", "|": "‖"}  # fmt: skip
_BENEATH = {"sum", "prod", "lim", "min", "max", "sup", "inf"}


class _UnknownError(ValueError):
    """A formula with what has no translation here."""


def to_mathml(label: str) -> str:
    """A text with mathematics as HTML with MathML; what has no translation is set in Unicode."""
    tags = {"text": "{}", "code": "<code>{}</code>"}
    return "".join(
        formula(piece, kind == "display") if kind in ("math", "display") else tags[kind].format(html.escape(piece))
        for kind, piece in segments(label)
    )


def formula(latex: str, display: bool = False) -> str:
    """One formula in LaTeX as a `math` element."""
    try:
        inside = "".join(_Reader(latex, display).row(None))
    except _UnknownError:
        return plain(latex, html_scripts=True)
    return f'<math display="{"block" if display else "inline"}"><mrow>{inside}</mrow></math>'


class _Reader:
    """Reads the tokens of a formula from left to right."""

    def __init__(self, latex: str, display: bool) -> None:
        self.tokens = [t for t in _TOKENS.findall(latex) if not t.isspace()]
        self.display = display
        self.at = 0

    def next(self) -> str:
        """The token that is read now."""
        if self.at >= len(self.tokens):
            raise _UnknownError
        self.at += 1
        return self.tokens[self.at - 1]

    def row(self, stop: str | None) -> list[str]:
        """Elements up to the token `stop`, or to the end."""
        elements = []
        while self.at < len(self.tokens) or stop is not None:
            token = self.next()
            if token == stop:
                break
            elements.append(self.scripted(token))
        return elements

    def scripted(self, token: str) -> str:
        """An element with its sub- and superscripts."""
        base = self.element(token)
        scripts: dict[str, str] = {}
        while self.at < len(self.tokens) and self.tokens[self.at] in ("_", "^", "'"):
            mark = self.next()
            scripts["^" if mark == "'" else mark] = "<mo>\u2032</mo>" if mark == "'" else self.argument()
        beneath = self.display and token[1:] in _BENEATH
        sub, sup, both = ("munder", "mover", "munderover") if beneath else ("msub", "msup", "msubsup")
        below, above = scripts.get("_"), scripts.get("^")
        if below and above:
            return f"<{both}>{base}{below}{above}</{both}>"
        if below:
            return f"<{sub}>{base}{below}</{sub}>"
        return f"<{sup}>{base}{above}</{sup}>" if above else base

    def argument(self) -> str:
        """What a command or a script is applied to, as one element."""
        return f"<mrow>{self.element(self.next())}</mrow>"

    def element(self, token: str) -> str:
        """One token, or the group or command that it opens."""
        if token == "{":
            return f"<mrow>{''.join(self.row('}'))}</mrow>"
        if token in ("}", "_", "^", "&", "\\\\"):
            raise _UnknownError
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return f"<mn>{token}</mn>"
        if token.isalpha():
            return f"<mi>{token}</mi>"
        sign = "\u2212" if token == "-" else html.escape(token)
        return f'<mo stretchy="false">{sign}</mo>' if token in "()[]|" else f"<mo>{sign}</mo>"

    def command(self, name: str) -> str:
        """A command with its arguments."""
        if name in ("frac", "tfrac", "dfrac"):
            return f"<mfrac>{self.argument()}{self.argument()}</mfrac>"
        if name == "binom":
            above, below = self.argument(), self.argument()
            return f'<mrow><mo>(</mo><mfrac linethickness="0">{above}{below}</mfrac><mo>)</mo></mrow>'
        if name == "sqrt" and self.tokens[self.at : self.at + 1] != ["["]:
            return f"<msqrt>{self.argument()}</msqrt>"
        if name in _ACCENTS:
            return f'<mover accent="true">{self.argument()}<mo>{_ACCENTS[name]}</mo></mover>'
        if name in _WORDS:
            return f"<mtext>{html.escape(self.words())}</mtext>"
        if name in _FONTS:
            return self.argument()
        if name in _SIZES:
            return "<mrow></mrow>"
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}em"></mspace>'
        if name in _NAMES:
            return f"<mi>{name}</mi>"
        return _symbol(name)

    def words(self) -> str:
        """The letters of a group."""
        token = self.next()
        if token != "{":
            return token
        letters = []
        while (token := self.next()) != "}":
            if token == "{" or (token.startswith("\\") and token[1:2].isalpha()):
                raise _UnknownError
            letters.append(token.removeprefix("\\"))
        return "".join(letters)


def _symbol(name: str) -> str:
    """A letter or a sign by its name."""
    if name in ("{", "}", "_", "#", "%", "$"):
        return f"<mo>{name}</mo>"
    sign = _MORE.get(name) or plain(f"\\{name}")
    if sign == name:
        raise _UnknownError
    return f"<mi>{sign}</mi>" if sign.isalpha() else f"<mo>{html.escape(sign)}</mo>"
