"""Temperature ladders whose neighbours exchange equally often, from pilot runs."""

from __future__ import annotations

import dataclasses
import math
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Logdensity, check_states
from .tempering import Kernel, checked_ladder, exchanging

if TYPE_CHECKING:
    from jaxtyping import Float

MOST = 64


@dataclasses.dataclass(frozen=True)
class Ladder:
    """Ascending temperatures, the exchange acceptance in the last pilot run, and the barrier.

    barrier: the sum of the rejection probabilities, which does not depend on the ladder if it is fine: a state needs
             at least about 2 + 2 barrier rounds of exchanges for a round trip.
    """

    temperatures: tuple[float, ...]
    acceptance: tuple[float, ...]
    barrier: float


def temperature_ladder(
    key: Key,
    logdensity: Logdensity,
    kernel: Kernel,
    positions: PyTree,
    highest: float,
    *,
    acceptance: float = 0.5,
    steps: int = 1000,
    rounds: int = 4,
) -> Ladder:
    """The ladder from 1 to `highest` on which neighbours exchange with the given acceptance.

    Pilot runs of parallel tempering, one chain from each of `positions`, measure how often exchanges are rejected.
    The rejections, summed from below, are a function of the inverse temperature; the next ladder divides it into
    equal parts, the last one into as many as the acceptance asks for (Syed, Bouchard-Cote, Deligiannidis and Doucet,
    J. R. Stat. Soc. B 84 (2022) 321, section 5.1). A last run measures what was reached.

    highest: a temperature at which the kernel alone gets everywhere. steps: of a pilot run, the first half of which
    is left out. Raises `StatementError` if more than 64 temperatures would be needed.

    key: of the pilot runs, of which there are `rounds`. logdensity, kernel: as in `parallel_tempering`.
    """
    if not 0 < acceptance < 1:
        raise StatementError(f"`acceptance` must be > 0 and < 1, but is {acceptance}.")
    if rounds != int(rounds) or rounds < 1:
        raise StatementError(f"`rounds` must be a whole number >= 1, but is {rounds}.")
    checked_ladder((1.0, highest))
    T = np.geomspace(1.0, highest, 4 + math.ceil(2 * math.log(highest)))
    keys = jax.random.split(key, rounds + 1)
    for i in range(rounds):
        barrier = np.r_[0.0, np.cumsum(1 - _pilot(logdensity, kernel, steps, T, keys[i], positions))]
        count = len(T) if i + 1 < rounds else 1 + max(1, math.ceil(barrier[-1] / (1 - acceptance)))
        if count > MOST:
            raise StatementError(
                f"An acceptance of {acceptance:g} needs {count} temperatures up to {highest:g}, more than {MOST}: "
                "lower `highest` or `acceptance`."
            )
        T = _divided(T, barrier, count)
    accepted = _pilot(logdensity, kernel, steps, T, keys[rounds], positions)
    return Ladder(tuple(float(t) for t in T), tuple(float(a) for a in accepted), float(np.sum(1 - accepted)))


def _divided(T: Float[np.ndarray, " K"], barrier: Float[np.ndarray, " K"], count: int) -> Float[np.ndarray, " new"]:
    """Temperatures between which the barrier grows equally, by a monotone interpolation in 1/T."""
    from scipy.interpolate import PchipInterpolator

    rising = np.maximum.accumulate(barrier + 1e-6 * np.arange(len(barrier)))
    beta = PchipInterpolator(rising, 1 / T)(np.linspace(0, rising[-1], count))
    return np.r_[T[0], 1 / beta[1:-1], T[-1]]


def _pilot(
    logdensity: Logdensity, kernel: Kernel, steps: int, T: Float[np.ndarray, " K"], key: Key, positions: PyTree
) -> Float[np.ndarray, " pairs"]:
    """Mean acceptance of exchanges between neighbours in the second half of the steps."""
    accepted, states = _exchanges(logdensity, kernel, steps, jnp.asarray(T), key, positions)
    check_states(states)
    return np.asarray(accepted)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _exchanges(
    logdensity: Logdensity,
    kernel: Kernel,
    steps: int,
    T: Float[np.ndarray, " K"] | Float[jax.Array, " K"],
    key: Key,
    positions: PyTree,
) -> tuple[Any, Any]:
    sampler = exchanging(logdensity, kernel, T, 1.0)

    def chain(key: Key, position: ArrayLike) -> Any:
        state = sampler.init(position)

        def one(carry: PyTree, key: Key) -> tuple[Any, None]:
            state, proposed, accepted = carry
            state, info = sampler.step(key, state)
            return (state, proposed + info.proposed, accepted + info.proposed * info.exchange_rate), None

        none = jnp.zeros(len(state.walkers) - 1)
        keys = jax.random.split(key, (2, steps // 2))
        start: Any = (state, none, none)
        (state, *_), _ = jax.lax.scan(one, start, keys[0])
        start = (state, none, none)
        return jax.lax.scan(one, start, keys[1])[0]

    chains = len(jax.tree.leaves(positions)[0])
    states, proposed, accepted = jax.vmap(chain)(jax.random.split(key, chains), positions)
    return accepted.sum(0) / jnp.maximum(proposed.sum(0), 1), states
