"""The kind of a critical point of a deep linear network, from the ranks of products of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float, Real

GLOBAL, STRICT, NON_STRICT = "global minimum", "strict saddle", "non-strict saddle"


def linear_network_label(
    weights: Sequence[Real[Any, "_rows _columns"]],
    X: Real[Any, "d N"],
    Y: Real[Any, "k N"],
    rtol: float = 1e-4,
) -> str:
    r"""The kind of a critical point: "global minimum", "strict saddle" or "non-strict saddle".

    At a strict saddle the Hessian has a negative eigenvalue.

    weights: the matrices $W_1, \dots, W_L$, from the first layer to the last, at a critical point of
             $|Y - W_L \cdots W_1 X|^2$.
    X, Y:    samples in columns, (d_0, N) and (d_L, N), with $X X^T$ invertible; the singular values of the regression
             must be different, and as many as the smaller of d_0 and d_L.
    rtol:    singular values below this fraction of the scale of their product count as zero, and losses that differ by
             less than its square as equal.

    A point whose product has rank r is a critical point of the regression restricted to that rank. If it is not the
    best one, it is a strict saddle; if it is, and r is the smallest width, the global minimum. Else it is a non-strict
    saddle exactly if it is tightened: for every two layers i > j, $W_{i-1} \cdots W_{j+1}$ or
    $W_{j-1} \cdots W_1 X Y^T W_L \cdots W_{i+1}$ has rank r (Achour, Malgouyres and Gerchinovitz, J. Mach. Learn. Res.
    25 (2024) 242). That the point is critical is not checked.
    """
    W, X, Y = _checked(weights, X, Y)
    widths = [W[0].shape[1], *(w.shape[0] for w in W)]
    product = reduce(lambda left, right: right @ left, W)
    root = np.linalg.svd(X, full_matrices=False)
    white = product @ root[0] * root[1]  # the network's map on white inputs
    target = Y @ root[2].T
    singular = np.linalg.svd(target, compute_uv=False)
    r = _rank(white, rtol * singular[0])
    best = float((singular[r:] ** 2).sum())
    if ((white - target) ** 2).sum() > best + rtol**2 * float((singular**2).sum()):
        return STRICT
    if r == min(widths):
        return GLOBAL
    return NON_STRICT if _tightened(W, X @ Y.T, r, rtol) else STRICT


def _tightened(
    W: list[Float[np.ndarray, "_rows _columns"]], correlation: Float[np.ndarray, "k d"], r: int, rtol: float
) -> bool:
    for j, i in combinations(range(len(W)), 2):
        between, around = np.eye(W[j].shape[0]), correlation.copy()
        for w in W[j + 1 : i]:
            between = w @ between
        scale = float(np.linalg.norm(correlation, 2))
        for w in W[:j]:
            around = w @ around
        for w in reversed(W[i + 1 :]):
            around = around @ w
        if _rank(between, rtol) > r and _rank(around, rtol * scale) > r:
            return False
    return True


def _rank(matrix: Float[np.ndarray, "rows columns"], below: float) -> int:
    return int((np.linalg.svd(matrix, compute_uv=False) > below).sum())


def _checked(
    weights: Sequence[Real[Any, "_rows _columns"]], X: Real[Any, "d N"], Y: Real[Any, "k N"]
) -> tuple[list[Float[np.ndarray, "_below _above"]], Float[np.ndarray, "d N"], Float[np.ndarray, "k N"]]:
    W, X, Y = [np.asarray(w, float) for w in weights], np.asarray(X, float), np.asarray(Y, float)
    if not W:
        raise StatementError("`weights` must hold at least one matrix, but is empty.")
    for k, w in enumerate(W):
        if w.ndim != 2 or w.size == 0 or not np.isfinite(w).all():
            raise StatementError(f"`weights[{k}]` must be a finite matrix with no side of zero, of shape {w.shape}.")
        if k and w.shape[1] != W[k - 1].shape[0]:
            raise StatementError(
                f"`weights[{k}]` must have {W[k - 1].shape[0]} columns, as many as there are rows before it, "
                f"but has shape {w.shape}."
            )
    if X.ndim != 2 or X.shape[0] != W[0].shape[1] or Y.shape != (W[-1].shape[0], X.shape[1]):
        raise StatementError(
            f"`X` and `Y` must have shapes ({W[0].shape[1]}, N) and ({W[-1].shape[0]}, N), "
            f"but have {X.shape} and {Y.shape}."
        )
    if not (np.isfinite(X).all() and np.isfinite(Y).all()):
        raise StatementError("`X` and `Y` must be finite, but are not.")
    return W, X, Y
