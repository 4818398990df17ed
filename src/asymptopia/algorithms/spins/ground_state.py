"""The ground state of Ising spins on given couplings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike
from ..checks import NotSolved
from .checks import checked_count, checked_couplings, checked_field
from .tempering import even_ladder

if TYPE_CHECKING:
    from jaxtyping import Int, Real

ENUMERABLE = 20  # spins; twice the time for each one more


@dataclass(frozen=True)
class GroundState:
    """The lowest energy found, H / n, and its configuration (n,).

    exact: whether every configuration was looked at; else `agreeing` of `runs` independent searches ended there, and
    none lower.
    """

    energy: float
    spins: Int[np.ndarray, " n"]
    exact: bool
    agreeing: int
    runs: int


def ground_state(
    couplings: Real[ArrayLike, "n n"],
    field: Real[ArrayLike, "..."],
    rng: np.random.Generator,
    *,
    sweeps: int = 1000,
    agree: int = 5,
    most: int = 100,
) -> GroundState:
    r"""The ground state of $H = -\frac12 \sum_{ij} J_{ij} s_i s_j - \sum_i h_i s_i$, once independent searches agree.

    Up to 20 spins every configuration is looked at. Beyond, a search is a run of parallel tempering from random
    spins, each of whose configurations is quenched greedily after every sweep. It has `sweeps` sweeps; whenever one
    misses the lowest energy known, the next are longer by half, up to 32 times. It ends when `agree` searches have
    reached the lowest energy, which is no proof, but strong evidence: raise `agree` for more.
    Raises `NotSolved` if `most` searches do not agree, and `StatementError` for bad input.

    couplings: (n, n), symmetric, without a diagonal. field: a number, or one a spin. rng: the source of randomness.
    """
    from .dense_moves import descend, enumerate_all

    J = checked_couplings(couplings)
    n = len(J)
    h = checked_field(field, n)
    sweeps, agree, most = (
        checked_count(name, value, 1) for name, value in (("sweeps", sweeps), ("agree", agree), ("most", most))
    )

    def energy(s: np.ndarray) -> float:
        return float(-(s @ J @ s / 2 + h @ s) / n)

    if n <= ENUMERABLE:
        spins = enumerate_all(J, h)
        return GroundState(energy(spins), spins.astype(np.int8), True, 1, 1)
    scale = float(np.sqrt(np.mean((J**2).sum(axis=1) + h**2)))
    if scale == 0:
        return GroundState(0.0, np.ones(n, np.int8), True, 1, 1)
    betas = 1 / even_ladder(J, h, 0.15 * scale, 1.3 * scale, rng)
    best, spins, agreeing, longest = np.inf, np.ones(n), 0, 32 * sweeps
    for run in range(1, most + 1):
        lowest = descend(J, h, betas, sweeps, rng)
        reached = energy(lowest)
        tolerance = 1e-9 * abs(reached)
        if reached < best - tolerance:
            best, spins, agreeing = reached, lowest, 1
        elif reached <= best + tolerance:
            agreeing += 1
        else:
            sweeps = min(longest, 1 + 3 * sweeps // 2)
        if agreeing >= agree:
            return GroundState(best, spins.astype(np.int8), False, agreeing, run)
    raise NotSolved(f"{most} searches reached {best:.9g} per spin, but only {agreeing} of them: give more `sweeps`.")
