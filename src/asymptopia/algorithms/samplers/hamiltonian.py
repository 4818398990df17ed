"""blackjax's HMC and NUTS, with checks of the log-density."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import blackjax
import jax
import jax.numpy as jnp
from blackjax.base import SamplingAlgorithm

from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Logdensity, broken, check_target

if TYPE_CHECKING:
    from jaxtyping import Real


def hmc(
    logdensity: Logdensity,
    step_size: Real[ArrayLike, ""],
    num_integration_steps: int,
    inverse_mass_matrix: Real[ArrayLike, "..."] | None = None,
) -> SamplingAlgorithm:
    """Hamiltonian Monte Carlo: `blackjax.hmc`, by default with unit masses.

    A trajectory that ends where the log-density is nan is not rejected in silence: see `run`.

    logdensity: of the target, up to a constant: a function of one position, which JAX differentiates.
    step_size, num_integration_steps, inverse_mass_matrix: of the leapfrog steps of a trajectory.
    """

    def build(mass: ArrayLike) -> SamplingAlgorithm:
        return blackjax.hmc(logdensity, step_size, mass, num_integration_steps)

    return _careful(build, logdensity, inverse_mass_matrix, lambda info: (info.proposal,))


def nuts(
    logdensity: Logdensity, step_size: Real[ArrayLike, ""], inverse_mass_matrix: Real[ArrayLike, "..."] | None = None
) -> SamplingAlgorithm:
    """The no-U-turn sampler: `blackjax.nuts`, by default with unit masses.

    A trajectory with an end where the log-density is nan is not cut off in silence: see `run`.

    logdensity: of the target, up to a constant: a function of one position, which JAX differentiates.
    step_size, inverse_mass_matrix: of the leapfrog steps, whose number the trajectory decides.
    """

    def build(mass: ArrayLike) -> SamplingAlgorithm:
        return blackjax.nuts(logdensity, step_size, mass)

    def ends(info: Any) -> tuple[Any, ...]:
        return info.trajectory_leftmost_state, info.trajectory_rightmost_state

    return _careful(build, logdensity, inverse_mass_matrix, ends)


def _careful(
    build: Callable[[Any], SamplingAlgorithm],
    logdensity: Logdensity,
    mass: Real[ArrayLike, "..."] | None,
    ends: Callable[[Any], Any],
) -> SamplingAlgorithm:
    def of(position: ArrayLike) -> SamplingAlgorithm:
        size = sum(jnp.size(x) for x in jax.tree.leaves(position))
        return build(jnp.ones(size) if mass is None else mass)

    def init(position: PyTree, rng_key: Key | None = None) -> Any:
        check_target(logdensity, position)
        return of(position).init(position)

    def step(rng_key: Key, state: PyTree) -> tuple[Any, Any]:
        new, info = of(state.position).step(rng_key, state)
        for end in ends(info):
            seen = type(state)(end.position, end.logdensity, end.logdensity_grad)
            new = jax.tree.map(partial(jnp.where, broken(seen)), seen, new)
        return jax.tree.map(partial(jnp.where, broken(state)), state, new), info

    return SamplingAlgorithm(init, step)
