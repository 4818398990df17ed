"""Events of spheres that push each other: cells, distances, and the compiled chains."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

SHORTEST = 1e-10  # the mean of many events over the box: less is jammed


class Energy(NamedTuple):
    """The numbers of the energy of a pair; the reach of hard spheres is their core."""

    strength: float
    scale: float
    power: float
    core: float
    reach: float


class Cells(NamedTuple):
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
    def of(cls, x: np.ndarray, box: float, reach: float) -> Cells:
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
def nearest(x, box, cells):  # type: ignore[no-untyped-def]
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
def sums(x, box, cells, energy):  # type: ignore[no-untyped-def]
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
def observe(snapshots, box, cells, energy, energies, virials):  # type: ignore[no-untyped-def]
    for k in range(snapshots.shape[0]):
        _fill(snapshots[k], box, cells)
        energies[k], virials[k] = sums(snapshots[k], box, cells, energy)


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
def chains_of(x, box, cells, chains, length, energy, snapshots, rng):  # type: ignore[no-untyped-def]
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
