"""Empirical risk minimisation on given data, with a bound on the suboptimality."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...parts.loss import Absolute, Hinge, Loss, Square
from ..checks import NotSolved, checked_data
from .coordinates import Descent, two_pieces
from .lasso import sparse_least_squares
from .max_margin import separable
from .multipliers import Tangent, minimise, multipliers
from .objective import Objective

if TYPE_CHECKING:
    from jaxtyping import Float, Real


@dataclasses.dataclass(frozen=True)
class Fit:
    """A minimiser and its certificate.

    w:          shape (d,).
    objective:  sum_i loss(y_i, x_i.w) + ridge/2 |w|^2 + l1 |w|_1.
    gap:        upper bound on objective - minimum, relative to the objective, or to 1e-6 of its value at w = 0 if
                that is larger. Without ridge and l1 the minimum is over all w' with |X w'| up to 10 times |X w|.
    iterations: Newton steps, each with one linear system, and rounds of sweeps of coordinate descent.
    """

    w: Float[np.ndarray, " d"]
    objective: float
    gap: float
    iterations: int


def fit(
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    loss: Loss | type[Loss] | Callable[[Any, Any], Any],
    ridge: float = 0.0,
    l1: float = 0.0,
    *,
    tolerance: float = 1e-8,
) -> Fit:
    """Minimise sum_i loss(y_i, x_i.w) + ridge/2 |w|^2 + l1 |w|_1 over w; no intercept, nothing is rescaled.

    X: shape (n, d), y: shape (n,); labels of classification losses are -1 and 1. `loss` is a part, or a callable of
    (y, z), convex in z, not negative, that JAX can differentiate.
    The square loss with l1, and Hinge and Absolute with a ridge, are minimised by coordinate descent and Newton steps
    in what is free; other losses without kinks by Newton's method, with kinks by the method of multipliers with Newton
    steps inside (Rockafellar, Math. Oper. Res. 1 (1976) 97), an l1 penalty by proximal Newton steps; l2 problems with
    n < d are first turned into n x n ones. The square loss without penalty gives the solution of least norm.

    Raises `StatementError` for bad input and where no minimum exists or it is not unique (separable labels without
    penalty), `NotSolved` where the relative duality gap does not fall below `tolerance`.
    """
    loss = loss() if isinstance(loss, type) else loss if isinstance(loss, Loss) else Loss.from_callable(loss)
    X, y = checked_data(X, y, margin=type(loss).margin is True)
    for name, number in (("ridge", ridge), ("l1", l1)):
        if not (np.isfinite(number) and number >= 0):
            raise StatementError(f"`{name}` must be finite and >= 0, but is {number}.")
    if not tolerance > 0:
        raise StatementError(f"`tolerance` must be > 0, but is {tolerance}.")
    whole = Objective(X, y, loss, float(ridge), float(l1))
    _check_problem(whole)
    descent = _descend(whole, tolerance)
    if descent and descent.solved:
        return _certified(whole, whole, descent.w, descent.w, (descent.touch, descent.s), descent.rounds, tolerance)
    small, back = _smaller(whole)
    start = descent.w if descent and small is whole else np.zeros(small.X.shape[1])
    u, tangent, iterations = _solve(small, start, tolerance)
    iterations += descent.rounds if descent else 0
    return _certified(whole, small, u, back(u), tangent, iterations, tolerance)


def _descend(problem: Objective, tolerance: float) -> Descent | None:
    """What coordinate descent finds, if the problem is one for it."""
    if isinstance(problem.loss, Square) and problem.l1 > 0:
        return sparse_least_squares(problem, tolerance)
    if isinstance(problem.loss, Hinge | Absolute) and problem.ridge > 0 and problem.l1 == 0:
        return two_pieces(problem, tolerance)
    return None


def _smaller(problem: Objective) -> tuple[Objective, Callable[[Float[np.ndarray, " small"]], Float[np.ndarray, " d"]]]:
    """An equivalent problem in as few coordinates as the penalty allows, and the map back."""
    X = problem.X
    if problem.unpenalised:
        left, sizes, right = np.linalg.svd(X, full_matrices=False)
        kept = sizes > max(X.shape) * np.finfo(float).eps * sizes[0]
        if not kept.any():
            return dataclasses.replace(problem, X=X[:, :1]), lambda u: np.zeros(X.shape[1])
        inverse = right[kept].T / sizes[kept]
        return dataclasses.replace(problem, X=np.ascontiguousarray(left[:, kept])), lambda u: inverse @ u
    if problem.l1 == 0 and X.shape[0] < X.shape[1]:
        basis, triangle = np.linalg.qr(X.T)
        return dataclasses.replace(problem, X=np.ascontiguousarray(triangle.T)), lambda u: basis @ u
    return problem, lambda u: u


def _certified(
    whole: Objective,
    small: Objective,
    u: Float[np.ndarray, " small"],
    w: Float[np.ndarray, " d"],
    tangent: Tangent | None,
    iterations: int,
    tolerance: float,
) -> Fit:
    problem, v = (small, u) if whole.unpenalised else (whole, w)
    z = problem.X @ v
    touch, s = tangent or (z, problem.slope(z))
    value = whole.value(w, z if w is v else whole.X @ w)
    gap = problem.gap(v, z, touch, s, problem.X.T @ s, problem.value(v, z)) / problem.scale(value)
    if whole.unpenalised and problem.value(2 * v, 2 * z) < 0.5 * value:
        raise StatementError(
            f"Without ridge or l1, {whole.loss!r} keeps falling as w grows: there is no minimum. Give `ridge` > 0."
        )
    if not gap <= tolerance:
        n, d = whole.X.shape
        raise NotSolved(
            f"{whole.loss!r} with ridge={whole.ridge:g}, l1={whole.l1:g} on {n} samples in {d} dimensions: "
            f"the relative duality gap is {gap:.1e} after {iterations} steps, but must be at most {tolerance:g}. "
            "Penalise more, rescale X, or ask for less; a loss that is not convex cannot be certified."
        )
    return Fit(w, value, max(gap, 0.0), iterations)


def _check_problem(problem: Objective) -> None:
    lowest = float(problem.losses(np.zeros(len(problem.y))).min())
    if not lowest >= 0:
        raise StatementError(f"Losses must be >= 0, but {problem.loss!r} takes the value {lowest:g} at z = 0.")
    if not problem.loss.convex():
        raise StatementError(f"The loss must be convex in z, but the slope of {problem.loss!r} falls somewhere.")
    binary = problem.loss.margin and bool(np.all(np.abs(problem.y) == 1))
    if problem.unpenalised and binary and separable(problem.X, problem.y):
        raise StatementError(
            f"The labels are linearly separable: without ridge or l1, {problem.loss!r} has no unique minimum. "
            "Give `ridge` > 0, or use `max_margin`."
        )


def _solve(
    problem: Objective, start: Float[np.ndarray, " d"], tolerance: float
) -> tuple[Float[np.ndarray, " d"], Tangent | None, int]:
    """w, where the certificate's tangents touch (None: at X w), and the Newton steps taken."""
    if problem.loss.kinks(problem.y[:1]).size:
        return multipliers(problem, start, tolerance)

    def done(w: np.ndarray, z: np.ndarray, s: np.ndarray, pull: np.ndarray) -> bool:
        value = problem.value(w, z)
        return problem.gap(w, z, z, s, pull, value) <= 0.5 * tolerance * problem.scale(value)

    w, steps, solved = minimise(problem, problem.losses, problem.slope, problem.curvature, start, done)
    if solved:
        return w, None, steps
    w, tangent, more = multipliers(problem, w if np.all(np.isfinite(w)) else start, tolerance)
    return w, tangent, steps + more
