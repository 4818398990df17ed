"""Coordinate descent with Newton steps in what is free: the LASSO, and losses of two straight pieces.

Friedman, Hastie and Tibshirani, J. Stat. Softw. 33 (2010) 1, in the coefficients; Hsieh, Chang, Lin, Keerthi and
Sundararajan, ICML (2008) 408, in the dual.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_solve, solve_triangular

from .newton import factorise
from .objective import Objective

if TYPE_CHECKING:
    from jaxtyping import Float

SWEEPS = 5
"""Sweeps of coordinate descent in a first round; later ones have up to twice as many as the one before."""

SLOW = 0.1
"""A round that leaves more than so much of the gap is followed by a step of Newton's method."""

Solution = tuple[np.ndarray, np.ndarray, np.ndarray, int, bool]
"""w, where the tangents of the certificate touch, their slopes, the rounds, and whether the gap is small enough."""


def sparse_least_squares(whole: Objective, tolerance: float) -> Solution:
    """Minimise |y - X w|^2 / 2 + ridge/2 |w|^2 + l1 |w|_1 until the relative gap is half of `tolerance`."""
    from .coordinate_sweeps import coefficient_sweeps

    problem, rest = _fewer_rows(whole)
    columns = np.ascontiguousarray(problem.X.T)
    squares = np.einsum("ij,ij->i", columns, columns)
    w, z, signs, gaps = np.zeros(len(columns)), np.zeros(len(problem.y)), np.zeros(len(columns)), [np.inf]
    for rounds in range(1, 10):
        residual = problem.y - z
        sweeps = SWEEPS * 2 ** max(rounds - 3, 0)
        coefficient_sweeps(columns, squares, residual, w, problem.ridge, problem.l1, sweeps)
        z, settled, signs = problem.y - residual, bool((np.sign(w) == signs).all()), np.sign(w)
        gap, exact = _gap(problem, w, z, z, -residual, rest), False
        if gap > 0.5 * tolerance and settled:
            w, exact = _support_step(problem, columns, w, residual), True
            z = problem.X @ w
            gap = _gap(problem, w, z, z, z - problem.y, rest)
        if gap <= 0.5 * tolerance or (rounds > 3 and gap > 0.5 * gaps[-3]):
            break
        gaps.append(gap)
    if not exact:  # the sweeps came last
        final = _support_step(problem, columns, w, problem.y - z)
        z = problem.X @ final
        if _gap(problem, final, z, z, z - problem.y, rest) < gap:
            w = final
    z = whole.X @ w
    return w, z, z - whole.y, rounds, _gap(whole, w, z, z, z - whole.y) <= tolerance


def _fewer_rows(problem: Objective) -> tuple[Objective, float]:
    """With many more samples than coefficients, d of them with the same objective but for a number, which is second."""
    X, y = problem.X, problem.y
    if len(X) < 2 * X.shape[1]:
        return problem, 0.0
    root = np.tril(factorise(X.T @ X)[0])
    short = solve_triangular(root, X.T @ y, lower=True, check_finite=False)
    return dataclasses.replace(problem, X=root.T, y=short), max(float(y @ y - short @ short) / 2, 0.0)


def two_pieces(problem: Objective, tolerance: float) -> Solution:
    """Minimise losses with slopes `low` before one kink and `high` after it, plus ridge/2 |w|^2, in the dual."""
    from .coordinate_sweeps import slope_sweeps

    X, ridge = np.ascontiguousarray(problem.X), problem.ridge
    squares = np.einsum("ij,ij->i", X, X)
    kinks = problem.loss.kinks(problem.y)[:, 0]
    low, high = problem.slope(kinks - 1), problem.slope(kinks + 1)
    order = np.random.default_rng(0).permutation(len(X))
    s, w, gaps = np.clip(np.zeros(len(X)), low, high), np.zeros(X.shape[1]), [np.inf]
    for rounds in range(1, 30):
        w = -(X.T @ s) / ridge
        slope_sweeps(X, squares, kinks, low, high, s, w, ridge, order, SWEEPS * 2 ** min(rounds, 3))
        gap = _gap(problem, w, X @ w, kinks, s)
        if gap > 0.5 * tolerance and gap > SLOW * gaps[-1]:
            s = _slope_step(X, kinks, low, high, s, w, ridge)
            w = -(X.T @ s) / ridge
            gap = _gap(problem, w, X @ w, kinks, s)
        if gap <= 0.5 * tolerance or (rounds > 3 and gap > 0.5 * gaps[-3]):
            break
        gaps.append(gap)
    return w, kinks, s, rounds, gap <= 0.5 * tolerance


def _gap(
    problem: Objective,
    w: Float[np.ndarray, " d"],
    z: Float[np.ndarray, " n"],
    touch: Float[np.ndarray, " n"],
    s: Float[np.ndarray, " n"],
    rest: float = 0.0,
) -> float:
    """The gap relative to the objective plus `rest`."""
    value = problem.value(w, z)
    return problem.gap(w, z, touch, s, problem.X.T @ s, value) / problem.scale(value + rest)


def _support_step(
    problem: Objective, columns: Float[np.ndarray, "d n"], w: Float[np.ndarray, " d"], residual: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " d"]:
    """The minimum over the coefficients that are not zero, if it keeps their signs; otherwise w."""
    support = np.flatnonzero(w)
    rows, signs = columns[support], np.sign(w[support])
    moved = w.copy()
    moved[support] += _solved(rows, problem.ridge, rows @ residual - problem.ridge * w[support] - problem.l1 * signs)
    return moved if (np.sign(moved[support]) == signs).all() else w


def _slope_step(
    X: Float[np.ndarray, "n d"],
    kinks: Float[np.ndarray, " n"],
    low: Float[np.ndarray, " n"],
    high: Float[np.ndarray, " n"],
    s: Float[np.ndarray, " n"],
    w: Float[np.ndarray, " d"],
    ridge: float,
) -> Float[np.ndarray, " n"]:
    """The slopes between their bounds moved towards the dual's maximum among these, as far as the bounds allow."""
    free = np.flatnonzero((s > low) & (s < high))
    step = _solved(X[free], 0.0, ridge * (X[free] @ w - kinks[free]))
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, high[free] - s[free], low[free] - s[free]) / step
    moved = s.copy()
    t = min(1.0, float(room[step != 0].min(initial=1.0)))
    moved[free] = np.clip(s[free] + t * step, low[free], high[free])
    return moved


def _solved(rows: Float[np.ndarray, "k d"], ridge: float, g: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The solution of (rows rows^T + ridge) p = g."""
    matrix = rows @ rows.T
    np.einsum("ii->i", matrix)[:] += ridge
    return cho_solve(factorise(matrix), g, check_finite=False) if len(g) else g
