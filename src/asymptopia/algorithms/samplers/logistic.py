"""The log-density of logistic regression, fast in value and gradient together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...numerics.arrays import ArrayLike
from ..checks import checked_data

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def logistic_posterior(X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"], ridge: float = 1.0) -> Callable[[Any], Any]:
    """The log-posterior, up to a constant, of logistic regression with labels +-1 and prior precision `ridge`.

    Batched over chains its gradient is two matrix products and one exponential for each sample and chain, where
    automatic differentiation of log(1 + exp(-z)) takes several.

    X: samples, (n, d); y: labels +-1, (n,). Returns a function of one position (d,).
    """
    X, y = checked_data(X, y, margin=True)
    A = jnp.asarray(np.ascontiguousarray(X * y[:, None]))

    def logdensity(w: ArrayLike) -> Any:
        return log_sigmoid_sum(A @ w) - ridge * jnp.sum(w**2) / 2

    return logdensity


@jax.custom_vjp
def log_sigmoid_sum(z: Real[ArrayLike, " n"]) -> Any:
    """sum log(1 / (1 + exp(-z))) of a vector, differentiable once."""
    return _forward(z)[0]


def _forward(z: Real[ArrayLike, " n"]) -> tuple[Any, Any]:
    t = jnp.exp(-jnp.abs(z))
    return -jnp.sum(jnp.log(1 + t) + jnp.maximum(-z, 0.0)), jnp.where(z > 0, t, 1.0) / (1 + t)


def _backward(slope: Real[ArrayLike, " n"], cotangent: Float[jax.Array, ""]) -> tuple[Any]:
    return (cotangent * slope,)


log_sigmoid_sum.defvjp(_forward, _backward)
