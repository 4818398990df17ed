"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark
from ....parts.activation import Erf, Identity, Relu, Sign
from ....parts.channel import Linear
from ....parts.loss import Square

MEI = "Mei and Montanari, Comm. Pure Appl. Math. 75 (2022) 667, theorem 2 (recomputed)"
KERNEL = "ridge regression on mu1 x / sqrt(d) with ridge + mu_star**2: the kernel of infinitely many features"
LINEAR = "many linear features are the inputs themselves: the law ERM (recomputed)"
RECOMPUTED = "independent high-precision solution of the fixed point"


def landmarks() -> tuple[Landmark, ...]:
    noisy = dict(loss=Square(), teacher=Linear(noise=0.1))
    rows = [
        Landmark(dict(alpha=a, features=p, activation=s, ridge=r) | noisy, name, value, 1e-9, MEI)
        for a, p, s, r, name, value in (
            (1.0, 0.5, Relu(), 0.01, "test_error", 1.3499454650381741),
            (1.0, 1.0, Relu(), 1e-4, "test_error", 12.636427200166796),
            (3.0, 6.0, Relu(), 1.0, "test_error", 0.4606471000640583),
            (3.0, 2.0, Relu(), 0.01, "train_loss", 0.057531649704170226),
            (1.0, 0.5, Erf(), 0.01, "test_error", 1.1630826816024538),
        )
    ]
    rows += [
        Landmark(dict(alpha=a, features=1e9, activation=s, ridge=r) | noisy, "test_error", value, 1e-7, KERNEL)
        for a, s, r, value in (
            (1.0, Relu(), 0.01, 0.342832250774472),
            (3.0, Erf(), 1.0, 0.2775346458865411),
            (3.0, Sign(), 1e-4, 0.08018438560915397),
        )
    ]
    rows += [
        Landmark(dict(alpha=a, features=p, activation=s, ridge=r), name, value, 1e-9, RECOMPUTED)
        for a, p, s, r, name, value in (
            (3.0, 1.0, Erf(), 0.01, "test_error", 0.24908419658265243),
            (3.0, 3.0, Erf(), 0.01, "train_loss", 0.08975012815931287),
            (2.0, 2.0, Relu(), 0.1, "test_error", 0.28014468544391324),
        )
    ]
    linear = dict(alpha=2.0, features=1e9, activation=Identity(), ridge=0.001)
    rows.append(Landmark(linear, "test_error", 0.1776265253620458, 1e-7, LINEAR))
    rows.append(
        Landmark(dict(alpha=3.0) | noisy, "interpolation", 3.0, 1e-12, "as many features as samples", "features")
    )
    return tuple(rows)


LANDMARKS = landmarks()
