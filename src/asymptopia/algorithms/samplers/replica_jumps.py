"""Two replicas of a walk on a line of sites, in continuous time, that exchange their temperatures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ...contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float


class Jumps(NamedTuple):
    """What two replicas did: the time that the cold one spent on the marked sites, and exchanges tried and made."""

    occupied: float
    tried: int
    exchanged: int


def replica_jumps(
    log_weights: Float[np.ndarray, "2 m"],
    marked: Float[np.ndarray, " m"],
    time: float,
    rate: float | None,
    rng: np.random.Generator,
) -> Jumps:
    r"""Follow a cold and a hot replica on m sites during a `time`, from equilibrium.

    Each replica proposes a step to either neighbour at rate 1, and both an exchange of their sites at a `rate`; all are
    accepted by Metropolis' rule. With `rate` None (infinite swapping) they are put in either order, with the
    probabilities that these have, after every move; the marked sites are then counted with these probabilities.

    log_weights: logarithms of the weights of the sites, of the cold and of the hot replica.
    marked:      1 on the sites whose time is counted, 0 elsewhere.

    Raises `StatementError` for numbers that are not finite, and arrays that do not fit together.
    Dupuis, Liu, Plattner and Doll, Multiscale Model. Simul. 10 (2012) 986, sections 3 and 4.
    """
    tables, marked = np.array(log_weights, float), np.array(marked, float)
    if marked.ndim != 1 or len(marked) == 0 or not np.isfinite(marked).all():
        raise StatementError(f"`marked` must be finite numbers (m,), one a site, but has shape {marked.shape}.")
    if tables.shape != (2, len(marked)) or not np.isfinite(tables).all():
        raise StatementError(
            f"`log_weights` must be finite, of shape (2, {len(marked)}), but has shape {tables.shape}."
        )
    if not 0 < time < np.inf or not (rate is None or 0 <= rate < np.inf):
        raise StatementError(
            f"`time` must be finite and > 0, `rate` finite and >= 0 or None, but are {time} and {rate}."
        )
    tables -= tables.max(axis=1, keepdims=True)
    cold, hot = (int(rng.choice(len(marked), p=np.exp(t) / np.exp(t).sum())) for t in tables)
    return Jumps(
        *_follow(tables, marked, float(time), 0.0 if rate is None else float(rate), rate is None, cold, hot, rng)
    )


@njit(cache=True)
def _follow(tables, marked, time, rate, infinite, cold, hot, rng):  # type: ignore[no-untyped-def]
    sites, total = len(marked), 4.0 + rate
    now, occupied, tried, exchanged = 0.0, 0.0, 0, 0
    while True:
        counted = marked[cold]
        if infinite:
            gain = tables[0, hot] + tables[1, cold] - tables[0, cold] - tables[1, hot]
            other = 1 / (1 + math.exp(-gain))  # the probability of the other order
            counted += other * (marked[hot] - marked[cold])
            tried += 1
            if rng.random() < other:
                exchanged += 1
                cold, hot = hot, cold
        wait = rng.standard_exponential() / total
        occupied += counted * min(wait, time - now)
        now += wait
        if now >= time:
            return occupied, tried, exchanged
        proposal = int(rng.random() * total)  # 0 to 3: a step of one of the replicas; more: an exchange
        if proposal < 4:
            step = 2 * (proposal % 2) - 1
            which = proposal // 2
            at = cold if which == 0 else hot
            if 0 <= at + step < sites:
                gain = tables[which, at + step] - tables[which, at]
                if gain >= 0 or rng.random() < math.exp(gain):
                    if which == 0:
                        cold += step
                    else:
                        hot += step
        else:
            tried += 1
            gain = tables[0, hot] + tables[1, cold] - tables[0, cold] - tables[1, hot]
            if gain >= 0 or rng.random() < math.exp(gain):
                exchanged += 1
                cold, hot = hot, cold
