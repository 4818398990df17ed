"""Glauber dynamics of Ising spins on given couplings, from a given configuration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .checks import checked_count, checked_couplings, checked_field

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real


@dataclass(frozen=True)
class Relaxation:
    """The measurements of a run of Glauber dynamics; energies are H / n.

    means:   the mean of every spin over the sweeps measured (n,).
    energy:  mean energy per spin over them.
    history: the energy per spin after every sweep.
    spins:   the last configuration (n,).
    """

    means: Float[np.ndarray, " n"]
    energy: float
    history: Float[np.ndarray, " sweeps"]
    spins: Int[np.ndarray, " n"]


def glauber(
    couplings: Real[ArrayLike, "n n"],
    field: Real[ArrayLike, "..."],
    temperature: float,
    start: Real[ArrayLike, " n"],
    sweeps: int,
    rng: np.random.Generator,
    *,
    burn: int = 0,
) -> Relaxation:
    r"""Heat-bath dynamics of $H = -\frac12 \sum_{ij} J_{ij} s_i s_j - \sum_i h_i s_i$ from the configuration `start`.

    A sweep gives every spin, in order, its equilibrium given the others; at temperature 0 it aligns with its field.
    couplings: (n, n), symmetric, without a diagonal. field: a number, or one a spin. start: (n,) of -1 and 1. sweeps:
    their number, the first `burn` of which are not measured. Raises `StatementError`.
    """
    from .dense_moves import energy, sweep

    J = checked_couplings(couplings)
    n = len(J)
    h = checked_field(field, n)
    s = np.array(start, float)
    if s.shape != (n,) or not (np.abs(s) == 1).all():
        raise StatementError(f"`start` must be {n} spins of -1 or 1, but is {np.array2string(s, threshold=6)}.")
    if not (math.isfinite(temperature) and temperature >= 0):
        raise StatementError(f"`temperature` must be >= 0 and finite, but is {temperature}.")
    sweeps, burn = checked_count("sweeps", sweeps, 1), checked_count("burn", burn, 0)
    if burn >= sweeps:
        raise StatementError(f"`burn` must be below `sweeps` = {sweeps}, but is {burn}.")
    beta = min(1 / temperature, 1e300) if temperature else 1e300
    local, total, history = np.empty(n), np.zeros(n), np.empty(sweeps)
    H = energy(J, h, s, local)
    for t in range(sweeps):
        H += sweep(J, s, local, beta, True, rng)[0]
        history[t] = H / n
        if t >= burn:
            total += s
    return Relaxation(total / (sweeps - burn), float(history[burn:].mean()), history, s.astype(np.int8))
