"""Exact samples of the Curie-Weiss model, where all pairs of spins have the same coupling."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...numerics.arrays import ArrayLike, Key

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float, Real


def magnetisation(
    n: int, beta: Real[ArrayLike, ""], h: Real[ArrayLike, ""], key: Key
) -> tuple[Float[jax.Array, ""], Float[jax.Array, ""]]:
    r"""An exact sample of the mean of n spins, and the logarithm of their partition function.

    The energy is $-(\sum_i s_i)^2 / 2n - h \sum_i s_i$, so that the distribution of the sum is known for every n: it is
    drawn by inversion. `key` is a JAX key; traceable by JAX in `beta` and `h`.
    """
    import jax
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    up = jnp.arange(n + 1)
    m = (2 * up - n) / n
    log_weight = gammaln(n + 1) - gammaln(up + 1) - gammaln(n - up + 1) + n * beta * (m**2 / 2 + h * m)
    top = jnp.max(log_weight)
    total = jnp.cumsum(jnp.exp(log_weight - top))
    drawn = m[jnp.searchsorted(total, jax.random.uniform(key) * total[-1])]
    return drawn, top + jnp.log(total[-1])
