"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Landmark
from ....parts.channel import Abs, Linear
from ....parts.prior import GaussBernoulli, Gaussian, Rademacher

LASSO = "Bayati and Montanari, IEEE Trans. Inf. Theory 58 (2012) 1997 (LASSO risk, recomputed)"
FIXED_POINT = "fixed point of state evolution, recomputed independently"


def landmarks() -> tuple[Landmark, ...]:
    first = 4 / np.pi / (1 + 4 / np.pi)
    rows = [Landmark(dict(iterations=1), "overlap", first, 1e-10, "closed form: A = 2 alpha / pi", at=(0,))]
    ridge = dict(prior=Gaussian(), channel=Linear(noise=0.1), iterations=2)
    second = 1 / (1 + 2 / (1 / (1 + 2 / 1.1) + 0.1))
    rows.append(Landmark(ridge, "mse", second, 1e-10, "closed form: v -> 1 / (1 + alpha / (v + noise))", at=(1,)))
    sparse: dict[str, Any] = dict(prior=GaussBernoulli(rho=0.2), channel=Linear(noise=0.01))
    phase: dict[str, Any] = dict(channel=Abs(), start=0.1)
    for count, fields, name, value, source in (
        (60, dict(alpha=1.0), "overlap", 0.48626363701611647, FIXED_POINT),
        (150, dict(alpha=1.2, prior=Rademacher()), "overlap", 0.6686613798669454, FIXED_POINT),
        (100, dict(alpha=0.8) | phase, "overlap", 0.2162274902956635, FIXED_POINT),
        (100, dict(alpha=0.5) | sparse, "mse", 0.024572506826466806, FIXED_POINT),
        (80, dict(alpha=1.0, l1=0.1) | sparse, "mse", 0.009178964617467205, LASSO),
        (80, dict(alpha=0.3, l1=1.0) | sparse, "mse", 0.1966893722689852, LASSO),
        (300, dict(alpha=0.5, l1=0.01) | sparse, "mse", 0.04257880840532191, LASSO),
    ):
        rows.append(Landmark(fields | dict(iterations=count), name, value, 1e-8, source, at=(count - 1,)))
    return tuple(rows)


LANDMARKS = landmarks()
