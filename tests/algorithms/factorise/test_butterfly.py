"""Butterfly factors: exactness for any chain of patterns, the best approximation, the gauge, and bad input."""

import numpy as np
import pytest
from scipy.linalg import hadamard

from asymptopia.algorithms.factorise.butterfly import (
    ButterflyFactors,
    Pattern,
    bit_reversal,
    butterfly,
    checked_patterns,
    digit_reversal,
    dyadic,
    mixed_radix,
)
from asymptopia.contract.record import StatementError

CHAINS = {
    "dyadic": dyadic(16),
    "mixed radix": [(1, 3, 3, 4), (3, 2, 2, 2), (6, 2, 2, 1)],
    "wide": [(1, 2, 2, 12), (2, 3, 5, 4), (10, 4, 3, 1)],
    "blocks of rank 2": [(1, 4, 4, 4), (2, 8, 6, 1)],
    "inside a larger support": [(3, 2, 2, 4), (6, 2, 2, 2)],
}


def product(chain, rng, dtype=float):
    chain = tuple(Pattern(*p) for p in chain)
    cores = [rng.standard_normal(p) + (1j * rng.standard_normal(p) if dtype is complex else 0) for p in chain]
    return ButterflyFactors(chain, tuple(cores))


@pytest.mark.parametrize("dtype", [float, complex])
@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS.keys())
def test_a_product_is_recovered(chain, dtype):
    rng = np.random.default_rng(0)
    truth = product(chain, rng, dtype)
    A = np.linalg.multi_dot(truth.factors())
    np.testing.assert_allclose(truth.dense(), A, atol=1e-12)
    factors = butterfly(A, chain)
    np.testing.assert_allclose(np.linalg.multi_dot(factors.factors()), A, atol=1e-12)
    assert factors.residual < 2e-15
    x = rng.standard_normal((A.shape[1], 3))
    np.testing.assert_allclose(factors @ x, A @ x, atol=1e-11)
    np.testing.assert_allclose(factors @ x[:, 0], A @ x[:, 0], atol=1e-11)
    for X, (a, b, c, d) in zip(factors.factors(), chain, strict=True):
        support = np.kron(np.eye(a), np.kron(np.ones((b, c)), np.eye(d)))
        assert (X[support == 0] == 0).all()


def test_the_factors_are_unique_in_the_gauge():
    truth = product(dyadic(64), np.random.default_rng(2), complex)
    factors, fixed = butterfly(truth.dense()), truth.normalised()
    np.testing.assert_allclose(fixed.dense(), truth.dense(), atol=1e-11)
    for X, Y in zip(factors.cores, fixed.cores, strict=True):
        np.testing.assert_allclose(X, Y, atol=1e-12 * np.abs(Y).max())
    again = factors.normalised()
    assert all(np.allclose(X, Y, atol=1e-13) for X, Y in zip(again.cores, factors.cores, strict=True))


@pytest.mark.parametrize("n", [32, 64, 1024])
def test_hadamard_and_fourier(n):
    H = hadamard(n).astype(float)
    F = np.exp(-2j * np.pi * (np.outer(np.arange(n), bit_reversal(n)) % n) / n)
    for A in (H, F):
        factors = butterfly(A)
        assert np.linalg.norm(factors.dense() - A) < 1e-13 * n and factors.parameters == 2 * n * np.log2(n)


def test_the_residual_and_the_bound_of_the_best_approximation():
    rng = np.random.default_rng(3)
    truth = product(dyadic(16), rng)
    for size in (1e-3, 0.3, 3.0):
        A = truth.dense() + size * rng.standard_normal((16, 16))
        factors = butterfly(A)
        missed = np.linalg.norm(A - factors.dense())
        assert factors.residual == pytest.approx(missed / np.linalg.norm(A), rel=1e-10)
        assert missed <= np.sqrt(3) * np.linalg.norm(A - truth.dense())
    two = [(1, 4, 4, 4), (4, 4, 4, 1)]  # one split: the best approximation, all blocks of rank one
    blocks = A.reshape(4, 4, 4, 4).transpose(1, 2, 0, 3)
    best = np.sqrt((np.linalg.svd(blocks, compute_uv=False)[..., 1:] ** 2).sum())
    assert butterfly(A, two).residual * np.linalg.norm(A) == pytest.approx(best, rel=1e-12)


