"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.amplitude import Cauchy
from ....parts.channel import Linear, Sign
from ....parts.loss import Square

MAJER = "Majer, Engel and Zippelius, J. Phys. A 26 (1993) 7405"
HASTIE = "Hastie, Montanari, Rosset and Tibshirani, Ann. Statist. 50 (2022) 949, corollary 5 (recomputed)"
SUMS = "the energy, stationary in five order parameters, as sums over grids of both normal fields"
ERM = "the law `ERM`, whose replica-symmetric equations another code of this library solves"

_STORED = dict(teacher=Sign(flip=0.3), alpha=3.0, ridge=0.05)
_RIDGE = dict(loss=Square(), teacher=Linear(noise=0.25), alpha=8.0, ridge=0.001)
_ROBUST = dict(loss=Cauchy(scale=0.5), teacher=Linear(noise=4.0), alpha=3.0, ridge=0.03, breaking=0)
LANDMARKS = (
    Landmark(_STORED, "least_loss", 0.23991, 1e-5, SUMS),
    Landmark(_RIDGE, "least_loss", 0.109439722851, 1e-8, HASTIE),
    Landmark(_ROBUST, "norm", 3.95773914, 1e-6, ERM),
    Landmark(_ROBUST, "eigenvalue", 1.54086606, 1e-6, ERM),
)
