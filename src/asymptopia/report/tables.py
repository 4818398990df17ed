"""Numbers with their errors: for the page, as CSV, as LaTeX (booktabs), and the bibliography of what was confronted."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.files import replace
from .grid import slug

if TYPE_CHECKING:
    from ..contract.law import Law
    from ..verdict.confront import Confrontation
    from ..verdict.judgement import Judgement

COLUMNS = ("limit", "limit_error", "estimate", "error", "extrapolation", "z", "critical", "detectable", "failed")


def number(value: Any, digits: int = 4) -> str:
    """A number for reading, with four significant digits; words if it is not finite."""
    value = float(value)
    if math.isnan(value):
        return "no number"
    if math.isinf(value):
        return "\u2212\u221e" if value < 0 else "\u221e"
    return _minus(f"{value:.{digits}g}" if abs(value) < 1e6 else f"{value:.{digits - 1}e}")


def with_error(value: float, error: float, sign: str = " \u00b1 ") -> str:
    """A value rounded to two digits of its standard error: 0.8432 ± 0.0012."""
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return number(value, 6)
    places = max(1 - math.floor(math.log10(error)), 0)
    if places > 9 or abs(value) >= 1e7:
        return f"{number(value, 6)}{sign}{number(error, 2)}"
    return _minus(f"{value:.{places}f}{sign}{error:.{places}f}")


def components(judgement: Judgement) -> Iterator[tuple[dict[str, Any], dict[str, float]]]:
    """Every component of a judgement: its coordinates and its numbers."""
    table = judgement.table
    dims = [str(d) for d in table["z"].dims]
    places = [table[d].values.tolist() if d in table.coords else list(range(table.sizes[d])) for d in dims]
    columns = {k: table[k].values.reshape(-1) for k in COLUMNS if k in table}
    for i, place in enumerate(itertools.product(*places)):
        yield dict(zip(dims, place, strict=True)), {k: float(v[i]) for k, v in columns.items()}


def csv_text(confrontations: Sequence[Confrontation]) -> str:
    """All numbers, one component a line, with full precision; a column for every dimension that occurs.

    A line has the statement of its own point, and the verdict on its own component beside that on the observable.
    Texts that a spreadsheet would take for a formula begin with an apostrophe.

    confrontations: one or several; returns the text of a .csv file.
    """
    rows = [(c, j, place, numbers) for c in confrontations for j in c.judgements for place, numbers in components(j)]
    dims = list(dict.fromkeys(d for _, _, place, _ in rows for d in place))
    own = {d: f"at_{d}" if d in ("law", "observable", "verdict", "here", *COLUMNS) else d for d in dims}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["law", *map(harmless, own.values()), "observable", *COLUMNS, "verdict", "here"])
    stated = {id(c): _statements(c) for c in confrontations}
    for c, j, place, numbers in rows:
        where = [harmless(place.get(d, "")) for d in dims]
        values = [repr(numbers[k]) if k in numbers else "" for k in COLUMNS]
        point = tuple(place[a] for a in c.statement.axes)
        law = harmless(stated[id(c)][point])
        writer.writerow([law, *where, harmless(j.observable), *values, j.verdict, verdict_here(numbers, j.verdict)])
    return out.getvalue()


def _statements(confrontation: Confrontation) -> dict[tuple[Any, ...], str]:
    """The statement of every point of a sweep, by the coordinates of the point."""
    from ..contract.law import axis_values

    axes = [axis_values(v).tolist() for v in confrontation.statement.axes.values()]
    points = confrontation.statement.points()
    return dict(zip(itertools.product(*axes), (p.short() for p in points), strict=True))


def verdict_here(numbers: Mapping[str, float], verdict: str) -> str:
    """The verdict on one component: it disagrees if its own distance refutes, and never exceeds its observable's."""
    z, critical, limit = (numbers.get(k, math.nan) for k in ("z", "critical", "limit"))
    if math.isnan(z) or math.isnan(limit):
        return "inconclusive"
    if verdict == "disagrees" and math.isfinite(critical):
        return "disagrees" if abs(z) > critical else "not refuted"
    return verdict


