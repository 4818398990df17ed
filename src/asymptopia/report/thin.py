"""Charts of very long sweeps, thinned to what can be seen: the worst point of each stretch stays."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from .charts import Chart, Curve, HeatMap, Measured

MOST_POINTS = 300  # of one curve
FEWEST_POINTS = 20  # of one curve, however many there are
MOST_MARKS = 4500  # measured points in all charts of a law
MOST_CELLS = 80  # of a map, along each side
WORDS = " Of so many points the worst of each stretch is drawn; the table has all."


def thinned(chart: Chart | HeatMap, marks: int = MOST_MARKS) -> Chart | HeatMap:
    """The chart with at most `MOST_POINTS` points a curve, or `MOST_CELLS` squared in a map; itself if it has fewer.

    If all its curves together have more than this number of measured `marks`, each has fewer points accordingly.
    Of every stretch that becomes one, the point with the largest |z| stays, so that what refutes is seen; of a line
    both ends of its range.
    """
    if isinstance(chart, HeatMap):
        return _map(chart)
    curves = [c for p in chart.panels for c in p.curves]
    most = max(min(marks // max(sum(len(c.measured) for c in curves), 1), MOST_POINTS), FEWEST_POINTS)
    drawn = sum(len(m.x) for c in curves for m in c.measured)
    if max(map(_length, curves), default=0) <= (MOST_POINTS if drawn <= marks else most):
        return chart
    panels = tuple(replace(p, curves=tuple(_curve(c, most) for c in p.curves)) for p in chart.panels)
    return replace(chart, panels=panels, caption=chart.caption + WORDS)


def worst(badness: np.ndarray, most: int) -> np.ndarray:
    """The place of the largest value in each of `most` stretches of equal length, in order."""
    edges = np.unique(np.linspace(0, len(badness), most + 1).astype(int))
    return np.array([a + int(np.argmax(badness[a:b])) for a, b in itertools.pairwise(edges)])


def _length(curve: Curve) -> int:
    return max([len(curve.x), len(curve.z), *(len(m.x) for m in curve.measured)])


def _curve(curve: Curve, most: int) -> Curve:
    if _length(curve) <= most:
        return curve
    z = np.nan_to_num(np.abs(curve.z), nan=np.inf)
    keep = worst(z, most) if len(z) > most else np.arange(len(z))
    line = _ends(curve.line)
    return replace(
        curve,
        x=curve.x[line],
        line=curve.line[line],
        line_error=None if curve.line_error is None else curve.line_error[line],
        measured=tuple(_points(m, keep if len(m.x) == len(z) else None, most) for m in curve.measured),
        z_x=curve.z_x[keep],
        z=curve.z[keep],
        critical=curve.critical[keep],
    )


def _ends(line: np.ndarray) -> np.ndarray:
    """The places of a line's least and largest value in each stretch, with its first and last."""
    if len(line) <= MOST_POINTS:
        return np.arange(len(line))
    known = np.nan_to_num(line, nan=0.0)
    half = MOST_POINTS // 2
    return np.unique(np.concatenate([[0], worst(known, half), worst(-known, half), [len(line) - 1]]))


def _points(measured: Measured, keep: np.ndarray | None, most: int) -> Measured:
    if len(measured.x) <= most:
        return measured
    keep = worst(np.zeros(len(measured.x)), most) if keep is None else keep
    error = None if measured.error is None else measured.error[keep]
    return replace(measured, x=measured.x[keep], y=measured.y[keep], error=error)


def _map(chart: HeatMap) -> HeatMap:
    """Blocks of cells become the one of the largest |z| among them, at the block's first values."""
    if max(chart.z.shape) <= MOST_CELLS:
        return chart
    bad = np.nan_to_num(np.abs(chart.z), nan=np.inf)
    rows, columns = (np.unique(np.linspace(0, n, min(n, MOST_CELLS) + 1).astype(int)) for n in chart.z.shape)
    z = np.empty((len(rows) - 1, len(columns) - 1))
    for i, (a, b) in enumerate(itertools.pairwise(rows)):
        for j, (c, d) in enumerate(itertools.pairwise(columns)):
            z[i, j] = chart.z[a:b, c:d].flat[int(np.argmax(bad[a:b, c:d]))]
    return replace(chart, x=chart.x[columns[:-1]], y=chart.y[rows[:-1]], z=z, caption=chart.caption + WORDS)
