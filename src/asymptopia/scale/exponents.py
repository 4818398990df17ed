"""The exponent of a quantity in the size, with an interval, and whether it is of order one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

MARGIN = 0.25  # half of the least exponent that a change of parametrisation makes


@dataclass(frozen=True)
class Exponent:
    """The slope of log(quantity) against log(size): its value, the ends of its interval, and the seeds it took."""

    value: float
    low: float
    high: float
    seeds: int

    @property
    def verdict(self) -> str:
        """*order one*, *grows*, *vanishes*, or *inconclusive* with the number of seeds that would decide."""
        if math.isnan(self.value):
            return "zero"
        if self.value > MARGIN and self.low > 0:
            return "grows"
        if self.value < -MARGIN and self.high < 0:
            return "vanishes"
        if self.low >= -MARGIN and self.high <= MARGIN:
            return "order one"
        room = abs(MARGIN - abs(self.value))
        factor = ((self.high - self.low) / 2 / max(room, 0.02)) ** 2
        return f"inconclusive ({max(1, math.ceil(self.seeds * (factor - 1)))} more seeds)"


def fitted(sizes: np.ndarray, values: np.ndarray, level: float) -> Exponent:
    """The exponent of `values` (seeds, sizes), each seed with its own factor; the interval holds it with `level`.

    nan where a value is zero: what never moves has no exponent. The interval is Student's, of the residuals of all
    seeds about their common slope.
    """
    from scipy.stats import t as student

    values = np.asarray(values, float)
    seeds, count = values.shape
    if not (values > 0).all():
        return Exponent(math.nan, math.nan, math.nan, seeds)
    x = np.log(np.asarray(sizes, float))
    x = x - x.mean()
    y = np.log(values)
    y = y - y.mean(axis=1, keepdims=True)
    slopes = y @ x / (x @ x)
    slope = float(slopes.mean())
    freedom = seeds * (count - 1) - 1
    residual = float(np.sum((y - slope * x) ** 2)) / max(freedom, 1)
    error = math.sqrt(residual / (seeds * (x @ x)))
    reach = float(student.ppf((1 + level) / 2, max(freedom, 1))) * error
    return Exponent(slope, slope - reach, slope + reach, seeds)
