"""Coordinate descent in the dual, with Newton steps in the slopes that are free: losses of two straight pieces.

Hsieh, Chang, Lin, Keerthi and Sundararajan, ICML (2008) 408.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import cho_solve

from .newton import factorise
from .objective import Objective

if TYPE_CHECKING:
    from jaxtyping import Float

SWEEPS = 5
"""Sweeps of coordinate descent in a first round; later ones have up to twice as many as the one before."""

SLOW = 0.1
"""A round that leaves more than so much of the gap is followed by a step of Newton's method."""


class Descent(NamedTuple):
    """w, where the tangents of its certificate touch, their slopes, the rounds, and whether the gap is small enough."""

    w: np.ndarray
    touch: np.ndarray
    s: np.ndarray
    rounds: int
    solved: bool


def two_pieces(problem: Objective, tolerance: float) -> Descent:
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
    return Descent(w, kinks, s, rounds, gap <= 0.5 * tolerance)


def _gap(
    problem: Objective,
    w: Float[np.ndarray, " d"],
    z: Float[np.ndarray, " n"],
    touch: Float[np.ndarray, " n"],
    s: Float[np.ndarray, " n"],
) -> float:
    value = problem.value(w, z)
    return problem.gap(w, z, touch, s, problem.X.T @ s, value) / problem.scale(value)


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
    step = _solved(X[free], ridge * (X[free] @ w - kinks[free]))
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(step > 0, high[free] - s[free], low[free] - s[free]) / step
    moved = s.copy()
    t = min(1.0, float(room[step != 0].min(initial=1.0)))
    moved[free] = np.clip(s[free] + t * step, low[free], high[free])
    return moved


def _solved(rows: Float[np.ndarray, "k d"], g: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The solution of rows rows^T p = g."""
    return cho_solve(factorise(rows @ rows.T), g, check_finite=False) if len(g) else g
