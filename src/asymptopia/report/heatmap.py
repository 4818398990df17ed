"""z over two swept fields as a heat map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .charts import HeatMap
from .marks import COLUMN, blank
from .typeset import to_matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MOST_SHAPES = 400
"""Cells that are drawn as shapes; more make one picture within the figure."""
MOST_TICKS = 12
"""Labels along a side: of more values every second, third, ... has one."""


def draw_map(chart: HeatMap) -> Figure:
    """The map as a figure: cells that refute are outlined, cells without a number crossed, few cells labelled."""
    from matplotlib.colors import TwoSlopeNorm

    figure = blank(COLUMN, 2.7)
    axes = figure.add_subplot()
    least = 1.2 * chart.critical if np.isfinite(chart.critical) else 3.0
    top = max(float(np.max(np.abs(chart.z[np.isfinite(chart.z)]), initial=0.0)), least)
    columns, rows = np.arange(len(chart.x)), np.arange(len(chart.y))
    axes.set_facecolor("#dddddd")
    image = axes.pcolormesh(
        columns, rows, np.ma.masked_invalid(chart.z), cmap="PuOr_r", norm=TwoSlopeNorm(0, -top, top), shading="nearest",
        rasterized=chart.z.size > MOST_SHAPES,
    )  # fmt: skip
    bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=25)
    bar.set_label("$z$ (standard errors)")
    for row, column in np.argwhere(~np.isfinite(chart.z)):
        axes.plot(column, row, "x", color="black", ms=4)
    for row, column in np.argwhere(np.abs(chart.z) > chart.critical):
        axes.add_patch(_outline(column, row))
    if chart.z.size <= 64:
        for (row, column), z in np.ndenumerate(chart.z):
            color = "white" if abs(z) > 0.6 * top else "black"
            if np.isfinite(z):
                axes.text(column, row, f"{round(z, 1) + 0.0:.1f}", ha="center", va="center", fontsize=6, color=color)
    for axis, values, label in ((axes.xaxis, chart.x, chart.xlabel), (axes.yaxis, chart.y, chart.ylabel)):
        places = np.arange(0, len(values), -(-len(values) // MOST_TICKS))
        axis.set_ticks(places, [tick(values[k]) for k in places])
        axis.set_label_text(to_matplotlib(label))
    if sum(len(label.get_text()) for label in axes.get_xticklabels()) > 34:
        axes.tick_params(axis="x", labelrotation=45)
    axes.tick_params(length=0)
    axes.set_title(to_matplotlib(chart.title), pad=4)
    return figure


def _outline(column: int, row: int) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.46, row - 0.46), 0.92, 0.92, fill=False, ec="black", lw=1.0)


def tick(value: Any) -> str:
    """A swept value as a tick label."""
    if isinstance(value, (int, float, np.number)):
        return f"{value:.3g}"
    return str(value).removesuffix("()").replace("$", r"\$")
