"""The problem of nonnegative factorisation: data, divergence, weights and penalties, checked."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .beta_divergence import beta_divergence

if TYPE_CHECKING:
    from jaxtyping import Float, Real, Shaped

Factors = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    r"""Minimise $\sum_{ij} s_{ij} d_\beta(x_{ij} | (W H)_{ij})$ plus penalties over W (n, r), H (r, m) >= 0.

    The penalties are `l1[0]` times the sum of W and `l1[1]` that of H (sparse), and `smooth[0] / 2` times the squared
    differences between consecutive rows of W, `smooth[1] / 2` between consecutive columns of H.

    Factors are passed as (W, H.T), both with the rank last; side 0 is W and side 1 is H.T. Entries stay above `floor`,
    far below any that matters, so that no power is infinite and none is locked at zero.
    """

    X: Float[np.ndarray, "n m"]
    beta: float
    rank: int
    weights: Float[np.ndarray, "n m"] | None = None
    l1: tuple[float, float] = (0.0, 0.0)
    smooth: tuple[float, float] = (0.0, 0.0)

    @cached_property
    def sides(self) -> tuple[np.ndarray, np.ndarray]:
        """X and its transpose, both contiguous."""
        return np.ascontiguousarray(self.X), np.ascontiguousarray(self.X.T)

    @cached_property
    def weight_sides(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """The weights and their transpose, both contiguous."""
        if self.weights is None:
            return None, None
        return np.ascontiguousarray(self.weights), np.ascontiguousarray(self.weights.T)

    @cached_property
    def spare(self) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Work arrays: two like X and two like its transpose."""
        n, m = self.X.shape
        first, second = np.empty(n * m), np.empty(n * m)
        return (first.reshape(n, m), second.reshape(n, m)), (first.reshape(m, n), second.reshape(m, n))

    @cached_property
    def floor(self) -> float:
        """The least value that an entry of a factor may take."""
        digits = min(16.0, 120 / abs(self.beta - 2)) if self.beta != 2 else 16.0
        return self.scale * 10**-digits

    @property
    def scale(self) -> float:
        """The size of the entries of two factors whose product has the mean of the data."""
        return math.sqrt(max(np.average(self.X, weights=self.weights), 1e-300) / self.rank)

    def rows(self, side: int, which: Shaped[np.ndarray, " k"]) -> Problem:
        """The problem for some rows of one factor with the other held; the floor stays that of the whole."""
        S = self.weight_sides[side]
        part = replace(self, X=self.sides[side][which], weights=None if S is None else S[which])
        part.__dict__["floor"] = self.floor  # where `cached_property` looks first
        return part

    def penalised(self, side: int) -> bool:
        """Whether a factor has a penalty."""
        return self.l1[side] > 0 or self.smooth[side] > 0

    def penalty_majoriser(
        self, side: int, A: Float[np.ndarray, "n r"]
    ) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, " n"]]:
        r"""L (n, r) and c (n,) with which $\sum L a + c a^2 / 2$ majorises the penalty of a factor at A.

        $(a - b)^2 / 2 \le (a - m)^2 + (b - m)^2$ with m the mean of the two at A.
        """
        L, c = np.full_like(A, self.l1[side]), np.zeros(len(A))
        if s := self.smooth[side]:
            middle = s * (A[1:] + A[:-1])
            L[1:] -= middle
            L[:-1] -= middle
            c[1:] += 2 * s
            c[:-1] += 2 * s
        return L, c

    def penalty(self, side: int, A: Float[np.ndarray, "n r"]) -> float:
        """The penalty of a factor."""
        return float(self.l1[side] * A.sum() + self.smooth[side] / 2 * (np.diff(A, axis=0) ** 2).sum())


def objective(problem: Problem, factors: Factors) -> float:
    """The objective: weighted divergences plus penalties.

    problem: what is minimised; factors: (W, H.T), of shapes (n, r) and (m, r).
    """
    W, Ht = factors
    d = beta_divergence(problem.X, W @ Ht.T, problem.beta)
    if problem.weights is not None:
        d = np.where(problem.weights > 0, problem.weights * np.where(problem.weights > 0, d, 0.0), 0.0)
    return float(d.sum()) + problem.penalty(0, W) + problem.penalty(1, Ht)


