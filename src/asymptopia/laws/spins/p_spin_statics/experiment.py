"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....contract.record import StatementError
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import PSpinStatics


def realize_all(law: PSpinStatics, n: int, keys: Key) -> dict[str, Any]:
    """The observables of a system of size n for each key."""
    from ....algorithms.landscape.critical_points import symmetric_couplings
    from ....algorithms.sphere.exchange import spherical_exchange

    p = int(law.p)
    if law.spins == "ising":
        rows = [_ising_system(n, p, float(law.temperature), generator(key)) for key in keys]
        return {k: np.array([row[k] for row in rows]) for k in rows[0]}
    J = np.stack([symmetric_couplings(n, p, generator(key)) for key in keys])
    result = spherical_exchange(J, keys, ladder(p, float(law.temperature)))
    return {k: result[k] for k in ("energy", "squared_overlap")}


def _ising_system(n: int, p: int, temperature: float, rng: np.random.Generator) -> dict[str, float]:
    """The observables of one system of n Ising spins, at the lowest of a ladder of temperatures that reaches 1.6.

    The squared overlap is the mean over pairs of different spins, which is zero for free ones at every n.
    """
    from ....algorithms.spins import product_tempering

    if n <= p:
        raise StatementError(f"A system of Ising spins must have more than p = {p} of them, but has {n}.")
    members = np.array(list(combinations(range(n), p)))
    J = rng.standard_normal(len(members)) * math.sqrt(n / (2 * len(members)))
    lowest = max(temperature, 0.05)
    count = 2 + math.ceil(max(0.0, math.log(1.6 / lowest)) * math.sqrt(n) / 1.5)
    T = np.geomspace(lowest, max(1.6, 1.2 * lowest), count)
    result = product_tempering(members, J, T, 40 * math.ceil(math.sqrt(n)), rng)
    squared = float(result["squared_overlap"][0])
    return {"energy": float(result["energy"][0]), "squared_overlap": (n * squared - 1) / (n - 1)}


def ladder(p: int, temperature: float) -> tuple[float, ...]:
    """Temperatures of the exchange, lowest first: where the dynamics slows down, a geometric sequence upwards."""
    lowest = max(temperature, 0.05)
    highest = max(lowest, 1.6 * math.sqrt(p * (p - 2) ** (p - 2) / (2 * (p - 1) ** (p - 1))))
    return tuple(float(T) for T in np.geomspace(lowest, highest, 1 + math.ceil(math.log(highest / lowest) / 0.18)))
