"""Trajectories of overdamped Langevin dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def langevin(
    potential: Any, x: Any, temperature: Any, times: Sequence[float], step: float, key: Any, coupling: Any = 0.0
) -> Any:
    r"""Positions at the times: $dX_i = -V'(X_i)\,dt - c (X_i - \bar X)\,dt + \sqrt{2T}\,dW_i$; array (time, particle).

    Particles that start at `x` at time 0 and are pulled with strength `coupling` to their common mean. Heun's method,
    of weak order 2 for this noise (Kloeden and Platen 1992, section 15.1), with steps of at most `step`, and of at most
    half the inverse of the largest curvature that a particle meets. Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    def drift(y: Any) -> Any:
        return -potential.slope(y) - coupling * (y - y.mean())

    def advance(state: Any, until: Any) -> tuple[Any, Any]:
        def unfinished(s: Any) -> Any:
            return s[0] < until

        def one(s: Any) -> Any:
            t, y, k = s
            k, now = jax.random.split(k)
            steepest = jnp.max(jnp.abs(potential.curvature(y))) + coupling
            dt = jnp.minimum(step, 0.5 / steepest)
            last = t + dt >= until
            dt = jnp.where(last, until - t, dt)
            noise = jnp.sqrt(2 * temperature * dt) * jax.random.normal(now, y.shape)
            slope = drift(y)
            moved = y + (slope + drift(y + slope * dt + noise)) * dt / 2 + noise
            return jnp.where(last, until, t + dt), moved, k

        t, y, k = jax.lax.while_loop(unfinished, one, state)
        return (t, y, k), y

    begin = (jnp.zeros(()), jnp.asarray(x, float), key)
    return jax.lax.scan(advance, begin, jnp.asarray(times, float))[1]
