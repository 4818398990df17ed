"""Particles that follow Stein variational gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....algorithms.particles.stein import descend
from ....contract.batching import generator

if TYPE_CHECKING:
    import jax

    from . import SteinParticles


def realize(law: SteinParticles, n: int, key: jax.Array) -> dict[str, Any]:
    """Mean and variance of n particles at the times."""
    x = law.start.mean + np.sqrt(law.start.variance) * generator(key).standard_normal(n)
    path = descend(x, law.target.slope, law.kernel, law.times)
    return {"mean": path.mean(axis=1), "variance": path.var(axis=1, ddof=1)}
