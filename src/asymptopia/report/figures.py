"""Charts on paper: PDF and SVG for a journal column, safe for colour-blind readers and in grey; see `marks`."""

from __future__ import annotations

import gc
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..engine.files import replace
from .charts import Chart, Curve, HeatMap, Measured
from .compose import charts_of
from .heatmap import draw_map
from .lines import fine_limit
from .marks import (
    COLUMN,
    DASHES,
    OKABE_ITO,
    PAGE,
    STYLE,
    blank,
    dots,
    dress,
    legend_columns,
    legend_of,
    no_ticks,
    point_style,
    position_ticks,
    wrapped,
)
from .typeset import to_matplotlib

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..verdict.confront import Confrontation

_ONE = threading.RLock()


def save_figures(confrontation: Confrontation, folder: str | Path, prefix: str = "") -> list[Path]:
    """Every chart of a confrontation as `<prefix>-<observable>[-scaling|-z].pdf` and `.svg`; returns the paths.

    confrontation: whose charts are drawn. folder: made if it is not there. prefix: by default the law's name in lower
    case.
    """
    charts = charts_of(confrontation, prefix, fine_limit(confrontation))
    return [path for chart in charts for path in save_chart(chart, folder)]


def save_chart(chart: Chart | HeatMap, folder: str | Path) -> list[Path]:
    """One chart as PDF and SVG; the same chart gives the same bytes.

    chart: to be drawn. folder: made if it is not there. Returns both paths.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{chart.name}.{kind}" for kind in ("pdf", "svg")]
    with _style(chart.name):
        figure = draw(chart)
        for path, printed in zip(paths, (_pdf(figure), _svg(figure)), strict=True):
            replace(path, printed)
    return paths


def svg_of(chart: Chart | HeatMap) -> str:
    """One chart as the text of an SVG document."""
    with _style(chart.name):
        return _svg(draw(chart)).decode()


def _pdf(figure: Figure) -> bytes:
    """A figure as PDF without a date. `savefig` would draw it once more to find a layout that it has."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    return _printed(figure, FigureCanvasPdf(figure).print_pdf, "CreationDate", "Producer")


