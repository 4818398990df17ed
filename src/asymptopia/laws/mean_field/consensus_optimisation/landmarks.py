"""Flat landscapes, and the start in quadratic ones, in closed form."""

from __future__ import annotations

import math

from ....contract.law import Landmark
from ....parts.potential import Normal, Quadratic

FLAT = "closed form in a flat landscape: v0 exp((noise**2 - 2 drift) t)"
TILTED = "closed form: a normal law with weights exp(-beta k x**2 / 2) is normal"
CARRILLO = "Carrillo, Choi, Totzeck and Tse, Math. Models Methods Appl. Sci. 28 (2018) 1037, in one dimension"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for drift, noise, t in ((1.0, 0.5, 1.0), (2.0, 1.5, 0.5), (0.5, 1.2, 0.3)):
        fields = dict(beta=0.0, drift=drift, noise=noise, times=(t,))
        rows += [
            Landmark(fields, "variance", math.exp((noise**2 - 2 * drift) * t), 1e-10, FLAT, at=(0,)),
            Landmark(fields, "consensus", 0.5, 1e-10, FLAT, at=(0,)),
        ]
    for beta, stiffness, mean, variance in ((2.0, 1.0, 1.0, 1.0), (10.0, 0.5, -2.0, 0.25), (1.0, 3.0, 0.7, 2.0)):
        fields = dict(landscape=Quadratic(stiffness), beta=beta, start=Normal(mean, variance), times=(0.0,))
        value = mean / (1 + beta * stiffness * variance)
        rows.append(Landmark(fields, "consensus", value, 1e-6, TILTED, at=(0,)))
    for drift in (1.0, 2.0):
        value = math.sqrt(2 * drift)
        rows.append(Landmark(dict(drift=drift), "agreement", value, 1e-12, CARRILLO, along="noise"))
    return tuple(rows)


LANDMARKS = _landmarks()
