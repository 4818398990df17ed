"""Expectations over normal variables of functions with kinks and jumps: quadrature panels end there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real

PANELS = np.array([-9.0, -6.8, -5.2, -3.9, -2.8, -1.8, -0.9, 0.0, 0.9, 1.8, 2.8, 3.9, 5.2, 6.8, 9.0])
ORDER = 16


@cache
def legendre(order: int) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Nodes and weights, (order,) each, of Gauss-Legendre quadrature on [0, 1]."""
    x, w = np.polynomial.legendre.leggauss(order)
    return (x + 1) / 2, w / 2


def edges(
    breaks: Float[np.ndarray, "... B"] | Sequence[float] = (),
    mean: Real[ArrayLike, "..."] = 0.0,
    deviation: Real[ArrayLike, "..."] = 1.0,
) -> Float[np.ndarray, "*batch P"]:
    """Sorted ends of panels (..., P) for N(mean, deviation**2), out to nine deviations, split at `breaks` (..., B)."""
    m, s = (np.asarray(a, float)[..., None] for a in (mean, deviation))
    grid = m + s * PANELS
    inside = np.clip(np.asarray(breaks, float), m + s * PANELS[0], m + s * PANELS[-1])
    shape = np.broadcast_shapes(grid.shape[:-1], inside.shape[:-1])
    both = [np.broadcast_to(a, (*shape, a.shape[-1])) for a in (grid, inside)]
    return np.sort(np.concatenate(both, axis=-1), axis=-1)


def nodes(
    breaks: Float[np.ndarray, "... B"] | Sequence[float] = (),
    mean: Real[ArrayLike, "..."] = 0.0,
    deviation: Real[ArrayLike, "..."] = 1.0,
    order: int = ORDER,
) -> tuple[Float[np.ndarray, "*batch N"], Float[np.ndarray, "*batch N"]]:
    """Nodes and weights, (..., N) each, for N(mean, deviation**2), on panels that end at the breaks.

    mean, deviation: shape (...); breaks: shape (..., B). Exact to 1e-13 for integrands that are smooth between the
    breaks on the scale of the deviation.
    """
    ends = edges(breaks, mean, deviation)
    t, w = legendre(order)
    length = np.diff(ends, axis=-1)[..., None]
    x = (ends[..., :-1, None] + length * t).reshape(*ends.shape[:-1], -1)
    weight = (length * w).reshape(x.shape) * density(x, mean, deviation)
    return x, weight


def density(
    x: Real[ArrayLike, "..."], mean: Real[ArrayLike, "..."] = 0.0, deviation: Real[ArrayLike, "..."] = 1.0
) -> Float[np.ndarray, "..."]:
    """The density of N(mean, deviation**2) at x (..., N)."""
    mean, deviation = (np.asarray(a, float)[..., None] for a in (mean, deviation))
    return np.asarray(np.exp(-(((x - mean) / deviation) ** 2) / 2) / (np.sqrt(2 * np.pi) * deviation))


def expectation(
    function: Callable[[Any], Any],
    mean: float = 0.0,
    variance: float = 1.0,
    breaks: Sequence[float] = (),
    order: int = ORDER,
) -> Any:
    """E f(x) for x ~ N(mean, variance); `function` maps an array of nodes to an array (NumPy or JAX).

    breaks: points at which f or one of its derivatives jumps. Raises `ValueError` for a negative variance.
    """
    if variance < 0:
        raise ValueError(f"`variance` must be >= 0, but is {variance}.")
    if variance == 0:
        return function(np.array([mean]))[0]
    x, w = nodes(np.asarray(breaks, float), mean, np.sqrt(variance), order)
    return (function(x) * w).sum()


def expectation_2d(
    function: Callable[[Any, Any], Any],
    covariance: Real[ArrayLike, "2 2"],
    mean: Sequence[float] = (0.0, 0.0),
    breaks: Sequence[float] = (),
    inner_breaks: Callable[[Float[np.ndarray, " N"]], Any] | None = None,
    order: int = ORDER,
) -> Any:
    """E f(x, y) for (x, y) normal with this mean and 2 x 2 covariance.

    breaks:       values of x at which f, as a function of x, is not smooth.
    inner_breaks: x (N,) -> values of y (N, B) at which f is not smooth in y, given x: lines and curves.

    Raises `ValueError` if the covariance is not symmetric and positive semidefinite.
    """
    C = np.asarray(covariance, float)
    if C.shape != (2, 2) or not np.allclose(C, C.T) or np.linalg.eigvalsh(C).min() < -1e-12 * np.abs(C).max():
        raise ValueError(
            f"`covariance` must be a symmetric 2 x 2 matrix without negative eigenvalue, but is {C.tolist()}."
        )
    if C[0, 0] == 0:
        return expectation(lambda y: function(np.full_like(y, mean[0]), y), mean[1], C[1, 1])
    x, w = nodes(np.asarray(breaks, float), mean[0], np.sqrt(C[0, 0]), order)
    centre = mean[1] + C[0, 1] / C[0, 0] * (x - mean[0])
    left = max(C[1, 1] - C[0, 1] ** 2 / C[0, 0], 0.0)
    if left <= 1e-28 * C[1, 1]:
        return (function(x, centre) * w).sum()
    cuts = np.zeros((len(x), 0)) if inner_breaks is None else np.asarray(inner_breaks(x), float).reshape(len(x), -1)
    y, v = nodes(cuts, centre, np.full(len(x), np.sqrt(left)), order)
    return (function(np.broadcast_to(x[:, None], y.shape), y) * v * w[:, None]).sum()