def harmless(value: Any) -> Any:
    """A cell that a spreadsheet takes for a text, in one line, where it is a text; numbers are left alone."""
    if not isinstance(value, str):
        return value
    line = " ".join(value.splitlines()) if "\r" in value or "\n" in value else value
    return f"'{line}" if value[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else line


def tex_text(confrontations: Sequence[Confrontation]) -> str:
    """One booktabs table a confrontation, ready for `\\input`; more than 45 lines make a longtable.

    confrontations: one or several; returns the text of a .tex file.
    """
    head = "% \\usepackage{booktabs}, and \\usepackage{longtable} for long tables\n"
    return head + "\n".join(_tex_table(c) for c in confrontations)


def bibliography(confrontations: Sequence[Confrontation]) -> str:
    """The BibTeX of every law's source, each once; a source without BibTeX becomes a `@misc` entry.

    confrontations: whose laws are cited. Returns the text of a .bib file.
    """
    entries: dict[str, None] = {}
    for confrontation in confrontations:
        law = confrontation.statement.law
        for entry in re.split(r"\n(?=@)", bibtex_of(law)):
            if entry.strip():
                entries.setdefault(entry.strip())
    return "\n\n".join(entries) + "\n" if entries else ""


def bibtex_of(law: Law) -> str:
    """A law's BibTeX, or a `@misc` entry made of its source; empty if it has neither."""
    if law.bibtex.strip():
        return law.bibtex.strip()
    if not law.source:
        return ""
    note = tex_escape(law.source)
    return f"@misc{{{slug(type(law).__name__)},\n  note = {{{note}}}\n}}"


def write_tables(folder: str | Path, confrontations: Sequence[Confrontation]) -> list[Path]:
    """`table.csv`, `table.tex` and, if there are sources, `CITE.bib` in a folder; returns the paths.

    confrontations: one or several, in one file of each kind.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {
        "table.csv": csv_text(confrontations),
        "table.tex": tex_text(confrontations),
        "CITE.bib": bibliography(confrontations),
    }
    paths = []
    for name, text in texts.items():
        if text:
            replace(folder / name, text.encode(errors="replace"))
            paths.append(folder / name)
    return paths


def tex_escape(text: str) -> str:
    """A text escaped for LaTeX."""
    special = {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
    return "".join(special.get(c) or (f"\\{c}" if c in "&%$#_{}" else c) for c in text)


def _tex_table(confrontation: Confrontation) -> str:
    law = confrontation.statement.law
    rows = [(j, place, n) for j in confrontation.judgements for place, n in components(j)]
    dims = list(dict.fromkeys(d for _, place, _ in rows for d in place))
    header = (
        " & ".join(
            ["observable", *(tex_escape(d.replace("_", " ")) for d in dims), "limit", "experiment", "$z$", "verdict"]
        )
        + r" \\"
    )
    lines = []
    for k, (judgement, place, numbers) in enumerate(rows):
        if k and judgement is not rows[k - 1][0]:
            lines.append(r"\addlinespace")
        where = [_tex_place(place.get(d, "")) for d in dims]
        z = numbers["z"]
        cells = [
            _tex_symbol(law.observables[judgement.observable].symbol, judgement.observable), *where,
            f"${_tex_number(with_error(numbers['limit'], numbers['limit_error'], ' pm '))}$",
            f"${_tex_number(with_error(numbers['estimate'], numbers['error'], ' pm '))}$",
            f"${z:+.2f}$" if math.isfinite(z) else "--", judgement.verdict,
        ]  # fmt: skip
        lines.append(" & ".join(cells) + r" \\")
    shape = "l" * (1 + len(dims)) + "rrrl"
    words = "limit and experiment extrapolated to infinite size, with standard errors."
    caption = f"\\caption{{{tex_escape(law.short())}: {words}}}"
    if len(rows) > 45:
        return "\n".join(
            [
                f"\\begin{{longtable}}{{{shape}}}",
                caption + r" \\",
                r"\toprule",
                header,
                r"\midrule",
                r"\endhead",
                r"\bottomrule",
                r"\endfoot",
                *lines,
                r"\end{longtable}",
                "",
            ]
        )
    body = [
        f"\\begin{{tabular}}{{{shape}}}",
        r"\toprule",
        header,
        r"\midrule",
        *lines,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join([r"\begin{table}", r"\centering", caption, *body, r"\end{table}", ""])


def _tex_place(value: Any) -> str:
    return f"${value:.4g}$" if isinstance(value, (int, float, np.number)) else tex_escape(str(value).removesuffix("()"))


def _tex_symbol(symbol: str, name: str) -> str:
    """The symbol in mathematics, if its braces balance and it cannot leave mathematics; else the name."""
    safe = (
        symbol
        and "$" not in symbol
        and "%" not in symbol
        and symbol.count("{") == symbol.count("}")
        and "<" not in symbol
    )
    return f"${symbol}$" if safe else tex_escape(name.replace("_", " "))


def _tex_number(text: str) -> str:
    if text == "no number":
        return "-"
    text = text.replace("\u2212", "-").replace("\u221e", r"\infty").replace(" pm ", r" \pm ")
    return re.sub(r"e([+-]?)0*(\d+)", lambda m: rf" \times 10^{{{m[1].replace('+', '')}{m[2]}}}", text)


def _minus(text: str) -> str:
    return text.replace("-", "\u2212") if text.startswith("-") and "e" not in text else text
