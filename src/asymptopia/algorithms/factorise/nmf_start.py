"""A start of nonnegative factorisation from singular vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .nmf_problem import Factors, Problem

if TYPE_CHECKING:
    from jaxtyping import Float

SMALL = 0.01  # of a typical entry, in place of the zeros of the start, from which no step of ratios departs


def svd_factors(problem: Problem, rng: np.random.Generator) -> Factors:
    """Factors from the leading singular vectors of the data: of each pair its larger nonnegative part (NNDSVD).

    Entries that are missing are replaced by the mean of the others, entries of the start that are zero by a hundredth
    of a typical one. The start is the same whatever `rng` is. Returns (W, H.T), of shapes (n, r) and (m, r).
    Boutsidis and Gallopoulos, Pattern Recognition 41 (2008) 1350, table 1.

    problem: with the data, (n, m), and the rank r.
    """
    X = problem.X
    if problem.weights is not None:
        known = problem.weights > 0
        X = np.where(known, X, X[known].mean())
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    pairs = [_nonnegative_pair(U[:, k], Vt[k]) for k in range(problem.rank)]
    W, Ht = (
        np.stack([np.sqrt(size * value) * pair[side] for value, (size, *pair) in zip(s, pairs, strict=False)], axis=1)
        for side in (0, 1)
    )
    small = max(SMALL * problem.scale, problem.floor)
    return np.maximum(W, small), np.maximum(Ht, small)


def _nonnegative_pair(
    u: Float[np.ndarray, " n"], v: Float[np.ndarray, " m"]
) -> tuple[float, Float[np.ndarray, " n"], Float[np.ndarray, " m"]]:
    """The larger of the positive and the negative part of u v^T: its size, and its two unit vectors."""
    parts = [(np.maximum(sign * u, 0.0), np.maximum(sign * v, 0.0)) for sign in (1.0, -1.0)]
    sizes = [float(np.linalg.norm(a) * np.linalg.norm(b)) for a, b in parts]
    size, (a, b) = max(zip(sizes, parts, strict=True), key=lambda pair: pair[0])
    return (size, a / np.linalg.norm(a), b / np.linalg.norm(b)) if size else (0.0, a, b)
