"""The predicted learning curve, made to answer what its own table answers, with a band for what the data leave open."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np

FEWEST, ENDLESS = 4, 1e6
_BEYOND = 9
_NORMAL = 1.645
_STEP = 2.1


@dataclasses.dataclass(frozen=True)
class LearningCurve:
    """Predicted test errors (G,) at growing numbers of samples (G,), linear between them on logarithmic axes;
    the predicted number of samples for an error is read off the same lines.

    spread: the standard error (G,) of what the rows at hand say of the population's error; beyond `seen` samples also
            half of what the error is still to fall, as the rows say little of what only more of them resolve; and,
            after `widened`, by how much the theory misses what was measured.
    """

    samples: np.ndarray
    error: np.ndarray
    spread: np.ndarray
    seen: int

    @property
    def low(self) -> np.ndarray:
        """The lower end of the band that holds 90 %."""
        return np.asarray(np.maximum(self.error - _NORMAL * self.spread, 0.0))

    @property
    def high(self) -> np.ndarray:
        """Its upper end."""
        return np.asarray(self.error + _NORMAL * self.spread)

    def widened(self, samples: Sequence[int], missed: np.ndarray) -> LearningCurve:
        """The curve with a band that is wider by the share (M,) of the error that theory missed at these samples.

        The share is interpolated between them; beyond them it is that at the end.
        """
        share = np.interp(np.log(self.samples), np.log(np.asarray(samples, float)), missed)
        return dataclasses.replace(self, spread=np.hypot(self.spread, share * self.error))

    def at(self, n: float) -> tuple[float, float, float]:
        """The error at n samples, and the ends of its band."""
        return self._between(self.error, n), self._between(self.low, n), self._between(self.high, n)

    def _between(self, values: np.ndarray, n: float) -> float:
        """Values (G,) at the curve's samples, at n: linear in logarithms, or in the value next to zeros."""
        x, logs = np.log(n), np.log(self.samples)
        k = int(np.clip(np.searchsorted(logs, x), 1, max(len(logs) - 1, 1)))
        ends = values[k - 1 : k + 1]
        if (ends > 0).all():
            return float(np.exp(np.interp(x, logs[k - 1 : k + 1], np.log(ends))))
        return float(np.interp(x, logs[k - 1 : k + 1], ends))

    def samples_for(self, error: float) -> int | None:
        """The smallest number of samples at which the predicted error is at most this; None if it never is."""
        return self._reaching(self.error, error)

    def band_for(self, error: float) -> tuple[int | None, int | None]:
        """The smallest numbers of samples at which the lower and the upper end of the band are at most this, which have
        that of `samples_for` between them."""
        middle = self.samples_for(error)
        low, high = (self._reaching(v, error) for v in (self.low, self.high))
        low = low if middle is None or low is None else min(low, middle)
        return low, high if middle is None or high is None else max(high, middle)

    def _reaching(self, values: np.ndarray, error: float) -> int | None:
        """Where values (G,) at the curve's samples are first at most `error`."""
        below = np.flatnonzero(values <= error * (1 + 1e-12))
        if not len(below):
            return None
        k, logs = int(below[0]), np.log(self.samples)
        if not k:
            return math.ceil(self.samples[0] - 1e-9)
        left, right = values[k - 1 : k + 1]
        if right > 0:
            left, right, error = math.log(left), math.log(right), math.log(error)
        part = min((left - error) / (left - right), 1.0)
        return math.ceil(math.exp(logs[k - 1] + part * (logs[k] - logs[k - 1])) - 1e-9)


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
    samples = sorted(set(samples))
    first, last = samples[0], samples[-1]
    before = np.geomspace(FEWEST, first, 4)[:-1] if first > FEWEST else np.empty(0)
    grid = np.unique(np.concatenate([before, *_filled(samples), np.geomspace(last, ENDLESS, _BEYOND)[1:]]))
    errors = np.empty(len(grid))
    for k, n in enumerate(grid):
        errors[k] = 0.0 if falls and k and errors[k - 1] == 0 else _solved(theory, n)
    known = np.isfinite(errors)
    if not known.any():
        raise ArithmeticError("The theory could not be solved at any number of samples.")
    grid, errors = grid[known], errors[known]
    if falls:
        errors = np.minimum.accumulate(errors)
    spread = np.array([deviation(e) for e in errors]) / math.sqrt(rows)
    at_last = float(np.interp(np.log(last), np.log(grid), errors))
    open_ = np.where(grid > last, 0.5 * np.abs(at_last - errors), 0.0)
    return LearningCurve(grid, errors, np.hypot(spread, open_), last)


def missed(predicted: np.ndarray, measured: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """By what share of it predictions (M,) differ from means measured with these standard errors, beyond the errors.

    Of each and its neighbours the largest, since one measurement may be right by chance.
    """
    beyond = np.sqrt(np.maximum((measured - predicted) ** 2 - errors**2, 0.0))
    share = beyond / np.maximum(predicted, 1e-300)
    padded = np.pad(share, 1, mode="edge")
    return np.maximum(np.maximum(padded[:-2], padded[2:]), share)


def _filled(samples: Sequence[int]) -> list[np.ndarray]:
    """The numbers of samples, with others between neighbours that are far apart."""
    steps = [math.ceil(math.log(b / a) / math.log(_STEP)) for a, b in itertools.pairwise(samples)]
    between = [np.geomspace(a, b, k + 1)[1:-1] for (a, b), k in zip(itertools.pairwise(samples), steps, strict=True)]
    return [np.array(samples, float), *between]


def _solved(theory: Callable[[float], float], n: float) -> float:
    try:
        return theory(float(n))
    except ArithmeticError:
        return math.nan
