r"""Spectra of random sample covariance matrices, drawn without the matrices.

In the Lanczos basis of a normal vector, the covariance of n normal samples in p dimensions is $B B^T / n$, with B
lower bidiagonal and independent entries: $\chi_{n - i}$ on the diagonal and $\chi_{p - 1 - i}$ beside it (Dumitriu and
Edelman, J. Math. Phys. 43 (2002) 5830, theorem 3.1). A probe with k products sees its first k rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .spectra import Quadrature

if TYPE_CHECKING:
    from jaxtyping import Float

LARGEST = 300  # a larger spectrum is compared with one of this size, which fluctuates more


def probed(rng: np.random.Generator, samples: float, size: int, like: Quadrature) -> Quadrature:
    """The covariance of normal samples of unit variance, as seen by as many probes and products as in `like`.

    Each probe sees a matrix of its own.

    samples: their number n, not necessarily whole; size: the dimension p.
    """
    probes, order = like.eigenvalues.shape
    seen = [_bidiagonal(rng, samples, size, order) for _ in range(probes)]
    return Quadrature(np.array([value for value, _ in seen]), np.array([weight for _, weight in seen]), size)


def all_of(rng: np.random.Generator, samples: float, size: int) -> Quadrature:
    """All eigenvalues of the covariance of n normal samples in `size` dimensions, of unit variance.

    Beyond 300 samples and dimensions a smaller matrix of the same shape stands for it.
    """
    from scipy.linalg import eigvalsh_tridiagonal

    shrunk = min(1.0, LARGEST / min(samples, size))
    less, more = sorted((samples * shrunk, size * shrunk))
    rank = max(1, round(less))
    alone = eigvalsh_tridiagonal(*_tridiagonal(rng, more, rank, rank))  # vectors would take most of the time
    values = np.clip(alone * more / (samples * shrunk), 0, None)
    everything = np.r_[np.zeros(max(0, round(size * shrunk) - rank)), values]
    weights = np.full((1, len(everything)), 1 / len(everything))
    return Quadrature(everything[None], weights, len(everything))


def _bidiagonal(
    rng: np.random.Generator, samples: float, size: int, order: int
) -> tuple[Float[np.ndarray, " order"], Float[np.ndarray, " order"]]:
    """Ritz values (order,) of the covariance matrix in a Krylov space of this order, and their weights."""
    from scipy.linalg import eigh_tridiagonal

    values, vectors = eigh_tridiagonal(*_tridiagonal(rng, samples, size, order))
    return values, vectors[0] ** 2


def _tridiagonal(
    rng: np.random.Generator, samples: float, size: int, order: int
) -> tuple[Float[np.ndarray, " order"], Float[np.ndarray, " order-1"]]:
    """The covariance matrix in this basis, up to this order: its diagonal and the one beside it."""

    def squares(freedom: np.ndarray) -> np.ndarray:
        return np.where(freedom > 0, 2 * rng.standard_gamma(np.maximum(freedom, 1e-9) / 2), 0.0) / samples

    order = min(order, size)
    diagonal = squares(samples - np.arange(order))
    beside = squares(size - 1.0 - np.arange(order - 1))
    return diagonal + np.r_[0.0, beside], np.sqrt(diagonal[:-1] * beside)
