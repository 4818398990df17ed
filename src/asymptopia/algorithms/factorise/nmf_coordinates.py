"""Second-order steps, coordinate by coordinate, that never increase the objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .beta_divergence import power_into, row_sums
from .nmf_majorisers import Majoriser, terms
from .nmf_problem import Factors, Problem
from .nmf_sweeps import sweep_exact, sweep_gram, sweep_quadratic

if TYPE_CHECKING:
    from jaxtyping import Float, Shaped

PASSES = 2


def newton(problem: Problem, factors: Factors) -> Factors:
    """Newton or scoring steps over the entries of W in turn, then over those of H.

    At beta = 2 each step is exact. Elsewhere the objective is a sum over the rows of the factor, and the rows of which
    it would rise take the step of `mm` instead, so that no step increases it. After Hsieh and Dhillon, KDD (2011)
    1064, for beta = 1 and 2.

    problem: what is minimised; factors: (W, H.T), of shapes (n, r) and (m, r), positive. Returns new ones.
    """
    for side in (0, 1):
        A = rows_moved(problem, side, factors[side], factors[1 - side])
        factors = (A, factors[1]) if side == 0 else (factors[0], A)
    return factors


def rows_moved(
    problem: Problem, side: int, A: Float[np.ndarray, "n r"], B: Float[np.ndarray, "m r"]
) -> Float[np.ndarray, "n r"]:
    """The factor A after one sweep over its entries, for data X of that side, about A @ B.T."""
    X, S, beta, floor = problem.sides[side], problem.weight_sides[side], problem.beta, problem.floor
    L, c = problem.penalty_majoriser(side, A)
    new, Bt = A.copy(), np.ascontiguousarray(B.T)
    if beta == 2 and S is None:
        sweep_gram(X @ B, B.T @ B, new, L, c, floor, PASSES)
        return new
    V, spare = problem.spare[side]
    np.matmul(A, Bt, out=V)
    before = row_sums(X, V, beta, S, spare) + _penalties(A, L, c)
    if beta in (0, 0.5, 1) and S is None:
        sweep_exact(X, V, Bt, new, L, c, beta, floor)
    else:
        C = power_into(V, beta - 2, spare)
        if S is not None:
            C *= S
        V -= X
        V *= C
        sweep_quadratic(V, C, Bt, new, L, c, floor, PASSES)
        np.matmul(new, Bt, out=V)
    with np.errstate(all="ignore"):
        risen = ~(row_sums(X, V, beta, S, spare) + _penalties(new, L, c) <= before)
    if risen.any():
        new[risen] = _majorised(problem, side, np.flatnonzero(risen), A, B)
    return new


def _penalties(
    A: Float[np.ndarray, "n r"], L: Float[np.ndarray, "n r"], c: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " n"]:
    """The majoriser of the penalty over each row of A."""
    return (A * (L + c[:, None] * A / 2)).sum(axis=1)


def _majorised(
    problem: Problem,
    side: int,
    rows: Shaped[np.ndarray, " k"],
    A: Float[np.ndarray, "n r"],
    B: Float[np.ndarray, "m r"],
) -> Float[np.ndarray, "k r"]:
    """The step of `mm` for some rows of a factor."""
    part = problem.rows(side, rows)
    P, Q = terms(part, (A[rows], B))
    den = np.broadcast_to(B.sum(axis=0), (len(rows), A.shape[1])) if Q is None else Q @ B
    L, c = problem.penalty_majoriser(side, A) if problem.penalised(side) else (None, None)
    G = Majoriser(A[rows], P @ B, den, None if L is None else L[rows], None if c is None else c[rows], problem.beta)
    return np.maximum(G.minimiser() * A[rows], problem.floor)
