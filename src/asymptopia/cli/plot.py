"""Curves in a terminal, in the dots of Braille letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..report.around import curve_of
from .output import number

if TYPE_CHECKING:
    from ..contract.law import Law

WIDTH, HEIGHT = 64, 12  # letters
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of one letter: four rows, two columns


def drawn(x: np.ndarray, y: np.ndarray, title: str, xlabel: str) -> list[str]:
    """A curve as lines of text, with the ends of both axes; points that are no number are left out."""
    keep = np.isfinite(x) & np.isfinite(y)
    x, y = x[keep], y[keep]
    if len(x) < 2 or x[0] == x[-1]:
        return [f"{title}: nothing to draw"]
    low, high = float(y.min()), float(y.max())
    pad = 0.0 if high > low else 0.5 * abs(low) or 1.0
    columns = np.arange(2 * WIDTH)
    across = np.interp(np.interp(columns, (0, 2 * WIDTH - 1), (x.min(), x.max())), x, y)
    rows = np.rint((high + pad - across) / (high - low + 2 * pad) * (4 * HEIGHT - 1)).astype(int)
    letters = np.zeros((HEIGHT, WIDTH), int)
    for column, (start, stop) in enumerate(zip(np.r_[rows[0], rows[:-1]], rows, strict=True)):
        step = 1 if stop > start else -1
        for row in [*range(start + step, stop, step), stop]:
            letters[row // 4, column // 2] |= _DOTS[row % 4, column % 2]
    ends = {0: number(high + pad, digits=4), HEIGHT - 1: number(low - pad, digits=4)}
    edge = max(map(len, ends.values()))
    lines = [f"{ends.get(i, ''):>{edge}} ┤{''.join(chr(0x2800 + c) for c in row)}" for i, row in enumerate(letters)]
    left, right = number(float(x.min()), digits=4), number(float(x.max()), digits=4)
    axis = f"{left}{xlabel:^{WIDTH - len(left) - len(right)}}{right}"
    return [title, *lines, f"{'':>{edge}}  {axis}"]


def default_plot(law: Law) -> list[str]:
    """The curve by which a law is shown when nobody said which; see `report.around.curve_of`."""
    statement, limit, name = curve_of(law)
    axis = next(iter(statement.axes), "") or str(limit[name].dims[0])
    one = limit[name].isel({d: 0 for d in limit[name].dims if d != axis})
    x = limit[axis].values if axis in limit.coords else np.arange(one.size)
    return drawn(x, one.values, statement.law.observables[name].doc, axis)
