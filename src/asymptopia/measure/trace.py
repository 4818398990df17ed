"""The trace of a symmetric operator from a few products, with its leading directions treated exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..contract.record import StatementError
from .extremes import DENSE, STREAM, check_symmetry, dense, size_of

if TYPE_CHECKING:
    from jaxtyping import Float
    from scipy.sparse.linalg import LinearOperator


class Trace(NamedTuple):
    """A trace, its standard error, and its confidence interval; exact if the error is zero."""

    value: float
    error: float
    low: float
    high: float


def trace(operator: LinearOperator, products: int = 120, level: float = 0.95, seed: int = 0) -> Trace:
    r"""The trace of a symmetric operator A from about `products` products with vectors, by Hutch++.

    A third of the products gives an orthonormal basis Q of the directions that A stretches most, a third gives
    $\mathrm{tr}\, Q^T A Q$ exactly, and a third probes the rest, $P A P$ with $P = 1 - Q Q^T$, by vectors of fixed
    length in random directions. The error falls as one over the number of products instead of its square root (Meyer,
    Musco, Musco and Woodruff, SIAM Symp. Simplicity in Algorithms 2021, algorithm 1). The interval is Student's t over
    those probes. With as many products as dimensions, or up to 2,000 dimensions, the trace is computed exactly.

    products: at least 9.
    level:    the probability that the interval holds the trace.
    seed:     of the random vectors.

    Raises `StatementError` if the operator is not square or not symmetric, or with fewer than 9 products.
    """
    from scipy.stats import t as student

    n = size_of(operator)
    if products < 9:
        raise StatementError(f"`products` must be at least 9, three of each kind, but is {products}.")
    if not 0 < level < 1:
        raise StatementError(f"`level` must be between 0 and 1, but is {level!r}.")
    if n <= max(DENSE, products):
        exact = float(np.trace(dense(operator)))
        return Trace(exact, 0.0, exact, exact)
    rng = np.random.default_rng((seed, STREAM))
    check_symmetry(operator, n, rng)
    third = products // 3
    basis = np.linalg.qr(_products(operator, rng.standard_normal((n, third))))[0]
    inside = float(np.sum(basis * _products(operator, basis)))
    probes = rng.standard_normal((n, third))
    for _ in range(2):
        probes -= basis @ (basis.T @ probes)
    probes *= np.sqrt(n - third) / np.linalg.norm(probes, axis=0)
    left = np.sum(probes * _products(operator, probes), axis=0)
    value, error = inside + float(left.mean()), float(left.std(ddof=1) / np.sqrt(third))
    reach = float(student.ppf((1 + level) / 2, third - 1)) * error
    return Trace(value, error, value - reach, value + reach)


def _products(operator: LinearOperator, vectors: Float[np.ndarray, "n ..."]) -> np.ndarray:
    products = np.asarray(operator @ vectors, float)
    if not np.isfinite(products).all():
        raise StatementError("A product with the operator is not finite.")
    return products
