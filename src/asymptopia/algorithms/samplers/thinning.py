"""Piecewise-deterministic Markov processes with exact event times, by thinning under checked bounds."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import check_target
from .walls import Constraints, Meeting, first_wall, walls_of

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Real

CELLS = 4  # of a window; the bound is constant on each
SLACK = 0.25  # proposals that a window may owe to the margin of its bounds
FLOOR = 0.1  # proposals in a window that owe to nothing but the wish to check the bound somewhere
ROUNDING = 1e-9
SHORTEST = 1e-13
BOUND, NUMBER, WINDOW, EDGE = 1, 2, 3, 4


class Process(NamedTuple):
    """A piecewise-deterministic process: a deterministic flow, and jumps of its velocity.

    flow:     (x, v, t) -> (x, v) after time t.
    slopes:   (x, v) -> signed rates (m,); the event i happens at the rate max(slopes[i], 0).
    turn:     (x, v, i) -> the velocity after the event i.
    draw:     key -> a velocity of the invariant law.
    refresh:  (key, v) -> the velocity after a refreshment, of which `rate` happen a unit of time; None: one is drawn.
    integral: (x, v, t) -> integrals of x and of x**2 over the path of duration t, exact.
    growth:   (x, v, t) -> how much each slope can rise until time t; None: bounded from derivatives along the path.

    logdensity: x -> log p(x), which must fall along the path as the sum of the slopes says: where it does not, the
                density has an edge, and the path stops. Not checked if None.
    base:       x -> the log-density of which the flow needs no events; that of a constant if None.
    walls:      x -> numbers (w,), positive on one side of each edge that is known; mirror: (v, normal) -> the velocity
                after a reflection there.
    """

    flow: Callable[[Any, Any, Any], tuple[Any, Any]]
    slopes: Callable[[Any, Any], Any]
    turn: Callable[[Any, Any, Any], Any]
    draw: Callable[[Any], Any]
    integral: Callable[[Any, Any, Any], tuple[Any, Any]]
    rate: Any
    refresh: Callable[[Any, Any], Any] | None = None
    growth: Callable[[Any, Any, Any], Any] | None = None
    logdensity: Callable[[Any], Any] | None = None
    base: Callable[[Any], Any] | None = None
    walls: Callable[[Any], Any] | None = None
    mirror: Callable[[Any, Any], Any] | None = None

    def level(self, x: Float[jax.Array, " d"]) -> Any:
        """The log-density relative to the base, whose derivatives, with the opposite sign, are the slopes."""
        if self.logdensity is None:
            return jnp.zeros((), x.dtype)
        return self.logdensity(x) - (0.0 if self.base is None else self.base(x))


class _Fields(NamedTuple):
    position: Any
    velocity: Any
    horizon: Any
    fault: Any
    logdensity: Any = 0.0


class PathState(_Fields):
    """The state of a path.

    velocity: flat; zero is not yet drawn, which the next window of a path does.
    horizon:  how far ahead the next bound looks, in time.
    fault:    0, or why the path stopped here for good: `FAULTS[fault]`.
    logdensity: where the path is.
    """

    __slots__ = ()
    FAULTS = (
        "",
        "The bound on the rate of events was violated: the path would have been biased without notice. Give a "
        "`lipschitz` constant of the gradient that holds.",
        "The gradient of the log-density must be finite, but is not.",
        "No window ahead of the path, however short, has bounds that hold: the gradient of the log-density jumps or "
        "is not finite.",
        "The density has an edge just ahead of the path: its logarithm jumps, or falls to -inf, by more than its slope "
        "says, and the path would have become biased without notice. State where: `constraints` takes a function of "
        "the position that is positive on one side of each edge and negative on the other.",
    )


class PathInfo(NamedTuple):
    """The report of a step along a path.

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
    drawing: Any  # the key of the velocity if that is not yet drawn
    x: Any
    v: Any
    horizon: Any
    left: Any
    sums: Any
    counts: Any
    fault: Any
    level: Any


