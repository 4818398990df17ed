"""The spectral start of message passing, for labels that do not distinguish w from -w."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ...numerics.arrays import ArrayLike
from .iteration import Denoiser, Output, checked, product, started

if TYPE_CHECKING:
    from jaxtyping import Float, Real

FLATTEST = 0.1
"""Least 1 + V g' in the weights: single labels of tiny fields would dominate the spectrum otherwise."""


def spectral(
    X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"], channel: Output, variance: float, *, share: float = 0.25
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"], Float[np.ndarray, " n"]]:
    r"""A start for `iterates` from the top eigenvector of $X^T \mathrm{diag}(T(y)) X$: means, variances, memory.

    With fields of variance V, $T = g' / (1 + V g')$, where $g'$ is the second derivative of the log-probability of the
    label at mean zero: the most informative choice, and the linearisation of message passing around zero. The means
    have the given `share` of the signal's power; memory are the scores that belong to them.

    Source: Mondelli and Montanari, Found. Comput. Math. 19 (2019) 703, theorem 2; Maillard, Krzakala, Lu and
    Zdeborova, Proc. Machine Learning Research 145 (2022) 693.

    X: shape (n, d); y: labels, (n,). channel: how a field makes a label; variance: V of the fields.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    X, y = checked(X, y)
    n, d = X.shape
    V = variance * float(np.einsum("ij,ij->i", X, X).astype(float).mean())
    _, slope = channel.score(y, np.zeros(n), V)
    slope = np.broadcast_to(slope, (n,))
    weight = slope / np.maximum(1 + V * slope, FLATTEST)
    direction = np.random.default_rng(0).standard_normal(d)
    if d > 1:
        matrix = LinearOperator((d, d), matvec=lambda v: product(X.T, weight * product(X, v)), dtype=float)
        with contextlib.suppress(ArpackNoConvergence):  # no eigenvalue stands out: the labels tell no direction
            direction = eigsh(matrix, k=1, which="LA", v0=direction, tol=1e-3, maxiter=300)[1][:, 0]
    means = direction * np.sqrt(share * variance * d) / np.linalg.norm(direction)
    return means, np.full(d, (1 - share) * variance), weight * product(X, means)


def beginning(
    X: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, " n"],
    prior: Denoiser,
    channel: Output,
    start: tuple[Any, Any] | None,
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"], Float[np.ndarray, " n"] | None]:
    """The start (means, variances, memory): as given, else the prior's, else `spectral` where that is uninformative."""
    means, variances = started(prior, start, X.shape[1])
    if start is None and _blind(X, y, channel, means, variances):
        return spectral(X, y, channel, float(np.mean(variances)))
    return means, variances, None


def _blind(
    X: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, " n"],
    channel: Output,
    means: Float[np.ndarray, " d"],
    variances: Float[np.ndarray, " d"],
) -> bool:
    """Whether the labels say nothing on w at a start of mean zero, because they are even functions of the fields."""
    if np.any(means):
        return False
    V = float(np.mean(np.square(X[:100], dtype=float))) * X.shape[1] * float(np.mean(variances))
    score, _ = channel.score(y, np.zeros(len(y)), V)
    return bool(np.mean(np.square(score)) * V < 1e-20)
