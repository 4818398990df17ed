"""The solution of least l1 norm."""

import numpy as np
import pytest

from asymptopia.algorithms.erm.basis_pursuit import basis_pursuit
from asymptopia.contract.record import StatementError


@pytest.mark.parametrize("nonnegative", [False, True])
def test_a_sparse_signal_is_recovered_from_enough_equations_and_undercut_with_too_few(nonnegative):
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((60, 80)), np.zeros(80)
    w[:10] = 1 + rng.random(10)
    if not nonnegative:
        w[:5] *= -1
    solution = basis_pursuit(X, X @ w, nonnegative=nonnegative)
    np.testing.assert_allclose(solution, w, atol=1e-9)
    few = basis_pursuit(X[:12], X[:12] @ w, nonnegative=nonnegative)
    np.testing.assert_allclose(X[:12] @ few, X[:12] @ w, atol=1e-8)
    assert np.abs(few).sum() < np.abs(w).sum() - 0.1
    assert not nonnegative or few.min() >= 0


def test_equations_without_solution_are_refused():
    with pytest.raises(StatementError, match="must have a solution"):
        basis_pursuit(np.ones((2, 3)), [1.0, 2.0])
    with pytest.raises(StatementError, match="a nonnegative solution"):
        basis_pursuit(np.ones((1, 3)), [-1.0], nonnegative=True)
    with pytest.raises(StatementError, match="`y` must have shape"):
        basis_pursuit(np.ones((2, 3)), [1.0])


def test_zero_is_the_solution_of_homogeneous_equations():
    assert np.all(basis_pursuit(np.eye(3), np.zeros(3)) == 0)
