"""Event chains of spheres in a periodic box, without rejections: soft spheres of any power, hard spheres."""

from __future__ import annotations

import math
from numbers import Integral
from numbers import Real as RealNumber
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .event_chain import check_counts

if TYPE_CHECKING:
    from jaxtyping import Float, Real

STEEPEST = 1e12  # the energy that is cut at the reach: beyond it, rounding hides the exponential numbers
FARTHEST = 1e9  # the box over the reach
LONGEST = 1e6  # a chain over the box
SHORTEST = 1e-10  # the mean of many events over the box: less is jammed


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
    positions: Real[ArrayLike, "n d"],
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

    Raises `StatementError` for numbers out of their ranges, a box below 4 `reach`, overlapping cores, a start of
    infinite energy, and where the spheres are jammed: many events in a row that move next to nothing.
    Bernard, Krauth and Wilson, Phys. Rev. E 80 (2009) 056704; Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014)
    054116.
    """
    x = _checked_positions(positions)
    length, box = _number("length", length), _number("box", box)
    energy = _checked_energy(strength, scale, power, core, reach)
    if not 4 * energy.reach <= box <= min(FARTHEST * energy.reach, 1e100):
        raise StatementError(
            f"`box` must be finite and at least 4 times the reach of {energy.reach}, at most {FARTHEST:g} times it, "
            f"but is {box}."
        )
    if not 0 < length <= LONGEST * box:
        raise StatementError(f"`length` must be finite and > 0, at most {LONGEST:g} times the box, but is {length}.")
    if not isinstance(rng, np.random.Generator):
        raise StatementError(f"`rng` must be a NumPy random generator, but is {rng!r}.")
    check_counts(chains, count)
    x %= box
    cells = _Cells.of(x, box, energy.reach)
    _check_start(x, box, cells, energy)
    snapshots, energies, virials = np.empty((int(count), *x.shape)), np.empty(int(count)), np.empty(int(count))
    displacement, events, jumps, jammed = _chains(x, box, cells, int(chains), length, energy, snapshots, rng)
    if jammed:
        raise StatementError(
            f"The spheres are jammed: after {events} events, many in a row moved less than {SHORTEST:g} of the box "
            "each, at which no chain ends. Spread `positions`, or lower `core`, `power` or `strength`."
        )
    _observe(snapshots, box, cells, energy, energies, virials)
    if not (np.isfinite(energies).all() and np.isfinite(virials).all()):
        raise StatementError(
            "Spheres came as near to contact as rounding shows, where energies are infinite: raise "
            "`power` or `strength`."
        )
    if energy.strength == 0:
        virials[:] = np.nan
    return SphereChains(x, snapshots, energies, virials, displacement, events, jumps, len(x) / box ** x.shape[1])


class _Energy(NamedTuple):
    """The numbers of the energy of a pair; the reach of hard spheres is their core."""

    strength: float
    scale: float
    power: float
    core: float
    reach: float


def _checked_positions(positions: Real[ArrayLike, "n d"]) -> Float[np.ndarray, "n d"]:
    """A copy of the positions."""
    try:
        x = np.array(positions, float)
    except (TypeError, ValueError):
        raise StatementError("`positions` must be finite numbers, (n, d).") from None
    if x.ndim != 2 or len(x) < 2 or x.shape[1] not in (1, 2, 3) or not np.isfinite(x).all():
        raise StatementError(f"`positions` must be finite, (n, d) with n >= 2 and d = 1, 2 or 3, but are {x.shape}.")
    return x


def _number(name: str, value: Real[ArrayLike, ""]) -> float:
    """A finite number; raises `StatementError` otherwise."""
    single = isinstance(value, RealNumber) or (getattr(value, "ndim", 1) == 0 and value.dtype.kind in "iuf")
    if not (single and np.isfinite(value)):
        raise StatementError(f"`{name}` must be finite, a number, but is {value!r}.")
    return float(value)


def _checked_energy(strength: float, scale: float, power: float, core: float, reach: float) -> _Energy:
    scale, power = _number("scale", scale), _number("power", power)
    strength, core, reach = _number("strength", strength), _number("core", core), _number("reach", reach)
    for name, value in (("power", power), ("scale", scale)):
        if value <= 0:
            raise StatementError(f"`{name}` must be finite and > 0, but is {value}.")
    if not (strength >= 0 and core >= 0 and strength + core > 0):
        raise StatementError(
            f"`strength` and `core` must be finite and >= 0, one of them > 0, but are {strength} and {core}."
        )
    if strength == 0:
        return _Energy(strength, scale, power, core, core)
    if reach <= core:
        raise StatementError(f"`reach` must be finite and > `core` = {core}, but is {reach}.")
    cut = power * (math.log(scale) - math.log(reach - core))
    if max(cut, cut + math.log(strength)) > math.log(STEEPEST):
        raise StatementError(
            "`(scale / (reach - core))**power`, the energy that is cut at the reach, must be at most "
            f"{STEEPEST:g}, also times `strength`, but is exp({cut:.4g}): lower `power` or raise `reach`."
        )
    return _Energy(strength, scale, power, core, reach)


def _check_start(x: Float[np.ndarray, "n d"], box: float, cells: _Cells, energy: _Energy) -> None:
    """Raise `StatementError` for overlapping cores, contact of soft spheres and rods that fill the box."""
    n, d = x.shape
    if d == 1 and n * energy.core >= box:
        raise StatementError(f"{n} rods with cores of {energy.core} do not move in a box of {box}: they are jammed.")
    least = _nearest(x, box, cells)
    if least < energy.core * (1 - 1e-12):
        raise StatementError("`positions` must not overlap: two spheres are nearer than their `core`.")
    if energy.strength > 0 and (least <= energy.core or not np.isfinite(_sums(x, box, cells, energy)).all()):
        raise StatementError("`positions` must have a finite energy, but two spheres are in contact, or next to it.")


def lattice(n: int, d: int, box: float) -> Float[np.ndarray, "n d"]:
    """n positions on a cubic lattice of d = 1, 2 or 3 dimensions in a box, of which some places stay free.

    Raises `StatementError` unless n is a whole number >= 1 and the box finite and > 0.
    """
    box = _number("box", box)
    if not (isinstance(n, Integral) and n >= 1 and isinstance(d, Integral) and 1 <= d <= 3 and box > 0):
        raise StatementError(f"`lattice` needs n >= 1, d = 1, 2 or 3 and a box > 0, but has {n}, {d} and {box}.")
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
        around = ((places + steps) % side) @ side ** np.arange(d)[::-1]
        cells = cls(side, around, np.full(side**d, -1), *(np.full(n, -1) for _ in range(3)))
        _fill(x, box, cells)
        return cells


@njit(cache=True)
def _fill(x, box, cells):  # type: ignore[no-untyped-def]
    cells.head[:] = -1
    for i in range(x.shape[0]):
        cell = 0
        for k in range(x.shape[1]):
            cell = cell * cells.side + min(int(x[i, k] * (cells.side / box)), cells.side - 1)
        _enter(i, cell, cells)


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
    """Energy per sphere, and the virial per sphere and dimension; infinite where a pair is in contact."""
    strength, scale, power, core, reach = energy
    total, virial = 0.0, 0.0
    for i in range(x.shape[0]):
        for cell in cells.around[cells.home[i]]:
            j = cells.head[cell]
            while j >= 0:
                if j > i:
                    ahead, across = _apart(x, i, j, box, 0)
                    r = math.sqrt(ahead * ahead + across)
                    if r <= core and strength > 0:
                        return math.inf, math.inf
                    if r < reach and strength > 0:
                        total += strength * _excess(r, energy)
                        virial += strength * power * r / (r - core) * (scale / (r - core)) ** power
                j = cells.after[j]
    return total / x.shape[0], virial / x.size


@njit(cache=True)
def _observe(snapshots, box, cells, energy, energies, virials):  # type: ignore[no-untyped-def]
    for k in range(snapshots.shape[0]):
        _fill(snapshots[k], box, cells)
        energies[k], virials[k] = _sums(snapshots[k], box, cells, energy)


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
    displacement, jumps, events, kept, window = 0.0, 0.0, 0, 0, 1000 + 10 * n
    for chain in range(chains):
        left = 2 * length * rng.random()
        displacement += left
        i, along = min(int(rng.random() * n), n - 1), min(int(rng.random() * d), d - 1)
        moves, before = 0, left
        while True:
            if moves == window:
                if before - left <= SHORTEST * box * window:
                    return displacement, events, jumps, True
                moves, before = 0, left
            moves += 1
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
    return displacement, events, jumps, False
