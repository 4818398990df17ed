"""Two ladders compared: how much more of x one needs to reach what the other reaches."""

from __future__ import annotations

import dataclasses

import numpy as np

from ..contract.record import StatementError
from .ladder import Ladder
from .mixture import Mixture

_FARTHEST = 1e6
_GRID = 400


@dataclasses.dataclass(frozen=True)
class Gain:
    """By what factor `base` needs more x to reach what `other` reaches at size `at`: median and interval.

    verdict: "faster" or "slower" if the interval excludes 1, else "undecided".
    """

    base: str
    other: str
    at: float
    factor: float
    low: float
    high: float
    verdict: str

    def sentence(self, x: str) -> str:
        """The comparison in words."""
        if self.verdict == "undecided":
            return (
                f"Whether {self.other} is faster than {self.base} at {x} = {self.at:.4g} is undecided: it is worth "
                f"{self.low:.3g} to {self.high:.3g} times its {x}."
            )
        return (
            f"At {x} = {self.at:.4g} {self.other} is {self.verdict} than {self.base}: it is worth {self.factor:.3g} "
            f"times its {x} ({self.low:.3g} to {self.high:.3g})."
        )


def gains(ladders: dict[str, Ladder], mixtures: dict[str, Mixture], at: np.ndarray, share: float) -> tuple[Gain, ...]:
    """Each ladder but the first against the first, at the largest size of both and at the sizes (M,) asked for."""
    base, *others = ladders
    if ladders[base].x.shape[1] != 1:
        raise StatementError("Ladders are compared in one variable; give one `x`, as the compute.")
    comparisons = []
    for other in others:
        common = min(ladders[base].largest[0], ladders[other].largest[0])
        for size in (common, *at):
            factors = _factors(ladders[base], mixtures[base], mixtures[other], float(size))
            low, middle, high = np.quantile(factors, [(1 - share) / 2, 0.5, (1 + share) / 2], method="nearest")
            verdict = "faster" if low > 1 else "slower" if high < 1 else "undecided"
            comparisons.append(Gain(base, other, float(size), float(middle), float(low), float(high), verdict))
    return tuple(comparisons)


def _factors(ladder: Ladder, base: Mixture, other: Mixture, size: float) -> np.ndarray:
    """Draws of the factor: the size at which a curve of `base` is where one of `other` is at `size`."""
    grid = np.geomspace(ladder.x.min() / 10, _FARTHEST * max(size, float(ladder.largest[0])), _GRID)
    count = min(len(base.form), len(other.form))
    rng = np.random.default_rng(4)
    curves = np.log(base.curves(grid[:, None])[rng.permutation(len(base.form))[:count]])
    reached = np.log(other.curves(np.array([[size]]))[rng.permutation(len(other.form))[:count], 0])
    below = curves <= reached[:, None]
    first = np.where(below.any(axis=1), below.argmax(axis=1), _GRID)
    factors = np.full(count, np.inf)
    factors[first == 0] = grid[0] / size
    inside = (first > 0) & (first < _GRID)
    k, rows = first[inside], np.flatnonzero(inside)
    a, b = curves[rows, k - 1], curves[rows, k]
    part = (a - reached[rows]) / np.maximum(a - b, 1e-300)
    factors[inside] = np.exp((1 - part) * np.log(grid[k - 1]) + part * np.log(grid[k])) / size
    return factors
