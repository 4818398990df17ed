"""Optimal transport between normal distributions, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class EntropicNormal(NamedTuple):
    """The optimal entropic coupling of two normal distributions.

    value:      its cost with the entropic term.
    cost:       the mean squared distance alone.
    covariance: of the two ends, a matrix.
    """

    value: float
    cost: float
    covariance: Float[np.ndarray, "d d"]


def bures(
    mean: Real[ArrayLike, " d"],
    covariance: Real[ArrayLike, "d d"],
    other_mean: Real[ArrayLike, " d"],
    other_covariance: Real[ArrayLike, "d d"],
) -> float:
    r"""The Wasserstein distance $W_2$ between two normal distributions.

    Its square is $|m - m'|^2 + \mathrm{tr}(A + B - 2 (A^{1/2} B A^{1/2})^{1/2})$, where the trace is the least
    $\|A^{1/2} - B^{1/2} U\|^2$ over rotations U: so computed, it vanishes for equal distributions.

    mean, other_mean: (d,); covariance, other_covariance: A and B, (d, d), positive semidefinite.
    """
    root, other = _root(np.asarray(covariance, float)), _root(np.asarray(other_covariance, float))
    left, _, right = np.linalg.svd(other @ root)
    moved = np.asarray(mean, float) - np.asarray(other_mean, float)
    return float(np.hypot(np.linalg.norm(moved), np.linalg.norm(root - other @ left @ right)))


def entropic_normal(
    mean: Real[ArrayLike, " d"],
    covariance: Real[ArrayLike, "d d"],
    other_mean: Real[ArrayLike, " d"],
    other_covariance: Real[ArrayLike, "d d"],
    regularisation: float,
) -> EntropicNormal:
    r"""The coupling of normal distributions with least $E |x - y|^2 + \epsilon\,\mathrm{KL}(\pi | \mu \otimes \nu)$.

    It is normal with covariance $C = \frac12 A^{1/2} (4 A^{1/2} B A^{1/2} + \frac{\epsilon^2}{4})^{1/2} A^{-1/2}
    - \frac\epsilon4$ (Janati, Muzellec, Peyre and Cuturi, NeurIPS 33 (2020), theorem 1). Both covariances must be
    positive definite.

    mean, other_mean: (d,); covariance, other_covariance: A and B, (d, d). regularisation: $\epsilon$ > 0.
    """
    A, B = np.asarray(covariance, float), np.asarray(other_covariance, float)
    root, unit = _root(A), np.eye(len(A))
    middle = _root(4 * root @ B @ root + (regularisation / 2) ** 2 * unit)
    C = root @ middle @ np.linalg.inv(root) / 2 - regularisation / 4 * unit
    moved = float(np.sum((np.asarray(mean, float) - np.asarray(other_mean, float)) ** 2))
    cost = moved + float(np.trace(A) + np.trace(B) - 2 * np.trace(C))
    left = np.linalg.slogdet(unit - np.linalg.solve(A, C) @ np.linalg.solve(B, C.T))[1]
    return EntropicNormal(cost - regularisation * float(left) / 2, cost, C)


def _root(matrix: Float[np.ndarray, "d d"]) -> Float[np.ndarray, "d d"]:
    """The square root of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
