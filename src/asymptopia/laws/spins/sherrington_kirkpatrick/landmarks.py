"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

import math

from ....contract.law import Landmark

PARISI = "Parisi, J. Phys. A 13 (1980) 1101 and L115"
ALMEIDA = "de Almeida and Thouless, J. Phys. A 11 (1978) 983"


def landmarks() -> tuple[Landmark, ...]:
    ground = dict(beta=1e9, h=0.0)
    opposed = "Schmidt and Oppermann, Phys. Rev. E 77 (2008) 061104"
    recomputed = " (recomputed)"
    rows = [
        Landmark(ground, "energy", -0.7631667265, 2e-9, opposed),
        Landmark(
            ground | dict(breaking=0), "energy", -math.sqrt(2 / math.pi), 1e-8, "Sherrington and Kirkpatrick 1975"
        ),
        Landmark(ground | dict(breaking=0), "entropy", -1 / (2 * math.pi), 1e-8, "Sherrington and Kirkpatrick 1975"),
        Landmark(
            ground | dict(breaking=1),
            "energy",
            -0.76525943,
            1e-8,
            "Parisi, Phys. Rev. Lett. 43 (1979) 1754" + recomputed,
        ),
        Landmark(ground | dict(breaking=2), "energy", -0.76360801, 1e-8, PARISI + recomputed),
        Landmark(dict(beta=2.0), "free_energy", -0.7911783, 1e-6, PARISI + recomputed),
        Landmark(dict(beta=2.0, breaking=0), "free_energy", -0.792392945, 1e-9, "Sherrington and Kirkpatrick 1975"),
    ]
    for T, q in ((0.5, 0.530368392), (0.8, 0.208937009)):
        rows.append(Landmark(dict(beta=1 / T, breaking=0), "overlap", q, 1e-9, "Sherrington and Kirkpatrick 1975"))
    for T, h in ((0.9, 0.0387693), (0.7, 0.2320319), (0.5, 0.5699338)):
        rows.append(Landmark(dict(beta=1 / T), "almeida_thouless", h, 1e-7, ALMEIDA + recomputed, along="h"))
    for h, beta in ((0.05, 1.1332106540680384), (0.3, 1.5340863661522794), (2.0, 14.018155155712524)):
        rows.append(Landmark(dict(h=h), "almeida_thouless", beta, 1e-11, ALMEIDA + recomputed, along="beta"))
    return tuple(rows)


LANDMARKS = landmarks()
