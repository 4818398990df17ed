"""Charts as data, before anything is drawn: the same chart goes to paper (`figures`) and to the page (`page`).

Labels are text with `$...$` mathematics; see `typeset`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Measured:
    """Points with error bars. `role` is "size" (one finite size) or "estimate" (what is judged).

    shade: from 0, the smallest size, to 1, the largest.
    """

    label: str
    x: Array
    y: Array
    error: Array | None = None
    role: str = "estimate"
    shade: float = 1.0


@dataclass(frozen=True)
class Curve:
    """A predicted line with its own error, the points measured against it, and their distance z in standard errors.

    critical: the |z| that refutes, an array like `z`; nan where nothing is judged.
    fitted:   a second, dashed line (x, y): a finite-size fit.
    marks:    whether the line is known at few points only, drawn as marks and not joined.
    """

    label: str = ""
    x: Array = field(default_factory=lambda: np.empty(0))
    line: Array = field(default_factory=lambda: np.empty(0))
    line_error: Array | None = None
    measured: tuple[Measured, ...] = ()
    z_x: Array = field(default_factory=lambda: np.empty(0))
    z: Array = field(default_factory=lambda: np.empty(0))
    critical: Array = field(default_factory=lambda: np.empty(0))
    fitted: tuple[Array, Array] | None = None
    z_fit: tuple[Array, Array] | None = None
    marks: bool = False


@dataclass(frozen=True)
class Panel:
    """One pair of axes: curves, and a title where there are several panels."""

    curves: tuple[Curve, ...]
    title: str = ""


@dataclass(frozen=True)
class Chart:
    """Panels that share their axis labels. `name` is the stem of its files.

    xticks: positions and labels where the axis is not a plain number line.
    line, fit: what the lines, and the dashed ones, are called in the legend.
    """

    name: str
    title: str
    xlabel: str
    ylabel: str
    panels: tuple[Panel, ...]
    caption: str = ""
    xlog: bool = False
    ylog: bool = False
    xticks: tuple[tuple[float, str], ...] | None = None
    line: str = "limit"
    fit: str = "finite-size fit"
    z_label: str = "$z$"

    @property
    def residuals(self) -> bool:
        """Whether there is a residual panel."""
        return any(c.z.size or c.z_fit is not None for p in self.panels for c in p.curves)


@dataclass(frozen=True)
class HeatMap:
    """z over two swept fields; rows are y. Fields that are not numbers are categories."""

    name: str
    title: str
    xlabel: str
    ylabel: str
    x: Array
    y: Array
    z: Array
    critical: float
    caption: str = ""


def curve_figure(
    curves: Sequence[Curve],
    *,
    name: str,
    title: str = "",
    xlabel: str = "",
    ylabel: str = "",
    caption: str = "",
    xlog: bool | None = None,
    ylog: bool = False,
    line: str = "theory",
) -> Chart:
    """A chart of predicted lines and measured points: learning curves at several ridges, say.

    curves: with their labels.
    name:   of the files; title, xlabel, ylabel, caption: texts.
    xlog:   by default logarithmic if the measured (or else predicted) positions are spaced geometrically.
    ylog:   whether the axis of values is logarithmic.
    line:   what lines show, in the legend.
    """
    if xlog is None:
        xs = [m.x for c in curves for m in c.measured] or [c.x for c in curves]
        xlog = bool(xs) and is_geometric(np.unique(np.concatenate([np.asarray(x, float) for x in xs])))
    return Chart(name, title, xlabel, ylabel, (Panel(tuple(curves)),), caption, xlog, ylog, line=line)


def is_geometric(values: Any) -> bool:
    """Whether positive numbers span a factor of 3, more evenly on a logarithmic than on a linear axis."""
    v = np.unique(np.asarray(values, float))
    if len(v) < 2 or not np.all(np.isfinite(v)) or v[0] <= 0 or v[-1] < 3 * v[0]:
        return False
    if len(v) == 2:
        return bool(v[1] >= 10 * v[0])

    def unevenness(steps: Array) -> float:
        return float(np.std(steps) / np.mean(steps))

    return unevenness(np.diff(np.log(v))) < unevenness(np.diff(v))


def spread(count: int, most: int) -> list[int]:
    """At most `most` of the indices 0 ... count-1, evenly, with both ends."""
    if count <= most:
        return list(range(count))
    return sorted({round(i) for i in np.linspace(0, count - 1, most)})
