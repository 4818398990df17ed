"""Closed forms, and values recomputed from the R-transform, which the theory here does not use."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Landmark
from ....parts.prior import GaussBernoulli, Gaussian, Rademacher
from ....parts.singular_values import Geometric, MarchenkoPastur, RowOrthogonal

TAKEDA = "Takeda, Uda and Kabashima, Europhys. Lett. 76 (2006) 1193: the R-transform of orthogonal rows (recomputed)"
TULINO = "Tulino, Caire, Verdu and Shamai, IEEE Trans. Inf. Theory 59 (2013) 4243: the R-transform (recomputed)"
TULINO_VERDU = "Tulino and Verdu, Found. Trends Commun. Inf. Theory 1 (2004) 1"
KRZAKALA = "Krzakala, Mezard, Sausset, Sun and Zdeborova, Phys. Rev. X 2 (2012) 021005 (recomputed)"
NAMES = ("mse", "field_error", "mutual_information")
VALUES: tuple[tuple[str, dict[str, Any], tuple[float, float, float]], ...] = (
    (
        TULINO,
        dict(alpha=0.6, noise=0.05, prior=GaussBernoulli(rho=0.2)),
        (0.0446765199647345, 0.0288800123566954, 0.409057916328083),
    ),
    (TAKEDA, dict(alpha=0.5, noise=0.2, prior=Rademacher()), (0.529512645494524, 0.163488227524231, 0.443582862589871)),
    (
        TULINO,
        dict(alpha=1.3, noise=0.3, prior=Rademacher(), singular_values=Geometric(condition=10.0)),
        (0.204513620758577, 0.103471281787315, 0.599724207795109),
    ),
    (
        TULINO,
        dict(alpha=0.5, noise=0.001, prior=GaussBernoulli(rho=0.1), singular_values=Geometric(condition=30.0)),
        (0.00100680122273281, 0.000324667372704227, 0.543073635465333),
    ),
    (
        TULINO,
        dict(alpha=0.35, noise=1e-4, prior=GaussBernoulli(rho=0.2)),
        (0.0408298738450216, 9.984091994097976e-05, 1.2323787573640226),
    ),
    (
        TULINO,
        dict(alpha=0.35, noise=1e-4, prior=GaussBernoulli(rho=0.2), start="informative"),
        (0.000181845987095101, 7.073253323671569e-05, 1.2323787573640226),
    ),
    (
        TULINO_VERDU,
        dict(alpha=0.7, noise=0.25, prior=Gaussian(), singular_values=RowOrthogonal()),
        (0.3 + 0.7 * 0.25 / 1.25, 0.25 / 1.25, 0.35 * float(np.log(5.0))),
    ),
)
LANDMARKS = (
    *(
        Landmark(fields, name, value, 1e-11 * max(1.0, value), source)
        for source, fields, values in VALUES
        for name, value in zip(NAMES, values, strict=True)
    ),
    Landmark(
        dict(alpha=0.2, noise=0.001, prior=GaussBernoulli(rho=0.1), singular_values=MarchenkoPastur()),
        "mse",
        0.03509263666039595,
        1e-11,
        KRZAKALA,
    ),
    *(
        Landmark(dict(noise=1e-4, prior=GaussBernoulli(rho=0.2)), name, value, 1e-8, TULINO, along="alpha")
        for name, value in (("information_theoretic", 0.327282621), ("algorithmic", 0.356316120))
    ),
)
