"""Increasing sequences on the line that minimise a convex energy with an entropy of the gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def spread(
    slope: Callable[[Float[np.ndarray, " N"]], Any],
    curvature: Callable[[Float[np.ndarray, " N"]], Any],
    start: Float[np.ndarray, " N"],
    weights: Float[np.ndarray, " N"],
    pressure: Float[np.ndarray, " N-1"],
    coupling: float = 0.0,
) -> Float[np.ndarray, " N"]:
    r"""The increasing points $x$ (N,) that minimise a convex energy of the points and the gaps between them.

    $$\sum_j w_j U_j(x_j) + \frac{c}{2} \sum_j w_j (x_j - \bar x)^2 - \sum_j p_j \log(x_{j+1} - x_j)$$

    with $\bar x = \sum_j w_j x_j$. slope, curvature: first and second derivatives of all $U_j$, which are convex.
    start: increasing. By Newton steps, shortened where the points would lose their order or Newton's decrement would
    grow. Raises `ArithmeticError` if the gradient does not vanish to rounding.
    """
    x = start
    gradient, size = _gradient(slope, x, weights, pressure, coupling)
    for _ in range(200):
        step = _newton(gradient, curvature(x), x, weights, pressure, coupling)
        decrement = np.sqrt(max(-gradient @ step, 0.0))
        if decrement <= 1e-13 * max(size, 1.0):
            return x + step if (np.diff(x + step) > 0).all() else x
        shrink = np.max(-np.diff(step) / np.diff(x), initial=0.0)
        length = min(1.0, 0.9 / shrink) if shrink > 0 else 1.0
        while True:
            gradient, size = _gradient(slope, x + length * step, weights, pressure, coupling)
            if not gradient @ step > 0.5 * decrement**2:
                break
            length /= 2
        x = x + length * step
    raise ArithmeticError("Newton's method for monotone rearrangements did not converge.")


def _gradient(
    slope: Callable[[Float[np.ndarray, " N"]], Any],
    x: Float[np.ndarray, " N"],
    weights: Float[np.ndarray, " N"],
    pressure: Float[np.ndarray, " N-1"],
    coupling: float,
) -> tuple[Float[np.ndarray, " N"], float]:
    push = pressure / np.diff(x)
    pull = weights * (np.asarray(slope(x), float) + coupling * (x - weights @ x))
    return pull + np.append(push, 0.0) - np.insert(push, 0, 0.0), float(np.sqrt(pressure.sum()))


def _newton(
    gradient: Float[np.ndarray, " N"],
    curvature: Float[np.ndarray, " N"],
    x: Float[np.ndarray, " N"],
    weights: Float[np.ndarray, " N"],
    pressure: Float[np.ndarray, " N-1"],
    coupling: float,
) -> Float[np.ndarray, " N"]:
    """Minus the Hessian's inverse on the gradient; the Hessian is tridiagonal but for -c w w^T."""
    from scipy.linalg import solveh_banded

    stiff = pressure / np.diff(x) ** 2
    bands = np.zeros((2, len(x)))
    bands[0] = weights * (np.asarray(curvature, float) + coupling)
    bands[0] += np.append(stiff, 0.0) + np.insert(stiff, 0, 0.0)
    bands[1, :-1] = -stiff
    solved = solveh_banded(bands, np.column_stack([-gradient, weights]), lower=True)
    step, along = solved.T
    return step + along * (coupling * (weights @ step) / (1 - coupling * (weights @ along)))
