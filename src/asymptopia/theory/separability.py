"""The number of samples per dimension up to which labels of Gaussian inputs are linearly separable."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from ..numerics.gaussian import nodes
from ..parts.channel import Channel
from .labels import SPREAD


@lru_cache(maxsize=4096)
def separability(teacher: Channel, rho: float = 1.0, known: float = 1.0) -> float:
    """The samples per dimension below which labels of this teacher are linearly separable; inf if they always are.

    The teacher's field has variance rho; the share `known` of it is due to the inputs, in one direction v. The
    threshold is 1 / alpha = min over t of E (t y v - Z)_+**2 with Z standard normal (Candes and Sur 2020, theorem 1).
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import ndtr

    hidden = max(rho * (1 - known), 1e-300)
    places, width = teacher.breaks()
    spread = np.sqrt(hidden + float(np.max(width)) ** 2) * SPREAD
    around = np.concatenate([p + spread for p in np.ravel(places)] or [np.zeros(1)])
    scale = np.sqrt(rho * known)
    v, w = nodes(np.concatenate([around / max(scale, 1e-12), [0.0]]), order=24)
    chance = {y: w * teacher.partition(y, scale * v, np.full_like(v, hidden)) for y in (-1.0, 1.0)}

    def objective(t: float) -> float:
        total = 0.0
        for y, p in chance.items():
            a = t * y * v
            total += float((p * ((1 + a**2) * ndtr(a) + a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi))).sum())
        return total

    grid = np.sinh(np.linspace(-7.0, 7.0, 57))
    k = int(np.argmin([objective(t) for t in grid]))
    if k in (0, len(grid) - 1):
        return float("inf")
    best = minimize_scalar(objective, bounds=(grid[k - 1], grid[k + 1]), method="bounded", options={"xatol": 1e-10})
    return 1 / float(best.fun)
