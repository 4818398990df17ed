"""Two replicas on a line of sites as a jump process: what they do in a given time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.arrays import Key, PyTree
from ....parts.sampler import Exchange

if TYPE_CHECKING:
    from . import Tempering


def observe(n: int, key: Key, log_weights: Any, right: np.ndarray, rate: Any) -> dict[str, Any]:
    """Share of the time n on the `right` sites, and exchanges among those proposed; rate None: infinite swapping.

    log_weights: of the cold and the hot replica. Events come at the total rate of all proposals: a step of one of the
    replicas to one side, or an exchange. The rules of the exchange are those of the library's samplers.
    """
    import jax
    import jax.numpy as jnp

    from ....algorithms.samplers.infinite_swapping import assignment
    from ....algorithms.samplers.tempering import swap_neighbours

    tables = jnp.stack([jnp.asarray(w) for w in log_weights])
    values = jnp.asarray(right)
    sites = len(right)
    first, going = jax.random.split(key)
    swaps = 0.0 if rate is None else rate
    total = 4.0 + swaps
    # an energy and its two inverse temperatures are all that an exchange knows: here differences of the log-weights
    contrast = tables[0] - tables[1]
    beta = np.array([1.0, 0.0])

    def event(carry: PyTree) -> Any:
        t, i, x, sums = carry
        keys = jax.random.split(jax.random.fold_in(going, i), 3)
        u = jax.random.uniform(keys[0], (4,))
        drawn, weights = assignment(keys[1], contrast[x], beta) if rate is None else (jnp.arange(2), jnp.eye(2))
        dt = jnp.minimum(-jnp.log1p(-u[0]) / total, n - t)
        occupied = weights[0] @ values[x]
        changed = drawn[0] * 1.0
        x = x[drawn]
        moving = u[1] * total < 4
        which = (u[2] * 2).astype(int)
        to = x[which] + jnp.where(u[2] * 2 - which < 0.5, 1, -1)
        inside = (to >= 0) & (to < sites)
        gain = jnp.where(inside, tables[which, jnp.clip(to, 0, sites - 1)] - tables[which, x[which]], -jnp.inf)
        stepped = x.at[which].set(jnp.where(jnp.log(u[3]) < gain, to, x[which]))
        tried: Any
        if rate is None:
            tried, accepted, exchanged = 1.0, changed, x
        else:
            order, proposed, _ = swap_neighbours(keys[2], contrast[x], beta, jnp.arange(2), 0)
            tried = jnp.where(moving, 0.0, proposed[0])
            accepted, exchanged = tried * (order[0] != 0), x[order]
        x = jnp.where(moving, stepped, exchanged)
        return t + dt, i + 1, x, sums + jnp.stack([dt * occupied, tried, accepted])

    begin = jax.random.categorical(first, tables, axis=1)
    start = (jnp.zeros(()), 0, begin, jnp.zeros(3))
    *_, sums = jax.lax.while_loop(lambda c: c[0] < n, event, start)
    return {"occupation": sums[0] / n, "round_trips": sums[2] / jnp.maximum(sums[1], 1)}


def realize(law: Tempering, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""

    rate = law.swapping.rate if isinstance(law.swapping, Exchange) else None
    return observe(n, key, law.log_weights(), law.right_well(), rate)
