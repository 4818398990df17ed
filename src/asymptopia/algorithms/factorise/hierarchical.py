"""A matrix as a product of many sparse factors on supports that are not known, split by split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..optimisers.palm import palm
from .constraints import Support
from .structured import Product, real_matrix, squared_error_blocks, structured

if TYPE_CHECKING:
    from jaxtyping import Float, Real

TIES = (1e-10, 0.3)
"""Steps of the largest entry's modulus to which moduli are rounded, tried in turn: ties are broken by place."""


def hierarchical(
    matrix: Real[ArrayLike, "n m"],
    sparse: Sequence[int],
    residual: Sequence[int],
    steps: int = 500,
    tolerance: float = 1e-10,
) -> Product:
    r"""Split a matrix into $J + 1$ sparse factors, one after the other, whose supports are found on the way.

    Split k writes what is left as a square sparse factor times a new rest. Both start where nothing is lost, at the
    identity and zero, and alternate gradient steps with a selection: an entry stays if it is among the largest of its
    row or of its column. Then all factors are fitted together on the supports selected, by PALM. The selection is a
    heuristic, which is not a projection and grants no descent; the last fit, whose `values` are returned, is PALM's. It
    finds Hadamard's transform in its natural order without being told the supports, under noise too, but not with its
    rows permuted or scaled; where supports are known, `butterfly` is exact. Smooth kernels and the cosine transform
    become sparse products that are nearer than the singular value decomposition of as many numbers.

    matrix:   (m, n), real and finite.
    sparse:   (J,) how many entries each row and each column of the J square factors (m, m) selects.
    residual: (J,) the same for the rest (m, n) after each split, in general decreasing.
    steps:    at most so many steps of each selection and each fit; `tolerance` ends them, as in `structured`.

    Returns the factors from left to right. Raises `StatementError` for counts below 1 or above the longer side, and for
    a matrix that is zero, complex or not finite.
    Le Magoarou and Gribonval, IEEE J. Sel. Top. Signal Process. 10 (2016) 688, algorithm of figure 5.
    """
    A = real_matrix(matrix)
    if not A.any():
        raise StatementError("`matrix` must not be zero.")
    if len(sparse) == 0 or len(sparse) != len(residual):
        raise StatementError(
            f"`sparse` and `residual` must have a count for each of one or more splits, but have {len(sparse)} and "
            f"{len(residual)}."
        )
    for name, counts in (("sparse", sparse), ("residual", residual)):
        for k in counts:
            if not 1 <= k <= max(A.shape) or k != int(k):
                raise StatementError(f"`{name}` must be whole numbers from 1 to {max(A.shape)}, but one is {k}.")
    tried = [_factors(A, list(zip(sparse, residual, strict=True)), steps, tolerance, tie) for tie in TIES]
    return min(tried, key=lambda product: product.values[-1])


def _factors(
    A: Float[np.ndarray, "n m"], counts: list[tuple[int, int]], steps: int, tolerance: float, tie: float
) -> Product:
    """All splits, and the fit after each, if moduli are rounded to this share of the largest."""
    factors: list[np.ndarray] = [A]
    for sparse, rest in counts:
        factors[-1:] = _split(factors[-1], int(sparse), int(rest), steps, tolerance, tie)
        product = structured(A, [Support(X != 0) for X in factors], _balanced(factors), steps, tolerance=tolerance)
        factors = list(product.factors)
    return product


def _split(
    A: Float[np.ndarray, "n m"], entries: int, rest: int, steps: int, tolerance: float, tie: float
) -> list[Float[np.ndarray, "_rows _columns"]]:
    """A as a sparse square factor times a sparse rest."""
    blocks = squared_error_blocks(
        A, [lambda X: _select(X, entries, tie), lambda X: _select(X, rest, tie)], [False, False]
    )

    def error(x: list[np.ndarray]) -> float:
        return float(np.sum((x[0] @ x[1] - A) ** 2) / 2)

    return palm(error, blocks, [np.eye(A.shape[0]), np.zeros_like(A)], steps, 1.1, 0.0, tolerance).blocks


def _select(X: Float[np.ndarray, "n m"], entries: int, tie: float) -> Float[np.ndarray, "n m"]:
    """X without what is neither among the largest entries of its row nor of its column, the first ones among equals."""
    size = np.abs(X)
    size = np.floor(size / (size.max() or 1.0) / tie + 0.5)
    keep = np.zeros(X.shape, bool)
    for axis in (0, 1):
        largest = np.take(
            np.argsort(-size, axis=axis, kind="stable"), np.arange(min(entries, X.shape[axis])), axis=axis
        )
        np.put_along_axis(keep, largest, True, axis)
    return np.where(keep, X, 0.0)


def _balanced(factors: list[Float[np.ndarray, "_rows _columns"]]) -> list[Float[np.ndarray, "_above _below"]]:
    """Factors of equal norms with the same product; zeros where one is zero."""
    norms = np.array([np.linalg.norm(X) for X in factors])
    if not norms.all():
        return factors
    common = np.exp(np.log(norms).mean())
    return [X * (common / size) for X, size in zip(factors, norms, strict=True)]
