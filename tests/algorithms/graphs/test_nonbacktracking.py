"""The non-backtracking spectrum against the matrix itself."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.graphs.graph import block_graph
from asymptopia.algorithms.graphs.nonbacktracking import nonbacktracking


def dense(A):
    edges = list(zip(*A.nonzero(), strict=True))
    return np.array([[float(j == k and i != m) for k, m in edges] for i, j in edges])


def test_the_spectrum_of_the_matrix_of_edges():
    A = block_graph(np.arange(80) % 2, [[7.0, 1.0], [1.0, 7.0]], np.random.default_rng(1))
    exact = np.linalg.eigvals(dense(A))
    exact = exact[np.argsort(-np.abs(exact))]
    matrix = nonbacktracking(A, 3, tolerance=1e-12)
    np.testing.assert_allclose(np.abs(matrix), np.abs(exact[:3]), rtol=1e-8)
    np.testing.assert_allclose(matrix[0], exact[0], rtol=1e-10)
    np.testing.assert_allclose(np.abs(nonbacktracking(A, 160)[:20]), np.abs(exact[:20]), rtol=1e-8)


def test_of_a_regular_graph_the_first_is_its_degree_less_one():
    whole = np.array([[i, j] for i in range(6) for j in range(i)])
    assert nonbacktracking(whole, 1)[0] == pytest.approx(4, rel=1e-9)


def test_more_eigenvalues_than_there_are():
    with pytest.raises(StatementError, match="`count`"):
        nonbacktracking(np.array([[0, 1]]), 5)
