"""Arrays with two wide axes: an array of matrices over their narrow axes; and arrays laid out flat."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .matrix import Cell, Matrix, World
from .refusal import Refused
from .trace import is_wide, wide_axes


@dataclasses.dataclass(frozen=True, eq=False)
class Wide:
    """An array with wide axes at `first` < `second`; `cells` has its narrow axes, each entry a matrix."""

    cells: np.ndarray
    first: int
    second: int

    @property
    def ndim(self) -> int:
        return self.cells.ndim + 2

    @property
    def rows(self) -> int:
        return int(self.cells.flat[0].rows)

    @property
    def cols(self) -> int:
        return int(self.cells.flat[0].cols)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in the program."""
        lengths = list(self.cells.shape)
        lengths.insert(self.first, self.rows)
        lengths.insert(self.second, self.cols)
        return tuple(lengths)

    def narrow(self) -> list[int]:
        """The positions of the narrow axes."""
        return [i for i in range(self.ndim) if i not in (self.first, self.second)]

    def map(self, change: Callable[[Cell], Cell]) -> Wide:
        """The same with every matrix changed, by a function from cell to cell."""
        return dataclasses.replace(self, cells=cells_of(self.cells.shape, [change(c) for c in self.cells.flat]))


@dataclasses.dataclass(frozen=True, eq=False)
class Flat:
    """Arrays laid out one after the other along a single axis, with wide axes among theirs.

    pieces: the arrays; shapes: of each, in the program.
    """

    pieces: tuple[Any, ...]
    shapes: tuple[tuple[int, ...], ...]

    @property
    def lengths(self) -> list[int]:
        return [int(np.prod(s, dtype=object)) for s in self.shapes]


def cells_of(shape: tuple[int, ...], cells: Sequence[Cell]) -> np.ndarray:
    """An object array of a shape with these cells, in row-major order."""
    array = np.empty(len(cells), object)
    for i, cell in enumerate(cells):
        array[i] = cell
    return array.reshape(shape)


def transpose(w: Wide, permutation: Sequence[int]) -> Wide:
    """The axes of w in another order: axis i is what was axis `permutation[i]`."""
    order = list(permutation)
    first, second = order.index(w.first), order.index(w.second)
    narrow = w.narrow()
    cells = w.cells.transpose([narrow.index(p) for p in order if p in narrow])
    if first < second:
        return Wide(cells, first, second)
    return Wide(cells_of(cells.shape, [c.T for c in cells.flat]), second, first)


def reshape(w: Wide, shape: tuple[int, ...]) -> Wide | None:
    """A new shape of w in which both wide axes stay whole; None if they do not."""
    axes = wide_axes(shape)
    if len(axes) != 2 or (shape[axes[0]], shape[axes[1]]) != (w.rows, w.cols):
        return None
    old = w.shape
    for (a, b), (c, d) in zip(
        [(0, w.first), (w.first, w.second), (w.second, w.ndim)],
        [(0, axes[0]), (axes[0], axes[1]), (axes[1], len(shape))],
        strict=True,
    ):
        if _narrow_size(old[a:b]) != _narrow_size(shape[c:d]):
            return None
    return Wide(w.cells.reshape([k for i, k in enumerate(shape) if i not in axes]), axes[0], axes[1])


def lift(world: World, value: Any, shape: tuple[int, ...]) -> Wide:
    """An array over at most one of two wide axes as an array of matrices of rank one.

    world: the matrices of the run. value: the array, with points, or a `Wide`, which is returned as it is. shape: in
    the program. Raises `Refused` for given numbers over both wide axes.
    """
    if isinstance(value, Wide):
        return value
    first, second = wide_axes(shape)
    array = np.asarray(value, float)
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if array.shape[first] > 1 and array.shape[second] > 1:
        raise Refused("cannot derive: a matrix with two wide axes of given numbers has no rule.")
    rows, cols = shape[first], shape[second]
    narrow = tuple(k for i, k in enumerate(shape) if i not in (first, second))
    moved = np.moveaxis(array, (first, second), (-2, -1))
    moved = np.broadcast_to(moved, (*narrow, *moved.shape[-2:]))
    ones = [np.ones((world.space.count(k), 1)) for k in (rows, cols)]
    cells: list[Cell] = []
    for block in moved.reshape(-1, *moved.shape[-2:]):
        left = ones[0] * block[:, :1]
        right = block.T if block.shape[1] > 1 else ones[1]
        left = ones[0] if block.shape[1] > 1 else left
        cells.append(Matrix(rows, cols, (), left, np.array(right)))
    return Wide(cells_of(narrow, cells), first, second)


def _narrow_size(shape: tuple[int, ...]) -> int:
    return int(np.prod([k for k in shape if not is_wide(k)], dtype=int))
