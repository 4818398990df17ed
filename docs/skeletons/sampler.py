"""Barker's random walk: a skeleton to copy. A sampler is a pair of functions, `init` and `step`."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from asymptopia.algorithms.samplers import Info, SamplingAlgorithm, check_target
from asymptopia.algorithms.samplers.interface import Logdensity, broken


class BarkerState(NamedTuple):
    """A position (any pytree of arrays) and its log-density, which `run` watches for nan and inf."""

    position: Any
    logdensity: Any


def barker_walk(logdensity: Logdensity, step_size: Any) -> SamplingAlgorithm:
    r"""A random walk that accepts with Barker's probability $p(y) / (p(x) + p(y))$.

    Proposals are $y = x + h z$ with z normal and h = step_size, a number or one per coordinate. The probability obeys
    detailed balance, and is smooth in the ratio; Metropolis' is never smaller. Source: Barker, Australian Journal of
    Physics 18 (1965) 119, eq. 9.
    """

    def init(position: Any, rng_key: Any = None) -> BarkerState:
        check_target(logdensity, position)
        return BarkerState(position, logdensity(position))

    def step(rng_key: Any, state: BarkerState) -> tuple[BarkerState, Info]:
        draw, coin = jax.random.split(rng_key)
        x, back = ravel_pytree(state.position)
        position = back(x + step_size * jax.random.normal(draw, x.shape, x.dtype))
        new = BarkerState(position, logdensity(position))
        log_ratio = new.logdensity - state.logdensity
        rate = jax.nn.sigmoid(jnp.where(jnp.isnan(log_ratio), -jnp.inf, log_ratio))
        accepted = jax.random.uniform(coin) < rate
        take = (accepted | broken(new)) & ~broken(state)  # a density that is no number is kept, for `run` to name
        return jax.tree.map(lambda a, b: jnp.where(take, a, b), new, state), Info(rate, accepted)

    return SamplingAlgorithm(init, step)