def start(position: PyTree, logdensity: Callable[[Any], Any] | None = None) -> PathState:
    """The state of a path at this position; its velocity is drawn at the first step."""
    x, _ = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), position))
    value = jnp.zeros((), x.dtype) if logdensity is None else jnp.asarray(logdensity(position), x.dtype)
    return PathState(position, jnp.zeros_like(x), jnp.ones((), x.dtype), jnp.zeros((), int), value)


def started(logdensity: Callable[[Any], Any], constraints: Constraints | None = None) -> Callable[..., PathState]:
    """The `init` of a sampler for this density; it refuses a bad target, or a start on a wall."""

    def init(position: PyTree, rng_key: Key | None = None) -> PathState:
        check_target(logdensity, position)
        walls_of(constraints, position)
        return start(position, logdensity)

    return init


def advance(process: Process, length: Real[ArrayLike, ""], key: Key, state: PathState) -> tuple[PathState, PathInfo]:
    """Follow the path for the time `length`; after a fault the state stays where it is."""
    x, back = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), state.position))
    key, first = jax.random.split(key)
    left, sums, counts = jnp.asarray(length, x.dtype), jnp.zeros((2, x.shape[0])), jnp.zeros(3, int)
    begin = _Run(key, first, x, state.velocity, state.horizon, left, sums, counts, state.fault, process.level(x))
    end = jax.lax.while_loop(
        lambda run: (run.left > 0) & (run.fault == 0), partial(_window, process, SHORTEST * left), begin
    )
    mean, second = end.sums / length
    info = PathInfo(back(mean), back(second), *end.counts)
    value = end.level if process.base is None else end.level + process.base(end.x)
    return PathState(back(end.x), end.v, end.horizon, end.fault, jnp.asarray(value, x.dtype)), info


def _window(process: Process, shortest: Real[ArrayLike, ""], run: _Run) -> _Run:
    """Bound the rates ahead, move to the first proposal there, to a wall or to the end of the window, and decide."""
    key, thrown, afresh = jax.random.split(run.key, 3)
    run = run._replace(v=jnp.where((run.v == 0).all(), process.draw(run.drawing), run.v))
    coins = jax.random.uniform(thrown, (4,), run.x.dtype)
    asked = jnp.minimum(run.horizon, run.left)
    wall = _wall(process, run, asked, shortest)
    span = asked if wall is None else wall.before
    ahead = _bounds(process, run.x, run.v, span, asked)
    end = process.level(process.flow(run.x, run.v, span)[0])
    smooth = jnp.abs(end - run.level + ahead.rise) <= ahead.doubt + ROUNDING * (1 + jnp.abs(run.level))
    known = ahead.finite & (ahead.margin * span <= SLACK)
    usable = known & (smooth | (process.logdensity is None))
    if wall is not None:
        usable &= ~wall.doubtful
    totals = jnp.where(usable, ahead.bounds.sum(axis=1) + process.rate, 1.0)
    reached = jnp.cumsum(totals) * span / CELLS
    clock = -jnp.log1p(-coins[0])
    hit = usable & (clock < reached[-1])
    cell = jnp.where(hit, jnp.minimum((reached <= clock).sum(), CELLS - 1), CELLS - 1)
    t = span / CELLS * (cell + 1) - (reached[cell] - clock) / totals[cell]
    t = jnp.where(usable, jnp.where(hit, jnp.clip(t, 0, span), span), 0.0)
    y, w = process.flow(run.x, run.v, t)
    slopes = process.slopes(y, w)
    here = ahead.bounds[cell]
    broken = (slopes > here + ROUNDING * (1 + jnp.abs(here))).any()
    turned, what = _decide(process, afresh, coins[1:3], y, w, slopes, here, hit, totals[cell])
    level = jnp.where(usable, jnp.where(hit, process.level(y), end), run.level)
    if wall is not None:
        at_wall = usable & ~hit & (wall.wall >= 0)
        y, turned, what, level = _at_wall(process, coins[3], run, wall, at_wall, (y, w, turned, what, level))
    fault = jnp.where(usable & broken, BOUND, 0)
    fault = jnp.where(~ahead.alive | (usable & ~jnp.isfinite(slopes).all()), NUMBER, fault)
    fault = jnp.where((fault == 0) & ~usable & (span < shortest), jnp.where(known, EDGE, WINDOW), fault)
    went = jnp.where(usable, jnp.stack(process.integral(run.x, run.v, t)), 0.0)
    wish = 1 / (totals.mean() * run.horizon)
    horizon = run.horizon * jnp.where(usable, jnp.clip(wish, 0.5, 2.0), 0.5 * span / run.horizon)
    left = jnp.where(usable & ~hit & (run.left <= span), 0.0, run.left - t)
    counts = run.counts + jnp.stack([what == 1, what == 2, jnp.ones((), bool)]).astype(int)
    return _Run(key, afresh, y, turned, horizon, left, run.sums + went, counts, fault, level)


