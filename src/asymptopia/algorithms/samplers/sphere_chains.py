"""Event chains of spheres in a periodic box, without rejections: soft spheres of any power, hard spheres."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ...contract.record import StatementError
from .event_chain import check_counts

if TYPE_CHECKING:
    from jaxtyping import Float


class SphereChains(NamedTuple):
    """The result of event chains of spheres.

    configuration: positions (n, d) at the end.
    snapshots:     positions at equally spaced chains, the last one included; (count, n, d).
    energies:      energy per sphere, over the temperature, of each snapshot; (count,).
    virials:       (1 / n d) sum over pairs of -r u'(r), over the temperature, of each snapshot; (count,).
    displacement:  of all chains together.
    events:        how often the motion passed to another sphere.
    jumps:         the distances, along the motion, from each sphere to the one that took over, summed.
    density:       spheres per volume.
    """

    configuration: Float[np.ndarray, "n d"]
    snapshots: Float[np.ndarray, "count n d"]
    energies: Float[np.ndarray, " count"]
    virials: Float[np.ndarray, " count"]
    displacement: float
    events: int
    jumps: float
    density: float

    @property
    def pressure(self) -> float:
        r"""Pressure over temperature by the events, $\rho (1 + \text{jumps} / \text{displacement})$.

        Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014) 054116, equation 20.
        """
        return self.density * (1 + self.jumps / self.displacement)

    @property
    def virial_pressure(self) -> float:
        r"""Pressure over temperature by the virial of the snapshots; of hard spheres, whose forces it lacks, nan."""
        return self.density * (1 + float(self.virials.mean()))


def sphere_chains(
    positions: Float[np.ndarray, "n d"],
    box: float,
    chains: int,
    length: float,
    rng: np.random.Generator,
    *,
    power: float = 12.0,
    strength: float = 1.0,
    scale: float = 1.0,
    core: float = 0.0,
    reach: float = 2.0,
    count: int = 1,
) -> SphereChains:
    r"""Event chains of n spheres in a periodic box of d = 1, 2 or 3 dimensions and of sides `box`.

    Two spheres at a distance r have the energy, over the temperature,

    $$u(r) = \epsilon \left[\left(\frac{\sigma}{r - c}\right)^k - \left(\frac{\sigma}{R - c}\right)^k\right]
      \quad (c < r < R),$$

    0 beyond R = `reach`, and infinite within c = `core`; k is the `power`, epsilon the `strength`, sigma the `scale`.
    Without strength they are hard spheres of diameter `core`.

    One sphere moves along an axis, forward, until the energy with one of the others, counted uphill only, has risen by
    an exponential random number; this distance is exact. Then that one moves on. Chains have independent lengths
    between 0 and twice `length`, first spheres and axes. No move is rejected, and the Boltzmann distribution is
    invariant. Only spheres in neighbouring cells are looked at, so that the time of an event does not grow with n.

    Raises `StatementError` for numbers out of their ranges, a box below 4 `reach`, and overlapping cores.
    Bernard, Krauth and Wilson, Phys. Rev. E 80 (2009) 056704; Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014)
    054116.
    """
    x = np.array(positions, float)
    if x.ndim != 2 or len(x) < 2 or x.shape[1] not in (1, 2, 3) or not np.isfinite(x).all():
        raise StatementError(f"`positions` must be finite, (n, d) with n >= 2 and d = 1, 2 or 3, but are {x.shape}.")
    if not (np.isfinite(length) and length > 0):
        raise StatementError(f"`length` must be finite and > 0, but is {length}.")
    energy = _checked_energy(strength, scale, power, core, reach)
    reach = energy[-1]
    if not (np.isfinite(box) and box >= 4 * reach):
        raise StatementError(f"`box` must be finite and at least 4 times the reach of {reach}, but is {box}.")
    check_counts(chains, count)
    x %= box
    cells = _Cells.of(x, float(box), reach)
    if core > 0 and _nearest(x, box, cells) < core * (1 - 1e-12):
        raise StatementError("`positions` must not overlap: two spheres are nearer than their `core`.")
    snapshots, energies, virials = np.empty((count, *x.shape)), np.empty(count), np.empty(count)
    displacement, events, jumps = _chains(x, float(box), cells, int(chains), float(length), energy, snapshots, rng)
    for k, snapshot in enumerate(snapshots):
        here = _Cells.of(snapshot, float(box), reach)
        energies[k], virials[k] = _sums(snapshot, float(box), here, energy)
    if strength == 0:
        virials[:] = np.nan
    density = len(x) / float(box) ** x.shape[1]
    return SphereChains(x, snapshots, energies, virials, displacement, events, jumps, density)


def _checked_energy(
    strength: float, scale: float, power: float, core: float, reach: float
) -> tuple[float, float, float, float, float]:
    """The numbers of the energy of a pair, in this order; the reach of hard spheres is their core."""
    for name, value in (("power", power), ("scale", scale)):
        if not (np.isfinite(value) and value > 0):
            raise StatementError(f"`{name}` must be finite and > 0, but is {value}.")
    if not (np.isfinite(strength) and strength >= 0 and np.isfinite(core) and core >= 0 and strength + core > 0):
        raise StatementError(
            f"`strength` and `core` must be finite and >= 0, one of them > 0, but are {strength} and {core}."
        )
    if strength > 0 and not (np.isfinite(reach) and reach > core):
        raise StatementError(f"`reach` must be finite and > `core` = {core}, but is {reach}.")
    return float(strength), float(scale), float(power), float(core), float(reach if strength else core)


def lattice(n: int, d: int, box: float) -> Float[np.ndarray, "n d"]:
    """n positions on a cubic lattice of d dimensions in a box, of which some places stay free."""
    side = math.ceil(n ** (1 / d) - 1e-9)
    places = np.stack(np.meshgrid(*[np.arange(side)] * d, indexing="ij"), axis=-1).reshape(-1, d)
    chosen = np.linspace(0, len(places) - 1, n).round().astype(int)
    return (places[chosen] + 0.5) * box / side


class _Cells(NamedTuple):
    """Cells not narrower than the reach, four or more along each axis, with lists of their members.

    So what a sphere can meet within its cell is ahead of it in the nearest image.

    side: cells along each axis. around: each cell and its neighbours, (cells, 3**d). head: the first member, or -1.
    after, before: the next and the last member of the same cell. home: the cell of each sphere.
    """

    side: int
    around: np.ndarray
    head: np.ndarray
    after: np.ndarray
    before: np.ndarray
    home: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, box: float, reach: float) -> _Cells:
        n, d = x.shape
        side = max(4, min(int(box / reach), math.ceil(2 * n ** (1 / d))))
        places = np.stack(np.meshgrid(*[np.arange(side)] * d, indexing="ij"), axis=-1).reshape(-1, 1, d)
        steps = np.stack(np.meshgrid(*[np.arange(-1, 2)] * d, indexing="ij"), axis=-1).reshape(1, -1, d)
        strides = side ** np.arange(d)[::-1]
        around = ((places + steps) % side) @ strides
        home = np.minimum((x * (side / box)).astype(np.int64), side - 1) @ strides
        cells = cls(side, around, np.full(side**d, -1), np.full(n, -1), np.full(n, -1), home)
        _fill(cells)
        return cells


@njit(cache=True)
def _fill(cells):  # type: ignore[no-untyped-def]
    for i in range(len(cells.home)):
        _enter(i, cells.home[i], cells)


@njit(cache=True)
def _enter(i, cell, cells):  # type: ignore[no-untyped-def]
    first = cells.head[cell]
    cells.after[i], cells.before[i], cells.home[i] = first, -1, cell
    if first >= 0:
        cells.before[first] = i
    cells.head[cell] = i


@njit(cache=True)
def _leave(i, cells):  # type: ignore[no-untyped-def]
    before, after = cells.before[i], cells.after[i]
    if before >= 0:
        cells.after[before] = after
    else:
        cells.head[cells.home[i]] = after
    if after >= 0:
        cells.before[after] = before


@njit(cache=True)
def _apart(x, i, j, box, along):  # type: ignore[no-untyped-def]
    """The distance along an axis from i to the nearest image of j, signed, and the squared distance across."""
    ahead, across = 0.0, 0.0
    for k in range(x.shape[1]):
        step = x[j, k] - x[i, k]
        if step > box / 2:
            step -= box
        elif step <= -box / 2:
            step += box
        if k == along:
            ahead = step
        else:
            across += step * step
    return ahead, across


@njit(cache=True)
def _excess(r, energy):  # type: ignore[no-untyped-def]
    """The energy of a pair over its strength, from that at the reach."""
    _, scale, power, core, reach = energy
    return (scale / max(r - core, 0.0)) ** power - (scale / (reach - core)) ** power if r > core else math.inf


@njit(cache=True)
def _event(ahead, across, energy, climb):  # type: ignore[no-untyped-def]
    """How far a sphere can move towards another until their energy has risen by `climb`; infinite if it passes by."""
    strength, scale, power, core, reach = energy
    if ahead <= 0 or across >= reach * reach:
        return math.inf
    stop = core
    if strength > 0:
        r = math.sqrt(ahead * ahead + across)
        risen = climb / strength + (_excess(r, energy) if r < reach else 0.0)
        stop = core + scale * (risen + (scale / (reach - core)) ** power) ** (-1 / power)
    if stop * stop <= across:
        return math.inf
    return max(ahead - math.sqrt(stop * stop - across), 0.0)


@njit(cache=True)
def _nearest(x, box, cells):  # type: ignore[no-untyped-def]
    """The least distance of two spheres, as far as it is below the reach."""
    least = math.inf
    for i in range(x.shape[0]):
        for cell in cells.around[cells.home[i]]:
            j = cells.head[cell]
            while j >= 0:
                if j != i:
                    ahead, across = _apart(x, i, j, box, 0)
                    least = min(least, ahead * ahead + across)
                j = cells.after[j]
    return math.sqrt(least)


@njit(cache=True)
def _sums(x, box, cells, energy):  # type: ignore[no-untyped-def]
    """Energy per sphere, and the virial per sphere and dimension."""
    strength, scale, power, core, reach = energy
    total, virial = 0.0, 0.0
    for i in range(x.shape[0]):
        for cell in cells.around[cells.home[i]]:
            j = cells.head[cell]
            while j >= 0:
                if j > i:
                    ahead, across = _apart(x, i, j, box, 0)
                    r = math.sqrt(ahead * ahead + across)
                    if r < reach and strength > 0:
                        total += strength * _excess(r, energy)
                        virial += strength * power * r / (r - core) * (scale / (r - core)) ** power
                j = cells.after[j]
    return total / x.shape[0], virial / x.size


@njit(cache=True)
def _next(x, i, along, box, cells, energy, rng):  # type: ignore[no-untyped-def]
    """How far sphere i can move, the one that moves on or -1 at the border of its cell, and the distance to that."""
    width = box / cells.side
    place = cells.home[i] // cells.side ** (x.shape[1] - 1 - along) % cells.side
    free, hit, reached = max((place + 1) * width - x[i, along], 0.0), -1, 0.0
    for cell in cells.around[cells.home[i]]:
        j = cells.head[cell]
        while j >= 0:
            if j != i:
                ahead, across = _apart(x, i, j, box, along)
                distance = _event(ahead, across, energy, rng.exponential())
                if distance < free:
                    free, hit, reached = distance, j, ahead - distance
            j = cells.after[j]
    return free, hit, reached


@njit(cache=True)
def _cross(x, i, along, box, cells):  # type: ignore[no-untyped-def]
    """Put a sphere that has reached the border of its cell into the next one."""
    stride = cells.side ** (x.shape[1] - 1 - along)
    cell = cells.home[i]
    place = cell // stride % cells.side
    after = (place + 1) % cells.side
    x[i, along] = after * (box / cells.side)
    _leave(i, cells)
    _enter(i, cell + (after - place) * stride, cells)


@njit(cache=True)
def _chains(x, box, cells, chains, length, energy, snapshots, rng):  # type: ignore[no-untyped-def]
    n, d, count = x.shape[0], x.shape[1], snapshots.shape[0]
    displacement, jumps, events, kept = 0.0, 0.0, 0, 0
    for chain in range(chains):
        left = 2 * length * rng.random()
        displacement += left
        i, along = min(int(rng.random() * n), n - 1), min(int(rng.random() * d), d - 1)
        while True:
            free, hit, reached = _next(x, i, along, box, cells, energy, rng)
            if free >= left:
                x[i, along] += left
                break
            left -= free
            if hit < 0:
                _cross(x, i, along, box, cells)
            else:
                x[i, along] += free
                events += 1
                jumps += reached
                i = hit
        while kept < count and (chain + 1) * count >= chains * (kept + 1):
            snapshots[kept] = x
            kept += 1
    return displacement, events, jumps
