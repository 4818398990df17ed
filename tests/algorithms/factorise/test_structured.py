"""Constraint sets against brute force, descent of PALM on products of constrained factors, and bad input."""

import itertools

import numpy as np
import pytest

from asymptopia.algorithms.factorise.butterfly import Pattern
from asymptopia.algorithms.factorise.constraints import (
    Constraint,
    Diagonals,
    Free,
    Nonnegative,
    Normalised,
    Sparse,
    Support,
)
from asymptopia.algorithms.factorise.structured import structured
from asymptopia.contract.record import StatementError

BUTTERFLY = Support.of(Pattern(1, 2, 2, 2))
SETS = {
    "free": Free(),
    "nonnegative": Nonnegative(),
    "sparse": Sparse(5),
    "rows": Sparse(2, axis=1),
    "columns": Sparse(1, axis=0),
    "nonnegative and sparse": Sparse(5, nonnegative=True),
    "butterfly": BUTTERFLY,
    "toeplitz": Diagonals(),
    "circulant": Diagonals(periodic=True),
    "convolution": Diagonals([-1, 0, 3], periodic=True),
    "some diagonals": Diagonals([-2, 0, 1]),
    "normalised": Normalised(Sparse(3)),
}


@pytest.mark.parametrize("constraint", SETS.values(), ids=SETS.keys())
def test_no_member_is_nearer_than_the_projection(constraint):
    rng = np.random.default_rng(0)
    for _ in range(20):
        A = rng.standard_normal((4, 4))
        P = constraint.project(A)
        np.testing.assert_allclose(constraint.project(P), P, atol=1e-15)
        for size in (0.01, 0.3, 3.0):
            member = constraint.project(P + size * rng.standard_normal((4, 4)))
            assert np.linalg.norm(A - P) <= np.linalg.norm(A - member) + 1e-12
    if constraint.convex:  # and the residual is normal to the set
        assert np.sum((A - P) * (member - P)) <= 1e-12


def test_sparse_projections_by_brute_force():
    A = np.random.default_rng(1).standard_normal((2, 3))
    best = min(
        np.sum((A - np.where(np.isin(np.arange(6).reshape(2, 3), kept), A, 0)) ** 2)
        for kept in itertools.combinations(range(6), 2)
    )
    assert np.sum((A - Sparse(2).project(A)) ** 2) == pytest.approx(best, rel=1e-14)
    np.testing.assert_array_equal((Sparse(2, axis=1).project(A) != 0).sum(axis=1), [2, 2])
    np.testing.assert_array_equal((Sparse(1, axis=0).project(A) != 0).sum(axis=0), [1, 1, 1])
    assert (BUTTERFLY.support == np.kron(np.ones((2, 2)), np.eye(2))).all()
    projected = Diagonals([0, 1], periodic=True).project(np.arange(9.0).reshape(3, 3))
    np.testing.assert_allclose(projected, [[4, 0, 4], [4, 4, 0], [0, 4, 4]])


@pytest.mark.parametrize("constraint", SETS.values(), ids=SETS.keys())
def test_every_step_descends_as_granted(constraint):
    rng = np.random.default_rng(2)
    A = rng.standard_normal((4, 4))
    start = rng.standard_normal((3, 4, 4))
    product = structured(A, [constraint, Free(), constraint], start, steps=60)
    assert (np.diff(product.values) <= -product.guaranteed + 1e-12 * product.values[0]).all()
    assert (product.guaranteed >= 0).all() and product.values[-1] < product.values[0]
    assert np.sum((product.dense() - A) ** 2) / 2 == pytest.approx(product.values[-1], rel=1e-10)
    for X in (product.factors[0], product.factors[2]):
        np.testing.assert_allclose(constraint.project(X), X, atol=1e-14)


def test_planted_factors_are_found():
    rng = np.random.default_rng(3)
    sets = [Diagonals([0, 1], periodic=True), Support(np.eye(6) + np.eye(6, k=1))]
    truth = [s.project(rng.uniform(0.5, 1.5, (6, 6))) for s in sets]
    product = structured(truth[0] @ truth[1], sets, rng.uniform(0.5, 1.5, (2, 6, 6)), steps=4000)
    ratio = product.factors[0][0, 0] / truth[0][0, 0]
    np.testing.assert_allclose(product.factors[0], ratio * truth[0], atol=1e-5)
    np.testing.assert_allclose(product.factors[1] * ratio, truth[1], atol=1e-5)


E22 = np.ones((2, 2))


@pytest.mark.parametrize(
    ("matrix", "constraints", "start", "message"),
    [
        (np.full((2, 2), np.nan), [Free()], [E22], "finite"),
        (np.ones(2), [Free()], [E22], "matrix"),
        (1j * E22, [Free()], [E22], "must be real"),
        (E22, [], [], "one or more"),
        (E22, [Free()], [E22, E22], "for 1"),
        (E22, [Free(), Free()], [E22, np.ones((3, 2))], "product has the shape"),
        (E22, [Free(), Free()], [np.ones((2, 0)), np.ones((0, 2))], "product has the shape"),
        (E22, [None], [E22], "projection"),
        (E22, [Free()], [np.inf * E22], r"start\[0\]"),
        (E22, [Sparse(0)], [E22], "from 1 to 4"),
        (E22, [Sparse(3, axis=1)], [E22], "from 1 to 2"),
        (E22, [Sparse(1, axis=2)], [E22], "None, 0 or 1"),
        (E22, [Support(np.ones((3, 2)))], [E22], "shape"),
        (E22, [Diagonals([2])], [E22], "from -1 to 1"),
        (np.ones((2, 3)), [Diagonals(periodic=True)], [np.ones((2, 3))], "square"),
    ],
)
def test_bad_input(matrix, constraints, start, message):
    with pytest.raises(StatementError, match=message):
        structured(matrix, constraints, start)


def test_empty_sets():
    with pytest.raises(StatementError, match="true"):
        Support(np.zeros((2, 2)))
    with pytest.raises(StatementError, match="diagonals"):
        Diagonals([])
    assert issubclass(Diagonals, Constraint)