def _svg(figure: Figure) -> bytes:
    """The same as SVG."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    return _printed(figure, FigureCanvasSVG(figure).print_svg, "Date", "Creator")


def _printed(figure: Figure, printer: Callable[..., object], *left_out: str) -> bytes:
    """What a printer makes of a figure. It may leave its own dots per inch, with which the next would be coarser."""
    dpi, printed = figure.dpi, io.BytesIO()
    try:
        printer(printed, metadata=dict.fromkeys(left_out))
    finally:
        figure.dpi = dpi
    return printed.getvalue()


def draw(chart: Chart | HeatMap, make: Callable[..., Figure] | None = None) -> Figure:
    """One chart as a matplotlib figure; `make` makes it empty, such as `pyplot.figure`."""
    with _style(chart.name):
        figure = draw_map(chart) if isinstance(chart, HeatMap) else _draw_chart(chart, make)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # the layout found stays, and is not sought again for each format
    return figure


@contextmanager
def _style(salt: str) -> Iterator[None]:
    """The style of a chart, for one thread at a time, as it is a setting of the whole process; without collections of
    garbage, as a drawing leaves so much that everything loaded would be walked several times."""
    import matplotlib

    with _ONE, matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
        collects = gc.isenabled()
        gc.disable()
        try:
            yield
        finally:
            if collects:
                gc.enable()


def _draw_chart(chart: Chart, make: Callable[..., Figure] | None = None) -> Figure:
    columns = min(3, len(chart.panels))
    columns = 2 if len(chart.panels) == 4 else columns
    rows = -(-len(chart.panels) // columns)
    height = (2.6 if chart.residuals else 2.1) if rows == 1 else rows * (2.2 if chart.residuals else 1.7)
    handles, labels = legend_of(chart)
    across = legend_columns(labels, columns)
    height += 0.14 * (-(-len(labels) // across) - 1)
    figure = blank(COLUMN if columns == 1 else PAGE, height, make)
    ratios = [3, 1] * rows if chart.residuals else [1] * rows
    grid = figure.add_gridspec(len(ratios), columns, height_ratios=ratios)
    step = 2 if chart.residuals else 1
    for k, panel in enumerate(chart.panels):
        row, column = divmod(k, columns)
        axes = figure.add_subplot(grid[row * step, column])
        lowest = k + columns >= len(chart.panels)
        many = len(panel.curves) > 1
        for i, curve in enumerate(panel.curves):
            _draw_curve(axes, chart, curve, i, len(panel.curves))
        dress(axes, chart, panel.title)
        below = axes
        if chart.residuals:
            below = figure.add_subplot(grid[row * step + 1, column], sharex=axes)
            axes.tick_params(labelbottom=False)
            _draw_residuals(below, panel.curves, many)
            if column == 0:
                below.set_ylabel(to_matplotlib(chart.z_label))
        if column == 0:
            axes.set_ylabel(wrapped(chart.ylabel, 30))
        if lowest:
            below.set_xlabel(to_matplotlib(chart.xlabel))
        position_ticks(below, chart)
    if len(handles) > 1:
        figure.legend(handles, labels, loc="outside upper center", ncols=across)
    figure.align_ylabels()
    return figure


def _draw_curve(axes: Axes, chart: Chart, curve: Curve, index: int, count: int) -> None:
    many = count > 1
    color = OKABE_ITO[index % 6] if many else "black"
    if curve.line.size:
        if curve.marks:
            axes.plot(curve.x, curve.line, "_", color=color, ms=11, mew=1.4, zorder=2)
        else:
            axes.plot(curve.x, curve.line, color=color, dashes=DASHES[index % 6] if many else (), lw=1.2, zorder=2)
        if curve.line_error is not None:
            low, high = curve.line - curve.line_error, curve.line + curve.line_error
            axes.fill_between(curve.x, low, high, color=color, alpha=0.2, lw=0)
    if curve.fitted is not None:
        axes.plot(*curve.fitted, color=color if many else "#08519c", dashes=(3, 2), lw=0.9, zorder=1.9)
    for k, measured in enumerate(curve.measured):
        error = None if measured.error is None else np.where(np.isfinite(measured.error), measured.error, 0)
        place = index - (count - 1) / 2 if many else k - (len(curve.measured) - 1) / 2
        axes.errorbar(_dodged(measured.x, place, chart), measured.y, error, **point_style(measured, index, many))


def _dodged(x: np.ndarray, place: float, chart: Chart) -> np.ndarray:
    """Positions moved aside by a fraction of the axis, so that error bars at one position can be told apart."""
    if len(x) < 2 or chart.xticks is not None or chart.residuals is False:
        return x
    if chart.xlog:
        return x * (x.max() / x.min()) ** (0.007 * place)
    return x + 0.007 * place * np.ptp(x)


def _draw_residuals(axes: Axes, curves: tuple[Curve, ...], many: bool) -> None:
    axes.axhline(0, color="black", lw=0.6)
    critical = np.concatenate([c.critical for c in curves])
    band = float(np.max(critical[np.isfinite(critical)], initial=0.0))
    if band:
        _draw_band(axes, curves, band)
    shown = np.concatenate([*(c.z for c in curves), *(c.z_fit[1] for c in curves if c.z_fit)])
    top = max(np.abs(shown[np.isfinite(shown)]).max(initial=0.0), band, 1.0) * 1.15
    for i, curve in enumerate(curves):
        if curve.z_fit is not None:
            axes.plot(*curve.z_fit, **dots(Measured("", *curve.z_fit, None, "size"), i, many))
        style = dots(Measured("", curve.z_x, curve.z), i, many)
        axes.plot(curve.z_x, np.clip(curve.z, -0.96 * top, 0.96 * top), **style)
        unknown = ~np.isfinite(curve.z) & ~np.isinf(curve.z)
        axes.plot(curve.z_x[unknown], np.zeros(unknown.sum()), "x", color="black", ms=4, zorder=5)
    if top > 40:
        axes.set_yscale("symlog", linthresh=max(band, 3.0), linscale=1.0)
        axes.yaxis.set_minor_locator(no_ticks())
    else:
        step = max((s for s in (1, 2, 3, 4, 5, 10, 15, 20, 30) if s <= 0.8 * top), default=1)
        axes.set_yticks([-step, 0, step])
    axes.set_ylim(-top, top)


def _draw_band(axes: Axes, curves: tuple[Curve, ...], band: float) -> None:
    """The band that does not refute: level, or following the degrees of freedom along x where they vary."""
    alike = len({c.critical.shape for c in curves}) == 1
    widest = np.max([c.critical for c in curves], axis=0) if alike else curves[0].critical
    if widest.size > 1 and np.isfinite(widest).all() and widest.min() < 0.98 * band:
        axes.fill_between(curves[0].z_x, -widest, widest, color="#bbbbbb", alpha=0.45, lw=0, zorder=0)
    else:
        axes.axhspan(-band, band, color="#bbbbbb", alpha=0.45, lw=0, zorder=0)
