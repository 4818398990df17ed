"""Single-spin flips of Ising spins for any log-density that JAX can evaluate."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.base import SamplingAlgorithm

from ...contract.record import StatementError
from ...numerics.arrays import Key, PyTree
from .interface import Info, Logdensity, moved
from .metropolis import RandomWalkState


def metropolis_flips(logdensity: Logdensity, flips: int = 1) -> SamplingAlgorithm:
    """Metropolis flips of `flips` random spins in turn: accepted with probability min(1, r).

    r is the ratio of the densities; `logdensity` maps spins of shape (n,) to a number. A flip evaluates all of it, so
    that this is for small systems and energies of any form.
    """
    return _flips(logdensity, flips, lambda log_ratio: jnp.minimum(log_ratio, 0.0))


def glauber_flips(logdensity: Logdensity, flips: int = 1) -> SamplingAlgorithm:
    """Glauber (heat bath) flips of `flips` random spins in turn: accepted with probability r/(1 + r).

    Slower than Metropolis' rule (Peskun, Biometrika 60 (1973) 607), and the dynamics that statistical physics studies.

    logdensity: of a configuration of spins +-1, (n,), up to a constant.
    """
    return _flips(logdensity, flips, jax.nn.log_sigmoid)


def _flips(logdensity: Logdensity, flips: int, rule: Any) -> SamplingAlgorithm:
    if flips != int(flips) or flips < 1:
        raise StatementError(f"`flips` must be a whole number >= 1, but is {flips}.")

    def init(position: PyTree, rng_key: Key | None = None) -> RandomWalkState:
        if not isinstance(position, jax.core.Tracer) and (np.abs(np.asarray(position)) != 1).any():
            raise StatementError("Spins must be -1 or 1 where a chain starts.")
        return RandomWalkState(position, logdensity(position))

    def flip(state: RandomWalkState, key: Key) -> tuple[RandomWalkState, Info]:
        draw, coin = jax.random.split(key)
        site = jax.random.randint(draw, (), 0, state.position.shape[0])
        position = state.position.at[site].multiply(-1)
        new = RandomWalkState(position, logdensity(position))
        return moved(coin, rule(new.logdensity - state.logdensity), state, new)

    def step(rng_key: Key, state: RandomWalkState) -> tuple[RandomWalkState, Info]:
        state, info = jax.lax.scan(flip, state, jax.random.split(rng_key, flips))
        return state, Info(jnp.mean(info.acceptance_rate), jnp.any(info.is_accepted))

    return SamplingAlgorithm(init, step)
