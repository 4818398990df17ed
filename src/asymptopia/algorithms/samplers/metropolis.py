"""Metropolis samplers: random walk and MALA, exact at any step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from blackjax.base import SamplingAlgorithm
from jax.flatten_util import ravel_pytree

from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Info, Logdensity, check_target, moved

if TYPE_CHECKING:
    from jaxtyping import Real


class RandomWalkState(NamedTuple):
    """The position and its log-density."""

    position: Any
    logdensity: Any


class LangevinState(NamedTuple):
    """The position, its log-density, and the gradient of that."""

    position: Any
    logdensity: Any
    logdensity_grad: Any


def random_walk(logdensity: Logdensity, step_size: Real[ArrayLike, "..."]) -> SamplingAlgorithm:
    """Random-walk Metropolis: proposals x + step_size z with z normal; `step_size` a number or one per coordinate.

    logdensity: of the target, up to a constant: a function of one position; no derivative is taken.
    """

    def init(position: PyTree, rng_key: Key | None = None) -> RandomWalkState:
        check_target(logdensity, position)
        return RandomWalkState(position, logdensity(position))

    def step(rng_key: Key, state: RandomWalkState) -> tuple[RandomWalkState, Info]:
        draw, coin = jax.random.split(rng_key)
        x, back = ravel_pytree(state.position)
        position = back(x + step_size * jax.random.normal(draw, x.shape, x.dtype))
        new = RandomWalkState(position, logdensity(position))
        return moved(coin, new.logdensity - state.logdensity, state, new)

    return SamplingAlgorithm(init, step)


def mala(logdensity: Logdensity, step_size: Real[ArrayLike, "..."]) -> SamplingAlgorithm:
    r"""The Metropolis-adjusted Langevin algorithm: proposals $x + h \nabla \log p(x) + \sqrt{2 h} z$, h = step_size.

    Roberts and Tweedie, Bernoulli 2 (1996) 341. In d dimensions of unit scale the best h falls as d**(-1/3), with an
    acceptance of 0.57.

    logdensity: of the target, up to a constant: a function of one position, which JAX differentiates.
    step_size: h, a number or one per coordinate, > 0.
    """

    def init(position: PyTree, rng_key: Key | None = None) -> LangevinState:
        check_target(logdensity, position)
        return LangevinState(position, *jax.value_and_grad(logdensity)(position))

    def step(rng_key: Key, state: LangevinState) -> tuple[LangevinState, Info]:
        draw, coin = jax.random.split(rng_key)
        x, back = ravel_pytree(state.position)
        slope = ravel_pytree(state.logdensity_grad)[0]
        noise = jax.random.normal(draw, x.shape, x.dtype)
        y = x + step_size * slope + jnp.sqrt(2 * step_size) * noise
        new = LangevinState(back(y), *jax.value_and_grad(logdensity)(back(y)))
        reverse = x - y - step_size * ravel_pytree(new.logdensity_grad)[0]
        forward = jnp.sum(noise**2) / 2
        log_ratio = new.logdensity - state.logdensity + forward - jnp.sum(reverse**2 / (4 * step_size))
        return moved(coin, log_ratio, state, new)

    return SamplingAlgorithm(init, step)
