"""Infinite swapping: parallel tempering with infinitely many exchanges between two moves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.base import SamplingAlgorithm
from jax.scipy.special import logsumexp

from ...contract.record import StatementError
from ...numerics.arrays import Key
from .interface import Logdensity
from .tempering import (
    Kernel,
    TemperingInfo,
    TemperingState,
    checked_ladder,
    gathered,
    move,
    reordered,
    starting,
)

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

LARGEST = 7


def infinite_swapping(
    logdensity: Logdensity,
    kernel: Kernel,
    temperatures: Sequence[float] | Real[np.ndarray, " K"],
    block: int | None = None,
) -> SamplingAlgorithm:
    r"""Infinite swapping: each step draws the replicas' temperatures anew, given all positions.

    With positions $x_1..x_K$ an assignment $\sigma$ of the temperatures has the probability proportional to
    $\prod_k p(x_{\sigma(k)})^{1/T_k}$. A step moves each replica at its temperature and then draws the assignment; all
    assignments are weighted, so that `expectation` averages over replicas with the probabilities in
    `TemperingState.weights`. This is what parallel tempering becomes at infinite rate, where its asymptotic variance
    is smallest.

    block: partial infinite swapping: assignments are drawn within blocks of so many neighbouring temperatures, in
           alternate steps with the blocks shifted by half of their size. By default all temperatures are one block,
           which is limited to 7 of them (there are K! assignments).

    Kernel and temperatures are as in `parallel_tempering`. Dupuis, Liu, Plattner and Doll, Multiscale Model. Simul.
    10 (2012) 986; Doll, Plattner, Freeman, Liu and Dupuis, J. Chem. Phys. 137 (2012) 204112.

    logdensity: of the target at temperature 1, up to a constant; kernel: as in `parallel_tempering`. Raises
    `StatementError` for a block that is too large.
    """
    T = checked_ladder(temperatures)
    partitions = [partition(len(T), block, shifted) for shifted in (False, True)]

    def draw(key: Key, values: jax.Array, blocks: list[list[int]]) -> tuple[Any, Any]:
        """Which replica is at each temperature, and the probability of each."""
        order, weights = jnp.arange(len(T)), jnp.eye(len(T))
        for i, members in enumerate(blocks):
            if len(members) > 1:
                where = np.array(members)
                chosen, marginal = assignment(jax.random.fold_in(key, i), values[where], 1 / T[where])
                order = order.at[where].set(where[0] + chosen)
                weights = weights.at[np.ix_(where, where)].set(marginal)
        return order, weights

    def step(rng_key: Key, state: TemperingState) -> tuple[TemperingState, TemperingInfo]:
        moving, drawing = jax.random.split(rng_key)
        replicas, rates = move(logdensity, kernel, T, moving, state.replicas)
        values = T * replicas.logdensity
        if block is None:
            order, weights = draw(drawing, values, partitions[0])
        else:
            branches = [lambda k, v, b=b: draw(k, v, b) for b in partitions]
            order, weights = jax.lax.switch(state.turn, branches, drawing, values)
        new = reordered(replicas, order, T)
        state = gathered(new, state.walkers[order], weights[:, order], (state.turn + 1) % 2)
        away = jnp.diagonal(weights, 1)
        return state, TemperingInfo(rates, jnp.ones(len(T) - 1), away)

    return SamplingAlgorithm(starting(logdensity, kernel, T), step)


def partition(count: int, block: int | None, shifted: bool) -> list[list[int]]:
    """Consecutive blocks of `block` temperatures; the shifted ones begin half a block earlier."""
    size = count if block is None else block
    if size != int(size) or size < 2:
        raise StatementError(f"`block` must be a whole number >= 2, but is {block}.")
    if min(size, count) > LARGEST:
        raise StatementError(
            f"Assignments within blocks of at most {LARGEST} temperatures can be weighted, but there are {size}: set "
            f"`block` to at most {LARGEST} for partial infinite swapping."
        )
    offset = size // 2 if shifted else 0
    starts = [0, *range(size - offset if offset else size, count, size)]
    return [list(range(a, b)) for a, b in itertools.pairwise([*starts, count]) if b > a]


def assignment(
    key: Key, values: Float[jax.Array, " K"], beta: Float[np.ndarray, " K"] | Float[jax.Array, " K"]
) -> tuple[Int[jax.Array, " K"], Float[jax.Array, "K K"]]:
    """A random assignment of replicas to temperatures (K,), and the probabilities (temperature, replica)."""
    orders = np.array(list(itertools.permutations(range(len(beta)))))
    log_weight = jnp.sum(values[orders] * jnp.asarray(beta), axis=1)
    log_weight = jnp.where(jnp.isnan(log_weight), -jnp.inf, log_weight)
    probability = jnp.exp(log_weight - logsumexp(log_weight))
    chosen = jnp.asarray(orders)[jax.random.categorical(key, log_weight)]
    hot = np.eye(len(beta))[orders]
    return chosen, jnp.tensordot(probability, jnp.asarray(hot), 1)
