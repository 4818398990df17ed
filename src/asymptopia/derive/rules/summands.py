"""Sums over a wide axis that are written as an entrywise product and a sum of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..refusal import Equation
from ..trace import is_wide
from . import lazy
from .readouts import Product, Raw, product, sums_with


def product_used(ctx: Context, equation: Equation, args: list[Any]) -> list[Any] | None:
    """A product of draws times a number, or summed; None for any other use, before which it is taken as points."""
    name = equation.primitive.name
    at = next(i for i, a in enumerate(args) if isinstance(a, Product))
    draws, others = args[at].factors
    if name in ("mul", "div") and (at == 0 or name == "mul") and np.size(args[1 - at]) == 1:
        number = float(np.ravel(args[1 - at])[0])
        return [product(draws, others * number if name == "mul" else others / number)]
    if name == "neg":
        return [product(draws, -others)]
    if name == "reduce_sum":
        return _summed_product(ctx, equation, draws, others)
    return None


def _summed_product(ctx: Context, equation: Equation, draws: np.ndarray, others: np.ndarray) -> list[Any] | None:
    """The sum over the wide axis, and over narrow ones."""
    shape, axes = tuple(equation.invars[0].aval.shape), equation.params["axes"]
    wide = [i for i in axes if is_wide(shape[i])]
    if len(wide) != 1 or any(is_wide(k) for i, k in enumerate(shape) if i not in axes):
        return None
    axis, length = wide[0], shape[wide[0]]
    vectors = np.moveaxis(np.asarray(others, float), axis, 0)
    rest = vectors.shape[1:]
    vectors = vectors.reshape(len(vectors), -1)
    sums: np.ndarray | None = None
    if isinstance(draws, Raw) and draws.draw is not None and draws.root not in ctx.used:
        numbers = sums_with(ctx, draws, axis, length, vectors)
        if numbers is not None:
            sums = numbers[np.moveaxis(draws.columns, axis, 0).ravel(), np.arange(vectors.shape[1])]
    if sums is None and ctx.settings.lazy:
        points = np.moveaxis(np.asarray(draws, float), axis, 0).reshape(len(vectors), -1)
        pairs = zip(points.T, vectors.T, strict=True)
        sums = np.array([lazy.product(ctx, x[:, None], y[:, None], length)[0, 0] for x, y in pairs])
    if sums is None:
        return None
    left = [i for i in range(len(shape)) if i != axis]
    return [np.asarray(sums.reshape(rest).sum(tuple(left.index(i) for i in axes if i != axis)))]
