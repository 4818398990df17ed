r"""Training of two-layer networks $g(x) = \frac1N \sum_i \phi(x; \theta_i)$: by samples, and along all inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

PER_TIME = 8.0


def stochastic_descent(
    outputs: Callable[[Any, Any], Any],
    theta: Any,
    draw: Callable[[Any], tuple[Any, Any]],
    rate: Any,
    counts: Sequence[int],
    key: Any,
    temperature: Any = None,
) -> Any:
    r"""The neurons after these numbers of steps, each counted from the one before; array (time, N, p).

    A step draws inputs X (b, d) and labels y (b,) from `draw` and moves all neurons by

    $$\theta_i \leftarrow \theta_i - \frac{a}{N b} \sum_{x, y} (g(x) - y)\,\nabla\phi(x; \theta_i) ,$$

    and with a temperature T by $\sqrt{2T/N}$ times a number of `coins` each, which are normal in the sum over steps.
    outputs: theta (N, p), X (b, d) -> (N, b). Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    def step(now: Any, one: Any) -> tuple[Any, None]:
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


def coins(key: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """Random numbers of mean 0 and variance 1: eight coins each, at a quarter of the cost of normal ones.

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
    outputs: Callable[[Any, Any], Any], theta: Any, X: Any, y: Any, p: Any, rate: Any, times: Sequence[float]
) -> Any:
    r"""The neurons at these times under gradient flow on the inputs X (n, d) of weights p (n,); array (time, N, p).

    $\dot\theta_i = -a \sum_x p_x (g(x) - y_x) \nabla\phi(x; \theta_i)$ by Heun's method, whose error, of second order
    in steps that shrink as $N^{-1/2}$, falls as $1/N$. Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    def velocity(now: Any) -> Any:
        values, back = jax.vjp(lambda t: outputs(t, X), now)
        pull = -rate * p * (values.mean(axis=0) - y)
        return back(jnp.broadcast_to(pull, values.shape))[0]

    def advance(now: Any, span: Any) -> tuple[Any, Any]:
        count = jnp.ceil(PER_TIME * (1 + rate) * span * len(now) ** 0.5)
        dt = span / jnp.maximum(count, 1.0)

        def step(_: Any, t: Any) -> Any:
            slope = velocity(t)
            return t + dt / 2 * (slope + velocity(t + dt * slope))

        now = jax.lax.fori_loop(0, count.astype(int), step, now)
        return now, now

    return jax.lax.scan(advance, theta, jnp.diff(jnp.asarray(times, float), prepend=0.0))[1]


def noisy_descent(
    outputs: Callable[[Any, Any], Any],
    theta: Any,
    inputs: tuple[Any, Any, Any],
    temperature: Any,
    decay: Any,
    times: Sequence[float],
    key: Any,
) -> Any:
    r"""The neurons at these times under noisy gradient flow with weight decay; array (time, N, p).

    $d\theta_i = -\sum_x p_x (g(x) - y_x) \nabla\phi(x; \theta_i)\,dt - \lambda \theta_i\,dt + \sqrt{2T}\,dW_i$ on the
    inputs (X, y, p), by Heun's method, of weak order 2 for this noise, with steps that shrink as $N^{-1/2}$. Traceable.
    """
    import jax
    import jax.numpy as jnp

    X, y, p = inputs
    spans = [b - a for a, b in zip((0.0, *times), times, strict=False)]
    counts = [math.ceil(PER_TIME / 2 * span * len(theta) ** 0.5) for span in spans]

    def drift(now: Any) -> Any:
        values, back = jax.vjp(lambda t: outputs(t, X), now)
        pull = p * (values.mean(axis=0) - y)
        return -back(jnp.broadcast_to(pull, values.shape))[0] - decay * now

    seen = []
    for k, (span, count) in enumerate(zip(spans, counts, strict=True)):
        dt = span / max(count, 1)

        def step(now: Any, one: Any, dt: float = dt) -> tuple[Any, None]:
            kick = jnp.sqrt(2 * temperature * dt) * jax.random.normal(one, now.shape)
            slope = drift(now)
            return now + dt / 2 * (slope + drift(now + dt * slope + kick)) + kick, None

        theta, _ = jax.lax.scan(step, theta, jax.random.split(jax.random.fold_in(key, k), count))
        seen.append(theta)
    return jnp.stack(seen)
