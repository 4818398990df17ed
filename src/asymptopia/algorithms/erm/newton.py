"""Newton's method for sum_i f_i(x_i.w) + quad/2 |w|^2 - linear.w, with f_i convex and once differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

Fields = Callable[[np.ndarray], np.ndarray]
"""A function of the n fields, entry by entry: f_i(z_i), its slope or its curvature (>= 0)."""

Done = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], bool]
"""Whether to stop, given w, the fields z = X w, the slopes there and X^T slopes."""


def factorise(matrix: Float[np.ndarray, "d d"]) -> Any:
    """The Cholesky factor, for `cho_solve`, of a positive semidefinite matrix plus 1e-15 of its largest entry."""
    from scipy.linalg import cho_factor

    largest = float(np.einsum("ii->i", matrix).max(initial=0.0))
    shift = 1e-15 * largest if largest > 0 else 1.0
    matrix = matrix + shift * np.eye(len(matrix))
    while True:
        try:
            return cho_factor(matrix, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            shift *= 10
            matrix = matrix + shift * np.eye(len(matrix))


class Hessian:
    """A solver of (X^T diag(curvature) X + quad) p = g for a sequence of slowly changing curvatures.

    The matrix is formed from the rows that curve and factorised (Cholesky) where that is cheap; with many more rows
    than columns the last factor preconditions conjugate gradients on the new matrix instead, and is renewed when
    they need more than `patience` steps. A singular matrix is shifted by rounding: the solution stays a direction of
    descent, and nothing else depends on it.
    """

    patience = 40

    def __init__(self, X: Float[np.ndarray, "n d"]) -> None:
        self.X = X
        self.factor: Any = None

    def solve(
        self, curvature: Float[np.ndarray, " n"], quad: float, g: Float[np.ndarray, " d"]
    ) -> Float[np.ndarray, " d"]:
        """The solution p (d,); from conjugate gradients it has a relative residual of about 1e-3, but descends."""
        rows = np.flatnonzero(curvature > 0)
        if self.factor is not None and len(rows) > 2 * self.X.shape[1]:
            p = self._iterate(curvature, quad, g)
            if p is not None:
                return p
        self._form(curvature, rows, quad)
        return self._precondition(g)

    def _form(self, curvature: Float[np.ndarray, " n"], rows: Int[np.ndarray, " k"], quad: float) -> None:
        root = np.sqrt(curvature[rows])[:, None] * (self.X if len(rows) == len(curvature) else self.X[rows])
        matrix = root.T @ root
        diagonal = np.einsum("ii->i", matrix)
        diagonal += quad
        self.factor = factorise(matrix)

    def _precondition(self, g: Float[np.ndarray, " d"]) -> Float[np.ndarray, " d"]:
        from scipy.linalg import cho_solve

        return cho_solve(self.factor, g, check_finite=False)

    def _iterate(
        self, curvature: Float[np.ndarray, " n"], quad: float, g: Float[np.ndarray, " d"]
    ) -> Float[np.ndarray, " d"] | None:
        """Preconditioned conjugate gradients, or None if the preconditioner has become a bad one."""
        p, residual = np.zeros_like(g), g.copy()
        image = self._precondition(residual)
        search, size = image.copy(), residual @ image
        start = size
        for _ in range(self.patience):
            if not size > 1e-8 * start:
                return p
            product = self.X.T @ (curvature * (self.X @ search)) + quad * search
            bend = search @ product
            if not bend > 0:
                return p
            step = size / bend
            p += step * search
            residual -= step * product
            image = self._precondition(residual)
            size, old = residual @ image, size
            search = image + (size / old) * search
        return None


def newton(
    X: Float[np.ndarray, "n d"],
    slope: Fields,
    curvature: Fields,
    quad: float,
    linear: Float[np.ndarray, " d"] | float,
    w: Float[np.ndarray, " d"],
    done: Done,
    steps: int,
) -> tuple[Float[np.ndarray, " d"], int, bool]:
    """Minimise from `w` until `done`: w, the steps taken, and whether it is done.

    Kinks in the slope are allowed (the method is then semismooth). Stops without being done after `steps` steps or
    where rounding leaves nothing to gain.
    """
    hessian = Hessian(X)
    z = X @ w
    for taken in range(steps + 1):
        s = slope(z)
        pull = X.T @ s
        gradient = pull + quad * w - linear
        if done(w, z, s, pull):
            return w, taken, True
        if taken == steps or not np.all(np.isfinite(gradient)):
            break
        p = -hessian.solve(curvature(z), quad, gradient)
        dz = X @ p
        t = line_search(slope, z, dz, gradient @ p, quad * (p @ p), quad * (w @ p) - np.sum(linear * p))
        if not np.abs(t * dz).max() > 4e-16 * np.abs(z).max():
            break
        w, z = w + t * p, z + t * dz
        if taken % 10 == 9:
            z = X @ w
    return w, taken, False


def line_search(
    slope: Fields, z: Float[np.ndarray, " n"], dz: Float[np.ndarray, " n"], start: float, square: float, linear: float
) -> float:
    """A step at which the derivative along the direction is at most a tenth of `start` in size.

    `start` < 0 is that derivative at 0; that of the quadratic part is linear + square * t. 0 if there is no descent.
    """
    if not start < 0:
        return 0.0
    low, low_value, high, high_value = 0.0, start, np.inf, np.inf
    t = 1.0
    for _ in range(60):
        value = slope(z + t * dz) @ dz + linear + square * t
        if abs(value) <= 0.1 * -start:
            return t
        if value < 0:
            low, low_value = t, value
            high_value *= 0.5
        else:
            high, high_value = t, value
            low_value *= 0.5
        if np.isinf(high):
            t *= 4.0
        else:
            t = low + (high - low) * min(max(low_value / (low_value - high_value), 0.05), 0.95)
        if high - low <= 1e-14 * low:
            break
    return low
