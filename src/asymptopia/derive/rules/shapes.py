"""Axes moved, joined, cut, repeated; nothing is computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..factors import Cut
from ..folding import chopped, folded
from ..matrix import Independent, Matrix
from ..refusal import Equation, Refused
from ..trace import is_wide, wide_axes
from ..wide import Flat, Wide, cells_of, lift, reshape, transpose
from .bind import bind

NEIGHBOURS = (
    "no limit can be derived: this picks or shifts coordinates of a wide axis by their position, so that neighbours "
    "on it are mixed; coordinates of a wide axis have to be exchangeable."
)


class Positions(np.ndarray):
    """The points of `offset + (0, 1, 2, ...)` along a wide axis."""

    offset: float = 0.0


def positions(points: np.ndarray, offset: float) -> Positions:
    """The points of an axis, known to be positions plus an offset."""
    places = np.asarray(points).view(Positions)
    places.offset = offset
    return places


def iota(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The positions 0, 1, ... along an axis; along a wide one, of its points."""
    shape, axis = equation.params["shape"], equation.params["dimension"]
    dtype = equation.params["dtype"]
    axes = wide_axes(shape)
    if not axes:
        return bind(ctx, equation, args)
    if len(axes) == 2 and axis in axes:
        rows, cols = (shape[i] for i in axes)
        which = axes.index(axis)
        ones = [np.ones((ctx.space.count(k), 1)) for k in (rows, cols)]
        ones[which] = place(ctx, shape[axis])[:, None]
        cell = Matrix(rows, cols, (), ones[0], ones[1], (which, 0.0))
        narrow = tuple(k for i, k in enumerate(shape) if i not in axes)
        return [Wide(cells_of(narrow, [cell] * int(np.prod(narrow, dtype=int))), *axes)]
    line = place(ctx, shape[axis]) if axis in axes else np.arange(shape[axis])
    line = line.astype(dtype)
    view = line.reshape([-1 if i == axis else 1 for i in range(len(shape))])
    if len(axes) == 2:
        return [lift(ctx.world, view, shape)]
    out = np.broadcast_to(view, ctx.shape(shape))
    return [positions(out, 0.0) if len(shape) == 1 else out]


def place(ctx: Context, length: int) -> np.ndarray:
    """The positions that the points of an axis of this length stand for; the same whenever they are asked for."""
    if ("place", length) not in ctx.drawn:
        layout = ctx.space.layouts[length]
        uniform = ctx.space.uniform(length, 1)[:, 0]
        places, begin = np.empty(len(uniform)), 0
        for size, where in zip(layout.sizes, layout.places, strict=True):
            places[where] = np.floor(begin + uniform[where] * size)
            begin += size
        ctx.drawn["place", length] = places
    return ctx.drawn["place", length]


