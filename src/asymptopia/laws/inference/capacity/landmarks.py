"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark

GARDNER = "Gardner, J. Phys. A 21 (1988) 257, equation 33 (recomputed)"
COVER = "Cover, IEEE Trans. EC-14 (1965) 326"
KRAUTH = "Krauth and Mezard, J. Phys. France 50 (1989) 3057, equation 23 (recomputed)"
AUBIN = "Aubin, Perkins and Zdeborova, J. Phys. A 52 (2019) 294003, section 1 (recomputed)"
PRINTED = "the paper prints 0.83"


def landmarks() -> tuple[Landmark, ...]:
    ball = [(0.5, 0.9612050528015417), (1.0, 0.519572229604938), (2.0, 0.20023101560175544)]
    step = [(0.5, 0.45566456454243665), (1.0, 0.27070009229346165)]
    slab = [(1.0, 1.8158754958372072), (1.5, 4.8328128348516195), (2.0, 14.884652251701116)]
    symmetric = dict(weights="binary", constraint="symmetric")
    outside = dict(weights="binary", constraint="outside")
    return (
        Landmark({}, "capacity", 2.0, 1e-12, COVER),
        *(Landmark(dict(kappa=k), "capacity", v, 1e-9, GARDNER) for k, v in ball),
        Landmark(dict(weights="binary"), "capacity", 0.8330786, 5e-8, KRAUTH, note=PRINTED),
        *(Landmark(dict(kappa=k, weights="binary"), "capacity", v, 1e-9, KRAUTH) for k, v in step),
        *(Landmark(dict(kappa=k) | symmetric, "capacity", v, 1e-9, AUBIN) for k, v in slab),
        Landmark(dict(kappa=0.25) | outside, "capacity", 3.151892735627857, 1e-9, AUBIN),
        Landmark(dict(kappa=0.67449) | outside, "capacity", 1.0, 1e-6, "each pattern halves the weights: P = 1/2"),
        Landmark(dict(kappa=0.25) | outside, "replica_symmetry", 0.817, 5e-4, AUBIN, along="kappa"),
        Landmark(dict(alpha=0.519572229604938), "capacity", 1.0, 1e-8, GARDNER, along="kappa"),
    )


LANDMARKS = landmarks()
