"""Orders under which fast transforms are butterflies: found for all that are known, applied, and refused."""

import numpy as np
import pytest
from scipy.fft import dct, dst
from scipy.linalg import hadamard

from asymptopia.algorithms.factorise.butterfly import bit_reversal, butterfly, dyadic
from asymptopia.algorithms.factorise.butterfly_orders import cosine_rows, fold, ordered_butterfly
from asymptopia.contract.record import StatementError


@pytest.mark.parametrize("transform", [dct, dst], ids=["dct", "dst"])
@pytest.mark.parametrize("kind", [2, 3, 4])
def test_cosine_and_sine_transforms_of_size_64(transform, kind):
    n = 64
    C = transform(np.eye(n), type=kind, axis=0, norm="ortho")
    fast = ordered_butterfly(C)
    assert butterfly(C).residual > 0.5  # in the natural order it is none
    assert fast.residual < 1e-13 and fast.factors.parameters == 5 * 4 * n < n**2 / 3
    x = np.random.default_rng(0).standard_normal((n, 3))
    np.testing.assert_allclose(fast @ x, transform(x, type=kind, axis=0, norm="ortho"), atol=1e-13)
    np.testing.assert_allclose(fast.dense(), C, atol=1e-13)


@pytest.mark.parametrize("n", [2, 4, 8, 32])
def test_the_order_of_a_cosine_transform(n):
    C = dct(np.eye(n), axis=0)
    ordered = C[cosine_rows(n)][:, fold(n)[bit_reversal(n)]]
    assert sorted(cosine_rows(n)) == list(range(n)) == sorted(fold(n))
    assert n < 4 or butterfly(ordered, dyadic(n, 2)).residual < 1e-14


def test_transforms_of_rank_one():
    for matrix in (hadamard(16), np.fft.fft(np.eye(16)), np.fft.fft(np.eye(16))[bit_reversal(16)]):
        fast = ordered_butterfly(matrix)
        assert fast.residual < 1e-13 and fast.factors.parameters == 4 * 2 * 16


def test_what_is_no_butterfly_is_approximated_by_the_best_order():
    matrix = np.random.default_rng(1).standard_normal((16, 16))
    fast = ordered_butterfly(matrix, ranks=(2,))
    assert 0.1 < fast.residual <= butterfly(matrix, dyadic(16, 2)).residual
    assert np.linalg.norm(fast.dense() - matrix) / np.linalg.norm(matrix) == pytest.approx(fast.residual)
    for bad, message in ((np.ones((4, 8)), "square"), (np.ones((6, 6)), "power of two")):
        with pytest.raises(StatementError, match=message):
            ordered_butterfly(bad)
    with pytest.raises(StatementError, match="at least one rank"):
        ordered_butterfly(matrix, ranks=())
