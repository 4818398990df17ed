"""Hierarchical factorisation: Hadamard's transform without its supports, compression of a kernel, and bad input."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from asymptopia.algorithms.factorise import hierarchical
from asymptopia.contract.record import StatementError


@pytest.mark.parametrize("noise", [0.0, 1e-2])
def test_hadamards_transform_becomes_its_fast_form(noise):
    n = 16
    H = hadamard(n) / n**0.5
    noisy = H + noise * np.random.default_rng(0).standard_normal((n, n))
    product = hierarchical(noisy, [2, 2, 2], [8, 4, 2], steps=200)
    assert [int((X != 0).sum()) for X in product.factors] == [2 * n] * 4
    assert np.linalg.norm(product.dense() - H) <= 1e-10 + noise * n  # the noise is not fitted
    assert (np.diff(product.values) <= 1e-12).all()


def test_a_smooth_kernel_is_nearer_than_its_singular_vectors():
    x, y = np.linspace(0, 1, 24), np.linspace(0, 1, 60)
    K = 1 / (0.05 + np.abs(x[:, None] - y))
    product = hierarchical(K, [3, 3], [16, 8], steps=200)
    assert product.factors[0].shape == product.factors[1].shape == (24, 24) and product.factors[2].shape == (24, 60)
    numbers = sum(int((X != 0).sum()) for X in product.factors)
    s = np.linalg.svd(K, compute_uv=False)
    truncated = np.sum(s[numbers // 84 :] ** 2) ** 0.5
    assert np.linalg.norm(product.dense() - K) < 0.8 * truncated


def test_the_largest_of_a_row_or_a_column_stay():
    product = hierarchical(np.diag([3.0, 2.0, 1.0]), [1], [1])
    assert product.dense() == pytest.approx(np.diag([3.0, 2.0, 1.0]), abs=1e-9)


@pytest.mark.parametrize(
    ("matrix", "sparse", "residual", "said"),
    [
        ([[np.inf]], [1], [1], "1 entries that are not finite"),
        (np.zeros((3, 2)), [1], [1], "not be zero"),
        (1j * np.eye(2), [1], [1], "must be real"),
        (np.eye(3), [], [], "one or more splits"),
        (np.eye(3), [1, 1], [1], "2 and 1"),
        (np.eye(3), [0], [1], "`sparse` must be whole numbers from 1 to 3"),
        (np.eye(3), [1], [4], "`residual` must be"),
        (np.eye(3), [np.nan], [1], "`sparse` must be whole numbers"),
    ],
)
def test_bad_input_is_named(matrix, sparse, residual, said):
    with pytest.raises(StatementError, match=said):
        hierarchical(matrix, sparse, residual)
