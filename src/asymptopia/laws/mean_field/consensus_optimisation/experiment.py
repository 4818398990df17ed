"""Particles that follow consensus-based optimisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....algorithms.particles.consensus import search

if TYPE_CHECKING:
    import jax

    from . import ConsensusOptimisation


def realize(law: ConsensusOptimisation, n: int, key: jax.Array) -> dict[str, Any]:
    """Mean, variance and weighted mean of n particles at the times."""
    import jax
    import jax.numpy as jnp

    first, second = jax.random.split(key)
    x = law.start.mean + jnp.sqrt(law.start.variance) * jax.random.normal(first, (n,))
    path = search(law.landscape, x, law.beta, (law.drift, law.noise), law.times, 0.7 / n**0.5, second)
    return {
        "mean": path.positions.mean(axis=1),
        "variance": path.positions.var(axis=1, ddof=1),
        "consensus": path.consensus,
    }
