"""Trajectories of overdamped Langevin dynamics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...numerics.arrays import ArrayLike, Key, PyTree

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float, Real

    from ...parts.potential import Potential


def langevin(
    potential: Potential,
    x: Real[ArrayLike, "..."],
    temperature: Real[ArrayLike, ""],
    times: Sequence[float],
    step: float,
    key: Key,
    coupling: Real[ArrayLike, ""] = 0.0,
    centre: Callable[[Any], Any] = lambda y: y.mean(axis=-1, keepdims=True),
) -> Any:
    r"""Positions at the times: $dX_i = -V'(X_i)\,dt - c (X_i - \bar X)\,dt + \sqrt{2T}\,dW_i$; times come first.

    Particles that start at `x`, an array (n,) or (clouds, ..., n), and are pulled with strength `coupling` to a
    `centre`, by default the mean over the last axis; clouds, along the first, are driven by the same noise.

    Half of the noise of a step, the drift by the Runge-Kutta method of third order that is a convex combination of
    Euler's steps, and the other half: of weak order 2, and of third order without noise. Since $1 - z + z^2/2 -
    z^3/6 \le e^{-z}$, two clouds in a potential with $V'' \ge \lambda$ contract at least by $e^{-\lambda t}$, as
    they do in continuous time. Steps of at most `step`, and of the `step_size` that the largest curvature at a
    particle allows. Traceable by JAX.
    """
    return _march(potential, x, temperature, times, step, key, (coupling, centre), None)[0]


def histogram(x: Real[ArrayLike, "... n"], edges: Sequence[float]) -> Float[jax.Array, "... cells"]:
    """The share of particles x (..., n) in each cell between neighbouring edges, over its width: (..., cells)."""
    import jax.numpy as jnp

    x, places = jnp.asarray(x), jnp.asarray(edges)
    below = (x[..., None, :] <= places[:, None]).sum(axis=-1)
    return jnp.diff(below) / x.shape[-1] / jnp.diff(places)


def langevin_exits(
    potential: Potential,
    x: Real[ArrayLike, "..."],
    temperature: Real[ArrayLike, ""],
    times: Sequence[float],
    step: float,
    key: Key,
    level: Real[ArrayLike, ""] | None,
) -> tuple[Any, Any]:
    """Trajectories as by `langevin` without coupling, and which particles have passed `level` by each time.

    Passages by the noise of a step are drawn by the probability of a Brownian bridge, so that the error is of the order
    of the step (Gobet, Stochastic Process. Appl. 87 (2000) 167); those by its drift are seen.
    """
    return _march(potential, x, temperature, times, step, key, (0.0, lambda y: y), level)


def _slid(euler: Any, y: ArrayLike, dt: jax.Array) -> Any:
    """The drift of a time dt to third order, as averages of Euler's steps (Shu and Osher, 1988)."""
    between = 0.75 * y + 0.25 * euler(euler(y, dt), dt)
    return (y + 2 * euler(between, dt)) / 3


def _march(
    potential: Potential,
    x: Real[ArrayLike, "..."],
    temperature: Real[ArrayLike, ""],
    times: Any,
    step: Any,
    key: Key,
    pull: Any,
    level: Real[ArrayLike, ""] | None,
) -> tuple[Any, Any]:
    import jax
    import jax.numpy as jnp

    from ..step_size import longest_share, step_size

    coupling, centre = pull
    share = longest_share(0.25 / step**2)  # of the n that steps of 1 / (2 sqrt n) belong to
    x = jnp.asarray(x, float)
    shape = x.shape[1:] if x.ndim > 1 else x.shape  # of the noise

    def euler(y: ArrayLike, dt: jax.Array) -> Any:
        return y - dt * (potential.slope(y) + coupling * (y - centre(y)))

    def length(y: ArrayLike, left: jax.Array) -> Any:
        steepest = jnp.max(jnp.abs(potential.curvature(y))) + coupling
        return jnp.minimum(left, step_size(step, steepest, share))

    def shaken(y: ArrayLike, out: Any, variance: ArrayLike, key: Key) -> tuple[Any, Any]:
        """After noise of this variance, and which have passed the level, before or on the way."""
        moved = y + jnp.sqrt(variance) * jax.random.normal(key, shape)
        if level is None:
            return moved, out
        product = (y - level) * (moved - level)
        chance = jax.random.uniform(jax.random.fold_in(key, 1), shape)
        return moved, out | (chance <= jnp.exp(-2 * product / jnp.maximum(variance, 1e-300)))

    def advance(state: PyTree, until: jax.Array) -> tuple[Any, Any]:
        def one(s: Any) -> Any:
            t, y, out, dt, k = s
            k, now = jax.random.split(k)
            before, y = y, _slid(euler, y, dt)
            if level is not None:
                out = out | ((before - level) * (y - level) <= 0)
            last = t + dt >= until - 1e-12 * until
            after = jnp.where(last, 0.0, length(y, until - t - dt))
            y, out = shaken(y, out, temperature * (dt + after), now)
            return jnp.where(last, until, t + dt), y, out, after, k

        t, y, out, k = state
        k, now = jax.random.split(k)
        dt = length(y, until - t)
        y, out = shaken(y, out, temperature * dt, now)
        t, y, out, _, k = jax.lax.while_loop(lambda s: s[0] < until, one, (t, y, out, dt, k))
        return (t, y, out, k), (y, out)

    begin = (jnp.zeros(()), x, jnp.zeros(x.shape, bool) if level is None else x == level, key)
    return jax.lax.scan(advance, begin, jnp.asarray(times, float))[1]
