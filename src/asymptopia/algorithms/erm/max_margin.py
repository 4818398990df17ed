"""The hard-margin classifier and linear separability, each with a certificate on either side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike
from ..checks import NotSolved, checked_data
from .newton import newton

if TYPE_CHECKING:
    from jaxtyping import Float, Real

TOUCHING = 1e-10
"""Hulls closer than this, relative to the samples' root mean square norm, count as touching: not separable."""


def separable(X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"]) -> bool:
    """Whether labels are linearly separable: whether some w has y_i x_i.w > 0 for all i.

    Minimises sum_i max(0, 1 - y_i x_i.w)^2 (Newton's method, exact after finitely many steps): either its minimiser
    separates on the way, or its residuals are the weights of a combination of the y_i x_i that vanishes (Gordan), to
    within `TOUCHING`. Where neither is reached, a linear programme decides.

    X: shape (n, d); y: labels +-1, (n,).
    """
    X, y = checked_data(X, y, margin=True)
    return _separating(_small(y[:, None] * X)[0]) is not None


def max_margin(
    X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"], *, tolerance: float = 1e-8
) -> tuple[Float[np.ndarray, " d"], float] | None:
    """The direction of the largest margin, and that margin min_i y_i x_i.w / |w|; None if not separable.

    X: shape (n, d), labels y = +-1 of shape (n,); no intercept. w is scaled to min_i y_i x_i.w = 1. No margin exceeds
    the norm of a convex combination of the y_i x_i, and one is found that is larger by less than `tolerance`,
    relatively; otherwise `NotSolved` is raised.
    """
    X, y = checked_data(X, y, margin=True)
    A, basis = _small(y[:, None] * X)
    u = _separating(A)
    if u is None:
        return None
    u, above = _widen(A, u / (A @ u).min(), tolerance)
    w = u if basis is None else basis @ u
    lowest = float((y * (X @ w)).min())
    margin = lowest / float(np.linalg.norm(w))
    if not above <= (1 + tolerance) * margin:
        raise NotSolved(
            f"The margin is at least {margin:.12g} and at most {above:.12g}, but they must agree to {tolerance:g}."
        )
    return w / lowest, margin


def _small(A: Float[np.ndarray, "n d"]) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, "d r"] | None]:
    """The rows of A in an orthonormal basis (d, n) of a space that holds them, where n < d; and that basis."""
    if A.shape[0] >= A.shape[1]:
        return A, None
    basis, triangle = np.linalg.qr(A.T)
    return np.ascontiguousarray(triangle.T), basis


def _separating(A: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"] | None:
    """Some w with A w > 0, or None if there is none (but for a margin of rounding size)."""
    size = float(np.sqrt(np.mean(np.einsum("ij,ij->i", A, A))))
    if size == 0:
        return None
    verdict: list[bool] = []

    def done(w: np.ndarray, z: np.ndarray, s: np.ndarray, pull: np.ndarray) -> bool:
        if z.min() > 0:
            verdict.append(True)
        elif np.linalg.norm(pull) <= TOUCHING * size * np.abs(s).sum():
            verdict.append(False)
        return bool(verdict)

    start = A.T @ np.ones(len(A)) / (len(A) * size**2)
    w, *_ = newton(A, lambda z: np.minimum(z - 1, 0.0), lambda z: (z < 1) * 1.0, 0.0, 0.0, start, done, 200)
    if not verdict:
        w = _programme(A)
        verdict.append(bool((A @ w).min() > 0))
    return w if verdict[0] else None


def _programme(A: Float[np.ndarray, "n d"]) -> Float[np.ndarray, " d"]:
    """argmax of t over A w >= t, -1 <= w <= 1, by linear programming."""
    from scipy.optimize import linprog

    n, d = A.shape
    bounds = [(-1, 1)] * d + [(None, None)]
    solved = linprog(np.append(np.zeros(d), -1.0), np.hstack([-A, np.ones((n, 1))]), np.zeros(n), bounds=bounds)
    if solved.x is None:
        raise NotSolved(f"The linear programme for separability failed: {solved.message}")
    return solved.x[:d]


def _widen(
    A: Float[np.ndarray, "n d"], w: Float[np.ndarray, " d"], tolerance: float
) -> tuple[Float[np.ndarray, " d"], float]:
    """The direction of largest margin, from a feasible w, by the method of multipliers; and a bound on that margin."""
    multipliers = np.zeros(len(A))
    sharpness = float(w @ w) / len(A)
    above = np.inf
    best, margin = w, float((A @ w).min() / np.linalg.norm(w))
    for _ in range(40):
        shift = multipliers / sharpness

        def slope(z: np.ndarray, shift: np.ndarray = shift, sharpness: float = sharpness) -> np.ndarray:
            return sharpness * np.minimum(z + shift - 1, 0.0)

        def curvature(z: np.ndarray, shift: np.ndarray = shift, sharpness: float = sharpness) -> np.ndarray:
            return sharpness * (z + shift < 1)

        def done(w: np.ndarray, z: np.ndarray, s: np.ndarray, pull: np.ndarray) -> bool:
            nonlocal best, margin, above
            weight = -float(s.sum())
            if weight > 0:
                above = min(above, float(np.linalg.norm(pull)) / weight)
            reached = float(z.min()) / max(float(np.linalg.norm(w)), np.finfo(float).tiny)
            if reached > margin:
                best, margin = w, reached
            violation = max(1 - float(z.min()), 1e-10) * float(np.linalg.norm(w))
            return above <= (1 + 0.5 * tolerance) * margin or float(np.linalg.norm(pull + w)) <= 0.01 * violation

        w, *_ = newton(A, slope, curvature, 1.0, 0.0, w, done, 100)
        if above <= (1 + 0.5 * tolerance) * margin:
            break
        multipliers = slope(A @ w)
        sharpness *= 6.0
    return best, above
