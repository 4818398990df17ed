"""The predicted learning curve, made to answer what its own table answers, with a band for what the data leave open."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

FEWEST, ENDLESS = 4, 1e6
_BEYOND = 9
_NORMAL = 1.645


@dataclasses.dataclass(frozen=True)
class LearningCurve:
    """Predicted test errors (G,) at growing numbers of samples (G,), linear between them on logarithmic axes.

    spread: the standard error (G,) of what the rows at hand say of the population's error; beyond `seen` samples also
            half of what the error is still to fall, as the rows say little of what only more of them resolve.
    """

    samples: np.ndarray
    error: np.ndarray
    spread: np.ndarray
    seen: int
    theory: Callable[[float], float]

    @property
    def low(self) -> np.ndarray:
        """The lower end of the band that holds 90 %."""
        return np.asarray(np.maximum(self.error - _NORMAL * self.spread, 0.0))

    @property
    def high(self) -> np.ndarray:
        """Its upper end."""
        return np.asarray(self.error + _NORMAL * self.spread)

    def at(self, n: float) -> tuple[float, float, float]:
        """The error at n samples, and the ends of its band."""
        logs = np.log(self.samples)
        return tuple(float(np.interp(np.log(n), logs, v)) for v in (self.error, self.low, self.high))  # type: ignore[return-value]

    def samples_for(self, error: float) -> int | None:
        """The smallest number of samples at which the predicted error is at most this; None if it never is."""
        from scipy.optimize import brentq

        k = self._first(self.error, error)
        if not k:
            return None if k is None else math.ceil(self.samples[0] - 1e-9)

        def excess(log_n: float) -> float:
            value = _solved(self.theory, math.exp(log_n))
            return math.log(max(value if math.isfinite(value) else self.at(math.exp(log_n))[0], 1e-300) / error)

        low, high = np.log(self.samples[k - 1 : k + 1])
        samples = high if excess(high) >= 0 else brentq(excess, low, high, xtol=2e-3)
        return math.ceil(math.exp(samples) - 1e-9)

    def band_for(self, error: float) -> tuple[int | None, int | None]:
        """The smallest numbers of samples at which the lower and the upper end of the band are at most this, which have
        that of `samples_for` between them."""
        ends = []
        for values in (self.low, self.high):
            k = self._first(values, error)
            if not k:
                ends.append(None if k is None else math.ceil(self.samples[0] - 1e-9))
                continue
            logs, heights = np.log(self.samples[k - 1 : k + 1]), values[k - 1 : k + 1]
            part = (heights[0] - error) / (heights[0] - heights[1])
            ends.append(math.ceil(np.exp(logs[0] + part * (logs[1] - logs[0])) - 1e-9))
        middle = self.samples_for(error)
        low = ends[0] if middle is None or ends[0] is None else min(ends[0], middle)
        return low, ends[1] if middle is None or ends[1] is None else max(ends[1], middle)

    def _first(self, values: np.ndarray, error: float) -> int | None:
        below = np.flatnonzero(values <= error * (1 + 1e-12))
        return int(below[0]) if len(below) else None


def learning_curve(
    theory: Callable[[float], float],
    samples: Sequence[int],
    rows: int,
    deviation: Callable[[float], float],
    falls: bool,
) -> LearningCurve:
    """The curve from 4 samples to a million.

    theory:    the predicted error at a number of samples; where `ArithmeticError` is raised it is skipped.
    samples:   the numbers of the table, which are among those of the curve.
    rows:      how many rows the data have.
    deviation: the standard deviation of the error of one sample, where the mean error is this.
    falls:     whether the error cannot grow, as at the best ridge: where it does, the rows determine no more.
    """
    first, last = samples[0], samples[-1]
    before = np.geomspace(FEWEST, first, 4)[:-1] if first > FEWEST else np.empty(0)
    grid = np.unique(np.concatenate([before, samples, np.geomspace(last, ENDLESS, _BEYOND)[1:]]))
    errors = np.array([_solved(theory, n) for n in grid])
    known = np.isfinite(errors)
    if not known.any():
        raise ArithmeticError("The theory could not be solved at any number of samples.")
    grid, errors = grid[known], errors[known]
    if falls:
        errors = np.minimum.accumulate(errors)
    spread = np.array([deviation(e) for e in errors]) / math.sqrt(rows)
    at_last = float(np.interp(np.log(last), np.log(grid), errors))
    open_ = np.where(grid > last, 0.5 * np.abs(at_last - errors), 0.0)
    return LearningCurve(grid, errors, np.hypot(spread, open_), last, theory)


def _solved(theory: Callable[[float], float], n: float) -> float:
    try:
        return theory(float(n))
    except ArithmeticError:
        return math.nan