def test_entries_outside_of_the_support_are_residual():
    truth = product([(3, 2, 2, 4), (6, 2, 2, 2)], np.random.default_rng(4))
    A = truth.dense()
    A[0, -1] = 5.0
    factors = butterfly(A, truth.patterns)
    assert factors.residual == pytest.approx(5 / np.linalg.norm(A), rel=1e-9)


def test_zeros_are_factorised():
    assert not butterfly(np.zeros((8, 8))).dense().any() and butterfly(np.zeros((8, 8))).residual == 0
    np.testing.assert_allclose(butterfly(np.eye(8)).dense(), np.eye(8), atol=1e-15)


@pytest.mark.parametrize(
    ("matrix", "patterns", "message"),
    [
        (np.ones(4), None, "two dimensions"),
        (np.ones((0, 0)), None, "two dimensions"),
        (np.full((4, 4), np.nan), None, "finite"),
        (np.ones((4, 4)), [], "at least one"),
        (np.ones((4, 4)), [(1, 2, 0, 2), (2, 2, 2, 1)], ">= 1"),
        (np.ones((4, 8)), dyadic(4), "fit the shape"),
        (np.ones((4, 4)), [(2, 2, 2, 1), (1, 2, 2, 2)], "follow each other"),
        (np.ones((2, 2)), [(1, 2, 3, 1), (1, 3, 2, 1)], "rank"),
    ],
)
def test_bad_input(matrix, patterns, message):
    with pytest.raises(StatementError, match=message):
        butterfly(matrix, patterns)


def test_only_blocks_of_rank_one_have_a_unique_gauge():
    chain = checked_patterns([(1, 4, 4, 4), (2, 8, 6, 1)], (16, 12))
    with pytest.raises(StatementError, match="rank 1"):
        product(chain, np.random.default_rng(0)).normalised()
    with pytest.raises(StatementError, match="rows"):
        product(chain, np.random.default_rng(0)) @ np.ones(3)


@pytest.mark.parametrize("n", [30, 48, 64])
def test_fast_fourier_transforms_of_any_size(n):
    F = np.fft.fft(np.eye(n))
    factors = butterfly(F[:, digit_reversal(n)])
    primes = {30: 2 + 3 + 5, 48: 4 * 2 + 3, 64: 6 * 2}[n]
    assert factors.residual < 1e-14 and factors.parameters == n * primes
    x = np.random.default_rng(0).standard_normal(n)
    np.testing.assert_allclose(factors @ x[digit_reversal(n)], np.fft.fft(x), atol=1e-12)


@pytest.mark.parametrize("shape", [(48, 32), (12, 90), (5, 8), (1, 4), (48, 48)])
def test_rectangles(shape):
    truth = product(mixed_radix(*shape), np.random.default_rng(1)).dense()
    assert truth.shape == shape and butterfly(truth).residual < 1e-14
    assert mixed_radix(64) == dyadic(64) and mixed_radix(7) == (Pattern(1, 7, 7, 1),)


def test_blocks_of_rank_two():
    truth = product(dyadic(32, 2), np.random.default_rng(2))
    factors = butterfly(truth.dense(), dyadic(32, 2))
    assert factors.residual < 1e-14 and factors.parameters == truth.parameters == 4 * 32 * 4
    for rank in (3, 32, 0):
        with pytest.raises(StatementError, match="`rank` of a dyadic butterfly must be a power of two below its size"):
            dyadic(32, rank)
    with pytest.raises(StatementError, match="power of two"):
        dyadic(6)
