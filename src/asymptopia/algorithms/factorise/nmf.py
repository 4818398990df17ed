"""Nonnegative matrix factorisation as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .nmf_coordinates import newton
from .nmf_online import factorise_in_batches
from .nmf_problem import Factors, Problem, check_l1, checked_rank, objective, random_factors, stated
from .nmf_solvers import Factorisation, Step, encode, run
from .nmf_sparse import Counts, encode_counts, factorise_counts, refuse_what_needs_all_entries

if TYPE_CHECKING:
    from jaxtyping import Float, Real, Shaped


class NMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    r"""Nonnegative factorisation of X (n, m) by a beta-divergence, $X \approx W H$.

    n_components: the rank; the smaller side of X if None. beta: which divergence (2 square, 1 Kullback-Leibler,
    0 Itakura-Saito, or any real number). step, momentum: see `factorise`. l1, smooth: penalties of W and of H.
    max_iter, tol: most iterations, and the relative decrease over ten of them at which to stop. `transform` finds
    the W of other samples for the same H. start: `random_factors`, or `svd_factors` (NNDSVD) or another function of a
    `Problem` and a generator that returns W (n, r) and H.T (m, r). A `ConvergenceWarning` says that
    `max_iter` was not enough.

    A sparse X is factorised by Kullback-Leibler (beta = 1) in time and memory of its entries, by steps of majorisation
    from random factors, whatever `step` and `momentum` are; its numbers stay of 32 bits if they are. `batch`: with so
    many of its rows at a time, where there are too many for all at every step; `max_iter` and `tol` are then of passes
    over all rows, and the objective may rise.

    After `fit`: `components_` (H), `reconstruction_err_` (the objective), `n_iter_`, `objectives_`.
    """

    def __init__(
        self,
        n_components: int | None = None,
        *,
        beta: float = 1.0,
        step: Step = newton,
        momentum: bool = False,
        start: Callable[[Problem, np.random.Generator], Factors] = random_factors,
        l1: tuple[float, float] = (0.0, 0.0),
        smooth: tuple[float, float] = (0.0, 0.0),
        max_iter: int = 1000,
        tol: float = 1e-6,
        batch: int | None = None,
        random_state: int | np.random.Generator | None = None,
    ) -> None:
        self.n_components = n_components
        self.beta = beta
        self.step = step
        self.momentum = momentum
        self.start = start
        self.l1 = l1
        self.smooth = smooth
        self.max_iter = max_iter
        self.tol = tol
        self.batch = batch
        self.random_state = random_state

    def fit(self, X: Shaped[ArrayLike, "n m"], y: object = None, weights: Real[ArrayLike, "n m"] | None = None) -> NMF:
        """Learn H from X (n, m); entries of X with weight 0 are missing and may be nan."""
        (self._fit_sparse if issparse(X) else self._fit)(X, weights)
        return self

    def fit_transform(
        self, X: Shaped[ArrayLike, "n m"], y: object = None, weights: Real[ArrayLike, "n m"] | None = None
    ) -> Float[np.ndarray, "n r"]:
        """Learn H from X (n, m), and return the matching W (n, r)."""
        if issparse(X):
            counts, W = self._fit_sparse(X, weights)
            return encode_counts(counts, W, self.components_.T, self.max_iter, ENCODED)
        problem, W = self._fit(X, weights)
        return encode(problem, W, self.components_.T, self.max_iter, ENCODED)

    def transform(
        self, X: Shaped[ArrayLike, "n m"], weights: Real[ArrayLike, "n m"] | None = None
    ) -> Float[np.ndarray, "n r"]:
        """The W (n, r) of samples X for the learned H; unique for 1 <= beta <= 2 and independent components."""
        check_is_fitted(self)
        H = self.components_
        if issparse(X):
            counts = self._counts(X, weights, reset=False)
            share = np.asarray(counts.X.sum(axis=1)).reshape(-1, 1) / H.sum()
            W = np.tile(share, (1, len(H))).astype(counts.X.dtype)
            return encode_counts(counts, W, H.T.astype(counts.X.dtype), self.max_iter, ENCODED)
        problem = self._problem(X, weights, reset=False)
        share = problem.X.sum(axis=1, keepdims=True) / H.sum()
        W = np.maximum(np.tile(share, (1, len(H))), problem.floor)
        return encode(problem, W, H.T, self.max_iter, ENCODED)

    def inverse_transform(self, X: Real[ArrayLike, "n r"]) -> Float[np.ndarray, "n m"]:
        """The product W H, for W = X of shape (n, r)."""
        check_is_fitted(self)
        return np.asarray(X) @ self.components_

    def _fit(
        self, X: Shaped[ArrayLike, "n m"], weights: Real[ArrayLike, "n m"] | None
    ) -> tuple[Problem, Float[np.ndarray, "n r"]]:
        if self.batch is not None:
            raise StatementError("`batch` must be None for a dense `X`; give it as a sparse array, with beta = 1.")
        problem = self._problem(X, weights, reset=True)
        seed = check_random_state(self.random_state).randint(2**31)
        start = self.start(problem, np.random.default_rng(seed))
        factorisation = run(problem, start, self.step, self.max_iter, self.tol, momentum=self.momentum)
        self._keep(factorisation)
        self.reconstruction_err_ = objective(problem, (factorisation.W, factorisation.H.T))
        return problem, factorisation.W

    def _fit_sparse(self, X: Any, weights: Real[ArrayLike, "n m"] | None) -> tuple[Counts, Float[np.ndarray, "n r"]]:
        counts = self._counts(X, weights, reset=True)
        rank = checked_rank(self.n_components, counts.X.shape)
        seed = check_random_state(self.random_state).randint(2**31)
        rng = np.random.default_rng(seed)
        W, Ht = counts.start(rank, rng)
        if self.batch is None:
            factorisation = factorise_counts(counts, W, Ht, self.max_iter, self.tol)
        else:
            factorisation = factorise_in_batches(counts, W, Ht, self.batch, self.max_iter, self.tol, rng)
        self._keep(factorisation)
        self.reconstruction_err_ = float(factorisation.objectives[-1])
        return counts, factorisation.W

    def _counts(self, X: Any, weights: ArrayLike | None, reset: bool) -> Counts:
        refuse_what_needs_all_entries(self.beta, weights, self.smooth)
        if self.start is not random_factors:
            raise StatementError("A sparse `X` is factorised from `start=random_factors` only; give it as an array.")
        X = validate_data(self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32])
        check_l1(self.l1, self.smooth)
        return Counts(X, self.l1)

    def _keep(self, factorisation: Factorisation) -> None:
        if self.tol > 0 and not factorisation.converged:
            warnings.warn(
                f"After `max_iter` = {self.max_iter} iterations the objective still falls by more than `tol` = "
                f"{self.tol:g}: raise one of them.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.components_, self.n_iter_, self.objectives_ = (
            factorisation.H,
            factorisation.iterations,
            factorisation.objectives,
        )

    def _problem(self, X: Any, weights: ArrayLike | None, reset: bool) -> Problem:
        finite: Any = True if weights is None else "allow-nan"
        X = validate_data(self, X, reset=reset, dtype=float, ensure_all_finite=finite, ensure_non_negative=True)
        rank = self.n_components if reset else min(X.shape)
        return stated(X, rank, self.beta, weights, self.l1, self.smooth, zero=not reset)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = self.beta == 1 and not any(self.smooth)
        return tags


ENCODED = 1e-10
