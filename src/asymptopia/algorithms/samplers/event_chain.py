"""Event-chain Monte Carlo, without rejections: rods on a ring, disks in a periodic box."""

from __future__ import annotations

import math
from numbers import Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ...contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float


class Chains(NamedTuple):
    """The result of event chains.

    configuration: gaps (n,) of rods, positions (n, 2) of disks, at the end.
    snapshots:     configurations at equally spaced chains, the last one included; (count, ...).
    displacement:  of all chains together.
    events:        how often the motion passed to another particle.
    jumps:         the signed distances, along the motion, from each particle to the one that took over, summed.
    """

    configuration: Float[np.ndarray, "n ..."]
    snapshots: Float[np.ndarray, "count ..."]
    displacement: float
    events: int
    jumps: float

    def pressure(self, density: float) -> float:
        r"""Pressure over temperature: $\rho (1 + \text{jumps} / \text{displacement})$.

        Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014) 054116, equation 20.
        """
        return density * (1 + self.jumps / self.displacement)


def rod_chains(
    gaps: Float[np.ndarray, " n"],
    chains: int,
    rng: np.random.Generator,
    *,
    step: float = 0.0,
    width: float = 0.5,
    count: int = 1,
) -> Chains:
    r"""Event chains of n rods of length 1 on a ring, given the gaps between neighbours.

    Neighbours at a gap below `width` <= 1 have the energy `step`, in units of the temperature, positive or negative.
    One rod moves forward until it would touch the next one or, at a rise of the energy, until it is refused there with
    probability $1 - e^{-\text{rise}}$; then the neighbour whose distance caused the event moves on. The length of a
    chain is uniform between 0 and the sum of the gaps, its first rod uniform. No move is rejected, and the Boltzmann
    distribution is invariant. Bernard, Krauth and Wilson, Phys. Rev. E 80 (2009) 056704; for energies Michel et al.
    (2014).
    """
    g = np.array(gaps, float)
    if g.ndim != 1 or len(g) < 2 or not np.isfinite(g).all() or (g < 0).any() or g.sum() == 0:
        raise StatementError("`gaps` must be two or more numbers >= 0, not all 0: rods must not overlap.")
    if not np.isfinite(step):
        raise StatementError(f"`step` must be finite, but is {step}.")
    if not 0 < width <= 1:
        raise StatementError(f"`width` must be > 0 and <= 1, so that only neighbours interact, but is {width}.")
    check_counts(chains, count)
    snapshots = np.empty((count, len(g)))
    return Chains(g, snapshots, *_rods(g, int(chains), float(step), float(width), snapshots, rng))


def disk_chains(
    positions: Float[np.ndarray, "n 2"],
    box: float,
    chain: float,
    chains: int,
    rng: np.random.Generator,
    *,
    count: int = 1,
) -> Chains:
    """Event chains of disks of diameter 1 in a periodic square box of side `box`, along +x and +y in turn.

    chain: the length of a chain. The time of an event grows with the number of disks: for some hundreds of them.
    """
    x = np.array(positions, float)
    if x.ndim != 2 or x.shape[1] != 2 or len(x) < 2 or not np.isfinite(x).all():
        raise StatementError(f"`positions` must be finite, of shape (n, 2) with n >= 2, but has shape {x.shape}.")
    if not (np.isfinite(box) and box > 2):
        raise StatementError(f"`box` must be finite and > 2 diameters, but is {box}.")
    if not (np.isfinite(chain) and chain > 0):
        raise StatementError(f"`chain` must be finite and > 0, but is {chain}.")
    check_counts(chains, count)
    x %= box
    nearest = _nearest(x, float(box))
    if nearest < 1 - 1e-12:
        raise StatementError(f"`positions` must not overlap, but two disks are at a distance of {nearest:.6g} < 1.")
    snapshots = np.empty((count, *x.shape))
    return Chains(x, snapshots, *_disks(x, float(box), float(chain), int(chains), snapshots, rng))


