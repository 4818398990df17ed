r"""Training of two-layer networks $g(x) = \frac1N \sum_i \phi(x; \theta_i)$, on samples or on the mean over inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ...numerics.arrays import ArrayLike, Key, PyTree

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float, Real

PER_TIME = 8.0


def stochastic_descent(
    outputs: Callable[[Any, Any], Any],
    theta: Float[jax.Array, "N p"],
    draw: Callable[[Any], tuple[Any, Any]],
    rate: Real[ArrayLike, ""],
    counts: Sequence[int],
    key: Key,
    temperature: Real[ArrayLike, ""] | None = None,
) -> Float[jax.Array, "time N p"]:
    r"""The neurons (time, N, p) after these numbers of SGD steps, each counted from the one before.

    A step draws inputs X (b, d) and labels y (b,) from `draw` and moves all neurons by

    $$\theta_i \leftarrow \theta_i - \frac{a}{N b} \sum_{x, y} (g(x) - y)\,\nabla\phi(x; \theta_i) ,$$

    and with a temperature T by $\sqrt{2T/N}$ times a number of `coins` each, which are normal in the sum over steps.
    outputs: theta (N, p), X (b, d) -> (N, b). Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    def step(now: jax.Array, one: Any) -> tuple[Any, None]:
        first, second = (one, one) if temperature is None else jax.random.split(one)
        X, y = draw(first)
        values, back = jax.vjp(lambda t: outputs(t, X), now)
        left = values.mean(axis=0) - y
        pull = jnp.broadcast_to((-rate / (len(now) * len(y)) * left).astype(now.dtype), values.shape)
        now = now + back(pull)[0]
        if temperature is not None:
            now += jnp.sqrt(2 * temperature / len(now)) * coins(second, now.shape, now.dtype)
        return now, None

    seen = []
    for k, count in enumerate(counts):
        theta, _ = jax.lax.scan(step, theta, jax.random.split(jax.random.fold_in(key, k), count))
        seen.append(theta)
    return jnp.stack(seen)


