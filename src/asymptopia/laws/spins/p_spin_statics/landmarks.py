"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

import math

from ....contract.law import Landmark

CRISANTI_SOMMERS = "Crisanti and Sommers, Z. Phys. B 87 (1992) 341"
GARDNER = "Gardner, Nucl. Phys. B 257 (1985) 747"


def landmarks() -> tuple[Landmark, ...]:
    rows = []
    for p, dynamic, static in (
        (3, 0.6123724356957946, 0.5860539724),
        (4, 0.5443310539518174, 0.503039351586548),
        (5, 0.5134898976610932, 0.46147986534353463),
    ):
        source = CRISANTI_SOMMERS + " (recomputed)"
        rows.append(Landmark(dict(p=p), "dynamic", dynamic, 1e-12, source, along="temperature"))
        rows.append(Landmark(dict(p=p), "static", static, 1e-10, source, along="temperature"))
    for p, ground in ((3, -1.65699836 / math.sqrt(2)), (4, -1.79408503 / math.sqrt(2)), (5, -1.3350097019298937)):
        source = "Auffinger, Ben Arous and Cerny, Comm. Pure Appl. Math. 66 (2013) 165: E_0 of the complexity of minima"
        rows.append(Landmark(dict(p=p, temperature=0.0), "energy", ground, 1e-8, source))
    rows.append(Landmark(dict(temperature=1.0), "free_energy", -0.25, 1e-14, "annealed: -1 / 4T"))
    ising = dict(spins="ising")
    rows += [
        Landmark(ising, "dynamic", 0.681598, 1e-6, GARDNER + " (recomputed)", along="temperature"),
        Landmark(ising, "static", 0.6513852, 1e-7, GARDNER + " (recomputed)", along="temperature"),
        Landmark(ising | dict(temperature=0.0), "energy", -0.81353496, 1e-8, GARDNER + " (recomputed)"),
    ]
    random_energy = "Derrida, Phys. Rev. B 24 (1981) 2613: the random energy model, to which p = 40 is within 1e-11"
    many = ising | dict(p=40)
    rows += [
        Landmark(many | dict(temperature=0.0), "energy", -math.sqrt(math.log(2)), 1e-9, random_energy),
        Landmark(many, "static", 1 / (2 * math.sqrt(math.log(2))), 1e-9, random_energy, along="temperature"),
    ]
    return tuple(rows)


LANDMARKS = landmarks()
