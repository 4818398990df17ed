"""Curves in a terminal, in the dots of Braille letters."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from ..contract.sweep import sweep
from .output import number

if TYPE_CHECKING:
    from ..contract.law import Law

WIDTH, HEIGHT = 64, 12  # letters
POINTS = 33
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
    """The first observable of a law along its own axis, or along the first number field that can vary around its value.

    Raises `StatementError` if the limit exists nowhere around it.
    """
    limit = law.limit()
    for name, observable in law.observables.items():
        if name in limit and limit[name].ndim == 1 and len(limit[name]) > 2:
            axis = str(limit[name].dims[0])
            return drawn(limit[axis].values, limit[name].values, observable.doc, axis)
    for f in dataclasses.fields(law):  # type: ignore[arg-type]
        value = getattr(law, f.name)
        if not isinstance(value, float) or value == 0:
            continue
        for factor in (4.0, 2.0, 1.2):
            x = np.sort(np.geomspace(value / factor, value * factor, POINTS))
            try:
                found = sweep(law, **{f.name: tuple(map(float, x))}).limit()
            except (StatementError, ArithmeticError, RuntimeError):
                continue
            name = next((k for k in law.observables if k in found and found[k].ndim == 1), "")
            if name and np.ptp(found[name].values) > 0:
                return drawn(x, found[name].values, law.observables[name].doc, f.name)
    raise StatementError(f"{law.short()} has no curve to draw: its limit varies along no field of numbers.")
