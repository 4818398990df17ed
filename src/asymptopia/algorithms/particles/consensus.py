r"""Consensus-based optimisation: particles move to the weighted mean of those at low values.

$$dX_i = -\lambda (X_i - c)\,dt + \sigma |X_i - c|\,dW_i, \qquad
c = \sum_j X_j e^{-\beta f(X_j)} \Big/ \sum_j e^{-\beta f(X_j)} .$$
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...numerics.arrays import Key

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float


class Search(NamedTuple):
    """Positions at the times (times, n), and the weighted means there (times,)."""

    positions: Float[jax.Array, "times n"]
    consensus: Float[jax.Array, " times"]


def weighted_mean(landscape: Callable[[Any], Any], x: Float[jax.Array, " n"], beta: float) -> Float[jax.Array, ""]:
    """The mean of x (n,) with weights proportional to exp(-beta f(x))."""
    import jax
    import jax.numpy as jnp

    return jax.nn.softmax(-beta * (jnp.asarray(landscape(x), float) + 0 * x)) @ x


def search(
    landscape: Callable[[Any], Any],
    x: Float[jax.Array, " n"],
    beta: float,
    pace: tuple[float, float],
    times: Sequence[float],
    step: float,
    key: Key,
) -> Search:
    r"""Trajectories from x (n,); pace: the drift $\lambda$ and the noise $\sigma$. Traceable by JAX.

    In steps of at most `step` over $\lambda + \sigma^2$. With c fixed the distance from it is a geometric Brownian
    motion, which is drawn exactly; c is that of half a step later. The weak error is of second order.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    drift, noise = pace
    spans = np.diff(np.asarray(times, float), prepend=0.0)

    def shrunk(h: jax.Array, key: jax.Array) -> jax.Array:
        shake = jnp.sqrt(h) * jax.random.normal(key, x.shape)
        return jnp.exp(-(drift + noise**2 / 2) * h + noise * shake)

    def advance(state: tuple[jax.Array, jax.Array], span: jax.Array) -> tuple[Any, Search]:
        count = jnp.ceil(span * (drift + noise**2) / step - 1e-9)
        h = span / jnp.maximum(count, 1)

        def one(_: Any, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            y, key = state
            key, first, second = jax.random.split(key, 3)
            before, after = shrunk(h / 2, first), shrunk(h / 2, second)
            now = weighted_mean(landscape, y, beta)
            halfway = weighted_mean(landscape, now + (y - now) * before, beta)
            return halfway + (y - halfway) * before * after, key

        y, key = jax.lax.fori_loop(0, count.astype(int), one, state)
        return (y, key), Search(y, weighted_mean(landscape, y, beta))

    return jax.lax.scan(advance, (x, key), jnp.asarray(spans))[1]