def coins(key: Key, shape: tuple[int, ...], dtype: Any) -> Any:
    """Random numbers of mean 0 and variance 1: sums of eight coins, at a quarter of the cost of normal ones.

    Steps of a stochastic differential equation need no more of their noise than its first three moments for the weak
    order 1 (Kloeden and Platen 1992, section 14.1). The fourth is 2.75.
    """
    import jax
    import jax.numpy as jnp

    words = jax.random.bits(key, (-(-math.prod(shape) // 4),), jnp.uint32)
    thrown = jax.lax.bitcast_convert_type(words, jnp.uint8).reshape(-1)[: math.prod(shape)]
    heads = jax.lax.population_count(thrown).astype(dtype)
    return (heads - 4).reshape(shape) * jnp.asarray(0.5**0.5, dtype)


def flow(
    outputs: Callable[[Any, Any], Any],
    theta: Float[jax.Array, "N p"],
    X: Float[jax.Array, "n d"],
    y: Float[jax.Array, " n"],
    p: Float[jax.Array, " n"],
    rate: Real[ArrayLike, ""],
    times: Sequence[float],
) -> Float[jax.Array, "time N p"]:
    r"""The neurons (time, N, p) at these times under gradient flow on inputs X (n, d) of weights p (n,).

    $\dot\theta_i = -a \sum_x p_x (g(x) - y_x) \nabla\phi(x; \theta_i)$ by Heun's method, whose error, of second order
    in steps that shrink as $N^{-1/2}$, falls as $1/N$. A step over which velocities change by more than
    `longest_share`, relative to their own, is taken again, shorter. Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    from ..step_size import longest_share

    longest = 1 / (PER_TIME * (1 + rate) * len(theta) ** 0.5)
    share = longest_share(len(theta))

    def velocity(now: jax.Array) -> Any:
        values, back = jax.vjp(lambda t: outputs(t, X), now)
        pull = -rate * p * (values.mean(axis=0) - y)
        return back(jnp.broadcast_to(pull, values.shape))[0]

    def turned(first: jax.Array, second: jax.Array) -> Any:
        """The largest change of a neuron's velocity, over its own or over that of all in the mean."""
        speeds = jnp.sqrt((first**2).sum(axis=1))
        change = jnp.sqrt(((second - first) ** 2).sum(axis=1))
        return (change / jnp.maximum(jnp.maximum(speeds, jnp.sqrt((speeds**2).mean())), 1e-300)).max()

    def step(state: PyTree) -> Any:
        left, now, dt, slope = state
        dt = jnp.minimum(dt, left)
        ahead = velocity(now + dt * slope)
        change = turned(slope, ahead) / share
        again = (change > 1.5) & (dt > 1e-6 * longest)
        moved = jnp.where(again, now, now + dt / 2 * (slope + ahead))
        following = jnp.clip(dt / jnp.maximum(change, 1e-9), 1e-6 * longest, longest)
        slope = jax.lax.cond(again, lambda: slope, lambda: velocity(moved))
        return jnp.where(again, left, left - dt), moved, jnp.where(jnp.isnan(change), longest, following), slope

    def advance(state: PyTree, span: ArrayLike) -> tuple[Any, Any]:
        now, dt = state
        _, now, dt, _ = jax.lax.while_loop(lambda s: s[0] > 1e-12 * span, step, (span, now, dt, velocity(now)))
        return (now, dt), now

    begin = (theta, jnp.asarray(longest, float))
    return jax.lax.scan(advance, begin, jnp.diff(jnp.asarray(times, float), prepend=0.0))[1]


def noisy_descent(
    outputs: Callable[[Any, Any], Any],
    theta: Float[jax.Array, "N p"],
    inputs: tuple[Float[jax.Array, "n d"], Float[jax.Array, " n"], Float[jax.Array, " n"]],
    temperature: Real[ArrayLike, ""],
    decay: Real[ArrayLike, ""],
    times: Sequence[float],
    key: Key,
) -> Float[jax.Array, "time N p"]:
    r"""The neurons (time, N, p) at these times under noisy gradient flow with weight decay.

    $d\theta_i = -\sum_x p_x (g(x) - y_x) \nabla\phi(x; \theta_i)\,dt - \lambda \theta_i\,dt + \sqrt{2T}\,dW_i$ on the
    inputs (X, y, p), by Heun's method, of weak order 2 for this noise, with steps that shrink as $N^{-1/2}$, and of the
    `step_size` that the largest curvature at a neuron and that of the risk as a whole allow. Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    from ..step_size import longest_share, step_size

    X, y, p = inputs
    longest, share = 2 / (PER_TIME * len(theta) ** 0.5), longest_share(len(theta))

    def drift(now: jax.Array) -> Any:
        values, back = jax.vjp(lambda t: outputs(t, X), now)
        pull = p * (values.mean(axis=0) - y)
        return -back(jnp.broadcast_to(pull, values.shape))[0] - decay * now

    def drift_and_curvature(now: jax.Array) -> tuple[Any, Any]:
        """The drift, and the largest curvature of a neuron's potential with the trace of that of the risk."""
        pull = p * (outputs(now, X).mean(axis=0) - y)
        slopes, bend, trace = [], jnp.zeros(len(now)), jnp.zeros(())
        for along in jnp.eye(now.shape[1], dtype=now.dtype):
            ones = jnp.broadcast_to(along, now.shape)
            slope, turn = jax.jvp(
                lambda t: jax.jvp(lambda s: outputs(s, X), (t,), (ones,))[1],
                (now,),
                (ones,),
            )
            slopes.append(slope @ pull)
            bend = bend + jnp.abs(turn @ pull)
            trace = trace + (slope**2).mean(axis=0) @ p
        return -jnp.stack(slopes, axis=1) - decay * now, bend.max() + trace + decay

    def step(state: PyTree) -> Any:
        left, now, key = state
        key, one = jax.random.split(key)
        slope, curvature = drift_and_curvature(now)
        dt = jnp.minimum(left, step_size(longest, curvature, share))
        kick = jnp.sqrt(2 * temperature * dt) * jax.random.normal(one, now.shape)
        return left - dt, now + dt / 2 * (slope + drift(now + dt * slope + kick)) + kick, key

    def advance(state: PyTree, span: ArrayLike) -> tuple[Any, Any]:
        _, now, key = jax.lax.while_loop(lambda s: s[0] > 1e-12 * span, step, (span, *state))
        return (now, key), now

    return jax.lax.scan(advance, (theta, key), jnp.diff(jnp.asarray(times, float), prepend=0.0))[1]
