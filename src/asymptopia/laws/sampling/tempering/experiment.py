"""Two replicas on a line of sites as a jump process: what they do in a given time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....numerics.arrays import Key
from ....parts.sampler import Exchange

if TYPE_CHECKING:
    from . import Tempering


def realize_all(law: Tempering, n: int, keys: Key) -> dict[str, np.ndarray]:
    """The observables of one pair of replicas during the time n for each key."""
    import jax

    from ....algorithms.samplers.replica_jumps import replica_jumps

    weights, marked = np.stack(law.log_weights()), law.right_well()
    rate = law.swapping.rate if isinstance(law.swapping, Exchange) else None
    words = np.asarray(jax.random.key_data(keys))  # all at once: a key of JAX takes longer than a pair of replicas
    runs = [replica_jumps(weights, marked, n, rate, np.random.default_rng(row.tolist())) for row in words]
    return {
        "occupation": np.array([run.occupied / n for run in runs]),
        "round_trips": np.array([run.exchanged / max(run.tried, 1) for run in runs]),
    }
