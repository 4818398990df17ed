"""Proximal maps of convex functions of one variable, elementwise, by a bracketed Newton iteration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import ArrayLike, PyTree

if TYPE_CHECKING:
    from jaxtyping import Float, Real

Slope = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

_TURNS = 200
_NOISE = 4e-16


def increasing_root(
    function: Slope,
    low: Float[np.ndarray, " *shape"],
    high: Float[np.ndarray, " *shape"],
    start: Float[np.ndarray, " *shape"] | None = None,
) -> Float[np.ndarray, " *shape"]:
    """The root of an increasing function in [low, high], elementwise, to the last digits.

    `function(z)` returns value and derivative; the value must be <= 0 at `low` and >= 0 at `high`. A Newton step that
    leaves the bracket, or is not half of the step before the last, is replaced by a bisection, so jumps do no harm.
    Raises `FloatingPointError` if the function is not a number, or the bracket does not close.
    """
    low, high = (x.copy() for x in np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float)))
    noise = _NOISE * np.maximum(np.abs(low), np.abs(high))
    z = 0.5 * (low + high) if start is None else np.clip(start, low, high)
    last = before = high - low
    for _ in range(_TURNS):
        value, slope = function(z)
        if np.isnan(value).any():
            break
        low, high = np.where(value <= 0, z, low), np.where(value >= 0, z, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = z - value / slope
        newton = (step >= low) & (step <= high) & (np.abs(step - z) <= 0.5 * before)
        new = np.where(newton, step, 0.5 * (low + high))
        new = np.where(np.abs(value) <= noise, z, new)
        last, before, z = np.abs(new - z), last, new
        if np.all(last <= _NOISE * (1.0 + np.abs(z))):
            return z
    raise FloatingPointError("The proximal map did not converge: the loss is not convex, or not a number.")


def proximal(
    loss: Callable[[Any, Any], Any],
    y: Real[ArrayLike, "..."],
    omega: Real[ArrayLike, "..."],
    V: Real[ArrayLike, "..."],
) -> Any:
    """argmin over z of loss(y, z) + (z - omega)**2 / (2 V), elementwise, for any convex `loss` of JAX arrays.

    Runs inside JAX programs and is differentiable in y, omega and V, and in what the loss closes over, forwards and
    backwards and repeatedly, by the implicit function theorem. Where the loss is kinked the derivative is that of the
    side which autodiff takes. What does not converge is nan.
    """
    import jax
    import jax.numpy as jnp

    y, omega, V = jnp.broadcast_arrays(*(jnp.asarray(x, float) for x in (y, omega, V)))
    gradient, curvature = derivatives(loss)

    def stationarity(z: ArrayLike) -> Any:
        return z - omega + V * gradient(y, z)

    def solve(value: Callable[[Any], Any], z: ArrayLike) -> Any:
        return _increasing_root(value, lambda x: 1.0 + V * curvature(y, x), z, z - value(z))

    def solve_tangent(linear: Callable[[Any], Any], right: Any) -> Any:
        return right / linear(jnp.ones_like(right))

    return jax.lax.custom_root(stationarity, omega, solve, solve_tangent)


def derivatives(loss: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The first and second derivative in z of an elementwise `loss(y, z)`, as JAX functions."""
    import jax
    import jax.numpy as jnp

    def gradient(y: ArrayLike, z: ArrayLike) -> Any:
        return jax.jvp(lambda x: loss(y, x), (z,), (jnp.ones_like(z),))[1]

    def curvature(y: ArrayLike, z: ArrayLike) -> Any:
        return jax.jvp(lambda x: gradient(y, x), (z,), (jnp.ones_like(z),))[1]

    return gradient, curvature


def _increasing_root(
    value: Callable[[Any], Any],
    slope: Callable[[Any], Any],
    one: Real[ArrayLike, "..."],
    other: Real[ArrayLike, "..."],
) -> Any:
    """`increasing_root` as a JAX program: the root between two ends given in any order."""
    import jax
    import jax.numpy as jnp

    low, high = jnp.minimum(one, other), jnp.maximum(one, other)
    noise = _NOISE * jnp.maximum(jnp.abs(low), jnp.abs(high))

    def unsettled(state: PyTree) -> Any:
        turn, z, _, _, last, _ = state
        return (turn < _TURNS) & jnp.any(last > _NOISE * (1.0 + jnp.abs(z)))

    def improve(state: PyTree) -> Any:
        turn, z, low, high, last, before = state
        here = value(z)
        low, high = jnp.where(here <= 0, z, low), jnp.where(here >= 0, z, high)
        step = z - here / slope(z)
        newton = (step >= low) & (step <= high) & (jnp.abs(step - z) <= 0.5 * before)
        new = jnp.where(newton, step, 0.5 * (low + high))
        new = jnp.where(jnp.abs(here) <= noise, z, jnp.where(jnp.isnan(here), jnp.nan, new))
        return turn + 1, new, low, high, jnp.abs(new - z), last

    wide = jnp.full_like(low, jnp.inf)
    turn, z, *_ = jax.lax.while_loop(unsettled, improve, (0, 0.5 * (low + high), low, high, wide, wide))
    return jnp.where(turn < _TURNS, z, jnp.nan)  # where the value is nan, z is
