"""Basis pursuit: the solution of linear equations with the least l1 norm, with a certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import NotSolved, checked_data

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def basis_pursuit(
    X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"], *, nonnegative: bool = False, tolerance: float = 1e-7
) -> Float[np.ndarray, " d"]:
    """The w (d,) of least |w|_1 with X w = y, and with w >= 0 if `nonnegative`.

    X: shape (n, d), y: shape (n,). Solved as a linear programme (HiGHS). Its multipliers v, scaled to
    max_j |x_j.v| <= 1 over the columns (x_j.v <= 1 if `nonnegative`), give the lower bound y.v on the norm, which is
    reached up to `tolerance`, relatively; so are the equations.

    Raises `StatementError` for bad input and where the equations have no solution, `NotSolved` where the bound is not
    reached.
    """
    from scipy.optimize import linprog

    X, y = checked_data(X, y, margin=False)
    A = X if nonnegative else np.hstack([X, -X])
    solved = linprog(np.ones(A.shape[1]), A_eq=A, b_eq=y, bounds=(0, None), method="highs-ds")
    if solved.status == 2:
        kind = "a nonnegative solution" if nonnegative else "a solution"
        raise StatementError(f"The equations X w = y must have {kind}, but have none.")
    if solved.x is None:
        raise NotSolved(f"The linear programme failed: {solved.message}")
    d = X.shape[1]
    w = solved.x if nonnegative else solved.x[:d] - solved.x[d:]
    norm, v = float(np.abs(w).sum()), np.asarray(solved.eqlin.marginals)
    pull = X.T @ v
    gap = norm - float(y @ v) / max(float(np.max(pull if nonnegative else np.abs(pull))), 1.0)
    miss = float(np.abs(X @ w - y).max())
    if gap > tolerance * norm or miss > tolerance * float(np.abs(y).max()):
        raise NotSolved(
            f"The norm {norm:.6g} is above its bound by {gap:.1e} and the equations are missed by {miss:.1e}: "
            f"more than {tolerance:g}, relatively."
        )
    return w
