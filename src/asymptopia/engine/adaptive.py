"""The number of seeds at which the standard error of every mean is small enough."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from ..contract.law import Statement
from ..contract.record import StatementError

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True)
class Adaptive:
    """As many seeds as needed, from `min` to `max`, until two standard errors of every mean are small enough.

    Small enough is below `target` times the observable's scale, at every point and size. The scale is the observable's
    own, or the largest absolute value of its limit.
    """

    min: int = 16
    max: int = 512
    target: float = 0.02

    def __post_init__(self) -> None:
        if self.min < 2:
            raise StatementError(f"`min` of adaptive seeds must be >= 2, but is {self.min}.")
        if self.max < self.min:
            raise StatementError(f"`max` of adaptive seeds must be >= `min` = {self.min}, but is {self.max}.")
        if not self.target > 0:
            raise StatementError(f"`target` of adaptive seeds must be > 0, but is {self.target}.")

    def more(self, statement: Statement, limit: xr.Dataset, experiment: xr.Dataset) -> int:
        """The next number of seeds: the present one if it is enough, else a multiple of `min`.

        It follows from the present standard errors, and is at most four times the present one. Means that contain nan
        are left out, since more seeds do not mend them.
        """
        have = int(experiment.sizes["seed"])
        excess = 0.0
        for name in statement.law.observed():
            goal = self.target * scale(statement, name, limit)
            values = experiment[name].values
            error = np.std(values, axis=experiment[name].dims.index("seed"), ddof=1) / math.sqrt(have)
            finite = error[np.isfinite(error)]
            excess = max([excess, *(2 * finite / goal)])
        if excess <= 1 or have >= self.max:
            return have
        wanted = min(math.ceil(have * min(1.1 * excess**2, 4.0)), self.max)
        return min(max(have + self.min, -(-wanted // self.min) * self.min), self.max)


def scale(statement: Statement, name: str, limit: xr.Dataset) -> float:
    """The scale of an observable, to which its errors are compared."""
    largest = np.abs(limit[name].values[np.isfinite(limit[name].values)]).max(initial=0.0) if name in limit else 0.0
    return statement.law.observables[name].scale or float(largest) or 1.0
