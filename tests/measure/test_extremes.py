"""Both ends of spectra that are hard to reach, against the eigenvalues they were made of."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from asymptopia import StatementError
from asymptopia.measure.extremes import dense, extremes

N = 3000
RNG = np.random.default_rng(0)
BULK = 0.01 * RNG.standard_normal(N - 6) * np.exp(RNG.standard_normal(N - 6))
SPECTRA = {
    "network": np.r_[BULK, 0.3, 0.5, 0.52, 0.8, 1.0, 2.0],
    "rank deficient": np.r_[np.zeros(N - 80), np.linspace(1, 9, 80)],
    "ten decades of low rank": np.r_[np.zeros(N - 60), np.logspace(-10, 0, 60)],
    "repeated": np.r_[np.full(N - 10, 1e-3), [5.0] * 5, [7.0] * 4, 9.0],
    "two values": np.repeat([1.0, 3.0], N // 2),
    "zero": np.zeros(N),
    "constant": np.full(N, 3.0),
    "tiny": 1e-30 * np.linspace(1, 2, N),
    "negative": -np.linspace(1, 2, N),
}


def diagonal(values):
    return LinearOperator((len(values),) * 2, matvec=lambda v: values * np.ravel(v), dtype=np.dtype(float))


@pytest.mark.parametrize("name", SPECTRA)
def test_both_ends_are_found_with_their_multiplicities(name):
    values = RNG.permutation(SPECTRA[name])
    eigenpairs, vectors, errors = extremes(diagonal(values), 3)
    scale = np.abs(values).max()
    np.testing.assert_allclose(eigenpairs, np.sort(values)[[0, 1, 2, -3, -2, -1]], rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(6), atol=1e-8)
    left = np.linalg.norm(values[:, None] * vectors - vectors * eigenpairs, axis=0)
    assert (left <= errors + 1e-12 * scale).all() and (errors <= 1e-10 * scale).all()


def test_what_does_not_settle_says_how_far_it_came():
    values = np.logspace(-10, 0, N)
    eigenpairs, _, errors = extremes(diagonal(values), 2, products=300)
    assert errors[:2].min() > 1e-10 and errors[-1] < 1e-10
    nearest = np.abs(eigenpairs[:, None] - values).min(axis=1)
    assert (nearest <= errors + 1e-12).all() and (eigenpairs[:2] >= values[:2] - 1e-12).all()


def test_small_operators_are_written_out():
    a = RNG.standard_normal((50, 50))
    np.testing.assert_allclose(dense(aslinearoperator(a + a.T)), a + a.T, atol=1e-12)
    with pytest.raises(StatementError, match="symmetric"):
        dense(aslinearoperator(np.triu(a)))
    with pytest.raises(StatementError, match="`count` must be between 1 and the size 50"):
        extremes(aslinearoperator(a + a.T), 51)
