"""The lowest minimum that descents find, for losses that are not convex."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...parts.loss import Loss
from ..checks import NotSolved, checked_data

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def lowest_minimum(
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    loss: Loss,
    ridge: float,
    rng: np.random.Generator,
    *,
    starts: int = 4,
    tolerance: float = 1e-6,
) -> Float[np.ndarray, " d"]:
    """The lowest of the minima of sum_i loss(y_i, x_i.w) + ridge/2 |w|^2 reached by descents: w of shape (d,).

    X: shape (n, d), y: shape (n,). The first descent (L-BFGS) starts at w = 0, the others at Gaussian weights of the
    first one's norm. Where they find several minima a lower one may exist; for convex losses use `fit`.

    Raises `StatementError` for bad input, `NotSolved` where a gradient stays above `tolerance`, relative to that of the
    penalty or of the loss.
    """
    from scipy.optimize import minimize

    X, y = checked_data(X, y, margin=type(loss).margin is True)
    if not (np.isfinite(ridge) and ridge > 0):
        raise StatementError(f"`ridge` must be finite and > 0, but is {ridge}.")
    if starts < 1:
        raise StatementError(f"`starts` must be at least 1, but is {starts}.")

    def objective(w: np.ndarray) -> tuple[float, np.ndarray]:
        z = X @ w
        return float(np.sum(loss(y, z)) + ridge / 2 * w @ w), X.T @ loss.gradient(y, z) + ridge * w

    start = best = np.zeros(X.shape[1])
    lowest, scale = float("inf"), 1.0
    options = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-9}
    for k in range(starts):
        solved = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        size = np.linalg.norm(X.T @ loss.gradient(y, X @ solved.x)) + np.linalg.norm(X.T @ loss.gradient(y, 0 * y))
        if not np.linalg.norm(solved.jac) <= tolerance * size:
            raise NotSolved(
                f"A descent of {loss!r} stopped at a gradient of {np.linalg.norm(solved.jac):.1e}, more than "
                f"{tolerance:g} of that of its terms: {solved.message}."
            )
        if solved.fun < lowest:
            best, lowest = solved.x, float(solved.fun)
        if k == 0:
            scale = float(np.sqrt(np.mean(solved.x**2)))
        start = scale * rng.standard_normal((X.shape[1],))
    return np.asarray(best)
