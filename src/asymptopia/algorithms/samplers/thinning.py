"""Piecewise-deterministic processes with exact event times by thinning, under bounds that are checked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ...contract.record import StatementError

CELLS = 4  # of a window; the bound is constant on each
SLACK = 0.25  # proposals that a window may owe to the margin of its bounds
FLOOR = 0.1  # proposals in a window that owe to nothing but the wish to check the bound somewhere
ROUNDING = 1e-9
SHORTEST = 1e-13
BOUND, NUMBER, WINDOW = 1, 2, 3


class Process(NamedTuple):
    """A deterministic flow and the jumps of its velocity.

    flow:     (x, v, t) -> (x, v) after time t.
    slopes:   (x, v) -> signed rates (m,); the event i happens at the rate max(slopes[i], 0).
    turn:     (x, v, i) -> the velocity after the event i.
    refresh:  (key, v) -> the velocity after a refreshment, of which `rate` happen a unit of time.
    draw:     (key, d) -> a velocity of the invariant law.
    integral: (x, v, t) -> integrals of x and of x**2 over the path of duration t, exact.
    growth:   (x, v, t) -> how much each slope can rise until time t; None: bounded from derivatives along the path.
    """

    flow: Callable[[Any, Any, Any], tuple[Any, Any]]
    slopes: Callable[[Any, Any], Any]
    turn: Callable[[Any, Any, Any], Any]
    refresh: Callable[[Any, Any], Any]
    draw: Callable[[Any, int], Any]
    integral: Callable[[Any, Any, Any], tuple[Any, Any]]
    rate: Any
    growth: Callable[[Any, Any, Any], Any] | None = None


class _Fields(NamedTuple):
    position: Any
    velocity: Any
    horizon: Any
    fault: Any


class PathState(_Fields):
    """Where a path is.

    velocity: flat; zero is not yet drawn, which the first step does.
    horizon:  how far ahead the next bound looks, in time.
    fault:    0, or why the path stopped here for good: `FAULTS[fault]`.
    """

    __slots__ = ()
    FAULTS = (
        "",
        "The bound on the rate of events was violated: the path would have been biased without notice. Give a "
        "`lipschitz` constant of the gradient that holds.",
        "The gradient of the log-density must be finite, but is not.",
        "No window ahead of the path, however short, has bounds that hold: the gradient of the log-density jumps or "
        "is not finite.",
    )


class PathInfo(NamedTuple):
    """What a step of a path reports.

    mean, second_moment: averages of x and of x**2 along the path of this step, integrated exactly.
    events, refreshments: how many turns of the velocity there were, and how many refreshments.
    windows: how many bounds were computed; each takes the gradient at 6 points.
    """

    mean: Any
    second_moment: Any
    events: Any
    refreshments: Any
    windows: Any


class _Run(NamedTuple):
    key: Any
    x: Any
    v: Any
    horizon: Any
    left: Any
    sums: Any
    counts: Any
    fault: Any


def start(position: Any) -> PathState:
    """The state of a path that starts here, its velocity to be drawn at the first step."""
    x, _ = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), position))
    return PathState(position, jnp.zeros_like(x), jnp.ones((), x.dtype), jnp.zeros((), int))


def advance(process: Process, length: Any, key: Any, state: PathState) -> tuple[PathState, PathInfo]:
    """Follow the path for a time `length`. A fault stops it; the state then stays where it is."""
    x, back = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), state.position))
    key, first = jax.random.split(key)
    v = jnp.where((state.velocity == 0).all(), process.draw(first, x.shape[0]), state.velocity)
    left = jnp.asarray(length, x.dtype)
    begin = _Run(key, x, v, state.horizon, left, jnp.zeros((2, x.shape[0])), jnp.zeros(3, int), state.fault)
    end = jax.lax.while_loop(
        lambda run: (run.left > 0) & (run.fault == 0), partial(_window, process, SHORTEST * left), begin
    )
    mean, second = end.sums / length
    info = PathInfo(back(mean), back(second), *end.counts)
    return PathState(back(end.x), end.v, end.horizon, end.fault), info


def _window(process: Process, shortest: Any, run: _Run) -> _Run:
    """Bound the rates ahead, move to the first proposal there or to the end of the window, and decide."""
    key, *keys = jax.random.split(run.key, 5)
    span = jnp.minimum(run.horizon, run.left)
    bounds, margin, finite, alive = _bounds(process, run.x, run.v, span)
    usable = finite & (margin * span <= SLACK)
    totals = jnp.where(usable, bounds.sum(axis=1) + process.rate, 1.0)
    reached = jnp.cumsum(totals) * span / CELLS
    clock = jax.random.exponential(keys[0], dtype=span.dtype)
    hit = usable & (clock < reached[-1])
    cell = jnp.where(hit, jnp.minimum(jnp.searchsorted(reached, clock, side="right"), CELLS - 1), CELLS - 1)
    t = span / CELLS * (cell + 1) - (reached[cell] - clock) / totals[cell]
    t = jnp.where(usable, jnp.where(hit, jnp.clip(t, 0, span), span), 0.0)
    y, w = process.flow(run.x, run.v, t)
    slopes = process.slopes(y, w)
    here = bounds[cell]
    broken = (slopes > here + ROUNDING * (1 + jnp.abs(here))).any()
    w, what = _decide(process, keys[1:], y, w, slopes, here, hit, totals[cell])
    fault = jnp.where(usable & broken, BOUND, 0)
    fault = jnp.where(~alive | (usable & ~jnp.isfinite(slopes).all()), NUMBER, fault)
    fault = jnp.where((fault == 0) & ~usable & (span < shortest), WINDOW, fault)
    went = jnp.where(usable, jnp.stack(process.integral(run.x, run.v, t)), 0.0)
    wish = 1 / (reached[-1] * run.horizon / span)
    horizon = run.horizon * jnp.where(usable, jnp.clip(wish, 0.5, 2.0), 0.5 * span / run.horizon)
    left = jnp.where(usable & ~hit & (run.left <= span), 0.0, run.left - t)
    counts = run.counts + jnp.stack([what == 1, what == 2, jnp.ones((), bool)]).astype(int)
    return _Run(key, y, w, horizon, left, run.sums + went, counts, fault)


def _decide(
    process: Process, keys: Any, y: Any, w: Any, slopes: Any, bounds: Any, hit: Any, total: Any
) -> tuple[Any, Any]:
    """The velocity after a proposal, and what happened: 0 nothing, 1 an event, 2 a refreshment."""
    m = bounds.shape[0]
    shares = jnp.cumsum(jnp.concatenate([bounds, jnp.reshape(jnp.asarray(process.rate, bounds.dtype), 1)]))
    i = jnp.searchsorted(shares, jax.random.uniform(keys[0]) * total, side="right")
    i = jnp.minimum(i, jnp.where(process.rate > 0, m, m - 1))
    which = jnp.minimum(i, m - 1)
    event = hit & (i < m) & (jax.random.uniform(keys[1]) * bounds[which] < slopes[which])
    afresh = hit & (i == m)
    new = jnp.where(event, process.turn(y, w, which), jnp.where(afresh, process.refresh(keys[2], w), w))
    return new, event.astype(int) + 2 * afresh.astype(int)


def _bounds(process: Process, x: Any, v: Any, span: Any) -> tuple[Any, Any, Any, Any]:
    """Bounds (CELLS, m) on the rates in each cell ahead, their margin, whether all is finite, and whether it is here.

    Without a bound on their growth, the slopes are interpolated between nodes by cubics from their values and
    derivatives; a cubic is at most its largest Bezier coefficient. The margin is the error that the cubics of doubled
    cells make at their middle, about 16 times that of the cubics used.
    """
    growth = process.growth
    if growth is not None:
        ends = span / CELLS * jnp.arange(1, CELLS + 1)
        now = process.slopes(x, v)
        rise = jax.vmap(lambda t: growth(x, v, t))(ends)
        floor = FLOOR / (span * now.shape[0])
        finite = jnp.isfinite(now).all() & jnp.isfinite(rise).all()
        return jnp.maximum(now + rise, 0.0) + floor, jnp.zeros_like(span), finite, jnp.isfinite(now).all()

    def along(t: Any) -> tuple[Any, Any]:
        return jax.jvp(lambda s: process.slopes(*process.flow(x, v, s)), (t,), (jnp.ones_like(t),))

    h = span / CELLS
    g, dg = jax.vmap(along)(h * jnp.arange(CELLS + 1, dtype=span.dtype))
    finite = jnp.isfinite(g).all() & jnp.isfinite(dg).all()
    coefficients = jnp.stack([g[:-1], g[:-1] + h * dg[:-1] / 3, g[1:] - h * dg[1:] / 3, g[1:]])
    before, middle, after = slice(0, -1, 2), slice(1, None, 2), slice(2, None, 2)
    value = (g[before] + g[after]) / 2 + h * (dg[before] - dg[after]) / 4
    slope = 3 * (g[after] - g[before]) / (4 * h) - (dg[before] + dg[after]) / 4
    margin = jnp.max(jnp.abs(g[middle] - value) + h / 4 * jnp.abs(dg[middle] - slope), axis=0)
    margin = jnp.where(jnp.max(coefficients, axis=(0, 1)) + margin > 0, margin, 0.0)
    floor = FLOOR / (span * g.shape[1])
    bounds = jnp.maximum(jnp.max(coefficients, axis=0) + margin, 0.0) + floor
    return bounds, margin.sum(), finite, jnp.isfinite(g[0]).all()


def downhill(logdensity: Callable[[Any], Any], position: Any) -> tuple[Callable[[Any], Any], int]:
    """The gradient of minus the log-density as a function of flat positions, and their dimension."""
    x, back = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), position))
    return jax.grad(lambda y: -logdensity(back(y))), x.shape[0]


def segment(x: Any, v: Any, t: Any) -> tuple[Any, Any]:
    """The integrals of x and x**2 along a straight path."""
    return x * t + v * t**2 / 2, x**2 * t + x * v * t**2 + v**2 * t**3 / 3


def check_rates(length: Any, refreshment: Any, lipschitz: Any) -> None:
    """Raise `StatementError` unless these numbers, where they are known, make a process."""
    for name, value, positive in (("length", length, True), ("refreshment", refreshment, False)):
        if isinstance(value, jax.core.Tracer):
            continue
        if not np.isfinite(value) or value < 0 or (positive and value == 0):
            bound = "> 0" if positive else ">= 0"
            raise StatementError(f"`{name}` must be {bound} and finite, but is {value}.")
    if lipschitz is not None and not isinstance(lipschitz, jax.core.Tracer) and not 0 <= lipschitz < np.inf:
        raise StatementError(f"`lipschitz` must be >= 0 and finite, but is {lipschitz}.")
