"""Docstrings, in the convention of `asymptopia.report.typeset`, as reStructuredText for autodoc."""

from __future__ import annotations

import re
import textwrap

from asymptopia.report.typeset import segments

ENTRY = re.compile(r"^([\w`][\w`.*]*(?:, [\w`.*]+)*):\s+(\S.*)$")


def to_rst(docstring: str) -> str:
    """Paragraphs, lists of `name: meaning` as definitions, indented blocks as code, and `$...$` as mathematics."""
    return "\n\n".join(
        _block(block.split("\n")) for block in re.split(r"\n\s*\n", docstring.strip("\n")) if block.strip()
    )


def _block(lines: list[str]) -> str:
    if all(line[:1] == " " for line in lines):
        return "::\n\n" + textwrap.indent(textwrap.dedent("\n".join(lines)), "    ")
    if lines[0].startswith("- "):
        return _inline("\n".join(lines))
    if ENTRY.match(lines[0]):
        return _definitions(lines)
    return _inline("\n".join(line.strip() for line in lines))


def _definitions(lines: list[str]) -> str:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if entry := ENTRY.match(line):
            found.append((entry[1], [entry[2]]))
        else:
            found[-1][1].append(line.strip())
    return "\n".join(f"{_names(names)}\n    {_inline(' '.join(meaning))}\n" for names, meaning in found)


def _names(names: str) -> str:
    return ", ".join(f"``{name.strip('`')}``" for name in names.split(", "))


def _inline(text: str) -> str:
    shown = {
        "text": _escaped,
        "math": ":math:`{}`".format,
        "display": lambda formula: f"\n\n.. math:: {' '.join(formula.split())}\n\n",
        "code": "``{}``".format,
    }
    return "".join(shown[kind](piece) for kind, piece in segments(text))


def _escaped(text: str) -> str:
    """Words as they stand: asterisks are powers or products here, never emphasis, and a bar is an absolute value."""
    return re.sub(r"([*|\\]|(?<=\w)_(?=\W|$))", r"\\\1", text)
