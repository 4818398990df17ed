"""Parts of an array at computed positions, and operations along narrow axes that leave wide ones alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..context import Context
from ..entrywise import apply_function
from ..matrix import Matrix
from ..refusal import Equation, Refused
from ..trace import is_wide, wide_axes
from ..wide import Flat, Wide, cells_of, lift, transpose
from .bind import bind
from .shapes import NEIGHBOURS, cut
from .sums import typed


def dynamic_slice(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """A part of an array that begins at computed positions, along narrow axes or at whole blocks of wide ones."""
    sizes = equation.params["slice_sizes"]
    shape = tuple(equation.invars[0].aval.shape)
    starts = [_start(i, k, s) for i, k, s in zip(args[1:], shape, sizes, strict=True)]
    if not wide_axes(shape) and not isinstance(args[0], np.ndarray):
        return bind(ctx, equation, args)
    return [cut(ctx, args[0], shape, starts, [a + s for a, s in zip(starts, sizes, strict=True)], [1] * len(starts))]


def dynamic_update_slice(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array in which a part that begins at computed positions is replaced; along wide axes only whole."""
    shape, part = (tuple(v.aval.shape) for v in equation.invars[:2])
    starts = [_start(i, k, s) for i, k, s in zip(args[2:], shape, part, strict=True)]
    where = []
    for k, s, a in zip(shape, part, starts, strict=True):
        if is_wide(k) and s != k:
            raise Refused(NEIGHBOURS)
        where.append(slice(None) if is_wide(k) else slice(a, a + s))
    if len(wide_axes(shape)) < 2:
        updated = np.array(args[0])
        updated[tuple(where)] = args[1]
        return [updated]
    base, new = lift(ctx.world, args[0], shape), lift(ctx.world, args[1], part)
    cells = base.cells.copy()
    cells[tuple(where[i] for i in base.narrow())] = new.cells
    return [dataclasses.replace(base, cells=cells)]


