"""Reshapes of wide matrices in which an axis is split into blocks, or blocks are joined."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .factors import Cut
from .matrix import Cell, Matrix, World
from .trace import wide_axes
from .wide import Wide, cells_of, reshape


def folded(world: World, w: Wide, shape: tuple[int, ...]) -> Wide | None:
    """A cell in a new shape with two wide axes, each a part of one of its own, or joined from parts along one.

    world: the matrices of the run. w: of the old shape. shape: the new one, in the program. None where there is no
    rule.
    """
    axes = wide_axes(shape)
    if len(axes) != 2:
        return None
    for side in (1, 0):
        axis, length = (w.first, w.second)[side], shape[axes[side]]
        strides = math.prod(w.shape[axis + 1 :]), math.prod(shape[axes[side] + 1 :])
        longer, shorter = max(w.shape[axis], length), min(w.shape[axis], length)
        copies, rest = divmod(max(strides), min(strides))
        if longer == shorter:
            continue
        if rest or longer % (shorter * copies) or (strides[0] > strides[1]) == (length < longer):
            return None
        blocks = longer // (shorter * copies)
        whole = _split(world, w, side, blocks, copies) if length < longer else _join(world, w, side, blocks, copies)
        if whole is None:
            return None
        w = whole
    return reshape(w, shape)


def chopped(world: World, cell: Cell, chop: Cut, side: int) -> Cell:
    """A cell times a cut of its rows (side 0) or of its columns (side 1).

    world: the matrices of the run. chop: the cut.
    """
    m = world.expand(cell if side == 0 else cell.T)
    words = tuple((c, (chop, *w)) for c, w in m.words)
    left = None if m.left is None else chop.apply(world.space, m.left)
    part = Matrix(chop.rows, m.cols, words, left, m.right)
    return part if side == 0 else part.T


def _split(world: World, w: Wide, side: int, blocks: int, copies: int) -> Wide:
    """A wide axis as blocks of copies: of shape (blocks, shorter, copies)."""
    axis = (w.first, w.second)[side]
    length = w.shape[axis] // (blocks * copies)
    cells = np.empty((*w.cells.shape, blocks, copies), object)
    for at in np.ndindex(cells.shape):
        *where, block, copy = at
        chop = Cut(length, w.shape[axis], (block * length) * copies + copy, copies)
        cells[at] = chopped(world, w.cells[tuple(where)], chop, side)
    before = axis - side
    cells = np.moveaxis(cells, (-2, -1), (before, before + 1))
    if side == 0:
        return Wide(cells, w.first + 1, w.second + 2)
    return Wide(cells, w.first, w.second + 1)


def _join(world: World, w: Wide, side: int, blocks: int, copies: int) -> Wide | None:
    """Blocks of copies of a wide axis as one axis."""
    shape, axis = list(w.shape), (w.first, w.second)[side]
    bounds = (0, w.first, w.second, w.ndim)
    begin, end = bounds[side] + side, bounds[side + 2]
    head, tail = math.prod(shape[begin:axis]), math.prod(shape[axis + 1 : end])
    if head % blocks or tail % copies:
        return None
    middle = [head // blocks, blocks, shape[axis], copies, tail // copies]
    spread = reshape(w, tuple(shape[:begin] + middle + shape[end:]))
    assert spread is not None
    before = begin - side + 1
    cells = np.moveaxis(spread.cells, (before, before + 1), (-2, -1))
    joined = [_sum_of_parts(world, c, side, shape[axis]) for c in cells.reshape(-1, blocks, copies)]
    whole = cells_of(cells.shape[:-2], joined)
    return Wide(whole, spread.first - (side == 0), spread.second - (2 if side == 0 else 1))


def _sum_of_parts(world: World, cells: Any, side: int, length: int) -> Cell:
    blocks, copies = cells.shape
    total: Cell | None = None
    for at in np.ndindex(cells.shape):
        block, copy = at
        chop = Cut(length * blocks * copies, length, block * length * copies + copy, copies)
        part = chopped(world, cells[at], chop, side)
        total = part if total is None else world.add(total, part)
    assert total is not None
    return total
