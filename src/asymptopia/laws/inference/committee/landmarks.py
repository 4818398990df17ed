"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.prior import Rademacher

AUBIN = "Aubin, Maillard, Barbier, Krzakala, Macris and Zdeborova, J. Stat. Mech. (2019) 124023"
RECOMPUTED = f"{AUBIN}, state evolution, recomputed with other quadrature"
BARBIER = "Barbier, Krzakala, Macris, Miolane and Zdeborova, PNAS 116 (2019) 5451 (recomputed)"


def landmarks() -> tuple[Landmark, ...]:
    printed = "the paper prints 2.04"
    perceptron = "the literature prints 1.245 and 1.249"
    return (
        Landmark({}, "specialisation", 2.05238, 1e-5, RECOMPUTED, along="alpha", note=printed),
        Landmark(dict(K=1, alpha=0.5), "test_error", 0.32239533960617, 1e-9, BARBIER),
        Landmark(dict(K=1, alpha=0.5), "overlap", 0.2803257343706422, 1e-9, BARBIER, at=(0, 0)),
        Landmark(
            dict(K=1, prior=Rademacher()), "information_theoretic", 1.244684, 1e-6, BARBIER, "alpha", (), perceptron
        ),
        Landmark(dict(K=1, prior=Rademacher()), "algorithmic", 1.4926318, 1e-6, BARBIER, "alpha"),
    )


LANDMARKS = landmarks()
