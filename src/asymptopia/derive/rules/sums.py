"""Sums over axes: over a wide one, its length times an average over points."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..entrywise import uniform
from ..hadamard import Unsummed
from ..matrix import Independent
from ..refusal import Equation, Refused, is_of_sampler
from ..trace import is_wide, wide_axes
from ..wide import Flat, Wide, cells_of
from .bind import bind


def reduce_sum(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The sum over some axes; over a wide one an average times its length."""
    axes, shape = tuple(equation.params["axes"]), tuple(equation.invars[0].aval.shape)
    value = args[0]
    if isinstance(value, Flat):
        return [
            np.asarray(sum(total(ctx, p, s, range(len(s))) for p, s in zip(value.pieces, value.shapes, strict=True)))
        ]
    return [typed(total(ctx, value, shape, axes), equation)]


def total(ctx: Context, value: Any, shape: tuple[int, ...], axes: Any) -> Any:
    """The sum of an array over some axes.

    ctx: the state of the run. value: the array, with points. shape: in the program. axes: those summed over.
    """
    axes = tuple(axes)
    if isinstance(value, Wide):
        return _total_wide(ctx, value, axes)
    out = np.asarray(value)
    out = out if out.dtype.kind in "fc" else out.astype(float)
    for axis in sorted(axes, reverse=True):
        wide = is_wide(shape[axis])
        out = np.tensordot(out, ctx.space.in_sum(shape[axis]), (axis, 0)) if wide else np.sum(out, axis)
    return out


def _total_wide(ctx: Context, value: Wide, axes: tuple[int, ...]) -> Any:
    world, narrow = ctx.world, value.narrow()
    inner = tuple(narrow.index(i) for i in axes if i in narrow)
    cells = np.moveaxis(value.cells, inner, range(-len(inner), 0)) if inner else value.cells[..., None]
    outer = cells.shape[: value.cells.ndim - len(inner)]
    if value.first in axes and value.second in axes:
        return np.array([_whole(ctx, c) for c in cells.flat]).reshape(*outer, -1).sum(axis=-1)
    sums = []
    for group in cells.reshape(*outer, -1).reshape(-1, int(np.prod(cells.shape[len(outer) :], dtype=int))):
        whole = group[0]
        for cell in group[1:]:
            whole = world.add(whole, cell)
        sums.append(whole)
    left = [i for i in range(value.ndim) if i not in axes]
    if value.first in left and value.second in left:
        return Wide(cells_of(outer, sums), left.index(value.first), left.index(value.second))
    one = [world.apply(c if value.first in left else c.T, _ones(ctx, c, value.first in left))[:, 0] for c in sums]
    at = left.index(value.first if value.first in left else value.second)
    return np.moveaxis(np.array(one).reshape(*outer, -1), -1, at)


def _whole(ctx: Context, cell: Any) -> float:
    """The sum of all entries of a matrix."""
    if isinstance(cell, Unsummed):
        return cell.total(ctx.world)
    return float(ctx.space.in_sum(cell.rows) @ ctx.world.apply(cell, _ones(ctx, cell, True))[:, 0])


def _ones(ctx: Context, cell: Any, over_columns: bool) -> np.ndarray:
    return np.ones((ctx.space.count(cell.cols if over_columns else cell.rows), 1))


def reduce_extreme(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Maxima and minima. Over a wide axis one is admitted if the result does not depend on it, as in a softmax."""
    axes, shape = equation.params["axes"], tuple(equation.invars[0].aval.shape)
    if isinstance(args[0], Wide | Flat):
        raise Refused("no limit can be derived: the largest entry of a wide matrix is no average over its entries.")
    if not any(is_wide(shape[i]) for i in axes):
        return bind(ctx, equation, args)
    array = np.asarray(args[0], float)
    if equation.primitive.name == "reduce_max" and np.ptp(array) > 1e3:
        raise Refused(
            "no limit can be derived: the largest values along a wide axis diverge here, so that few coordinates "
            "outweigh all others; divide them by their scale, such as sqrt(n)."
        )
    extreme = np.max(array, tuple(axes)) if "max" in equation.primitive.name else np.min(array, tuple(axes))
    ctx.maxima.append(equation)
    return [typed(extreme + ctx.settings.shift, equation)]


def reduce_narrow(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Products, and, or: along narrow axes only; any or all along a wide one where a loop of a sampler asks for it."""
    axes, shape = equation.params["axes"], tuple(equation.invars[0].aval.shape)
    name = equation.primitive.name
    if name in ("reduce_or", "reduce_and") and is_of_sampler(equation) and any(is_wide(shape[i]) for i in axes):
        return [np.asarray((np.any if name == "reduce_or" else np.all)(_entries(args[0])))]
    if isinstance(args[0], Wide | Flat) or (name == "reduce_prod" and any(is_wide(shape[i]) for i in axes)):
        raise Refused(f"no limit can be derived: `{name}` over a wide axis is no average over its coordinates.")
    if any(is_wide(shape[i]) for i in axes) and not np.all(np.asarray(args[0]) == np.ravel(args[0])[0]):
        raise Refused("no limit can be derived: whether any or all of the coordinates of a wide axis do is no average.")
    return bind(ctx, equation, args)


def _entries(value: Any) -> np.ndarray:
    """The values at all points, or at the joint entries of independent draws."""
    if not isinstance(value, Wide):
        return np.asarray(value)
    values = [c.values if isinstance(c, Independent) else np.asarray([uniform(c)]) for c in value.cells.flat]
    if any(v[0] is None for v in values):
        raise Refused("cannot derive: draws of the entries of a wide matrix depend on more than draws.")
    return np.concatenate(values)


def typed(value: Any, equation: Equation) -> Any:
    """A value of the kind that the equation has in the program: whole numbers, complex or real ones."""
    if not isinstance(value, np.ndarray | np.generic):
        return value
    kind = equation.outvars[0].aval.dtype.kind
    if kind in "iu":
        return np.rint(value).astype(equation.outvars[0].aval.dtype)
    return np.asarray(value, complex if kind == "c" else float)


__all__ = ["reduce_extreme", "reduce_narrow", "reduce_sum", "total", "typed", "wide_axes"]
