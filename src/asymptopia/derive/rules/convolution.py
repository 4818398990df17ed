"""Convolutions over narrow spatial axes, with channels that may be wide: a product for every offset of the window."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..refusal import Equation, Refused
from ..trace import is_wide, wide_axes
from ..wide import Flat, Wide, cells_of, transpose
from .bind import bind
from .products import dot
from .shapes import cut

Sizes = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


def convolution(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """A convolution as a sum over offsets of products of channels. Refuses wide axes of space."""
    params, shapes = equation.params, [tuple(v.aval.shape) for v in equation.invars]
    out_shape = tuple(equation.outvars[0].aval.shape)
    if not any(wide_axes(s) for s in (*shapes, out_shape)):
        return bind(ctx, equation, args)
    numbers = params["dimension_numbers"]
    single = params["feature_group_count"] == shapes[0][numbers.lhs_spec[1]] == shapes[1][numbers.rhs_spec[0]]
    if (is_wide(params["feature_group_count"]) and not single) or params["batch_group_count"] != 1:
        raise Refused(
            "cannot derive: a convolution in a wide number of groups has no rule, unless each channel is one by itself."
        )
    if isinstance(args[0], Wide | Flat):
        raise Refused("cannot derive: a wide matrix is convolved as an image.")
    images = np.transpose(args[0], numbers.lhs_spec)
    image_shape = tuple(shapes[0][i] for i in numbers.lhs_spec)
    kernel = (
        transpose(args[1], numbers.rhs_spec) if isinstance(args[1], Wide) else np.transpose(args[1], numbers.rhs_spec)
    )
    kernel_shape = tuple(shapes[1][i] for i in numbers.rhs_spec)
    out = tuple(out_shape[i] for i in numbers.out_spec)
    if any(is_wide(k) for s in (image_shape, kernel_shape, out) for k in s[2:]):
        raise Refused("no limit can be derived: a convolution along a wide axis mixes neighbours on it.")
    images = _padded(images, params)
    sizes = image_shape, kernel_shape, out
    if single or params["feature_group_count"] == 1:
        total = _summed(ctx, images, kernel, sizes, params, single)
    else:
        total = _in_groups(ctx, images, kernel, sizes, params)
    # axes so far: channels out, batch, space
    order = [1, 0, *range(2, len(out))]
    order = [order[list(numbers.out_spec).index(i)] for i in range(len(out))]
    return [transpose(total, order) if isinstance(total, Wide) else np.transpose(total, order)]


def _in_groups(ctx: Context, images: np.ndarray, kernel: Any, sizes: Sizes, params: Any) -> np.ndarray:
    """Each group of channels by itself, one after the other along the channels out."""
    groups, (before, weights, after) = params["feature_group_count"], sizes
    into, out_of = before[1] // groups, weights[0] // groups
    if not (is_wide(into) and is_wide(out_of)):
        raise Refused("cannot derive: a convolution in groups has a rule where the channels in and out are wide.")
    padded = (*before[:2], *images.shape[2:])
    parts = []
    for g in range(groups):
        part = _channels(ctx, images, padded, 1, g * into, into)
        filters = _channels(ctx, kernel, weights, 0, g * out_of, out_of)
        inner = (before[0], into, *before[2:]), (out_of, *weights[1:]), (after[0], out_of, *after[2:])
        parts.append(_summed(ctx, part, filters, inner, params, False))
    return np.concatenate(parts, axis=0)


def _channels(ctx: Context, value: Any, shape: tuple[int, ...], axis: int, begin: int, count: int) -> Any:
    starts, ends = [0] * len(shape), list(shape)
    starts[axis], ends[axis] = begin, begin + count
    return cut(ctx, value, shape, starts, ends, [1] * len(shape))


def _summed(ctx: Context, images: np.ndarray, kernel: Any, sizes: Sizes, params: Any, single: bool) -> Any:
    """The sum over offsets of products of channels, of axes channels out, batch, space."""
    image_shape, kernel_shape, out = sizes
    total: Any = None
    for offset in np.ndindex(*kernel_shape[2:]):
        window = images
        for axis, (at, length) in enumerate(zip(offset, out[2:], strict=True)):
            start, step = at * params["rhs_dilation"][axis], params["window_strides"][axis]
            window = np.take(window, start + step * np.arange(length), axis + 2)
        part = _offset(ctx, kernel, kernel_shape, offset)
        if single:
            new = np.moveaxis(window, 1, 0) * part[:, 0].reshape(-1, *(1,) * (len(out) - 1))
        else:
            new = dot(ctx, part, window, kernel_shape[:2], (*image_shape[:2], *out[2:]), ([1], [1]), ([], []))
        total = new if total is None else _added(ctx, total, new)
    return total


def _padded(images: np.ndarray, params: Any) -> np.ndarray:
    """The images with zeros between their pixels and around them."""
    for axis, dilation in enumerate(params["lhs_dilation"], 2):
        if dilation > 1:
            shape = list(images.shape)
            shape[axis] = (shape[axis] - 1) * dilation + 1
            spread = np.zeros(shape)
            spread[(slice(None),) * axis + (slice(None, None, dilation),)] = images
            images = spread
    for axis, (low, high) in enumerate(params["padding"], 2):
        images = np.pad(images, [(max(low, 0), max(high, 0)) if i == axis else (0, 0) for i in range(images.ndim)])
        length = images.shape[axis]
        images = np.take(images, np.arange(max(-low, 0), length - max(-high, 0)), axis)
    return images


def _offset(ctx: Context, kernel: Any, shape: tuple[int, ...], offset: tuple[int, ...]) -> Any:
    """The kernel at one offset: channels out by channels in."""
    if not isinstance(kernel, Wide):
        return kernel[(slice(None), slice(None), *offset)]
    ends = (*shape[:2], *(o + 1 for o in offset))
    part = cut(ctx, kernel, shape, (0, 0, *offset), ends, (1,) * len(shape))
    return Wide(cells_of((), list(part.cells.flat)), 0, 1)


def _added(ctx: Context, a: Any, b: Any) -> Any:
    if not isinstance(a, Wide):
        return a + b
    cells = [ctx.world.add(x, y) for x, y in zip(a.cells.flat, b.cells.flat, strict=True)]
    return Wide(cells_of(a.cells.shape, cells), a.first, a.second)
