"""Functions of each coordinate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ..context import Context
from ..draws import two_wide
from ..entrywise import apply_function, chosen, compare, divide, multiply, uniform
from ..matrix import Cell, Independent
from ..refusal import Equation, Refused
from ..trace import wide_axes
from ..wide import Flat, Wide, cells_of, lift
from .bind import bind

_REAL: dict[str, Callable[..., Any]] = {
    "add": np.add, "add_any": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative,
    "max": np.maximum, "min": np.minimum, "exp": np.exp, "exp2": np.exp2, "log": np.log, "log1p": np.log1p,
    "expm1": np.expm1, "sqrt": np.sqrt, "square": np.square, "abs": np.abs, "sign": np.sign, "tanh": np.tanh,
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "atan2": np.arctan2, "erf": special.erf, "erfc": special.erfc,
    "erf_inv": special.erfinv, "logistic": special.expit, "floor": np.floor, "ceil": np.ceil, "pow": np.power,
    "rsqrt": lambda x: 1.0 / np.sqrt(x), "cbrt": np.cbrt, "sinh": np.sinh, "cosh": np.cosh, "asinh": np.arcsinh,
    "eq": np.equal, "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "le_to": np.less_equal, "lt_to": np.less, "is_finite": np.isfinite,
    "lgamma": special.gammaln, "digamma": special.digamma, "atan": np.arctan,
    "stop_gradient": np.asarray, "copy": np.asarray, "copy_p": np.asarray,
    "optimization_barrier": np.asarray, "reduce_precision": np.asarray, "name": np.asarray,
    "device_put": np.asarray,
    "pvary": np.asarray, "sharding_constraint": np.asarray, "asin": np.arcsin, "acos": np.arccos,
}  # fmt: skip

_OTHER = {
    "and", "or", "xor", "not", "rem", "round", "nextafter", "shift_left", "shift_right_logical",
    "shift_right_arithmetic", "bitcast_convert_type", "clamp", "acosh", "atanh", "bessel_i0e", "bessel_i1e", "igamma",
    "igammac", "population_count", "clz", "real", "imag", "complex", "conj", "polygamma", "regularized_incomplete_beta",
    "logical_not", "zeta", "random_gamma_grad",
}  # fmt: skip

_SAME = {
    "stop_gradient", "copy", "copy_p", "reduce_precision", "optimization_barrier", "name", "device_put",
    "pvary", "sharding_constraint",
}  # fmt: skip
_COMPARISONS = {"eq", "ne", "lt", "le", "gt", "ge"}

_GUARD, _VANISHING = 1e-6, 1e-4

NAMES = set(_REAL) | _OTHER | {"integer_pow", "convert_element_type", "select_n", "square"}


def elementwise(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """A function of each coordinate, or of each entry of a wide matrix."""
    if any(isinstance(a, Flat) for a in args):
        return [_flat(ctx, equation, args)]
    if any(isinstance(a, Wide) for a in args) or two_wide(tuple(equation.outvars[0].aval.shape)):
        return [_entrywise(ctx, equation, args, tuple(equation.outvars[0].aval.shape))]
    if equation.primitive.name in _SAME:
        return args
    return [dense(ctx, equation, args)]


def dense(ctx: Context, equation: Equation, args: list[Any]) -> np.ndarray:
    """The function of an equation on arrays of points; returns an array."""
    name, params = equation.primitive.name, equation.params
    arrays = [np.asarray(a) for a in args]
    if name == "convert_element_type":
        return _converted(arrays[0], params["new_dtype"])
    if name == "select_n" and len(arrays) == 3:
        return np.where(arrays[0], arrays[2], arrays[1])
    kinds = {a.dtype.kind for a in arrays}
    if name == "add" and kinds == {"f"}:
        arrays = _unguarded(arrays)
    if name == "integer_pow" and kinds == {"f"}:
        return np.power(arrays[0], params["y"])
    if name in _REAL and kinds <= {"f"}:
        with np.errstate(all="ignore"):
            return np.asarray(_REAL[name](*arrays))
    return np.asarray(bind(ctx, equation, args)[0])


def _unguarded(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """The terms of a sum, without a guard against division by zero, such as Adam's 1e-8, if the other term vanishes.

    Gradients often fall as a power of n. A guard would then outweigh them at sizes that nobody runs, and nowhere else.
    """
    for i, (guard, other) in enumerate((arrays, arrays[::-1])):
        small = guard.size and other.size and 0 < np.min(guard) == np.max(guard) <= _GUARD
        if small and np.sqrt(np.mean(np.square(other))) < _VANISHING:
            return [a * 1e-30 if j == i else a for j, a in enumerate(arrays)]
    return arrays


def _converted(array: np.ndarray, dtype: Any) -> np.ndarray:
    kind = np.dtype(dtype).kind if np.dtype(dtype).name != "bfloat16" else "f"
    if kind == "f" or np.dtype(dtype).name.startswith(("bfloat", "float")):
        return np.asarray(array, float)
    return np.asarray(array).astype(dtype)


def _flat(ctx: Context, equation: Equation, args: list[Any]) -> Flat:
    shapes = next(a.shapes for a in args if isinstance(a, Flat))
    pieces = []
    for i in range(len(shapes)):
        given = []
        for a in args:
            if isinstance(a, Flat):
                if a.shapes != shapes:
                    raise Refused("cannot derive: two arrays laid out flat in different ways are combined.")
                given.append(a.pieces[i])
            elif np.size(a) == 1:
                given.append(np.asarray(a).reshape(()))
            elif a.shape and not np.ptp(a):
                given.append(np.asarray(a).ravel()[0])
            else:
                raise Refused("cannot derive: an array laid out flat is combined with one that is not.")
        wide = any(isinstance(g, Wide) for g in given)
        pieces.append(_entrywise(ctx, equation, given, shapes[i]) if wide else dense(ctx, equation, given))
    return Flat(tuple(pieces), shapes)


def _entrywise(ctx: Context, equation: Equation, args: list[Any], shape: tuple[int, ...]) -> Wide:
    like = lift(ctx.world, 0.0, shape)
    args = [a if isinstance(a, Wide) or np.size(a) == 1 else lift(ctx.world, a, shape) for a in args]
    columns = [_cells(ctx, a, shape) for a in args]
    cells = [_entry(ctx, equation, list(given)) for given in zip(*columns, strict=True)]
    return Wide(cells_of(like.cells.shape, cells), like.first, like.second)


def _cells(ctx: Context, value: Any, shape: tuple[int, ...]) -> list[Any]:
    """One argument for every matrix: a matrix, or a number that is the same for all its entries."""
    if not isinstance(value, Wide):
        array = np.asarray(value)
        array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
        axes = wide_axes(shape)
        if all(array.shape[i] == 1 for i in axes):
            narrow = tuple(k for i, k in enumerate(shape) if i not in axes)
            return list(np.broadcast_to(array.squeeze(axes), narrow).reshape(-1))
    narrow = tuple(k for i, k in enumerate(shape) if i not in wide_axes(shape))
    return list(np.broadcast_to(lift(ctx.world, value, shape).cells, narrow).flat)


def _entry(ctx: Context, equation: Equation, cells: list[Any]) -> Cell:
    """The function on the entries of one matrix each."""
    name, world = equation.primitive.name, ctx.world
    if name == "neg":
        return world.scale(cells[0], -1.0)
    if name in _SAME:
        return cells[0]
    if name == "convert_element_type":
        return _convert(cells[0], equation.params["new_dtype"])
    if name in _COMPARISONS:
        out = compare(name, cells[0], cells[1], world) if not any(isinstance(c, np.generic) for c in cells) else None
        if out is not None:
            return out
    independent = [isinstance(c, Independent) for c in cells]
    turned = {c.transposed for c in cells if isinstance(c, Independent)}
    pure = len(turned) == 1 and all(i or uniform(c) is not None for i, c in zip(independent, cells, strict=True))
    if pure and name == "select_n" and len(cells) == 3 and _masked(cells):
        return chosen(world, *cells)
    if not pure or (name in ("mul", "and") and all(independent)):
        out = _algebra(ctx, equation, cells)
        if out is not None:
            return out
    return apply_function(world, name, lambda *a: dense(ctx, equation, list(a)), cells)


def _masked(cells: list[Any]) -> bool:
    """Whether a random mask chooses between matrices that do not depend on it."""
    mask, *others = cells
    if not isinstance(mask, Independent) or not any(isinstance(c, Independent) for c in others):
        return False
    return all(not (isinstance(c, Independent) and c.draws & mask.draws) for c in others)


def _convert(cell: Cell, dtype: Any) -> Cell:
    if isinstance(cell, Independent):
        values = _converted(cell.values, dtype)
        return dataclasses.replace(
            cell, values=values + cell.excess if values.dtype.kind == "f" else values, excess=0.0
        )
    return cell


def _algebra(ctx: Context, equation: Equation, cells: list[Any]) -> Cell | None:
    """Sums, products, powers and choices, which hold for all wide matrices; None for any other function."""
    name, world = equation.primitive.name, ctx.world
    if name == "integer_pow" or name == "square":
        power = 2 if name == "square" else equation.params["y"]
        if power < 1 or power > 4:
            return None
        out = cells[0]
        for _ in range(power - 1):
            out = multiply(world, out, cells[0])
        return out
    if name == "not":
        like = cells[0]
        return world.add(world.constant(like.rows, like.cols, 1.0), like, -1.0)
    if name in ("or", "xor") and not any(isinstance(c, np.generic) for c in cells):
        return world.add(world.add(*cells), multiply(world, *cells), -1.0 if name == "or" else -2.0)
    if name in ("mul", "div") or (name == "select_n" and len(cells) == 3) or name in ("add", "add_any", "sub", "and"):
        return _arithmetic(world, name, cells)
    return None


def _arithmetic(world: Any, name: str, cells: list[Any]) -> Cell:
    like = next(c for c in cells if not isinstance(c, np.generic))
    if name == "mul":
        for a, b in (cells, cells[::-1]):
            if isinstance(a, np.generic):
                return world.scale(b, float(a))
    shifted = name in ("add", "sub") and like.__class__.__name__ == "Matrix" and like.index is not None
    if shifted and isinstance(cells[1], np.generic):
        step = float(cells[1]) * (-1 if name == "sub" else 1)
        moved = world.add(like, world.constant(like.rows, like.cols, step))
        return type(moved)(
            moved.rows, moved.cols, moved.words, moved.left, moved.right, (like.index[0], like.index[1] + step)
        )
    if (
        name == "add"
        and any(isinstance(c, np.generic) and 0 < float(c) <= _GUARD for c in cells)
        and not _random(world, like)
    ):
        return apply_function(world, name, lambda *a: np.add(*_unguarded([np.asarray(x, float) for x in a])), cells)
    whole = [world.constant(like.rows, like.cols, float(c)) if isinstance(c, np.generic) else c for c in cells]
    if name in ("mul", "and"):
        return multiply(world, *whole)
    if name == "div":
        return divide(world, *whole)
    if name == "select_n":
        mask, no, yes = whole
        same = uniform(mask)
        if same is not None:
            return yes if same else no
        if getattr(mask, "triangle", 0) and uniform(no) is not None and uniform(no) == 0:
            return multiply(world, mask, yes)
        if getattr(mask, "triangle", 0):
            other = type(mask)(mask.rows, mask.cols, triangle=-mask.triangle)
            return world.add(multiply(world, mask, yes), multiply(world, other, no))
        return world.add(no, multiply(world, mask, world.add(yes, no, -1.0)))
    return world.add(whole[0], whole[1], -1.0 if name == "sub" else 1.0)


def _random(world: Any, cell: Cell) -> bool:
    """Whether a random matrix is in it."""
    return bool(world.expand(cell).random)
