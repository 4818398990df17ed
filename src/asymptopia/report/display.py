"""Display of objects in a notebook or a script: figures by matplotlib, and HTML without scripts."""

from __future__ import annotations

import base64
import dataclasses
import html
import tempfile
import webbrowser
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.law import Law
from ..contract.record import StatementError, nearest
from ..contract.sweep import Sweep
from ..verdict.confront import Confrontation
from .around import curve_of
from .charts import Chart, Curve, Panel, is_geometric, spread
from .compose import main_chart
from .grid import MOST, Grid, axis_label, coordinate, is_number, title_of, where
from .lines import fine_limit
from .mathml import to_mathml
from .page import write_results
from .typeset import name_label, to_hover

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..contract.law import Statement

VERDICT = {"agrees": "#0a6640", "disagrees": "#9a2c00", "inconclusive": "#7a6000", "estimated": "#7a6000"}


@singledispatch
def chart_of(shown: Any, observable: str | None = None) -> Chart:
    """The chart that shows one observable of a law, a sweep, a confrontation or a forecast."""
    if hasattr(shown, "statement"):
        return chart_of(shown.statement, observable)
    raise TypeError(f"`plot` draws laws, sweeps, confrontations and forecasts, not a {type(shown).__name__}.")


@chart_of.register(Law)
@chart_of.register(Sweep)
def _of_limit(statement: Statement, observable: str | None = None) -> Chart:
    statement, limit, name = curve_of(statement, observable)
    meaning = statement.law.observables[name]
    table = limit[[name]].rename({name: "z"})
    grid = Grid.of(table, tuple(statement.axes))
    if grid.x is None:
        raise StatementError(
            f"{name!r} of {type(statement.law).__name__} is a single number: sweep a field to draw it."
        )
    x, ticks = coordinate(table, grid.x)
    squeeze = {d: 0 for d in (*grid.panels, *(d for d in table["z"].dims if table.sizes[d] == 1))}
    members = spread(table.sizes[grid.family], MOST) if grid.family else [None]
    error = limit.get(f"{name}_error")
    curves = []
    for member in members:
        here = squeeze | ({grid.family: member} if grid.family else {})
        band = None if error is None else error.isel(here).values
        label = where(table, {grid.family: member}) if grid.family else ""
        curves.append(Curve(label, x, table["z"].isel(here).values, band))
    number = is_number(table, grid.x)
    title, ylabel = title_of(meaning, name), axis_label(meaning, name)
    return Chart(name, title, name_label(grid.x), ylabel, (Panel(tuple(curves)),), xticks=ticks,
                 xlog=number and is_geometric(x))  # fmt: skip


@chart_of.register
def _of_confrontation(found: Confrontation, observable: str | None = None) -> Chart:
    names = [j.observable for j in found.judgements]
    if observable is not None and observable not in names:
        raise StatementError(
            f"No observable {observable!r} was judged of {type(found.statement.law).__name__}."
            f"{nearest(observable, names)}"
        )
    return main_chart(found, found[observable or names[0]], observable or names[0], fine_limit(found))


def plot(shown: Any, observable: str | None = None) -> list[Axes]:
    """Draw an object in a pyplot figure, shown by notebooks and by `pyplot.show()`; returns the axes."""
    import matplotlib
    from matplotlib import pyplot

    from .figures import draw

    if not pyplot.get_fignums():  # a backend first loaded while a style holds would forget that it shows figures
        pyplot.switch_backend(matplotlib.get_backend())
    return list(draw(chart_of(shown, observable), pyplot.figure).axes)


def open_report(found: Confrontation, folder: str | Path | None = None, show: bool = True) -> Path:
    """Write the page, figures and tables of a confrontation into a folder, and open it; returns its path."""
    from .. import __version__

    folder = Path(tempfile.mkdtemp(prefix="asymptopia-")) if folder is None else Path(folder)
    title = found.name or found.statement.short()  # type: ignore[attr-defined]
    page = write_results(folder, [found], title=title, provenance={"asymptopia": __version__})
    if show:
        webbrowser.open(page.resolve().as_uri())
    return page


