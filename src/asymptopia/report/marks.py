"""Sizes, colours, dashes and markers of figures, and how their axes and legends are dressed.

One curve has the sizes in a ramp of one hue, each with its own marker; several curves differ in colour (Okabe and Ito),
dash and marker at once, so that they can be told apart by colour-blind readers and in grey.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .charts import Chart, Measured
from .typeset import to_matplotlib, to_plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.4, 7.0  # inches: one column of a journal, and both
OKABE_ITO = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
DASHES = ((), (5, 1.5), (1.2, 1.2), (5, 1.5, 1.2, 1.5), (8, 2), (3, 1, 1, 1, 1, 1))
MARKERS = "osD^vP"
RAMP = ("#9ecae8", "#08519c")  # the smallest and the largest size
ESTIMATE = "#D55E00"
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "mathtext.fontset": "dejavusans", "font.size": 8,
    "axes.labelsize": 8, "axes.titlesize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7, "legend.fontsize": 7,
    "axes.linewidth": 0.6, "xtick.major.width": 0.6, "ytick.major.width": 0.6, "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4, "xtick.direction": "in", "ytick.direction": "in", "xtick.top": True, "ytick.right": True,
    "lines.linewidth": 1.2, "lines.markersize": 3.6, "legend.frameon": False, "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2, "legend.handletextpad": 0.5, "legend.borderpad": 0.1, "legend.labelspacing": 0.25,
    "axes.unicode_minus": True, "svg.fonttype": "none", "pdf.fonttype": 42, "figure.dpi": 100, "hatch.linewidth": 0.5,
}  # fmt: skip


def blank(width: float, height: float, make: Callable[..., Figure] | None = None) -> Figure:
    """An empty figure of this many inches that arranges what is put into it; made by `make`, as `pyplot.figure`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.02, hspace=0.02, wspace=0.04)
    if make is not None:
        return make(figsize=(width, height), layout=layout)
    figure = Figure((width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def saved(figure: Figure, path: Path) -> Path:
    """The figure in a file, in the format of its ending, without the time at which it was made."""
    dates = {".pdf": {"CreationDate": None, "Producer": None}, ".svg": {"Date": None, "Creator": None}}
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=220, metadata=dates.get(path.suffix.lower()))
    return path


def point_style(measured: Measured, index: int, many: bool) -> dict[str, Any]:
    """How measured points look: of several curves hollow for a finite size, of one graded by size."""
    common = dict(ls="none", elinewidth=0.8, capsize=1.8, capthick=0.8, zorder=3)
    if many:
        color = OKABE_ITO[index % 6]
        hollow = measured.role == "size"
        return common | dict(
            marker=MARKERS[index % 6],
            color=color,
            mfc="white" if hollow else color,
            mew=0.7,
            alpha=0.8 if hollow else 1,
        )
    if measured.role == "size":
        return common | dict(marker=MARKERS[round(5 * (1 - measured.shade))], color=ramp(measured.shade), mew=0.7)
    return common | dict(marker="D", color=ESTIMATE, mfc="white", mew=1.0, zorder=4)


def ramp(shade: float) -> str:
    """The colour of a size between the smallest (0) and the largest (1)."""
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    return to_hex(LinearSegmentedColormap.from_list("sizes", RAMP)(shade))


def dots(measured: Measured, index: int, many: bool) -> dict[str, Any]:
    """The same for points without error bars."""
    style = point_style(measured, index, many)
    return {k: v for k, v in style.items() if k not in ("elinewidth", "capsize", "capthick")} | {"clip_on": True}


def dress(axes: Axes, chart: Chart, title: str) -> None:
    """Scales, margins and title of the main axes."""
    axes.set_xscale("log" if chart.xlog else "linear")
    axes.set_yscale("log" if chart.ylog else "linear")
    axes.margins(x=0.04, y=0.08)
    if title:
        axes.set_title(to_matplotlib(title), pad=3)
    if not chart.ylog:
        axes.ticklabel_format(axis="y", useOffset=False, scilimits=(-4, 5))
    else:
        _logarithmic_ticks(axes.yaxis, axes.get_ylim())


def position_ticks(axes: Axes, chart: Chart) -> None:
    """Ticks at named or measured positions where there is room, and plain numbers on short logarithmic axes."""
    places = np.unique(
        np.concatenate([m.x for p in chart.panels for c in p.curves for m in c.measured] or [np.empty(0)])
    )
    if chart.xticks is not None:
        axes.set_xticks([x for x, _ in chart.xticks], [to_matplotlib(label) for _, label in chart.xticks])
        axes.xaxis.set_minor_locator(no_ticks())
        if max(len(label) for _, label in chart.xticks) * len(chart.xticks) > 40:
            axes.tick_params(axis="x", labelrotation=30)
    elif chart.xlog and _fit_side_by_side(places, 2.6 if len(chart.panels) == 1 else 1.6):
        axes.set_xticks(places, [f"{x:.4g}" for x in places])
        axes.xaxis.set_minor_locator(no_ticks())
    elif chart.xlog:
        _logarithmic_ticks(axes.xaxis, axes.get_xlim())


def _fit_side_by_side(places: np.ndarray, inches: float) -> bool:
    """Whether each position on a logarithmic axis of this length can have its own label."""
    if not 1 < len(places) <= 8:
        return False
    needed = 0.065 * max(len(f"{x:.4g}") for x in places) + 0.08
    return bool(inches * np.diff(np.log(places)).min() > needed * np.log(places[-1] / places[0]))


def _logarithmic_ticks(axis: Axis, limits: tuple[float, float]) -> None:
    """Plain numbers where an axis spans less than two and a half decades."""
    from matplotlib.ticker import FuncFormatter, LogLocator

    decades = abs(np.log10(limits[1] / limits[0]))
    if decades < 2.5:
        axis.set_major_locator(
            LogLocator(subs=(1.0, 2.0, 5.0) if decades > 0.7 else (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0))
        )
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
        axis.set_minor_locator(no_ticks())


def wrapped(label: str, width: int) -> str:
    """A label in lines of some `width` characters, broken between words and never inside mathematics."""
    lines = [""]
    for word in label.split(" "):
        if lines[-1] and len(to_plain(f"{lines[-1]} {word}")) > width and lines[-1].count("$") % 2 == 0:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(map(to_matplotlib, lines[:3]))


def no_ticks() -> Any:
    """A locator without ticks."""
    from matplotlib.ticker import NullLocator

    return NullLocator()


def legend_of(chart: Chart) -> tuple[list[Any], list[str]]:
    """Handles and labels of the legend: line, sizes and estimate; of several curves also colour, dash and marker."""
    from matplotlib.lines import Line2D

    curves = max((p.curves for p in chart.panels), key=len)
    many = len(curves) > 1
    entries: dict[str, Any] = {}
    if any(c.line.size for c in curves):
        entries[chart.line] = Line2D([], [], color="black", lw=1.2)
    if any(c.fitted is not None for c in curves):
        entries[chart.fit] = Line2D([], [], color="black" if many else "#08519c", dashes=(3, 2), lw=0.9)
    for measured in curves[0].measured:
        style = dots(measured, 0, many) | ({"color": "black", "mec": "black"} if many else {})
        style |= {"marker": "o", "mfc": "white" if measured.role == "size" else "black"} if many else {}
        entries[measured.label] = Line2D([], [], **style)
    for i, curve in enumerate(curves if many else ()):
        entries[curve.label] = Line2D(
            [], [], color=OKABE_ITO[i % 6], dashes=DASHES[i % 6], marker=MARKERS[i % 6], ms=3.6
        )
    return list(entries.values()), [to_matplotlib(label) for label in entries]


def legend_columns(labels: list[str], panels: int) -> int:
    """As many legend columns as fit the width, at some 12 characters to the inch."""
    width = max(len(label.replace("$", "").replace("\\", "")) for label in labels) / 14 + 0.45
    return max(1, min(len(labels), int((COLUMN if panels == 1 else PAGE) / width)))
