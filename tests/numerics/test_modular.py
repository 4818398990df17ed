"""Exact arithmetic modulo a prime against fractions and against singular values."""

from fractions import Fraction

import numpy as np

from asymptopia.numerics import modular

P = modular.PRIME


def test_residues_are_those_of_the_fractions():
    x = np.array([[0.1, -3.25, 0.0], [1e-20, 7e15, -1.0]])
    expected = [[Fraction(v).numerator * pow(Fraction(v).denominator, -1, P) % P for v in row] for row in x.tolist()]
    np.testing.assert_array_equal(modular.residues(x), expected)


def test_products_are_exact():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, P, (5, 40)), rng.integers(0, P, (40, 3))
    np.testing.assert_array_equal(modular.product(a, b), (a.astype(object) @ b.astype(object)) % P)


def test_ranks_are_those_of_the_matrices():
    rng = np.random.default_rng(1)
    for rows, columns, rank in ((12, 7, 7), (7, 12, 4), (30, 30, 29), (4, 4, 0)):
        a = rng.integers(-50, 50, (rows, rank)) @ rng.integers(-50, 50, (rank, columns))
        assert modular.rank(a % P) == rank == np.linalg.matrix_rank(a)
    nearly = np.array([[1.0, 1.0], [1.0, 1.0 + 2.0**-52]])  # of rank 1 to round-off
    assert modular.rank(modular.residues(nearly)) == 2
