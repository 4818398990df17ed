"""Closed forms of normal laws under the kernel 1 + x y."""

from __future__ import annotations

import math

from ....contract.law import Landmark
from ....parts.potential import Normal, Quadratic

LIU = "Liu, Ghosal, Balasubramanian and Pillai, NeurIPS 36 (2023), their equations solved in closed form"


def closed(stiffness: float, mean: float, variance: float, t: float) -> tuple[float, float]:
    """Mean and variance at time t from N(mean, variance), in the potential stiffness x**2 / 2."""
    k, r = stiffness, mean**2 / variance
    slow, fast = math.exp(-2 * k * t), math.exp(-2 * t)
    shared = 2 * t * fast if k == 1 else (slow - fast) / (1 - k)
    v = 1 / (k + (1 / variance - k) * fast + r * k * shared)
    return math.copysign(math.sqrt(r * v * slow), mean), v


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for stiffness, mean, variance, t in (
        (1.0, 1.0, 0.25, 0.5),
        (1.0, -2.0, 1.0, 3.0),
        (0.5, 2.0, 0.5, 1.0),
        (2.0, 0.0, 4.0, 0.7),
        (3.0, 0.5, 0.1, 0.3),
    ):
        fields = dict(target=Quadratic(stiffness), start=Normal(mean=mean, variance=variance), times=(t,))
        for name, value in zip(("mean", "variance"), closed(stiffness, mean, variance, t), strict=True):
            rows.append(Landmark(fields, name, value, 1e-8, LIU, at=(0,)))
    return tuple(rows)


LANDMARKS = _landmarks()
