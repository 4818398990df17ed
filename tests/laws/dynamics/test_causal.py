"""Factors and responses that grow by one time at a time, against what linear algebra says of the whole."""

import numpy as np
import pytest

from asymptopia.laws.dynamics.sgd_dynamics.theory.causal import BLOCK, GrowingFactor, volterra_row


def grown(covariance):
    factor = GrowingFactor(len(covariance))
    for t in range(len(covariance)):
        factor.append(covariance[t, : t + 1])
    return factor.rows


def test_the_factor_is_that_of_cholesky():
    A = np.random.default_rng(0).normal(size=(12, 20))
    np.testing.assert_allclose(grown(A @ A.T), np.linalg.cholesky(A @ A.T), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("rank", [0, 1, 3])
def test_a_singular_covariance_has_a_factor_too(rank):
    A = np.random.default_rng(rank).normal(size=(9, rank))
    A[4] = 0.0
    if rank:
        A[5] = 2 * A[0]
    L = grown(A @ A.T)
    np.testing.assert_allclose(L @ L.T, A @ A.T, rtol=1e-9, atol=1e-9)
    assert np.count_nonzero(np.diag(L)) == rank and np.all(np.triu(L, 1) == 0)


@pytest.mark.parametrize("t", [1, 2, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_the_response_is_a_row_of_the_inverse(t):
    rng = np.random.default_rng(t)
    kernel, gains, last = rng.normal(size=(t, t)), rng.normal(size=(t, 3)) / 4, rng.normal(size=3)
    row = volterra_row(kernel, gains, last)
    for n in range(3):
        dense = np.linalg.inv(np.eye(t) + np.tril(kernel, -1) * gains[:, n])
        np.testing.assert_allclose(row[:, n], last[n] * dense[-1], rtol=1e-9, atol=1e-11 * np.abs(dense).max())
