"""Parallel tempering with independent states at each scan: rejections and round trips."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from jaxtyping import Float

PART = 4096


def travel(
    ladder: Float[np.ndarray, " replicas"],
    draw: Callable[[int], Float[np.ndarray, "scans replicas"]],
    scans: int,
    burn: int,
    alternating: bool,
    rng: np.random.Generator,
) -> tuple[float, float]:
    """The sum over pairs of neighbours of the share of proposals rejected, and round trips per scan.

    ladder: places b of the replicas. draw(count): V at each place, for `count` scans, shape (count, replicas); states
    at b have a density proportional to exp(-b V). Even and odd pairs propose in turn if `alternating`, else by a coin.
    A trip is counted when a machine is back at place 0 after it was at 0 and then at the last place. `scans` follow
    `burn` that are not counted.
    """
    n = len(ladder)
    place, leg = np.arange(n), np.zeros(n, np.int64)
    proposed, accepted, trips = np.zeros(n - 1), np.zeros(n - 1), 0
    for start in range(0, burn + scans, PART):
        count = min(PART, burn + scans - start)
        V, u = draw(count), np.log(rng.random((count, n - 1)))
        parity = (start + np.arange(count)) % 2 if alternating else rng.integers(0, 2, count)
        trips += _exchange(np.asarray(ladder), V, u, parity, place, leg, proposed, accepted, burn - start)
    with np.errstate(invalid="ignore"):
        return float(np.sum(1 - accepted / proposed)), trips / scans


@njit(cache=True)
def _exchange(ladder, V, u, parity, place, leg, proposed, accepted, counted):  # type: ignore[no-untyped-def]
    """Follow the machines, `place[k]` at place k, and their legs (0: none, 1: from 0 on, 2: from the last on)."""
    trips, last = 0, len(ladder) - 1
    for t in range(len(V)):
        for k in range(parity[t], last, 2):
            gain = (ladder[k + 1] - ladder[k]) * (V[t, k + 1] - V[t, k])
            proposed[k] += 1
            if u[t, k] < gain:
                accepted[k] += 1
                place[k], place[k + 1] = place[k + 1], place[k]
        if leg[place[last]] == 1:
            leg[place[last]] = 2
        if leg[place[0]] == 2 and t >= counted:
            trips += 1
        leg[place[0]] = 1
    return trips
