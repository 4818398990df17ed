"""Parallel tempering: replicas at several temperatures that exchange their states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.base import SamplingAlgorithm

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Logdensity, check_target

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

Kernel = Callable[[Logdensity, Any], SamplingAlgorithm]


class TemperingState(NamedTuple):
    """Replicas at K temperatures, lowest first.

    position, logdensity: those of the lowest temperature, so that a tempered sampler stands where any other does;
                          nan if the log-density is not a number at any of the replicas, whose position it then is.
    replicas: states of the kernel, with a leading axis of K; their log-densities are divided by the temperature.
    walkers:  (K,): which replica of the start is now at each temperature.
    weights:  (K, K): [j, k] is the probability that replica k has temperature j; the identity without infinite
              swapping. Rows and columns sum to one.
    turn:     which of the pairs, or of the partitions, come next.
    """

    position: Any
    logdensity: Any
    replicas: Any
    walkers: Any
    weights: Any
    turn: Any


class TemperingInfo(NamedTuple):
    """Acceptance of moves (K,), and exchanges of neighbours proposed and their mean acceptance (K - 1,)."""

    acceptance_rate: Any
    proposed: Any
    exchange_rate: Any


def parallel_tempering(
    logdensity: Logdensity, kernel: Kernel, temperatures: Sequence[float] | Real[np.ndarray, " K"], rate: float = 1.0
) -> SamplingAlgorithm:
    """Replica exchange: a step moves every replica once, then tries on average `rate` rounds of exchanges.

    kernel:       `kernel(target, temperature)`, a sampler for `target`, the log-density over the temperature: for
                  instance `lambda target, T: random_walk(target, 0.5 * T**0.5)`.
    temperatures: ascending, at least two; the target itself has temperature 1.
    rate:         of a round, in which alternately the even and the odd pairs of neighbours propose to exchange their
                  states (Metropolis' rule). As it grows, the chain becomes that of `infinite_swapping`.

    Swendsen and Wang, Phys. Rev. Lett. 57 (1986) 2607; Geyer 1991.

    logdensity: of the target at temperature 1, up to a constant. Raises `StatementError` for temperatures that do not
    ascend, or a rate that is negative or infinite.
    """
    T = checked_ladder(temperatures)
    if not 0 <= rate < np.inf:
        raise StatementError(f"`rate` must be >= 0 and finite, but is {rate}; infinite_swapping is its limit.")
    return exchanging(logdensity, kernel, T, rate)


def exchanging(
    logdensity: Logdensity, kernel: Kernel, T: Float[np.ndarray, " K"] | Float[jax.Array, " K"], rate: float
) -> SamplingAlgorithm:
    """Parallel tempering at temperatures that may be traced by JAX; nothing is checked."""
    whole, part = int(rate), float(rate) - int(rate)

    def exchange(rng_key: Key, values: jax.Array, turn: jax.Array) -> tuple[Any, Any, Any, Any]:
        first, key = jax.random.split(rng_key)
        count = whole + (jax.random.uniform(first) < part)

        def once(i: Any, carry: PyTree) -> Any:
            order, turn, proposed, accepted = carry
            order, tried, chance = swap_neighbours(jax.random.fold_in(key, i), values, 1 / T, order, turn)
            return order, (turn + 1) % 2, proposed + tried, accepted + chance

        none = jnp.zeros(len(T) - 1)
        return jax.lax.fori_loop(0, count, once, (jnp.arange(len(T)), turn, none, none))

    def step(rng_key: Key, state: TemperingState) -> tuple[TemperingState, TemperingInfo]:
        moving, swapping = jax.random.split(rng_key)
        replicas, rates = move(logdensity, kernel, T, moving, state.replicas)
        order, turn, proposed, accepted = exchange(swapping, T * replicas.logdensity, state.turn)
        replicas = reordered(replicas, order, T)
        info = TemperingInfo(rates, proposed, accepted / jnp.maximum(proposed, 1))
        return gathered(replicas, state.walkers[order], jnp.eye(len(T)), turn), info

    return SamplingAlgorithm(starting(logdensity, kernel, T), step)


def checked_ladder(temperatures: Sequence[float] | Real[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """The temperatures as an array; `StatementError` unless there are two or more, positive and ascending."""
    T = np.asarray(temperatures, float)
    if T.ndim != 1 or len(T) < 2:
        raise StatementError(
            f"`temperatures` must be two or more numbers, between which replicas are exchanged, but is {temperatures}."
        )
    if not (np.isfinite(T).all() and T[0] > 0 and (np.diff(T) > 0).all()):
        raise StatementError(f"`temperatures` must be positive, finite and ascending, but is {tuple(temperatures)}.")
    return T


def starting(
    logdensity: Logdensity, kernel: Kernel, T: Float[np.ndarray, " K"] | Float[jax.Array, " K"]
) -> Callable[..., TemperingState]:
    """The `init` of a tempered sampler: all replicas start at the given position."""

    def coldest(x: ArrayLike) -> Any:
        return logdensity(x) / T[0]

    def hottest(x: ArrayLike) -> Any:
        return logdensity(x) / T[-1]

    def init(position: PyTree, rng_key: Key | None = None) -> TemperingState:
        check_target(coldest, position)
        check_target(hottest, position)
        copies = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(T), *jnp.shape(x))), position)
        replicas = jax.vmap(lambda x, t: kernel(lambda y: logdensity(y) / t, t).init(x))(copies, jnp.asarray(T))
        return gathered(replicas, jnp.arange(len(T)), jnp.eye(len(T)), jnp.zeros((), int))

    return init


def move(
    logdensity: Logdensity,
    kernel: Kernel,
    T: Float[np.ndarray, " K"] | Float[jax.Array, " K"],
    key: Key,
    replicas: PyTree,
) -> tuple[Any, Any]:
    """One kernel step at each temperature: the new replicas, and the acceptance of each."""

    def one(key: Key, state: PyTree, t: ArrayLike) -> Any:
        state, info = kernel(lambda y: logdensity(y) / t, t).step(key, state)
        return state, getattr(info, "acceptance_rate", jnp.ones(()))

    return jax.vmap(one)(jax.random.split(key, len(T)), replicas, jnp.asarray(T))


def swap_neighbours(
    key: Key,
    values: Float[jax.Array, " K"],
    beta: Float[np.ndarray, " K"] | Float[jax.Array, " K"],
    order: Int[jax.Array, " K"],
    turn: int | Int[jax.Array, ""],
) -> tuple[Int[jax.Array, " K"], Float[jax.Array, " pairs"], Float[jax.Array, " pairs"]]:
    """One round of exchanges of the pairs (k, k + 1) with k of the parity of `turn`; with two temperatures always.

    values: the log-densities of the replicas at temperature 1. order: which replica is at each temperature. Returns
    the new order, and for each pair whether it was tried and its probability of acceptance, zero if not.
    """
    low = jnp.arange(len(beta) - 1)
    tried = (low % 2 == turn) | (len(beta) == 2)
    now = values[order]
    chance = jnp.exp(jnp.minimum((beta[:-1] - beta[1:]) * (now[1:] - now[:-1]), 0.0))
    chance = jnp.where(jnp.isnan(chance), 0.0, chance)
    swap = tried & (jax.random.uniform(key, chance.shape) < chance)
    up, down = jnp.pad(swap, (0, 1)), jnp.pad(swap, (1, 0))
    return order[jnp.arange(len(beta)) + up - down], tried * 1.0, jnp.where(tried, chance, 0.0)


def reordered(
    replicas: PyTree, order: Int[jax.Array, " K"], T: Float[np.ndarray, " K"] | Float[jax.Array, " K"]
) -> Any:
    """The replicas in another order of temperatures, with densities and gradients at their new temperatures."""
    T = jnp.asarray(T)
    ratio = T[order] / T

    def scaled(x: PyTree) -> Any:
        return x * ratio.reshape(-1, *[1] * (jnp.ndim(x) - 1))

    moved = jax.tree.map(lambda x: x[order], replicas)
    names = [k for k in ("logdensity", "logdensity_grad") if k in moved._fields]
    return moved._replace(**{k: jax.tree.map(scaled, getattr(moved, k)) for k in names})


def gathered(
    replicas: PyTree, walkers: Int[jax.Array, " K"], weights: Real[ArrayLike, "K K"], turn: Int[jax.Array, ""]
) -> TemperingState:
    """The state of the tempered sampler with these replicas."""
    worst = jnp.argmax(jnp.isnan(replicas.logdensity))  # 0 if all are numbers
    position = jax.tree.map(lambda x: x[worst], replicas.position)
    return TemperingState(position, replicas.logdensity[worst], replicas, walkers, weights, turn)


def expectation(function: Callable[[Any], Any], index: int = 0) -> Callable[[Any, Any], Any]:
    """For `run(keep=...)`: the mean of a function of the position at the temperature of this index.

    With infinite swapping it is the average over all replicas with their weights, else the function at that
    temperature.
    """

    def keep(state: TemperingState, info: PyTree) -> Any:
        values = jax.vmap(function)(state.replicas.position)
        return jax.tree.map(lambda v: jnp.tensordot(state.weights[index], v, 1), values)

    return keep
