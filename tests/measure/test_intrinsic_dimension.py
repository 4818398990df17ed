"""Dimensions of the span of units: exact ranks of integer matrices modulo a prime, and by counting monomials."""

import math

import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.measure.intrinsic_dimension import intrinsic_dimension, numerical_rank
from asymptopia.parts.activation import Identity, PolynomialUnit, Power, Tanh

PRIME = 2**31 - 1


def exact_rank(rows):
    """The rank of a matrix of whole numbers modulo a prime, which is at most the rank over the rationals."""
    rows, rank = [[int(v) % PRIME for v in row] for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = pow(rows[rank][column], -1, PRIME)
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] * inverse % PRIME
            if factor:
                rows[i] = [(a - factor * b) % PRIME for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


FULL = PolynomialUnit((1.0, 1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("activation", "expected"), [(Identity(), 4), (Power(2), 10), (Power(3), 20), (FULL, 35)], ids=str
)
def test_four_inputs(activation, expected):
    assert intrinsic_dimension(activation, 4) == expected
    rng = np.random.default_rng(0)
    W, X = rng.integers(-9, 10, (45, 4)), rng.integers(-9, 10, (45, 4))
    degrees = {Identity(): [1], Power(2): [2], Power(3): [3], FULL: [0, 1, 2, 3]}[activation]
    values = [[sum(int(w @ x) ** k for k in degrees) for w in W] for x in X]
    assert exact_rank(values) == expected


@pytest.mark.parametrize(("inputs", "degree"), [(1, 3), (2, 2), (3, 2)])
def test_with_a_bias_units_span_all_polynomials(inputs, degree):
    expected = math.comb(inputs + degree, degree)
    assert intrinsic_dimension(Power(degree), inputs, bias=True) == expected
    rng = np.random.default_rng(1)
    W, X, b = rng.integers(-9, 10, (20, inputs)), rng.integers(-9, 10, (20, inputs)), rng.integers(-9, 10, 20)
    assert exact_rank([[(int(w @ x) + int(c)) ** degree for w, c in zip(W, b, strict=True)] for x in X]) == expected


def test_missing_degrees_do_not_count_and_other_activations_have_no_dimension():
    assert intrinsic_dimension(PolynomialUnit((0.0, 2.0, 0.0, -1.0)), 3) == 3 + 10
    assert intrinsic_dimension(Tanh(), 3) == math.inf
    with pytest.raises(StatementError, match="inputs"):
        intrinsic_dimension(Power(2), 0)


def test_a_rank_comes_with_its_margin():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((9, 4)) @ rng.standard_normal((4, 7))
    rank, margin = numerical_rank(A)
    assert rank == 4 and margin > 1e12
    assert numerical_rank(1e-200 * A) == (rank, pytest.approx(margin))
    assert numerical_rank(np.zeros((3, 3))) == (0, 0.0)
