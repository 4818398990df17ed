"""The step size of trajectories in continuous time, from the curvature of the potential."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float

STABLE = 0.5  # of the time 1 / curvature in which the stiffest direction relaxes
FINE = 3.5  # of it, over sqrt(n): the same at n = 49


def longest_share(n: float) -> float:
    r"""The longest step in a system of n particles, in relaxation times of its stiffest direction.

    It is `STABLE`, and shrinks as $n^{-1/2}$, so that the error of a method of second order falls as 1/n.
    """
    return min(STABLE, FINE / n**0.5)


def step_size(
    longest: Float[jax.Array, ""] | float, curvature: Float[jax.Array, ""], share: float
) -> Float[jax.Array, ""]:
    """A step of at most `longest`, and at most a share of the relaxation time 1 / curvature."""
    import jax.numpy as jnp

    return jnp.minimum(longest, share / jnp.maximum(curvature, 1e-300))