def stated(
    X: Real[ArrayLike, "n m"],
    rank: int | None,
    beta: float,
    weights: Real[ArrayLike, "n m"] | None = None,
    l1: tuple[float, float] = (0.0, 0.0),
    smooth: tuple[float, float] = (0.0, 0.0),
    zero: bool = False,
) -> Problem:
    """The checked problem; `StatementError` names the entries that cannot be used, and the remedy.

    weights: (n, m) numbers >= 0; where one is 0 the entry of X is missing, and may be nan. zero: X may be zero
    everywhere.
    """
    X = np.array(X, float, order="C")
    if X.ndim != 2 or X.size == 0:
        raise StatementError(f"`X` must have shape (n, m) with n, m >= 1, but has shape {X.shape}.")
    rank = checked_rank(rank, X.shape)
    if not math.isfinite(beta):
        raise StatementError(f"`beta` must be a finite number, but is {beta!r}.")
    check_l1(l1, smooth)
    if weights is not None:
        weights = _checked_weights(weights, X)
        X[weights == 0] = 1.0
    _check_entries(X, weights, beta, zero)
    return Problem(X, float(beta), int(rank), weights, (l1[0], l1[1]), (smooth[0], smooth[1]))


def checked_rank(rank: int | None, shape: tuple[int, ...]) -> int:
    """The rank, by default the smaller side of X; raises `StatementError` if X cannot have it."""
    rank = min(shape) if rank is None else rank
    if isinstance(rank, bool) or rank != int(rank) or not 1 <= rank <= min(shape):
        raise StatementError(
            f"`rank` must be a whole number from 1 to {min(shape)}, the smaller side of X {shape}, but is {rank!r}."
        )
    return int(rank)


def check_l1(l1: tuple[float, float], smooth: tuple[float, float]) -> None:
    """Raise `StatementError` unless penalties are numbers >= 0, and not on one factor alone."""
    for name, pair in (("l1", l1), ("smooth", smooth)):
        if len(pair) != 2 or not all(math.isfinite(p) and p >= 0 for p in pair):
            raise StatementError(f"`{name}` must be two finite numbers >= 0, for W and for H, but is {pair!r}.")
    bare = [name for side, name in enumerate("WH") if not (l1[side] or smooth[side])]
    if len(bare) == 1:
        raise StatementError(
            f"A penalty on one factor alone is void, since the other takes over its scale: give {bare[0]} one as well."
        )


def _checked_weights(weights: Real[ArrayLike, "n m"], X: Float[np.ndarray, "n m"]) -> Float[np.ndarray, "n m"]:
    S = np.array(weights, float, order="C")
    if S.shape != X.shape:
        raise StatementError(f"`weights` must have the shape of X, {X.shape}, but has shape {S.shape}.")
    if not np.isfinite(S).all() or (S < 0).any():
        raise StatementError("`weights` must be finite and >= 0 everywhere.")
    for axis, word in ((1, "row"), (0, "column")):
        empty = np.flatnonzero((S == 0).all(axis=axis))
        if len(empty):
            raise StatementError(f"`weights` is 0 along {word} {empty[0]}: nothing is known of it. Leave it out.")
    return S


def _check_entries(
    X: Float[np.ndarray, "n m"], weights: Float[np.ndarray, "n m"] | None, beta: float, zero: bool
) -> None:
    """Finite, nonnegative, not all zero, and positive where the divergence needs it."""
    hint = "" if weights is not None else " Missing entries are marked by `weights` that are 0 there."
    if not np.isfinite(X).all():
        i, j = np.argwhere(~np.isfinite(X))[0]
        raise StatementError(f"`X` must be finite, but is {X[i, j]} at ({i}, {j}).{hint}")
    if (X < 0).any():
        i, j = np.argwhere(X < 0)[0]
        raise StatementError(f"`X` must be >= 0, but is {X[i, j]:g} at ({i}, {j}).")
    known = X if weights is None else np.where(weights > 0, X, 0.0)
    if not (zero or known.any()):
        raise StatementError("`X` must have an entry > 0, but is zero everywhere.")
    if beta <= 0 and (X == 0).any():
        i, j = np.argwhere(X == 0)[0]
        row = " (the whole row is zero)" if not X[i].any() else ""
        raise StatementError(
            f"With beta = {beta:g} <= 0 the divergence of a zero is infinite, and X has {np.sum(X == 0)}, the first at "
            f"({i}, {j}){row}. Add a small number to X, give those entries the weight 0, or choose beta > 0."
        )


def random_factors(problem: Problem, rng: np.random.Generator) -> Factors:
    """Random positive factors: absolute values of normal numbers, scaled to the mean of the data.

    problem: whose shapes and mean they have. rng: the source of randomness. Returns (W, H.T), of shapes (n, r) and (m,
    r).
    """
    n, m = problem.X.shape
    W, Ht = (problem.scale * np.abs(rng.standard_normal((k, problem.rank))) for k in (n, m))
    return np.maximum(W, problem.floor), np.maximum(Ht, problem.floor)
