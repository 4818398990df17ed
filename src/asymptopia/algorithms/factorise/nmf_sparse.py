"""Nonnegative factorisation of sparse counts by the Kullback-Leibler divergence, in time of the nonzero entries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .nmf_solvers import Factorisation

if TYPE_CHECKING:
    from jaxtyping import Float, Real
    from scipy.sparse import csr_array

CHUNK = 1 << 18
TINY = 1e-16


class Counts:
    r"""A sparse X (n, m) >= 0, for $\sum_{ij} d_{KL}(x_{ij} | (W H)_{ij})$ plus `l1` times the sums of W and of H.

    The sum of W H over all entries is that of products of sums, so that a step costs as much as X has entries. Numbers
    of 32 bits stay such; sums are of 64.
    """

    def __init__(self, X: Any, l1: tuple[float, float] = (0.0, 0.0)) -> None:
        self.X, self.l1 = _checked(X), l1
        self.rows = np.repeat(np.arange(self.X.shape[0]), np.diff(self.X.indptr))

    def start(self, rank: int, rng: np.random.Generator) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, "m r"]]:
        """Random positive factors: absolute values of normal numbers, scaled to the mean of the data."""
        n, m = self.X.shape
        scale = math.sqrt(max(float(self.X.data.sum(dtype=float)) / (n * m), 1e-300) / rank)
        W, Ht = (scale * np.abs(rng.standard_normal((k, rank))) for k in (n, m))
        return W.astype(self.X.dtype), Ht.astype(self.X.dtype)

    def product(self, W: Float[np.ndarray, "n r"], Ht: Float[np.ndarray, "m r"]) -> Float[np.ndarray, " entries"]:
        """The entries of W H at the nonzero entries of X."""
        values, columns = np.empty_like(self.X.data), self.X.indices
        for first in range(0, len(values), CHUNK):
            part = slice(first, first + CHUNK)
            values[part] = np.einsum("er,er->e", W[self.rows[part]], Ht[columns[part]])
        return np.maximum(values, np.finfo(values.dtype).tiny)

    def step(self, W: Float[np.ndarray, "n r"], Ht: Float[np.ndarray, "m r"], side: int) -> np.ndarray:
        """W (side 0) or H.T (side 1) after one majorisation step; the objective never rises."""
        ratio = self.X.copy()
        ratio.data = self.X.data / self.product(W, Ht)
        mine, other = (W, Ht) if side == 0 else (Ht, W)
        push = (ratio if side == 0 else ratio.T) @ other
        weight = other.sum(axis=0, dtype=float) + self.l1[side]
        moved = mine * (push / np.maximum(weight, 1e-300)).astype(mine.dtype)
        return np.maximum(moved, TINY * max(float(moved.max()), TINY))

    def objective(self, W: Float[np.ndarray, "n r"], Ht: Float[np.ndarray, "m r"]) -> float:
        """The divergence plus the penalties."""
        x = self.X.data.astype(float)
        known = float((x * np.log(x / self.product(W, Ht)) - x).sum())
        sums = W.sum(axis=0, dtype=float), Ht.sum(axis=0, dtype=float)
        return known + float(sums[0] @ sums[1] + self.l1[0] * sums[0].sum() + self.l1[1] * sums[1].sum())


def factorise_counts(
    counts: Counts,
    W: Float[np.ndarray, "n r"],
    Ht: Float[np.ndarray, "m r"],
    iterations: int,
    tolerance: float,
    every: int = 10,
) -> Factorisation:
    """Step from W (n, r) and H.T (m, r) until the objective falls by less than `tolerance` over `every` steps."""
    values, done, converged = [counts.objective(W, Ht)], 0, False
    while done < iterations and not converged:
        for _ in range(min(every, iterations - done)):
            W = counts.step(W, Ht, 0)
            Ht = counts.step(W, Ht, 1)
            done += 1
        values.append(counts.objective(W, Ht))
        converged = tolerance > 0 and values[-2] - values[-1] <= tolerance * abs(values[-1])
    return Factorisation(W, np.ascontiguousarray(Ht.T), np.array(values), done, converged)


def encode_counts(
    counts: Counts, W: Float[np.ndarray, "n r"], Ht: Float[np.ndarray, "m r"], iterations: int, tolerance: float
) -> Float[np.ndarray, "n r"]:
    """The W (n, r) for H.T (m, r), by steps until no entry moves by more than `tolerance` of the largest."""
    for _ in range(iterations):
        before, W = W, counts.step(W, Ht, 0)
        if np.abs(W - before).max() <= tolerance * W.max():
            break
    return W


def refuse_what_needs_all_entries(
    beta: float, weights: Real[ArrayLike, "n m"] | None, smooth: tuple[float, float]
) -> None:
    """Raise `StatementError` for options that a sparse X cannot have."""
    wrong = [
        f"`{name}` must be {need}, but is {value}"
        for name, need, value, fine in (
            ("beta", "1", f"{beta:g}", beta == 1),
            ("weights", "None", "given", weights is None),
            ("smooth", "(0, 0)", f"{smooth}", not any(smooth)),
        )
        if not fine
    ]
    if wrong:
        raise StatementError(f"With a sparse X {' and '.join(wrong)}; else make X dense, `X.toarray()`.")


def _checked(X: Any) -> csr_array:
    from scipy.sparse import csr_array

    X = csr_array(X)
    X = X if X.dtype == np.float32 else X.astype(float)
    X.sum_duplicates()
    X.eliminate_zeros()
    if not np.isfinite(X.data).all() or (X.data < 0).any():
        raise StatementError("The entries of a sparse `X` must be finite and >= 0, but some are not.")
    if not X.nnz:
        raise StatementError("`X` must have an entry > 0, but is zero everywhere.")
    return X
