"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ....contract.batching import generator
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import IsingMeanField


def realize(law: IsingMeanField, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.spins import swendsen_wang

    rng, beta = generator(key), float(law.beta)
    edges = law.graph.edges(n, rng)
    sweeps = math.ceil(80 * n**0.25)
    runs = [swendsen_wang(edges, beta, sweeps, rng) for _ in range(2)]
    one, other = (r.energies for r in runs)
    spread = ((one**2).mean() + (other**2).mean()) / 2 - one.mean() * other.mean()
    return {
        "energy": (one.mean() + other.mean()) / 2,
        "magnetisation": sum(r.cluster_share for r in runs) / 2,
        "heat_capacity": beta**2 * len(runs[0].spins) * spread,
    }