def gather(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Entries at computed positions along narrow axes, or from a narrow table for each entry of a wide matrix."""
    shape = tuple(equation.invars[0].aval.shape)
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    if isinstance(args[1], Wide) and len(shape) == 1 and not is_wide(shape[0]):
        return [_looked_up(ctx, np.asarray(args[0]), args[1])]
    touched = [i for i in numbers.start_index_map if is_wide(shape[i])]
    if isinstance(args[0], Wide):
        return _gather_cells(ctx, equation, args)
    if touched:
        raise Refused(_PICKED)
    if (
        isinstance(args[0], Flat)
        or touched
        or any(is_wide(shape[i]) and sizes[i] != shape[i] for i in _free(numbers, shape))
    ):
        raise Refused(NEIGHBOURS)
    if len(wide_axes(tuple(equation.outvars[0].aval.shape))) > 1:
        return [_rows(ctx, equation, args)]
    return bind(ctx, equation, args)


def _free(numbers: Any, shape: tuple[int, ...]) -> list[int]:
    return [i for i in range(len(shape)) if i not in numbers.operand_batching_dims]


def _gather_cells(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """A look-up among stacked matrices: done on their numbers, in place of the matrices themselves."""
    wide, shape = args[0], tuple(equation.invars[0].aval.shape)
    numbers, sizes = equation.params["dimension_numbers"], equation.params["slice_sizes"]
    axes = wide_axes(tuple(equation.outvars[0].aval.shape))
    if any(i in numbers.start_index_map for i in (wide.first, wide.second)):
        raise Refused(_PICKED)
    if len(axes) != 2:
        raise Refused(NEIGHBOURS)
    index = np.arange(wide.cells.size).reshape([1 if is_wide(k) else k for k in shape])
    import jax

    params = dict(equation.params, slice_sizes=tuple(1 if is_wide(k) else k for k in sizes))
    chosen = np.asarray(equation.primitive.bind(jax.numpy.asarray(index), jax.numpy.asarray(args[1]), **params))
    cells = wide.cells.ravel()[chosen.squeeze(axes)]
    return [Wide(np.asarray(cells, object).reshape(chosen.squeeze(axes).shape), *axes)]


def _looked_up(ctx: Context, table: np.ndarray, index: Wide) -> Wide:
    """A number from a narrow table for each entry of a wide matrix."""
    narrow = np.delete(np.arange(index.ndim), [index.first, index.second])
    if index.cells.shape[-1:] != (1,) or narrow[-1] != index.ndim - 1:
        raise Refused("cannot derive: this look-up makes an array with two wide axes.")
    last = len(table) - 1

    def number(at: np.ndarray) -> np.ndarray:
        return table[np.clip(np.asarray(at, int), 0, last)]

    cells = [apply_function(ctx.world, "gather", number, [c]) for c in index.cells[..., 0].flat]
    return Wide(cells_of(index.cells.shape[:-1], cells), index.first, index.second)


def _rows(ctx: Context, equation: Equation, args: list[Any]) -> Wide:
    """A row of a narrow stack of wide vectors for each coordinate of another wide axis: a matrix of low rank."""
    table, shape = np.asarray(args[0]), tuple(equation.invars[0].aval.shape)
    index = tuple(equation.invars[1].aval.shape)
    numbers = equation.params["dimension_numbers"]
    if len(shape) != 2 or not is_wide(shape[1]) or numbers.start_index_map != (0,) or index[1:] != (1,):
        raise Refused("cannot derive: this look-up makes an array with two wide axes.")
    chosen = np.asarray(args[1])[:, 0][:, None] == np.arange(shape[0])
    cell = Matrix(index[0], shape[1], (), chosen.astype(float), np.ascontiguousarray(table.T))
    rows = Wide(cells_of((), [cell]), 0, 1)
    return rows if numbers.offset_dims == (1,) else transpose(rows, (1, 0))


def scatter(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array with entries replaced or added to at computed positions along narrow axes; histograms too."""
    shape, updates = tuple(equation.invars[0].aval.shape), tuple(equation.invars[2].aval.shape)
    numbers = equation.params["dimension_numbers"]
    if any(is_wide(shape[i]) for i in numbers.scatter_dims_to_operand_dims):
        raise Refused(NEIGHBOURS)
    if len(wide_axes(shape)) > 1 or isinstance(args[0], Flat):
        return [_scatter_cells(ctx, equation, args, shape, updates)]
    summed = [i for i in wide_axes(updates) if i not in numbers.update_window_dims]
    return [_counted(ctx, equation, args, updates, summed)] if summed else bind(ctx, equation, args)


def _counted(
    ctx: Context, equation: Equation, args: list[Any], updates: tuple[int, ...], summed: list[int]
) -> np.ndarray:
    """A sum over a wide axis into the entries of a narrow array that each coordinate chooses, as in a histogram."""
    name = equation.primitive.name
    if name not in ("scatter-add", "scatter_add") or isinstance(args[2], Wide | Flat):
        raise Refused(f"no limit can be derived: `{name}` along a wide axis depends on the order of its coordinates.")
    from jax import lax

    added = np.asarray(args[2], float)
    for axis in summed:
        added = added * ctx.space.in_sum(updates[axis]).reshape([-1 if i == axis else 1 for i in range(added.ndim)])
    how = {k: equation.params[k] for k in ("dimension_numbers", "indices_are_sorted", "unique_indices", "mode")}
    whole = np.asarray(lax.scatter_add(np.asarray(args[0], float), np.asarray(args[1]), added, **how))
    return typed(whole, equation)


def _scatter_cells(ctx: Context, equation: Equation, args: list[Any], shape: Any, updates: Any) -> Any:
    if equation.primitive.name not in ("scatter", "scatter-add", "scatter_add") or isinstance(args[0], Flat):
        raise Refused("cannot derive: this change of some entries of wide matrices has no rule.")
    import jax.numpy as jnp

    base, new = lift(ctx.world, args[0], shape), lift(ctx.world, args[2], updates)
    index = np.arange(1, new.cells.size + 1).reshape([1 if is_wide(k) else k for k in updates])
    empty = jnp.zeros([1 if is_wide(k) else k for k in shape], int)
    placed = equation.primitive.bind(empty, jnp.asarray(args[1]), jnp.asarray(index), **equation.params)
    which = np.asarray(placed).reshape(base.cells.shape)
    cells = base.cells.copy()
    for at in np.argwhere(which > 0):
        cell = new.cells.ravel()[which[tuple(at)] - 1]
        old = base.cells[tuple(at)]
        cells[tuple(at)] = cell if equation.primitive.name == "scatter" else ctx.world.add(old, cell)
    return dataclasses.replace(base, cells=cells)


def pad(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """An array padded along narrow axes."""
    shape, config = tuple(equation.invars[0].aval.shape), equation.params["padding_config"]
    for k, (low, high, inner) in zip(shape, config, strict=True):
        if is_wide(k) and (low or high or inner):
            raise Refused(NEIGHBOURS)
    if isinstance(args[0], Wide | Flat):
        raise Refused("cannot derive: wide matrices are padded.")
    return bind(ctx, equation, args)


def along_narrow(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Sorting, cumulating, reversing: along narrow axes only."""
    params, name = equation.params, equation.primitive.name
    shape = tuple(equation.invars[0].aval.shape)
    axes = params.get("dimensions", params.get("axes", params.get("axis", params.get("dimension", len(shape) - 1))))
    axes = axes if isinstance(axes, (tuple, list)) else (axes,)
    if any(is_wide(shape[i]) for i in axes):
        raise Refused(_LONG.get(name, NEIGHBOURS))
    if any(isinstance(a, Wide | Flat) for a in args):
        if name == "rev" and isinstance(args[0], Wide):
            narrow = args[0].narrow()
            return [dataclasses.replace(args[0], cells=np.flip(args[0].cells, tuple(narrow.index(i) for i in axes)))]
        raise Refused(f"cannot derive: `{name}` of wide matrices has no rule.")
    return bind(ctx, equation, args)


def windows(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Sums and extremes over windows, as in pooling: along narrow axes only."""
    for variable in equation.invars:
        axes = wide_axes(tuple(variable.aval.shape))
        if any(equation.params["window_dimensions"][i] > 1 or equation.params["window_strides"][i] > 1 for i in axes):
            raise Refused(NEIGHBOURS)
    if any(isinstance(a, Wide | Flat) for a in args):
        raise Refused("cannot derive: wide matrices are pooled.")
    return bind(ctx, equation, args)


_PICKED = (
    "cannot derive: coordinates of a wide axis, or rows of a matrix, are picked by computed positions, which has no "
    "rule. For a random batch multiply by a mask, such as jax.random.bernoulli(key, batch / n, (n,)), or take "
    "consecutive blocks by slices or `reshape`: coordinates drawn independently are in random order already."
)
_EXTREME = (
    "no limit can be derived: this depends on the extreme values along a wide axis, which are no averages over its "
    "coordinates."
)
_LONG = {
    "sort": "no limit can be derived: this sorts a wide axis; only averages over its coordinates have a rule.",
    "argmax": _EXTREME,
    "argmin": _EXTREME,
    "top_k": _EXTREME,
    "approx_top_k": _EXTREME,
    "cumsum": "no limit can be derived: this sums along a wide axis in order; its coordinates have to be exchangeable.",
    "rev": NEIGHBOURS,
}


def _start(index: Any, length: int, size: int) -> int:
    if np.size(index) != 1:
        raise Refused("cannot derive: a position that varies along a wide axis.")
    at = int(np.asarray(index))
    return min(max(at, 0), length - size)
