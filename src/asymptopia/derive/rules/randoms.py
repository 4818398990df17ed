"""Keys and what is drawn from them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
from scipy import special, stats

from ..context import Context
from ..draws import Drawn, WideKeys, check_reuse, to_bits, two_wide
from ..entrywise import uniform
from ..matrix import Independent
from ..refusal import Equation, Refused
from ..trace import wide_axes
from ..wide import Wide, cells_of
from .bind import bind
from .readouts import raw


def random_split(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Several keys from one; along a wide axis they stay an array of keys that is known by its origin."""
    shape = tuple(equation.outvars[0].aval.shape)
    if isinstance(args[0], WideKeys):
        return [WideKeys((args[0].origin, "split", tuple(equation.params["shape"])), shape)]
    if wide_axes(shape):
        if np.size(args[0]) != 1:
            raise Refused("cannot derive: several keys are split along a wide axis.")
        return [WideKeys((_name(args[0]), "split"), shape)]
    return bind(ctx, equation, args)


def random_fold_in(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """A key with a number folded in; along a wide axis they stay an array of keys that is known by its origin."""
    shape = tuple(equation.outvars[0].aval.shape)
    if not wide_axes(shape):
        return bind(ctx, equation, args)
    origin = args[0].origin if isinstance(args[0], WideKeys) else _name(args[0])
    tag = np.asarray(args[1]).tobytes() if np.size(args[1]) == 1 else "positions"
    return [WideKeys((origin, "fold", tag), shape)]


def keys_moved(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """A part of an array of keys along a wide axis. Refuses all but slices, reshapes and copies."""
    shape, params = tuple(equation.outvars[0].aval.shape), equation.params
    name = equation.primitive.name
    tag: Hashable = ()
    if name == "slice":
        tag = (params["start_indices"], params["limit_indices"])
    elif name == "dynamic_slice":
        tag = tuple(int(np.asarray(a)) for a in args[1:])
    elif name not in ("squeeze", "reshape", "broadcast_in_dim", "copy"):
        raise Refused(f"cannot derive: `{name}` of keys along a wide axis.")
    return [WideKeys((args[0].origin, tag) if tag else args[0].origin, shape)]


def random_bits(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Bits whose leading ones are those of the points of a net."""
    width = equation.params["bit_width"]
    shape = tuple(equation.outvars[0].aval.shape)
    return [_drawn(ctx, args[0], shape, "bits", lambda u: to_bits(u, width, ctx.rng))]


def normal(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Standard normals, with exactly matched moments."""
    return [_drawn(ctx, args[0], tuple(equation.outvars[0].aval.shape), "normal", special.ndtri)]


def randint(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Whole numbers from `low` to `high`, without the latter."""
    low, high = (np.asarray(a).ravel()[0] for a in args[1:3])
    shape = tuple(equation.outvars[0].aval.shape)
    return [_drawn(ctx, args[0], shape, "bits", lambda u: low + np.floor(u * (high - low)).astype(int))]


def random_gamma(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Gamma variables, by their quantiles."""
    shape = tuple(equation.outvars[0].aval.shape)
    value = _parameter(args[1], "gamma")
    if equation.params.get("log_space"):
        return [_drawn(ctx, args[0], shape, "bits", lambda u: np.log(special.gammaincinv(value, u)))]
    return [_drawn(ctx, args[0], shape, "bits", lambda u: special.gammaincinv(value, u))]


def poisson(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Poisson variables, by their quantiles."""
    shape, mean = tuple(equation.outvars[0].aval.shape), _parameter(args[1], "Poisson")
    below = stats.poisson.cdf(np.arange(stats.poisson.isf(1e-16, mean) + 1), mean)
    return [_drawn(ctx, args[0], shape, "bits", lambda u: np.searchsorted(below, u))]


def binomial(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """Binomial variables, by their quantiles."""
    shape, count, chance = tuple(equation.outvars[0].aval.shape), *(_parameter(a, "binomial") for a in args[1:3])
    below = stats.binom.cdf(np.arange(count), count, chance)
    return [_drawn(ctx, args[0], shape, "bits", lambda u: np.searchsorted(below, u).astype(float))]


def _parameter(value: Any, name: str) -> float:
    """A parameter of a distribution that is the same for all entries."""
    if isinstance(value, Wide):
        values = {uniform(c) for c in value.cells.flat}
        if len(values) == 1 and None not in values:
            return float(values.pop())  # type: ignore[arg-type]
    elif np.size(value) and not np.ptp(np.asarray(value, float)):
        return float(np.ravel(value)[0])
    raise Refused(f"cannot derive: {name} variables of different parameters along an axis have no rule.")


def _name(keys: Any) -> Hashable:
    import jax

    return np.asarray(jax.random.key_data(keys)).tobytes()


def _drawn(ctx: Context, keys: Any, shape: tuple[int, ...], kind: str, change: Any) -> Any:
    """The draws of one key, or of several stacked ones."""
    if isinstance(keys, WideKeys):
        return _draw(ctx, ("keys", keys.origin), shape, kind, change)
    outer = tuple(keys.shape)
    if not outer:
        return _draw(ctx, _name(keys), shape, kind, change)
    inner = shape[len(outer) :]
    draws = [_draw(ctx, _name(k), inner, kind, change) for k in keys.reshape(-1)]
    if isinstance(draws[0], Wide):
        cells = np.stack([f.cells for f in draws]).reshape(*outer, *draws[0].cells.shape)
        return Wide(cells, draws[0].first + len(outer), draws[0].second + len(outer))
    return np.array([np.asarray(f) for f in draws]).reshape(*outer, *draws[0].shape)


def _draw(ctx: Context, name: Hashable, shape: tuple[int, ...], kind: str, change: Any) -> Any:
    check_reuse(ctx.seen, name, Drawn(shape, kind, ctx.line))
    axes = wide_axes(shape)
    narrow = tuple(k for i, k in enumerate(shape) if i not in axes)
    count = int(np.prod(narrow, dtype=int))
    draw = (name, shape)
    if two_wide(shape):
        cells = [_matrix(ctx, shape, axes, (draw, i), kind, change) for i in range(count)]
        return Wide(cells_of(narrow, cells), *axes)
    if not axes:
        ctx.drew = True
        if kind == "normal":
            return ctx.narrow.normal(draw, count)[ctx.settings.run].reshape(shape)
        return change(ctx.narrow.uniform(draw, count)[ctx.settings.run]).reshape(shape)
    if (draw, kind) not in ctx.drawn:
        length = shape[axes[0]]
        ctx.drawn[draw, kind] = (ctx.space.normal if kind == "normal" else ctx.space.uniform)(
            length, count, name in ctx.settings.lazy
        )
    columns = ctx.drawn[draw, kind]
    values = columns if kind == "normal" else change(columns)
    points = np.moveaxis(values.reshape(-1, *narrow), 0, axes[0])
    return raw(
        points, (draw, kind), draw, np.arange(count).reshape([1 if i in axes else k for i, k in enumerate(shape)])
    )


def _matrix(ctx: Context, shape: Any, axes: Any, draw: Hashable, kind: str, change: Any) -> Independent:
    values = change(ctx.world.entries.uniform(draw))
    if kind == "normal":
        values = values - values.mean()
        values = values / np.sqrt(np.mean(values**2))
    return Independent(shape[axes[0]], shape[axes[1]], values, frozenset([draw]))
