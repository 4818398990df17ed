"""Proximal Newton for sum_i f_i(x_i.w) + ridge/2 |w|^2 + l1 |w|_1, with f_i convex and once differentiable."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from .newton import Done, Fields, factorise, line_search

if TYPE_CHECKING:
    from jaxtyping import Float

PROXIMITY = 10.0
"""The first proximal step in units of the inverse mean curvature."""

LONGEST = 1e9
"""The longest one in units of the first."""


@dataclasses.dataclass(frozen=True)
class _Penalty:
    ridge: float
    l1: float

    def __call__(self, w: Float[np.ndarray, " d"]) -> float:
        return float(0.5 * self.ridge * (w @ w) + self.l1 * np.abs(w).sum())

    def proximal(self, w: Float[np.ndarray, " d"], step: float) -> Float[np.ndarray, " d"]:
        """argmin over v of penalty(v) + |v - w|^2 / (2 step)."""
        return np.sign(w) * np.maximum(np.abs(w) - step * self.l1, 0.0) / (1 + step * self.ridge)


def proximal_newton(
    X: Float[np.ndarray, "n d"],
    value: Fields,
    slope: Fields,
    curvature: Fields,
    ridge: float,
    l1: float,
    w: Float[np.ndarray, " d"],
    done: Done,
    steps: int,
) -> tuple[Float[np.ndarray, " d"], int, bool]:
    """Minimise from `w` until `done`: w, the steps taken, and whether it is done.

    Each step minimises the quadratic model plus penalty plus |w' - w|^2 / (2 step),
    with `step` growing, through its dual (a semismooth Newton method whose size is the smaller one of X), then
    searches along the line, then corrects the coefficients that are not zero by Newton steps with their signs kept.
    """
    penalty = _Penalty(ridge, l1)
    z = X @ w
    step, longest, failures = 0.0, 0.0, 0
    for taken in range(steps + 1):
        s = slope(z)
        pull = X.T @ s
        if done(w, z, s, pull):
            return w, taken, True
        if taken == steps or not np.all(np.isfinite(pull)):
            break
        bend = curvature(z)
        root = _root(X, bend)
        if taken == 0:
            step = _first_step(X, bend, s, value(z))
            longest = LONGEST * step
        new = _model_minimum(root, pull, penalty, w, step)
        moved, z_moved, quality = _descend(value, penalty, root, pull, w, z, new, X @ new)
        if moved is w:
            failures += 1
            if failures > 12:
                break
        step = min(step * (4.0 if quality > 0.5 else 1.0 if quality > 0.1 else 0.1), longest)
        same = bool(np.all(np.sign(moved) == np.sign(w)))
        w, z = moved, z_moved
        if same:
            w, z = _polish(X, value, slope, curvature, penalty, w, z)
    return w, taken, False


def _first_step(
    X: Float[np.ndarray, "n d"],
    curvature: Float[np.ndarray, " n"],
    slope: Float[np.ndarray, " n"],
    value: Float[np.ndarray, " n"],
) -> float:
    """`PROXIMITY` over the mean curvature of a coefficient, or over a guess from slope^2/value where that is more."""
    squares = np.einsum("ij,ij->i", X, X)
    guess = float((slope**2).sum() / max(value.sum(), np.finfo(float).tiny))
    size = max(float(curvature @ squares), 1e-3 * guess * float(squares.sum())) / X.shape[1]
    return PROXIMITY / size if size > 0 else 1.0


def _root(X: Float[np.ndarray, "n d"], curvature: Float[np.ndarray, " n"]) -> Float[np.ndarray, "r d"]:
    """A matrix R with R^T R = X^T diag(curvature) X (up to rounding) and at most as many rows as X has columns."""
    rows = np.flatnonzero(curvature > 0)
    root = np.sqrt(curvature[rows])[:, None] * X[rows]
    if len(rows) <= X.shape[1]:
        return root
    return np.tril(factorise(root.T @ root)[0]).T


def _model_minimum(
    root: Float[np.ndarray, "r d"],
    pull: Float[np.ndarray, " d"],
    penalty: _Penalty,
    w: Float[np.ndarray, " d"],
    step: float,
) -> Float[np.ndarray, " d"]:
    """argmin over w' of pull.(w' - w) + |root (w' - w)|^2 / 2 + penalty(w') + |w' - w|^2 / (2 step).

    Solved in v = root (w' - w), whose dual is smooth: v = root (w'(v) - w), w'(v) = prox(w - step (pull + root^T v)).
    """
    v = np.zeros(len(root))
    shrink = step / (1 + step * penalty.ridge)
    image = root.T @ v
    for _ in range(50):
        new = penalty.proximal(w - step * (pull + image), step)
        residual = v - root @ (new - w)
        if np.linalg.norm(residual) * np.sqrt(step) <= 1e-3 * np.linalg.norm(new - w):
            break
        p = -_solve_identity_plus(root[:, new != 0], shrink, residual)
        image_p = root.T @ p

        def derivative(t: np.ndarray) -> np.ndarray:
            moved = penalty.proximal(w - step * (pull + image + t[0] * image_p), step)
            return np.array([(v + t[0] * p) @ p - (moved - w) @ image_p])

        t = line_search(derivative, np.zeros(1), np.ones(1), float(residual @ p), 0.0, 0.0)
        if t == 0:
            break
        v, image = v + t * p, image + t * image_p
    return penalty.proximal(w - step * (pull + image), step)


def _solve_identity_plus(
    A: Float[np.ndarray, "r k"], factor: float, b: Float[np.ndarray, " r"]
) -> Float[np.ndarray, " r"]:
    """Solves (I + factor A A^T) x = b on the smaller side of A."""
    from scipy.linalg import cho_solve

    if A.shape[1] == 0:
        return b
    if A.shape[0] <= A.shape[1]:
        return cho_solve(factorise(np.eye(len(A)) + factor * (A @ A.T)), b, check_finite=False)
    inner = np.eye(A.shape[1]) / factor + A.T @ A
    return b - A @ cho_solve(factorise(inner), A.T @ b, check_finite=False)


def _descend(
    value: Fields,
    penalty: _Penalty,
    root: Float[np.ndarray, "r d"],
    pull: Float[np.ndarray, " d"],
    w: Float[np.ndarray, " d"],
    z: Float[np.ndarray, " n"],
    new: Float[np.ndarray, " d"],
    z_new: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " n"], float]:
    """The farthest of w + (new - w) 2^-k, k = 0, 1, ..., that lowers the objective enough, and the fields there.

    Third, the decrease of the objective at `new` itself over that of the model, capped to [0, 1].
    """
    start = value(z).sum() + penalty(w)
    noise = 1e-14 * abs(start)
    linear = min(float(pull @ (new - w)) + penalty(new) - penalty(w), 0.0)
    model = linear + 0.5 * float(((root @ (new - w)) ** 2).sum())
    quality, t = 0.0, 1.0
    while t > 1e-10:
        moved, z_moved = (new, z_new) if t == 1.0 else (w + t * (new - w), z + t * (z_new - z))
        change = value(z_moved).sum() + penalty(moved) - start
        if t == 1.0:
            quality = 1.0 if abs(model) <= noise else min(max(change / model, 0.0), 1.0)
        if change <= 1e-4 * t * linear + noise:
            return moved, z_moved, quality
        t *= 0.5
    return w, z, 0.0


def _polish(
    X: Float[np.ndarray, "n d"],
    value: Fields,
    slope: Fields,
    curvature: Fields,
    penalty: _Penalty,
    w: Float[np.ndarray, " d"],
    z: Float[np.ndarray, " n"],
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " n"]]:
    """Two Newton steps in the coefficients that are not zero, kept where no sign changes and the objective falls."""
    from scipy.linalg import cho_solve

    support = np.flatnonzero(w)
    if len(support) == 0:
        return w, z
    columns, signs = X[:, support], np.sign(w[support])
    for _ in range(2):
        gradient = columns.T @ slope(z) + penalty.ridge * w[support] + penalty.l1 * signs
        matrix = columns.T @ (curvature(z)[:, None] * columns) + penalty.ridge * np.eye(len(support))
        p = -cho_solve(factorise(matrix), gradient, check_finite=False)
        new = w.copy()
        new[support] += p
        z_new = columns @ new[support]
        start = value(z).sum() + penalty(w)
        if np.any(np.sign(new[support]) != signs) or not value(z_new).sum() + penalty(new) <= start * (1 + 1e-14):
            return w, z
        w, z = new, z_new
    return w, z
