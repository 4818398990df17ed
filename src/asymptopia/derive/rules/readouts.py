"""Sums over a wide axis of independent draws times what does not depend on them: random numbers of order sqrt(n).

A readout `v @ h / sqrt(n)` with fresh weights v stays random in the limit: it is normal, with the covariance of h. So
it is as long as nothing else has made use of the points of v; afterwards h may depend on v, and the sum is an average.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from ..context import Context
from ..random_matrix import SMALLEST
from ..refusal import Equation
from ..trace import is_wide, wide_axes
from ..wide import Flat, Wide
from .elementwise import NAMES as ELEMENTWISE
from .elementwise import dense


class Raw(np.ndarray):
    """Points of independent draws, times a factor, as they were drawn.

    draw: the key and shape of the draw. root: the keys that it is a function of. factor: the number that multiplies it.
    columns: which draw each entry is of.
    """

    draw: Hashable = None
    root: tuple[Hashable, ...] = ()
    factor: float = 1.0
    columns: np.ndarray


class Product(Raw):
    """The entrywise product of draws, or of any points where training is lazy, with other points: not yet summed."""

    factors: tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass
class Readouts:
    """The normal numbers that a draw has given with the directions it was summed against.

    length: of its wide axis. root: its key. points: (P, columns), of the draw. directions: (P, k), orthonormal.
    numbers: (columns, k), a normal number for each column and direction.
    """

    length: int
    root: tuple[Hashable, ...]
    points: np.ndarray
    directions: np.ndarray
    numbers: np.ndarray


def raw(
    points: np.ndarray, draw: Hashable, root: tuple[Hashable, ...], columns: np.ndarray, factor: float = 1.0
) -> Raw:
    """Points that are known to be draws, or a function of draws of which `root` tells the key.

    points: (..., P, ...). draw, columns, factor: as in `Raw`.
    """
    draws = np.asarray(points).view(Raw)
    draws.draw, draws.root, draws.factor, draws.columns = draw, root, factor, columns
    return draws


def product(draws: np.ndarray, others: np.ndarray) -> Product:
    """The entrywise product of draws and `others`, points too, which remembers both."""
    out = np.asarray(np.asarray(draws) * np.asarray(others)).view(Product)
    out.factors = draws, others
    if isinstance(draws, Raw):
        out.root = draws.root
    return out


def readout(ctx: Context, equation: Equation, args: list[Any]) -> list[Any] | None:
    """The result of an equation that takes draws as they are; None if it makes use of their points."""
    name, params = equation.primitive.name, equation.params
    fresh = [isinstance(a, Raw) and a.draw is not None and a.root not in ctx.used for a in args]
    at = fresh.index(True) if True in fresh else None
    out: list[Any] | None = None
    if any(isinstance(a, Wide | Flat | Product) for a in args):
        pass
    elif sum(fresh) == 2 and name == "mul" and args[0].root != args[1].root:
        out = _multiplied(ctx, equation, args[0], np.asarray(args[1]))
    elif sum(fresh) == 2 and name == "dot_general" and args[0].root != args[1].root:
        for at in (0, 1):
            out = out or _summed(ctx, equation, [a if i == at else np.asarray(a) for i, a in enumerate(args)], at)
        if out is not None:
            return out
    elif at is not None and sum(fresh) == 1:
        v = args[at]
        if name == "transpose":
            order = params["permutation"]
            out = [raw(np.transpose(v, order), v.draw, v.root, v.columns.transpose(order), v.factor)]
        elif name == "mul" and np.size(args[1 - at]) > 1:
            out = _multiplied(ctx, equation, v, np.asarray(args[1 - at]))
        elif name == "broadcast_in_dim" and len(wide_axes(params["shape"])) < 2:
            out = [_repeated(ctx, equation, v)]
        elif name in ("neg", "convert_element_type", "copy", "stop_gradient", "squeeze", "reshape", "mul", "div"):
            out = _moved(ctx, equation, args, at)
        elif name == "dot_general":
            out = _summed(ctx, equation, args, at)
        elif name in ELEMENTWISE and all(np.size(a) == 1 for i, a in enumerate(args) if i != at):
            out = _changed(ctx, equation, args, at)
    if out is None:
        ctx.used |= {a.root for a in args if isinstance(a, Raw)}
    return out


def plain_arguments(ctx: Context, args: list[Any]) -> list[Any]:
    """Inputs in which draws are points like others: from here on the run may depend on their values."""
    ctx.used |= {a.root for a in args if isinstance(a, Raw)}
    return [np.asarray(a) if isinstance(a, Raw) else a for a in args]


def _moved(ctx: Context, equation: Equation, args: list[Any], at: int) -> list[Any] | None:
    """The same draws times a number, or in another shape."""
    name, v = equation.primitive.name, args[at]
    shape = tuple(equation.outvars[0].aval.shape)
    if name in ("squeeze", "reshape"):
        if sum(map(is_wide, shape)) != 1 or not set(map(int, filter(is_wide, shape))) <= set(
            map(int, equation.invars[0].aval.shape)
        ):
            return None
        columns = v.columns.reshape([1 if is_wide(k) else k for k in shape])
        return [raw(np.reshape(v, ctx.shape(shape)), v.draw, v.root, columns, v.factor)]
    if name in ("mul", "div"):
        other = np.asarray(args[1 - at])
        if other.size != 1 or (name == "div" and at == 1):
            return None
        if other.dtype.kind != "f" or np.asarray(v).dtype.kind != "f":
            return _changed(ctx, equation, args, at)
        factor = float(other.ravel()[0]) if name == "mul" else 1.0 / float(other.ravel()[0])
        return [raw(np.asarray(v) * factor, v.draw, v.root, v.columns, v.factor * factor)]
    if name == "neg":
        return [raw(-np.asarray(v), v.draw, v.root, v.columns, -v.factor)]
    if name == "convert_element_type":
        return _changed(ctx, equation, args, at)
    return [v]


def _multiplied(ctx: Context, equation: Equation, v: Raw, other: np.ndarray) -> list[Any] | None:
    """Draws times other points, both in the shape of the result."""
    shape = tuple(equation.outvars[0].aval.shape)
    if v.ndim != len(shape) or len(wide_axes(shape)) > 1:
        return None
    columns = np.broadcast_to(v.columns, [1 if is_wide(k) else k for k in shape])
    points, others = (np.broadcast_to(np.asarray(x), ctx.shape(shape)) for x in (v, other))
    return [product(raw(points, v.draw, v.root, columns, v.factor), others)]


def _repeated(ctx: Context, equation: Equation, v: Raw) -> Raw:
    """The same draws along more axes."""
    shape, where = equation.params["shape"], equation.params["broadcast_dimensions"]
    ones = [v.shape[list(where).index(i)] if i in where else 1 for i in range(len(shape))]
    wide = [1 if is_wide(k) else k for k in shape]
    columns = v.columns.reshape([v.columns.shape[list(where).index(i)] if i in where else 1 for i in range(len(shape))])
    points = np.broadcast_to(np.asarray(v).reshape(ones), ctx.shape(shape))
    return raw(points, v.draw, v.root, np.broadcast_to(columns, wide), v.factor)


def _changed(ctx: Context, equation: Equation, args: list[Any], at: int) -> list[Any]:
    """The same function of every draw: independent draws again."""
    v = args[at]
    plain = [np.asarray(a) for a in args]
    others = tuple(a.ravel()[0].item() for i, a in enumerate(plain) if i != at)
    draw = (v.draw, equation.primitive.name, others, v.factor)
    return [raw(dense(ctx, equation, plain), draw, v.root, v.columns)]


def _summed(ctx: Context, equation: Equation, args: list[Any], at: int) -> list[Any] | None:
    """Draws times what is independent of them, summed over the wide axis and nothing else."""
    (over, batch) = equation.params["dimension_numbers"]
    shape = tuple(equation.invars[at].aval.shape)
    other = args[1 - at]
    if batch[0] or len(over[0]) != 1 or not is_wide(shape[over[at][0]]) or not isinstance(other, np.ndarray):
        return None
    v = args[at]
    length, axis = shape[over[at][0]], over[at][0]
    vectors = np.moveaxis(np.asarray(other, float), over[1 - at][0], 0)
    numbers = sums_with(ctx, v, axis, length, vectors.reshape(len(vectors), -1))
    if numbers is None:
        return None
    chosen = numbers[v.columns.ravel()]
    mine, theirs = [k for i, k in enumerate(v.columns.shape) if i != axis], list(vectors.shape[1:])
    out = chosen.reshape((*mine, *theirs))
    if at == 1:
        out = np.moveaxis(out, range(len(mine)), range(out.ndim - len(mine), out.ndim))
    return [out]


def sums_with(ctx: Context, v: Raw, axis: int, length: int, vectors: np.ndarray) -> np.ndarray | None:
    """The sums of every draw times every vector, of shape (draws, vectors); None if the draws have a mean.

    ctx: the state of the run. v: the draws, their wide axis at `axis`, of this length. vectors: (points, vectors).
    """
    weight = ctx.space.weight[length] / length
    points = np.moveaxis(np.asarray(v), axis, 0).reshape(len(weight), -1)
    spread = np.sqrt(np.mean(weight @ points**2))
    if not spread or points.dtype.kind != "f" or np.any(np.abs(weight @ points) > 0.02 * spread):
        return None
    sign = np.sign(v.factor)
    if v.draw not in ctx.readouts:
        ctx.readouts[v.draw] = _known(v, points / (spread * sign), length)
    return numbers_of(ctx, v.draw, vectors) * spread * sign * np.sqrt(length)


def _known(v: Raw, points: np.ndarray, length: int) -> Readouts:
    """No numbers yet; `points` are those of the draw, of variance one, in the order of the array."""
    columns = np.empty((len(points), int(v.columns.max()) + 1))
    columns[:, v.columns.ravel()] = points
    return Readouts(length, v.root, columns, np.empty((len(points), 0)), np.empty((columns.shape[1], 0)))


def numbers_of(ctx: Context, draw: Hashable, vectors: np.ndarray, smallest: float = SMALLEST) -> np.ndarray:
    """Normal numbers of shape (columns, vectors) with the covariance of the vectors, given those known already.

    ctx: the state of the run. draw: whose numbers they are. vectors: (points, vectors). Directions of a relative length
    below `smallest` are left out.
    """
    known = ctx.readouts[draw]
    length, columns = known.length, len(known.numbers)
    weight = ctx.space.weight[length] / length
    for vector in vectors.T:
        size, rest = np.sqrt(weight @ vector**2), vector
        for _ in range(2):
            rest = rest - known.directions @ (known.directions.T @ (weight * rest))
        left = np.sqrt(weight @ rest**2)
        if left > smallest * size > 0:
            known.directions = np.hstack([known.directions, rest[:, None] / left])
            place = ("readout", list(ctx.readouts).index(draw), known.directions.shape[1])
            fresh = ctx.narrow.normal(place, columns)[ctx.settings.run]
            known.numbers = np.hstack([known.numbers, fresh[:, None] * (not ctx.settings.quiet)])
    return known.numbers @ (known.directions.T @ (weight[:, None] * vectors))