def _wall(process: Process, run: _Run, span: Float[jax.Array, ""], shortest: Real[ArrayLike, ""]) -> Meeting | None:
    """The wall that is met first, with times so far off that rounding cannot mistake its sides."""
    if process.walls is None:
        return None
    met = first_wall(process.walls, lambda t: process.flow(run.x, run.v, t)[0], span)
    speed = jnp.maximum(jnp.abs(run.v).max(), 1e-300)
    off = jnp.where(met.wall >= 0, jnp.maximum(1e3 * shortest, 1e-12 * jnp.abs(run.x).max() / speed), 0.0)
    return met._replace(before=jnp.maximum(met.before - off, 0.0), after=met.after + off)


def _at_wall(process: Process, coin: Float[jax.Array, ""], run: _Run, wall: Meeting, here: Any, now: Any) -> Any:
    """Pass the wall with the ratio of the densities beyond and before it as the probability, or turn back at it."""
    y, w, turned, what, level = now
    beyond, faster = process.flow(run.x, run.v, wall.after)
    after = process.level(beyond)
    passes = here & (coin < jnp.exp(jnp.minimum(after - level, 0.0)))
    normal = jax.grad(lambda x: process.walls(x)[wall.wall])(y)  # type: ignore[misc]
    back = process.mirror(w, normal)  # type: ignore[misc]
    velocity = jnp.where(passes, faster, jnp.where(here, back, turned))
    return jnp.where(passes, beyond, y), velocity, what + (here & ~passes), jnp.where(passes, after, level)


def _decide(
    process: Process,
    key: Key,
    coins: Float[jax.Array, " 2"],
    y: Float[jax.Array, " d"],
    w: Float[jax.Array, " d"],
    slopes: Float[jax.Array, " rates"],
    bounds: Float[jax.Array, " rates"],
    hit: Bool[jax.Array, ""],
    total: Float[jax.Array, ""],
) -> tuple[Any, Any]:
    """The velocity after a proposal, and what happened: 0 nothing, 1 an event, 2 a refreshment."""
    m = bounds.shape[0]
    shares = jnp.cumsum(bounds)
    which = jnp.minimum((shares <= coins[0] * total).sum(), m - 1)
    turns = (coins[0] * total < shares[-1]) | (process.rate <= 0)
    event = hit & turns & (coins[1] * bounds[which] < slopes[which])
    new = jnp.where(event, process.turn(y, w, which), w)
    if isinstance(process.rate, (int, float)) and process.rate == 0:  # nothing to compile for what never happens
        return new, event.astype(int)
    afresh = hit & ~turns
    fresh = jnp.zeros_like(w) if process.refresh is None else process.refresh(key, w)
    new = jnp.where(afresh, fresh, new)
    return new, event.astype(int) + 2 * afresh.astype(int)


class _Ahead(NamedTuple):
    """Bounds on the rates in the window ahead: (CELLS, m), and their margin.

    finite, alive: whether all is finite, and whether it is here. rise: the integral of all slopes, and its `doubt`.
    """

    bounds: Any
    margin: Any
    finite: Any
    alive: Any
    rise: Any
    doubt: Any


