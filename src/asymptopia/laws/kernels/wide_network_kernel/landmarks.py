"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.activation import Erf

JACOT = "Jacot, Gabriel and Hongler, NeurIPS 31 (2018), proposition 1 and theorem 1"
YAIDA = "Yaida, Proceedings of Machine Learning Research 107 (2020) 165"
RECOMPUTED = "independent recursion in high precision"


def landmarks() -> tuple[Landmark, ...]:
    plane = ((2**0.5, 0.0), (0.5**0.5, 1.5**0.5))
    rows = []
    erf = dict(inputs=plane, depth=2, activation=Erf(), weight_variance=1.0)
    rows.append(Landmark(erf, "nngp", 0.31990900968063063, 1e-12, RECOMPUTED, at=(0, 0)))
    for depth in (1, 3):
        relu = dict(inputs=plane, depth=depth)
        rows.append(Landmark(relu, "nngp", 2.0, 1e-12, "Cho and Saul, NeurIPS 22 (2009): preserved length", at=(0, 0)))
        rows.append(Landmark(relu, "ntk", 2.0 * (depth + 1), 1e-12, JACOT, at=(1, 1)))
        variance = 4.0 * 5 * depth
        rows.append(Landmark(relu, "kernel_variance", variance, 1e-9, "5 / n of K^2 a layer: " + YAIDA, at=(0, 0)))
    return tuple(rows)


LANDMARKS = landmarks()
