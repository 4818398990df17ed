"""Simulation-based calibration: whether a sampler's posterior is right on average over simulated data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.base import SamplingAlgorithm

from ...contract.record import StatementError
from ...numerics.arrays import Key, PyTree
from .interface import Logdensity, check_states

if TYPE_CHECKING:
    from jaxtyping import Real


class Model(NamedTuple):
    """A Bayesian model that can be simulated.

    prior:     `prior(key)`, a position drawn from the prior.
    simulate:  `simulate(key, position)`, data drawn given the position.
    log_joint: `log_joint(position, data)`, up to a constant.
    """

    prior: Callable[[Any], Any]
    simulate: Callable[[Any, Any], Any]
    log_joint: Callable[[Any, Any], Any]


def calibration_ranks(
    key: Key,
    model: Model,
    sampler: Callable[[Logdensity], SamplingAlgorithm],
    function: Callable[[Any], Any],
    runs: int = 100,
    draws: int = 15,
    thin: int = 10,
) -> Real[np.ndarray, "runs ..."]:
    """The ranks 0..draws of the true parameter among posterior draws, (run, ...) as `function` returns.

    Each run draws a position from the prior and data from the model, and then `draws` positions, `thin` steps apart,
    of the sampler on the posterior. The ranks are uniform if the sampler leaves the posterior invariant, even if it
    moves slowly: the true position takes a random place within a chain that is run from it in both directions, and
    ties are broken at random (Talts, Betancourt, Simpson, Vehtari and Gelman 2018; Gandy and Scott 2020, algorithm 2).
    This needs a reversible sampler; for others `thin` steps must forget.
    """
    for name, value in (("runs", runs), ("draws", draws), ("thin", thin)):
        if value != int(value) or value < 1:
            raise StatementError(f"`{name}` must be a whole number >= 1, but is {value}.")
    ranks, states = _ranks(model, sampler, function, runs, draws, thin, key)
    check_states(states)
    return np.asarray(ranks)


@partial(jax.jit, static_argnums=(0, 1, 2, 3, 4, 5))
def _ranks(model: Model, sampler: Any, function: Any, runs: int, draws: int, thin: int, key: Key) -> Any:
    return jax.vmap(lambda k: calibration_rank(k, model, sampler, function, draws, thin))(jax.random.split(key, runs))


def calibration_rank(key: Key, model: Model, sampler: Any, function: Any, draws: int, thin: int) -> tuple[Any, Any]:
    """The rank in one run, and the final state; traceable by JAX."""
    keys = jax.random.split(key, 6)
    truth = model.prior(keys[0])
    data = model.simulate(keys[1], truth)
    posterior = sampler(lambda position: model.log_joint(position, data))
    start = posterior.init(truth)

    def step(state: PyTree, key: Key) -> Any:
        return jax.lax.scan(lambda s, k: (posterior.step(k, s)[0], None), state, jax.random.split(key, thin))[0]

    def one(state: PyTree, key: Key) -> tuple[Any, Any]:
        state = step(state, key)
        return state, function(state.position)

    end, ahead = jax.lax.scan(one, start, jax.random.split(keys[2], draws))
    _, behind = jax.lax.scan(one, start, jax.random.split(keys[3], draws))
    place = jax.random.randint(keys[4], (), 0, draws + 1)
    index = jnp.arange(draws)
    taken = (index < place, index < draws - place)
    own = function(truth)
    pairs = list(zip(taken, (ahead, behind), strict=True))
    below = sum(jnp.tensordot(t * 1.0, (x < own) * 1.0, 1) for t, x in pairs)
    equal = sum(jnp.tensordot(t * 1.0, (x == own) * 1.0, 1) for t, x in pairs)  # where proposals were rejected
    return below + jnp.floor(jax.random.uniform(keys[5], jnp.shape(own)) * (equal + 1)), end