def _bounds(
    process: Process,
    x: Real[ArrayLike, " d"],
    v: Real[ArrayLike, " d"],
    span: Float[jax.Array, ""],
    asked: Float[jax.Array, ""],
) -> _Ahead:
    """The bounds ahead, from derivatives at nodes or from a bound on the growth of the slopes.

    Slopes are interpolated between nodes by cubics from their values and derivatives; a cubic is at most its largest
    Bezier coefficient. The margin is the error that the cubics of doubled cells make at their middle, about 16 times
    that of the cubics used.
    """
    if process.growth is not None:
        return _grown(process, process.growth, x, v, span, asked)

    def along(t: ArrayLike) -> tuple[Any, Any]:
        return jax.jvp(lambda s: process.slopes(*process.flow(x, v, s)), (t,), (jnp.ones_like(t),))

    h = span / CELLS
    g, dg = jax.vmap(along)(h * jnp.arange(CELLS + 1, dtype=span.dtype))
    finite = jnp.isfinite(g).all() & jnp.isfinite(dg).all()
    coefficients = jnp.stack([g[:-1], g[:-1] + h * dg[:-1] / 3, g[1:] - h * dg[1:] / 3, g[1:]])
    before, middle, after = slice(0, -1, 2), slice(1, None, 2), slice(2, None, 2)
    value = (g[before] + g[after]) / 2 + h * (dg[before] - dg[after]) / 4
    slope = 3 * (g[after] - g[before]) / (4 * h) - (dg[before] + dg[after]) / 4
    margin = jnp.max(jnp.abs(g[middle] - value) + h / 4 * jnp.abs(dg[middle] - slope), axis=0)
    needed = jnp.where(jnp.max(coefficients, axis=(0, 1)) + margin > 0, margin, 0.0)
    floor = FLOOR / (asked * g.shape[1])
    bounds = jnp.maximum(jnp.max(coefficients, axis=0) + needed, 0.0) + floor
    total, turn = g.sum(axis=1), dg.sum(axis=1)
    rise = h * (total[1:] + total[:-1]).sum() / 2 + h**2 * (turn[0] - turn[-1]) / 12
    return _Ahead(bounds, needed.sum(), finite, jnp.isfinite(g[0]).all(), rise, span * margin.sum())


def _grown(
    process: Process,
    growth: Any,
    x: Real[ArrayLike, " d"],
    v: Real[ArrayLike, " d"],
    span: Float[jax.Array, ""],
    asked: Float[jax.Array, ""],
) -> _Ahead:
    ends = span / CELLS * jnp.arange(1, CELLS + 1)
    now, then = process.slopes(x, v), process.slopes(*process.flow(x, v, span))
    rise = jax.vmap(lambda t: growth(x, v, t))(ends)
    floor = FLOOR / (asked * now.shape[0])
    finite = jnp.isfinite(now).all() & jnp.isfinite(rise).all()
    bounds = jnp.maximum(now + rise, 0.0) + floor
    integral, doubt = span * (now.sum() + then.sum()) / 2, span * rise[-1].sum()
    return _Ahead(bounds, jnp.zeros_like(span), finite, jnp.isfinite(now).all(), integral, doubt)


def downhill(logdensity: Callable[[Any], Any], position: PyTree) -> tuple[Callable[[Any], Any], int]:
    """Minus the gradient of the log-density as a function of flat positions, and their dimension."""
    x, back = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), position))
    return jax.grad(lambda y: -logdensity(back(y))), x.shape[0]


def segment(x: Real[ArrayLike, " d"], v: Real[ArrayLike, " d"], t: Real[ArrayLike, ""]) -> tuple[Any, Any]:
    """The integrals of x and x**2 along a straight path."""
    return x * t + v * t**2 / 2, x**2 * t + x * v * t**2 + v**2 * t**3 / 3


def check_rates(
    length: Real[ArrayLike, ""], refreshment: Real[ArrayLike, ""], lipschitz: Real[ArrayLike, ""] | None
) -> None:
    """Raise `StatementError` unless length, refreshment and Lipschitz constant define a process."""
    for name, value, positive in (("length", length, True), ("refreshment", refreshment, False)):
        if isinstance(value, jax.core.Tracer):
            continue
        if not np.isfinite(value) or value < 0 or (positive and value == 0):
            bound = "> 0" if positive else ">= 0"
            raise StatementError(f"`{name}` must be {bound} and finite, but is {value}.")
    if lipschitz is not None and not isinstance(lipschitz, jax.core.Tracer) and not 0 <= lipschitz < np.inf:
        raise StatementError(f"`lipschitz` must be >= 0 and finite, but is {lipschitz}.")
