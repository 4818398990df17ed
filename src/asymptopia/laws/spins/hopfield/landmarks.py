"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

from ....contract.law import Landmark

AGS = "Amit, Gutfreund and Sompolinsky, Ann. Phys. 173 (1987) 30"


def landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(temperature=0.0), "retrieval", 0.13790556649493174, 1e-12, AGS + " (recomputed)", "alpha"),
        Landmark(dict(temperature=0.0), "thermodynamic", 0.05185433091891701, 1e-12, AGS + " (recomputed)", "alpha"),
        Landmark(dict(alpha=0.137905566, temperature=0.0), "overlap", 0.967417, 2e-5, AGS + " (recomputed)"),
        Landmark(dict(alpha=0.04), "spin_glass", 1.2, 1e-12, AGS + ": 1 + alpha**(1/2)", "temperature"),
    ]
    for T, alpha in ((0.2, 0.12256), (0.4, 0.08104)):
        rows.append(Landmark(dict(temperature=T), "retrieval", alpha, 5e-6, AGS + " (recomputed)", "alpha"))
    return tuple(rows)


LANDMARKS = landmarks()
