"""Orders of rows and columns under which fast transforms are butterflies, and the search for the best of them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .butterfly import ButterflyFactors, bit_reversal, butterfly, dyadic

if TYPE_CHECKING:
    from jaxtyping import Inexact, Int, Num

EXACT = 1e-12


def fold(n: int) -> Int[np.ndarray, " n"]:
    """The even indices up, then the odd ones down: the order in which a cosine transform is a Fourier transform."""
    return np.concatenate([np.arange(0, n, 2), np.arange(1, n, 2)[::-1]])


def cosine_rows(n: int) -> Int[np.ndarray, " n"]:
    """The order p of rows, and q = `fold(n)[bit_reversal(n)]` of columns: `C[p][:, q]` is `dyadic(n, rank=2)`.

    For the cosine transform C (DCT-II) of size n, a power of two. Its even rows are that of half the size, on sums of
    mirrored columns; its odd rows are the DCT-IV of half the size on differences, a butterfly in the order `fold`.
    """
    if len(bit_reversal(n)) == 2:
        return np.arange(2)
    return np.stack([2 * cosine_rows(n // 2), 2 * fold(n // 2) + 1], axis=1).ravel()


@dataclasses.dataclass(frozen=True)
class OrderedFactors:
    """A butterfly of rows and columns in another order: `factors` make about `matrix[rows][:, columns]`."""

    rows: Int[np.ndarray, " n"]
    columns: Int[np.ndarray, " n"]
    factors: ButterflyFactors

    @property
    def residual(self) -> float:
        """Frobenius norm of what the matrix had beyond the product, relative to the matrix."""
        return self.factors.residual

    def dense(self) -> Inexact[np.ndarray, "n n"]:
        """The product as a dense matrix, in the matrix's own order."""
        return self.factors.dense()[np.argsort(self.rows)][:, np.argsort(self.columns)]

    def __matmul__(self, x: Num[ArrayLike, "n ..."]) -> Inexact[np.ndarray, "n ..."]:
        """The product times a vector or the columns of a matrix, factor by factor."""
        y = self.factors @ np.asarray(x)[self.columns]
        return np.asarray(y[np.argsort(self.rows)])


def ordered_butterfly(matrix: Num[ArrayLike, "n n"], ranks: Sequence[int] = (1, 2)) -> OrderedFactors:
    """The dyadic butterfly closest to a square matrix under the known orders of its rows and columns.

    The orders are the natural one, `fold` and `cosine_rows`, up or down, each with or without bit reversal, on both
    sides; `ranks` are those of `dyadic`, tried in turn until a product is exact. Finds the Fourier and Hadamard
    transforms and the cosine and sine transforms II, III and IV exactly. Other permutations are not searched.

    Raises `StatementError` unless the matrix is square, of a power of two, and the ranks are powers of two.
    """
    A = np.asarray(matrix)
    if A.ndim != 2 or A.shape[0] != A.shape[1]:
        raise StatementError(f"`matrix` must be square, but has shape {A.shape}.")
    if not len(ranks):
        raise StatementError("`ranks` must hold at least one rank, but is empty.")
    n = len(A)
    reversal = bit_reversal(n)
    cosine = cosine_rows(n)
    one_way = [np.arange(n), fold(n)[reversal], cosine, n - 1 - cosine]
    orders = [order for p in one_way for order in (p, p[reversal])]  # reversal turns a butterfly into a transposed one
    best: OrderedFactors | None = None
    for rank in ranks:
        patterns = dyadic(n, rank)
        for rows, columns in itertools.product(orders, orders):
            factors = butterfly(A[rows][:, columns], patterns)
            if best is None or factors.residual < best.residual:
                best = OrderedFactors(rows, columns, factors)
            if best.residual < EXACT:
                return best
    assert best is not None
    return best
