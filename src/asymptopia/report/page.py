"""One self-contained HTML page: verdicts, laws, figures, numbers, provenance and sources; and the folder around it.

The page needs no network: KaTeX, its fonts and plotly are in it, and its content policy forbids every request.
Docstrings of laws and bodies of sections follow the light convention of `typeset`: blank lines between paragraphs,
`- ` for lists, `$...$` for mathematics in a line, indented blocks (or `$$...$$`) for displayed mathematics, backticks
for code.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..engine.files import replace
from .charts import Chart, HeatMap
from .compose import charts_of
from .contents import Table, law_content, summary_rows, together
from .gallery import Drawn, Gallery
from .grid import slug
from .lines import fine_limit
from .tables import bibliography, number, write_tables
from .typeset import render_text, to_html

if TYPE_CHECKING:
    from ..verdict.confront import Confrontation

COMMANDS = ("command", "commands")


@dataclass(frozen=True)
class Section:
    """A part of the page beyond the laws: text of the light convention, tables and charts.

    verdict: "agrees", "disagrees" or "inconclusive" for a badge in the heading.
    early:   before the laws rather than after them.
    listings: verbatim texts, folded, each with its heading.
    """

    title: str
    body: str = ""
    tables: Sequence[Table] = ()
    charts: Sequence[Chart | HeatMap] = ()
    verdict: str = ""
    early: bool = False
    listings: Sequence[tuple[str, str]] = ()


def write_report(
    path: str | Path,
    confrontations: Sequence[Confrontation],
    *,
    title: str,
    provenance: Mapping[str, Any],
    extra_sections: Sequence[Section] = (),
    downloads: Iterable[str | Path | tuple[str, str]] = (),
    figures: str | Path | None = None,
) -> Path:
    """Write the page; returns its path. It replaces a page of that name in one step.

    path, title: of the page. confrontations: one section each, in order. extra_sections: further ones, after them.
    provenance: what is needed to reproduce it: versions, seeds, machine, time; "command" is shown as a shell command.
    downloads:  files beside the page: paths relative to it, or (label, path).
    figures:    a folder that keeps every figure as PDF and SVG; what has not changed is not drawn again.
    """
    path = Path(path)
    gallery = Gallery(None if figures is None else Path(figures))
    laws = [
        law_content(c, f"law-{k + 1}", _figures(c, name, gallery))
        for k, (c, name) in enumerate(zip(confrontations, prefixes(confrontations), strict=True))
    ]
    context = dict(
        title=title,
        subtitle=_subtitle(provenance),
        laws=laws,
        summary=summary_rows(confrontations),
        together=together(confrontations),
        level=_levels(confrontations),
        sections=[_section(s, k, gallery) for k, s in enumerate(extra_sections)],
        provenance=_flat(provenance),
        commands=_commands(provenance),
        downloads=[_download(d) for d in downloads],
        bibliography=bibliography(confrontations).strip(),
        has_charts=bool(gallery.names),
    )
    assets = _assets()
    text = _environment().get_template("report.html").render(**context, **assets, scripts=_hashes(assets))
    path.parent.mkdir(parents=True, exist_ok=True)
    replace(path, text.encode(errors="replace"))
    return path


def write_results(
    folder: str | Path,
    confrontations: Sequence[Confrontation],
    *,
    title: str,
    provenance: Mapping[str, Any],
    extra_sections: Sequence[Section] = (),
    downloads: Iterable[str | Path | tuple[str, str]] = (),
) -> Path:
    """One folder with report.html, figures/, table.csv, table.tex and CITE.bib; returns the path of the page.

    `downloads` are further files of the folder to be linked, such as results.nc; those that do not exist are left out.

    confrontations, title, provenance, extra_sections: as in `write_report`.
    """
    folder = Path(folder)
    tables = write_tables(folder, confrontations) if confrontations else []
    given = [d if isinstance(d, tuple) else (Path(d).name, str(d)) for d in downloads]
    links = [(label, target) for label, target in given if (folder / target).exists()]
    links += [(p.name, p.name) for p in tables]
    return write_report(
        folder / "report.html",
        confrontations,
        title=title,
        provenance=provenance,
        extra_sections=extra_sections,
        downloads=[*links, ("figures as PDF and SVG", "figures/")],
        figures=folder / "figures",
    )


def prefixes(confrontations: Sequence[Confrontation]) -> list[str]:
    """The start of the figures' names for each confrontation: the law's name, numbered where it occurs again."""
    found: list[str] = []
    for confrontation in confrontations:
        name = slug(type(confrontation.statement.law).__name__)
        k = sum(re.fullmatch(rf"{re.escape(name)}(-\d+)?", other) is not None for other in found)
        found.append(f"{name}-{k + 1}" if k else name)
    return found


def _figures(confrontation: Confrontation, prefix: str, gallery: Gallery) -> dict[str, list[Drawn]]:
    """The drawn charts of a confrontation: finite-size scaling apart from the others."""
    found: dict[str, list[Drawn]] = {"figures": [], "scaling": []}
    cache = gallery.folder and gallery.folder / f"{prefix}-limit.nc"
    for chart in charts_of(confrontation, prefix, fine_limit(confrontation, cache)):
        found["scaling" if chart.name.endswith("-scaling") else "figures"].append(gallery.show(chart))
    return found


def _section(section: Section, index: int, gallery: Gallery) -> dict[str, Any]:
    from markupsafe import Markup

    return dict(
        id=f"section-{index + 1}",
        title=section.title,
        words=Markup(render_text(section.body)),
        tables=section.tables,
        figures=[gallery.show(c) for c in section.charts],
        verdict=section.verdict,
        early=section.early,
        listings=section.listings,
    )


def _flat(provenance: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in provenance.items():
        if key in COMMANDS and not prefix:
            continue
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key} ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            rows.append((f"{prefix}{key}".replace("_", " "), shown))
    return rows


def _commands(provenance: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for key in COMMANDS:
        value = provenance.get(key, ())
        found += [value] if isinstance(value, str) else list(value)
    return found


def _subtitle(provenance: Mapping[str, Any]) -> str:
    return ", ".join(
        str(provenance[k])
        for k in ("asymptopia", "date", "time", "finished")
        if k in provenance and not isinstance(provenance[k], Mapping)
    )


def _levels(confrontations: Sequence[Confrontation]) -> str:
    return " or ".join(number(level) for level in sorted({c.level for c in confrontations}))


def _download(item: str | Path | tuple[str, str]) -> tuple[str, str]:
    label, target = item if isinstance(item, tuple) else (Path(item).name, str(item))
    return label, quote(target)


@lru_cache(maxsize=1)
def _environment() -> Any:
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["words"] = lambda text: Markup(to_html(str(text)))
    return environment


def _assets() -> dict[str, Any]:
    """What is put into the page as it is: scripts, styles and fonts."""
    from base64 import b64encode
    from importlib.resources import files

    from markupsafe import Markup

    vendor = files(__package__) / "vendor"

    def font(match: re.Match[str]) -> str:
        data = b64encode((vendor / "katex" / "fonts" / f"{match[1]}.woff2").read_bytes()).decode()
        return f'url(data:font/woff2;base64,{data}) format("woff2")'

    css = (vendor / "katex" / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r',url\(fonts/[\w-]+\.(?:woff|ttf)\) format\("\w+"\)', "", css)
    css = re.sub(r'url\(fonts/([\w-]+)\.woff2\) format\("woff2"\)', font, css)
    scripts = {
        "katex_js": (vendor / "katex" / "katex.min.js").read_text(encoding="utf-8"),
        "plotly_js": (vendor / "plotly" / "plotly-cartesian.min.js").read_text(encoding="utf-8"),
        "script": _read("report.js"),
    }
    return {k: Markup(v.replace("</script", r"<\/script")) for k, v in scripts.items()} | {
        "katex_css": Markup(css),
        "style": Markup(_read("style.css")),
    }


def _hashes(assets: Mapping[str, Any]) -> str:
    """The page's own scripts as its content policy names them: no other script runs in it, whatever is put there."""
    from base64 import b64encode

    digests = (hashlib.sha256(str(assets[k]).encode()).digest() for k in ("katex_js", "plotly_js", "script"))
    return " ".join(f"'sha256-{b64encode(d).decode()}'" for d in digests)


def _read(name: str) -> str:
    from importlib.resources import files

    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")
