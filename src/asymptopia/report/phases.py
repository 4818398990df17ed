"""A phase diagram on paper: easy, hard and impossible regions, and the transitions between them."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .marks import COLUMN, STYLE, blank, saved
from .typeset import name_label, to_matplotlib

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMES = ("impossible", "hard", "easy")
COLORS = ("#d9d9d9", "#f5c77e", "#cfe6f5")
LINES = {
    "algorithmic": ("#0b3c5d", ()),
    "information_theoretic": ("#b03a00", (5, 1.5)),
    "weak_recovery": ("black", (1.2, 1.2)),
    "informative_spinodal": ("#6b6b6b", (5, 1.5, 1.2, 1.5)),
}
LEAST = 0.02  # share of the diagram below which a region is not named in it


def draw_phases(data: xr.Dataset, title: str = "") -> Figure:
    """The Dataset of `phase_diagram` as a figure of one column: regions, and lines where they meet."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure = blank(COLUMN, 2.9)
        axes = figure.add_subplot()
        y_name, x_name = map(str, data["phase"].dims)
        x, y = (np.asarray(data[k].values, float) for k in (x_name, y_name))
        _regions(axes, data, x, y)
        _lines(axes, data, y)
        _names(axes, data["phase"].values, x, y)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(y[0], y[-1])
        for name, values, axis in ((x_name, x, "x"), (y_name, y, "y")):
            getattr(axes, f"set_{axis}label")(to_matplotlib(name_label(name.rpartition(".")[2])))
            getattr(axes, f"set_{axis}scale")("log" if _geometric(values) else "linear")
        if title:
            axes.set_title(to_matplotlib(title), pad=4)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside lower center", ncols=2)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
    return figure


def save_phases(data: xr.Dataset, path: str | Path, title: str = "") -> Path:
    """The figure in a file, in the format of its ending: .pdf, .svg or .png."""
    import matplotlib as mpl

    path = Path(path)
    with mpl.rc_context(STYLE | {"svg.hashsalt": path.stem}):
        return saved(draw_phases(data, title), path)


def _geometric(values: np.ndarray) -> bool:
    from .charts import is_geometric

    return len(values) > 2 and is_geometric(values)


def _pieces(data: xr.Dataset, row: int, x: np.ndarray) -> list[tuple[int, float, float]]:
    """The phases met along a row with their ends, which are the transitions where one lies between neighbours."""
    phases = data["phase"].values[row].astype(int)
    met = [float(data[k].values[row]) for k in data.data_vars if data[k].dims == data["phase"].dims[:1]]
    pieces, start = [], x[0]
    for i in np.flatnonzero(np.diff(phases)):
        inside = [t for t in met if x[i] <= t <= x[i + 1]]
        end = inside[0] if inside else (x[i] + x[i + 1]) / 2
        pieces.append((int(phases[i]), start, end))
        start = end
    return [*pieces, (int(phases[-1]), start, x[-1])]


def _regions(axes: Axes, data: xr.Dataset, x: np.ndarray, y: np.ndarray) -> None:
    rows = [_pieces(data, k, x) for k in range(len(y))]
    for (low, below), (high, above) in itertools.pairwise(zip(y, rows, strict=True)):
        if [p for p, _, _ in below] == [p for p, _, _ in above]:
            parts = [
                (p, (a, b, d, c), (low, low, high, high)) for (p, a, b), (_, c, d) in zip(below, above, strict=True)
            ]
        else:
            middle = (low + high) / 2
            parts = [
                (p, (a, b, b, a), (s, s, t, t))
                for pieces, s, t in ((below, low, middle), (above, middle, high))
                for p, a, b in pieces
            ]
        for phase, xs, ys in parts:
            axes.fill(xs, ys, color=COLORS[phase], lw=0.3, zorder=0)


def _lines(axes: Axes, data: xr.Dataset, y: np.ndarray) -> None:
    """The transitions along x at each y, those of most interest on top."""
    for kind, (color, dashes) in reversed(LINES.items()):
        for name in sorted(str(k) for k in data.data_vars if str(k).startswith(kind)):
            values = data[name].values
            if np.isfinite(values).sum() < 2:
                continue
            label = name.replace("_", " ") if name == kind else None
            axes.plot(values, y, color=color, dashes=dashes or (None, None), lw=1.2, label=label, zorder=2)


def _names(axes: Axes, phases: np.ndarray, x: np.ndarray, y: np.ndarray) -> None:
    """Each region's name at the place of it that is farthest from its border."""
    from scipy.ndimage import distance_transform_edt

    for phase, name in enumerate(NAMES):
        inside = np.pad(phases == phase, 1)
        if inside.mean() < LEAST:
            continue
        depth = distance_transform_edt(inside)[1:-1, 1:-1]
        row, column = np.unravel_index(np.argmax(depth), depth.shape)
        ground = dict(facecolor=COLORS[phase], edgecolor="none", pad=0.8)
        style: dict[str, Any] = dict(ha="center", va="center", fontsize=7.5, zorder=3, bbox=ground)
        axes.text(x[column], y[row], name, **style)
