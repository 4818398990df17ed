"""The consensus from the density on a grid; mean and variance from the consensus."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from . import ConsensusOptimisation

CELLS, STEP = 130, 0.1  # of the coarsest grid
LEVELS = ((1,), (2,), (4,), (8,))  # parts of both on the finer ones
FARTHEST = 6.5


class Searching(NamedTuple):
    """Equidistant points, the weights there, drift and noise."""

    x: np.ndarray
    weights: np.ndarray
    drift: float
    noise: float

    def seen(self, mass: np.ndarray) -> float:
        """The consensus. Raises `ArithmeticError` where no mass has weight."""
        total = float(self.weights @ mass)
        if not total > 0:
            raise ArithmeticError("No part of the density has weight: `beta` is too large for the start.")
        return float((self.weights * self.x) @ mass) / total

    def rates(self, seen: float, /) -> tuple[np.ndarray, np.ndarray]:
        """The rates of the jumps to the right and to the left.

        Their difference gives the drift exactly and their sum the diffusion to second order in the spacing; at the
        consensus, where both vanish, jumps away from it do so first.
        """
        h = self.x[1] - self.x[0]
        away = self.x - seen
        near = np.abs(away) <= 1e-12 * h
        ratio = 2 * self.drift * h / (self.noise**2 * np.where(near, h, np.abs(away)))
        pull = self.drift * np.abs(away) / h
        closer = pull / -np.expm1(-np.minimum(ratio, 700.0))
        farther = pull / np.expm1(np.minimum(ratio, 700.0))
        right, left = np.where(away > 0, farther, closer), np.where(away > 0, closer, farther)
        return np.where(near, 0.0, right)[:-1], np.where(near, 0.0, left)[1:]


def predict(law: ConsensusOptimisation) -> dict[str, Any]:
    """Mean, variance and consensus at the times, with their errors."""
    from ....numerics.drift_diffusion import refined

    if law.start.variance == 0:
        still = np.full(len(law.times), law.start.mean)
        return {"mean": still, "variance": np.zeros(len(still)), "consensus": still}
    return refined(lambda *level: _on_grid(law, *level), LEVELS, tolerance=2e-4)


def _on_grid(law: ConsensusOptimisation, parts: int) -> dict[str, np.ndarray]:
    from ....numerics.drift_diffusion import hats, points_around
    from ....numerics.self_consistent import flow

    mean, deviation = law.start.mean, float(np.sqrt(law.start.variance))
    x = points_around(mean, mean - FARTHEST * deviation, mean + FARTHEST * deviation, CELLS, parts)
    height = law.landscape.values(x)
    problem = Searching(x, np.exp(-law.beta * (height - height.min())), law.drift, law.noise)
    path = flow(problem, hats(x, mean, deviation), law.times, STEP / (law.drift + law.noise**2), parts)
    first, second = _moments(law, path.times, path.halfway)
    at = [int(np.searchsorted(path.times, t - 1e-12)) for t in law.times]
    return {
        "mean": first[at],
        "variance": second[at],
        "consensus": np.array([problem.seen(path.masses[i]) for i in at]),
    }


def _moments(law: ConsensusOptimisation, clock: np.ndarray, consensus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance at the times of a clock, with the consensus fixed in each of its steps."""
    mean, variance = [law.start.mean], [law.start.variance]
    for (begin, end), c in zip(pairwise(clock), consensus, strict=True):
        h, away = end - begin, mean[-1] - c
        spread = (variance[-1] + away**2) * np.exp((law.noise**2 - 2 * law.drift) * h)
        away *= np.exp(-law.drift * h)
        mean.append(c + away)
        variance.append(spread - away**2)
    return np.array(mean), np.array(variance)