@singledispatch
def html_of(shown: Any) -> str:
    """The object as HTML for a notebook: mathematics in MathML, figures inside, no script and no request."""
    rows = [(str(len(shown.samples)) + " sizes", f"{min(shown.samples)} to {max(shown.samples)} samples")]
    rows += [("note", n) for n in shown.notes] + [("warning", w) for w in shown.warnings()]
    head = f"<p><strong>Forecast</strong> of {_code(shown.data)}: {shown.seeds} random subsets of each size.</p>"
    return head + _table((), rows)


@html_of.register
def _law_html(law: Law) -> str:
    rows = [
        (f"<code>{f.name}</code>", _code(getattr(law, f.name)), to_mathml(f.metadata.get("doc", "")))
        for f in dataclasses.fields(law)
    ]
    seen = [
        (to_mathml(f"${o.symbol}$"), html.escape(k.replace("_", " ")), to_mathml(o.doc))
        for k, o in law.observables.items()
    ]
    doc = (type(law).__doc__ or "").strip().split("\n\n")
    words = "".join(f"<p>{to_mathml(' '.join(p.split()))}</p>" for p in doc[1:])
    head = f"<p>{_code(law.short())}<br>{to_mathml(' '.join(doc[0].split()))}</p>"
    source = f"<p><small>{html.escape(law.source)}</small></p>" if law.source else ""
    more = f"<details><summary>The problem and its limit</summary>{words}{source}</details>" if words else source
    return head + _table(("field", "value", "meaning"), rows) + _table(("", "observable", "meaning"), seen) + more


@html_of.register
def _sweep_html(found: Sweep) -> str:
    rows = [(f"<code>{k}</code>", html.escape(_values(v))) for k, v in found.axes.items()]
    count = len(found.points())
    rest = {f.name: getattr(found.law, f.name) for f in dataclasses.fields(found.law) if f.name not in found.axes}
    law = type(found.law)(**rest)
    return f"<p>{_code(law.short())} at {count} points</p>{_table(('along', 'values'), rows)}"


@html_of.register
def _confrontation_html(found: Confrontation) -> str:
    rows = [
        (
            html.escape(j.observable.replace("_", " ")),
            f'<strong style="color:{VERDICT[j.verdict]};background:#fff">{html.escape(j.headline)}</strong>',
            f"{j.largest_z:.1f}" if np.isfinite(j.largest_z) else "-",
            html.escape(f"{j.reason} {j.advice}".strip()),
        )
        for j in found.judgements
    ]
    table = _table(("observable", "verdict", "largest |z|", "because"), rows)
    warnings = "".join(f"<p><strong>Warning:</strong> {to_hover(w)}</p>" for w in found.warnings)
    return f"<p>{_code(found.statement.short())}: {html.escape(found.headline)}</p>{table}{warnings}{_thumbnail(found)}"  # type: ignore[attr-defined]


def _thumbnail(found: Confrontation) -> str:
    from .figures import svg_of

    if not found.judgements:
        return ""
    chart = chart_of(found)
    data = base64.b64encode(svg_of(chart).encode()).decode()
    return f'<img style="background:#fff" alt="{html.escape(chart.name)}" src="data:image/svg+xml;base64,{data}">'


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{h}</th>" for h in header)
    cells = ("".join(f'<td style="text-align:left">{c}</td>' for c in row) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if rows else ""


def _code(value: Any) -> str:
    return f"<code>{html.escape(str(value))}</code>"


def _values(values: tuple[Any, ...]) -> str:
    shown = [f"{v:.4g}" if isinstance(v, float) else str(v) for v in values]
    return ", ".join(shown if len(shown) <= 8 else [*shown[:3], "...", shown[-1]])
