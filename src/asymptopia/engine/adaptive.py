"""How many seeds it takes to know every mean well enough."""

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
    """As many seeds as it takes, from `min` to `max`: until two standard errors of every mean are small enough.

    At every point and size they must be below `target` times the observable's scale, which is its own or the largest
    absolute value of its limit.
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
        """How many seeds to have next: as many as there are if that is enough, else a multiple of `min`.

        The standard errors at hand say how many it should take; the number is multiplied by four at most. Means with
        nan in them are left out: more seeds do not mend them.
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
    """The size of an observable, to which its errors are compared."""
    largest = np.abs(limit[name].values[np.isfinite(limit[name].values)]).max(initial=0.0) if name in limit else 0.0
    return statement.law.observables[name].scale or float(largest) or 1.0