def broadcast_in_dim(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array repeated along new axes; over two wide ones it is a matrix of rank one."""
    value, shape = args[0], tuple(equation.params["shape"])
    where = equation.params["broadcast_dimensions"]
    if isinstance(value, Flat):
        raise Refused("cannot derive: an array laid out flat is repeated.")
    two = len(wide_axes(shape)) > 1
    if isinstance(value, Wide):
        if len(wide_axes(shape)) > 2:
            raise Refused("cannot derive: an array with three wide axes has no rule; write it as products of matrices.")
        first, second = (int(where[i]) for i in (value.first, value.second))
        narrow = [i for i in range(len(shape)) if i not in (first, second)]
        view = value.cells.reshape([value.shape[list(where).index(i)] if i in where else 1 for i in narrow])
        return [Wide(np.broadcast_to(view, [shape[i] for i in narrow]), first, second)]
    array = np.asarray(value)
    view = array.reshape([array.shape[list(where).index(i)] if i in where else 1 for i in range(len(shape))])
    if not two:
        return [np.broadcast_to(view, ctx.shape(shape))]
    if len(wide_axes(shape)) > 2:
        raise Refused("cannot derive: an array with three wide axes has no rule; write it as products of matrices.")
    lifted = lift(ctx.world, view, shape)
    if isinstance(value, Positions):
        which = 0 if int(where[0]) == lifted.first else 1
        offset = value.offset
        lifted = lifted.map(lambda c: Matrix(c.rows, c.cols, (), c.left, c.right, (which, offset)))  # type: ignore
    return [lifted]


def reshaped(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array in a new shape. Wide axes may be split into blocks, joined from blocks, or laid out flat."""
    value, shape = args[0], tuple(equation.outvars[0].aval.shape)
    before = tuple(equation.invars[0].aval.shape)
    if isinstance(value, Flat):
        if len(value.pieces) == 1 and value.shapes[0] == shape:
            return [value.pieces[0]]
        raise Refused("cannot derive: an array laid out flat is folded into a shape that is not one it came from.")
    if isinstance(value, Wide):
        matrices = reshape(value, shape) or folded(ctx.world, value, shape)
        if matrices is None and len(shape) == 1:
            return [Flat((value,), (before,))]
        if matrices is None:
            raise Refused("cannot derive: this shape joins or splits the wide axes of a matrix.")
        return [matrices]
    two = len(wide_axes(shape)) > 1
    if two and len(wide_axes(before)) < 2:
        raise Refused("cannot derive: this shape splits a wide axis into two.")
    if len(shape) == 1 and wide_axes(shape) and shape[0] not in ctx.space.layouts:
        return [Flat((value,), (before,))]
    after = ctx.shape(shape)
    if np.prod(after, dtype=int) != np.size(value):
        raise Refused("cannot derive: this shape splits a wide axis in a way that no rule covers.")
    out = np.reshape(value, after)
    return [positions(out, value.offset) if isinstance(value, Positions) and out.ndim == 1 else np.asarray(out)]


def transposed(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The axes in another order."""
    order = equation.params["permutation"]
    if isinstance(args[0], Wide):
        return [transpose(args[0], order)]
    return [np.transpose(args[0], order)]


def squeeze(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array without some axes of length one."""
    value, shape = args[0], tuple(equation.outvars[0].aval.shape)
    if isinstance(value, Wide):
        matrices = reshape(value, shape)
        assert matrices is not None
        return [matrices]
    return [np.reshape(value, ctx.shape(shape))] if isinstance(value, np.ndarray) else bind(ctx, equation, args)


def sliced(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The part of an array between fixed positions on each axis."""
    params = equation.params
    starts, ends = params["start_indices"], params["limit_indices"]
    strides = params["strides"] or (1,) * len(starts)
    return [cut(ctx, args[0], tuple(equation.invars[0].aval.shape), starts, ends, strides)]


def cut(ctx: Context, value: Any, shape: tuple[int, ...], starts: Any, ends: Any, strides: Any) -> Any:
    """The part of an array between positions on each axis.

    ctx: the state of the run. value: the array, with points. shape: in the program. starts, ends, strides: one an axis.
    Raises `Refused` for parts of a wide axis in which neighbours would be told apart.
    """
    if isinstance(value, Flat):
        return _cut_flat(value, int(starts[0]), int(ends[0]))
    triples = zip(shape, starts, ends, strides, strict=True)
    where = [_range(ctx, k, int(a), int(b), int(s)) for k, a, b, s in triples]
    if isinstance(value, Wide):
        return _cut_wide(ctx, value, shape, where, starts, ends)
    if None in where:
        raise Refused(NEIGHBOURS)
    return np.asarray(value[tuple(where)])


def _range(ctx: Context, length: int, start: int, end: int, stride: int) -> slice | None:
    """The points of a part of an axis; None if they are single coordinates of a wide axis."""
    if not is_wide(length):
        return slice(start, end, stride)
    if end - start == length and stride == 1:
        return slice(None)
    if stride != 1 or end - start not in ctx.space.layouts or not is_wide(length - (end - start)):
        return None
    layout = ctx.space.layouts[length]
    return slice(layout.point(start), layout.point(end))


def _cut_wide(ctx: Context, value: Wide, shape: Any, where: list[slice | None], starts: Any, ends: Any) -> Any:
    cells = value.cells[tuple(where[i] for i in value.narrow())] if value.cells.ndim else value.cells
    for axis, side in ((value.first, 0), (value.second, 1)):
        if where[axis] is None:
            return _line(ctx, Wide(cells, value.first, value.second), axis, int(starts[axis]), int(ends[axis]))
        if where[axis] != slice(None):
            chop = Cut(int(ends[axis] - starts[axis]), shape[axis], int(starts[axis]))
            cells = cells_of(cells.shape, [chopped(ctx.world, c, chop, side) for c in cells.flat])
    return Wide(cells, value.first, value.second)


def _line(ctx: Context, value: Wide, axis: int, start: int, end: int) -> np.ndarray:
    """A row or column of a random matrix."""
    lines = []
    for cell in value.cells.flat:
        c = cell if axis == value.first else cell.T
        if end - start != 1 or not isinstance(c, Independent) or start not in ctx.space.layouts[c.rows].singles:
            raise Refused(
                "cannot derive: single coordinates of a wide axis have a rule only where one row or column is taken "
                "out of a matrix of independent draws."
            )
        lines.append(ctx.world.line(c, start))
    out = np.array(lines).reshape(*value.cells.shape, -1, 1)
    axes = [*value.narrow(), value.second if axis == value.first else value.first, axis]
    return np.transpose(out, [axes.index(i) for i in range(len(axes))])


def _cut_flat(value: Flat, start: int, end: int) -> Any:
    begin = 0
    pieces: list[Any] = []
    shapes: list[tuple[int, ...]] = []
    for piece, shape, length in zip(value.pieces, value.shapes, value.lengths, strict=True):
        if start <= begin and begin + length <= end:
            pieces.append(piece)
            shapes.append(shape)
        elif begin < end and start < begin + length:
            raise Refused("cannot derive: an array laid out flat is cut inside one of its pieces.")
        begin += length
    if len(shapes) == 1 and len(shapes[0]) < 2:
        return pieces[0]
    return Flat(tuple(pieces), tuple(shapes))


def split(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The consecutive parts of an array along one axis."""
    axis, shape = equation.params["axis"], tuple(equation.invars[0].aval.shape)
    begin, out = 0, []
    for size in equation.params["sizes"]:
        starts, ends = [0] * len(shape), list(shape)
        starts[axis], ends[axis] = begin, begin + size
        out.append(cut(ctx, args[0], shape, starts, ends, [1] * len(shape)))
        begin += size
    return out


def concatenate(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Arrays one after the other along an axis, narrow or wide."""
    axis = equation.params["dimension"]
    shape = tuple(equation.outvars[0].aval.shape)
    shapes = [tuple(v.aval.shape) for v in equation.invars]
    lengths = [s[axis] for s in shapes]
    flat = any(isinstance(a, Flat) for a in args)
    mixed = is_wide(shape[axis]) and not all(map(is_wide, lengths))
    if flat or (mixed and len(shape) == 1 and any(is_wide(k) for k in lengths)):
        pieces: list[Any] = []
        sizes: list[tuple[int, ...]] = []
        for a, s in zip(args, shapes, strict=True):
            pieces += list(a.pieces) if isinstance(a, Flat) else [a]
            sizes += list(a.shapes) if isinstance(a, Flat) else [s]
        return [Flat(tuple(pieces), tuple(sizes))]
    if mixed:
        raise Refused("cannot derive: a few coordinates are joined to a wide axis.")
    if len(wide_axes(shape)) < 2:
        return (
            [np.concatenate([np.asarray(a) for a in args], axis)]
            if all(isinstance(a, np.ndarray) for a in args)
            else bind(ctx, equation, args)
        )
    wides = [lift(ctx.world, a, s) for a, s in zip(args, shapes, strict=True)]
    like = wides[0]
    if axis not in (like.first, like.second):
        cells = np.concatenate([w.cells for w in wides], like.narrow().index(axis))
        return [Wide(cells, like.first, like.second)]
    side, begin, total = int(axis == like.second), 0, None
    for w, length in zip(wides, lengths, strict=True):
        chop = Cut(shape[axis], length, begin)
        cells = cells_of(w.cells.shape, [chopped(ctx.world, c, chop, side) for c in w.cells.flat])
        new = Wide(cells, like.first, like.second)
        total = new if total is None else Wide(
            cells_of(cells.shape, [ctx.world.add(a, b) for a, b in zip(total.cells.flat, cells.flat, strict=True)]),
            like.first, like.second,
        )  # fmt: skip
        begin += length
    return [total]


def stack(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Arrays side by side along a new narrow axis."""
    axis, shape = equation.params["axis"], tuple(equation.outvars[0].aval.shape)
    if any(isinstance(a, Flat) for a in args):
        raise Refused("cannot derive: arrays laid out flat are stacked.")
    if len(wide_axes(shape)) < 2:
        arrays = all(isinstance(a, np.ndarray) for a in args)
        return [np.stack(args, axis)] if arrays else bind(ctx, equation, args)
    inner = shape[:axis] + shape[axis + 1 :]
    wides = [lift(ctx.world, a, inner) for a in args]
    first, second = (i + (i >= axis) for i in (wides[0].first, wides[0].second))
    at = [i for i in range(len(shape)) if i not in (first, second)].index(axis)
    return [Wide(np.stack([w.cells for w in wides], at), first, second)]


def unstack(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The parts of an array along a narrow axis."""
    value, axis = args[0], equation.params["axis"]
    if is_wide(equation.invars[0].aval.shape[axis]):
        raise Refused(NEIGHBOURS)
    count = len(equation.outvars)
    if not isinstance(value, Wide):
        return (
            [np.take(value, i, axis) for i in range(count)]
            if isinstance(value, np.ndarray)
            else bind(ctx, equation, args)
        )
    at = value.narrow().index(axis)
    first, second = (i - (i > axis) for i in (value.first, value.second))
    parts = [np.moveaxis(value.cells, at, 0)[i] for i in range(count)]
    return [
        Wide(cells_of(np.shape(p), [p] if isinstance(p, Matrix | Independent) else list(p.flat)), first, second)
        for p in parts
    ]


def tile(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array repeated along narrow axes."""
    reps, shape = equation.params["reps"], tuple(equation.invars[0].aval.shape)
    if any(is_wide(k) and r != 1 for k, r in zip(shape, reps, strict=True)):
        raise Refused("cannot derive: a wide axis is repeated.")
    value = args[0]
    if isinstance(value, Wide):
        cells = np.tile(value.cells, [reps[i] for i in value.narrow()])
        return [Wide(cells, value.first, value.second)]
    return [np.tile(value, reps)] if isinstance(value, np.ndarray) else bind(ctx, equation, args)
