"""Graphs: one adjacency matrix whatever they are given as, and block models with the right edge probabilities."""

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from asymptopia import StatementError
from asymptopia.algorithms.graphs.graph import adjacency, block_graph

EDGES = np.array([[0, 1], [1, 2], [3, 1]])


def test_a_graph_is_the_same_however_it_is_given():
    A = adjacency(EDGES)
    assert A.toarray().tolist() == [[0, 1, 0, 0], [1, 0, 1, 1], [0, 1, 0, 0], [0, 1, 0, 0]]
    both = np.concatenate([EDGES, EDGES[:, ::-1]])
    for other in (adjacency(both), adjacency(csr_array(A * 3.5)), adjacency(coo_array(A), 4)):
        assert (other != A).nnz == 0
    assert adjacency(EDGES, 6).shape == (6, 6)
    assert adjacency(np.zeros((0, 2), int), 3).nnz == 0


@pytest.mark.parametrize(
    ("graph", "nodes", "message"),
    [
        (np.array([[0, 0]]), None, "loops, but node 0"),
        (np.array([[0, -1]]), None, "edge at -1"),
        (np.array([[0.0, 1.0]]), None, "integer array"),
        (np.array([0, 1]), None, "shape"),
        (np.array([[0, 5]]), 4, "exceed every node"),
        (csr_array(np.array([[0, 1], [0, 0]])), None, "symmetric"),
        (csr_array(np.ones((2, 3))), None, "square"),
        (csr_array((3, 3)), 2, "must be 3"),
        (np.zeros((0, 2), int), None, "at least one node"),
    ],
)
def test_what_is_no_graph_is_refused(graph, nodes, message):
    with pytest.raises(StatementError, match=message):
        adjacency(graph, nodes)


def test_a_block_graph_has_the_stated_edges():
    """Numbers of edges between groups are binomial; a pair is joined at most once, also in dense graphs."""
    labels = np.repeat([0, 1, 2], [30, 50, 20])
    affinity = np.array([[60.0, 5.0, 0.0], [5.0, 20.0, 90.0], [0.0, 90.0, 1.0]])
    rng, n = np.random.default_rng(5), 100
    counts = np.zeros((3, 3))
    for _ in range(400):
        A = block_graph(labels, affinity, rng)
        assert A.shape == (n, n) and A.data.max() == 1
        member = np.eye(3)[labels]
        counts += member.T @ (A @ member)
    sizes = np.array([30, 50, 20])
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    p = affinity / n
    z = (counts / 400 - pairs * p) / np.sqrt(np.maximum(pairs * p * (1 - p) * (1 + np.eye(3)), 1e-9) / 400)
    assert np.abs(z).max() < 4 and counts[0, 2] == 0


def test_a_block_graph_is_refused():
    rng, labels = np.random.default_rng(0), np.zeros(4, int)
    with pytest.raises(StatementError, match="below n = 4"):
        block_graph(labels, [[4.0]], rng)
    for bad in ([[1.0, 2.0], [3.0, 1.0]], [[-1.0]], [1.0], [[np.nan]]):
        with pytest.raises(StatementError, match="`affinity`"):
            block_graph(labels, bad, rng)
    with pytest.raises(StatementError, match="ask for .* edges between labels 0 and 0, but at most 1e.09"):
        block_graph([0, 0, 0, 0], [[2]], rng, [1e60, 1, 1, 1])
    with pytest.raises(StatementError, match="`propensities` must be finite and > 0, at most 1e.100"):
        block_graph(labels, [[2.0]], rng, np.full(4, 1e300))
    for bad in ([0, 1], [0, -1], [0, 0.5], "ab", [[0, 0]]):
        with pytest.raises(StatementError, match="`labels` must be"):
            block_graph(bad, [[1.0]], rng)
    assert block_graph([0, 0, 0, 0], [[2]], rng, [1, 2, 1, 2]).shape == (4, 4)
