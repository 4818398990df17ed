"""Published and recomputed values of inference through layers."""

from __future__ import annotations

import math
from typing import Any

from ....contract.law import Landmark
from ....parts.channel import Abs, Linear, ReLU, Sign
from ....parts.prior import Rademacher

AUBIN = "Aubin, Loureiro, Baker, Krzakala and Zdeborova, MSML (2020): phase retrieval with a generative prior"
ONE_LAYER = "recomputed independently for one layer: adaptive quadrature and root finding"
LINEAR = "two linear layers: three equations in scalars, and posteriors of sampled networks"
GRIDS = "the same equations, integrated over omega and B on grids"


def landmarks() -> tuple[Landmark, ...]:
    """The landmarks of `MultiLayerGLM`."""
    rows = []
    fields: dict[str, Any]
    for alpha, overlap, entropy in (
        (0.5, 0.2803257343706422, -0.32166580761133445),
        (1.5, 0.6299975176413202, -0.8305517854752604),
        (4.0, 0.9002573064802168, -1.6094661160656716),
    ):
        fields = dict(layers=((alpha, Sign()),))
        rows.append(Landmark(fields, "overlap", overlap, 1e-8, ONE_LAYER, at=(0,)))
        rows.append(Landmark(fields, "free_entropy", entropy, 1e-8, ONE_LAYER))
    fields = dict(layers=((1.2, Sign()),), prior=Rademacher())
    rows.append(Landmark(fields, "overlap", 0.6686613798669454, 1e-7, ONE_LAYER, at=(0,)))
    for ratio in (0.5, 1.0, 2.0):
        odd, sign = (dict(layers=((ratio, c), (1.0, Abs()))) for c in (Linear(), Sign()))
        rows.append(Landmark(odd, "weak_recovery", 0.5 / (1 + ratio), 1e-7, AUBIN, along="alpha"))
        sharp = 0.5 / (1 + 4 * ratio / math.pi**2)
        rows.append(Landmark(sign, "weak_recovery", sharp, 1e-7, AUBIN, along="alpha"))
    linear = dict(layers=((1.5, Linear(noise=0.2)), (1.2, Linear(noise=0.1))))
    for k, value in enumerate(LINEAR_OVERLAPS):
        rows.append(Landmark(linear, "overlap", value, 1e-8, LINEAR, at=(k,)))
    for k, value in enumerate((0.61832656, 0.43050759)):
        rows.append(Landmark({}, "overlap", value, 2e-7, GRIDS, at=(k,)))
    signs = dict(layers=((2.0, Sign()), (0.8, Linear(noise=0.1))))
    for k, value in enumerate((0.724417, 0.994677)):
        rows.append(Landmark(signs, "overlap", value, 2e-6, GRIDS, at=(k,)))
    deep = dict(layers=((1.0, ReLU()), (1.5, ReLU()), (2.0, Linear(noise=0.1))))
    for k, value in enumerate((0.39691217, 0.42012207, 0.23321503)):
        rows.append(Landmark(deep, "overlap", value, 2e-7, GRIDS, at=(k,)))
    return tuple(rows)


LINEAR_OVERLAPS = (0.670509411806123, 1.0508626301263986)
LANDMARKS = landmarks()