def check_counts(chains: int, count: int) -> None:
    """Raise `StatementError` unless there are `chains`, a whole number >= 1, and as many snapshots, or fewer."""
    for name, value in (("chains", chains), ("count", count)):
        if not isinstance(value, Real) or not 1 <= value < np.inf or value != int(value):
            raise StatementError(f"`{name}` must be a whole number >= 1, but is {value}.")
    if count > chains:
        raise StatementError(f"`count` must be at most `chains` = {chains}, but is {count}.")


@njit(cache=True)
def _rods(g, chains, step, width, snapshots, rng):  # type: ignore[no-untyped-def]
    n, count = snapshots.shape[1], snapshots.shape[0]
    free = g.sum()
    displacement, jumps, events, kept = 0.0, 0.0, 0, 0
    for chain in range(chains):
        left = rng.random() * free
        displacement += left
        i = min(int(rng.random() * n), n - 1)
        while True:
            behind = (i - 1) % n
            # a rise ahead (inwards, if the step is positive) or behind (outwards, if it is negative)
            stop, cause = g[i], 1
            if step > 0 and g[i] >= width and rng.random() >= math.exp(-step):
                stop, cause = g[i] - width, 2
            elif step < 0 and g[behind] < width and rng.random() >= math.exp(step) and width - g[behind] < stop:
                stop, cause = width - g[behind], 3
            if stop >= left:
                g[behind] += left
                g[i] -= left
                break
            left -= stop
            events += 1
            g[behind] += stop
            if cause == 1:
                g[i] = 0.0
                jumps += 1.0
                i = (i + 1) % n
            elif cause == 2:
                g[i] = width
                jumps += 1.0 + width
                i = (i + 1) % n
            else:
                g[i] -= stop
                g[behind] = width
                jumps -= 1.0 + width
                i = behind
        while kept < count and (chain + 1) * count >= chains * (kept + 1):
            snapshots[kept] = g
            kept += 1
    return displacement, events, jumps


@njit(cache=True)
def _nearest(x, box):  # type: ignore[no-untyped-def]
    least = math.inf
    for i in range(x.shape[0]):
        for j in range(i):
            dx, dy = abs(x[i, 0] - x[j, 0]), abs(x[i, 1] - x[j, 1])
            dx, dy = min(dx, box - dx), min(dy, box - dy)
            least = min(least, dx * dx + dy * dy)
    return math.sqrt(least)


@njit(cache=True)
def _ahead(x, i, box, along):  # type: ignore[no-untyped-def]
    """How far a disk can move along this axis, the disk it then touches, and the distance between the two along it."""
    across = 1 - along
    free, hit, reach = math.inf, -1, 0.0
    for j in range(x.shape[0]):
        side = abs(x[j, across] - x[i, across])
        side = min(side, box - side)
        if side < 1 and j != i:
            apart = math.sqrt(1 - side * side)
            distance = x[j, along] - x[i, along]
            if distance < 0:
                distance += box
            if distance - apart < free and distance < box - apart + 1e-9:
                free, hit, reach = distance - apart, j, apart
    return max(free, 0.0), hit, reach


@njit(cache=True)
def _disks(x, box, length, chains, snapshots, rng):  # type: ignore[no-untyped-def]
    n, count = x.shape[0], snapshots.shape[0]
    jumps, events, kept = 0.0, 0, 0
    for chain in range(chains):
        left, along = length, chain % 2
        i = min(int(rng.random() * n), n - 1)
        while True:
            free, hit, reach = _ahead(x, i, box, along)
            move = min(free, left)
            x[i, along] = (x[i, along] + move) % box
            if free >= left:
                break
            left -= free
            events += 1
            jumps += reach
            i = hit
        while kept < count and (chain + 1) * count >= chains * (kept + 1):
            snapshots[kept] = x
            kept += 1
    return length * chains, events, jumps
