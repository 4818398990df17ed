"""Belief propagation: exact on trees, the equations solved, a second implementation, and what it says if it fails."""

import itertools

import numpy as np
import pytest
from scipy import sparse

from asymptopia import StatementError
from asymptopia.algorithms import NotSolved
from asymptopia.algorithms.graphs.belief_propagation import agreement, belief_propagation
from asymptopia.algorithms.graphs.graph import adjacency, block_graph

AFFINITY = np.array([[6.0, 1.0, 2.0], [1.0, 8.0, 0.5], [2.0, 0.5, 4.0]])
SHARES = np.array([0.5, 0.2, 0.3])
TREE = np.array([[0, 1], [1, 2], [1, 3], [3, 4], [3, 5], [5, 6]])


@pytest.mark.parametrize("propensities", [np.ones(7), np.array([0.3, 2.0, 0.7, 3.0, 1.2, 0.5, 1.9])], ids=["1", "any"])
def test_a_tree_in_a_large_graph_is_solved_exactly(propensities):
    """Given the field, which isolated nodes share, its labels are a Markov field, enumerated here."""
    n, size = 1000, 7
    every = np.concatenate([propensities, np.ones(n - size)])
    marginals = belief_propagation(TREE, AFFINITY, SHARES, propensities=every, nodes=n, tolerance=1e-13)
    assert marginals.converged
    mean = every @ marginals.marginals / n
    weight = SHARES * np.exp(-np.outer(every, AFFINITY @ mean))
    exact = np.zeros((size, 3))
    for labels in itertools.product(range(3), repeat=size):
        p = np.prod(weight[range(size), labels]) * np.prod([AFFINITY[labels[i], labels[j]] for i, j in TREE])
        exact[range(size), labels] += p
    total = exact[0].sum()
    np.testing.assert_allclose(marginals.marginals[:size], exact / total, atol=1e-9)
    isolated = weight[-1] / weight[-1].sum()
    np.testing.assert_allclose(marginals.marginals[-1], isolated, atol=1e-12)
    entropy = (np.log(total) + (n - size) * np.log(weight[-1].sum())) / n + mean @ AFFINITY @ mean / 2
    assert marginals.free_entropy == pytest.approx(entropy, abs=1e-12)


def test_expected_degrees_follow_propensities():
    """Of 2000 nodes: all of one kind together, within four standard deviations; and pairs within and between groups."""
    n, rng = 2000, np.random.default_rng(5)
    labels, heavy = np.arange(n) % 2, np.arange(n) < 400
    A = block_graph(labels, [[18.0, 2.0], [2.0, 18.0]], rng, np.where(heavy, 3.0, 0.5))
    assert abs(A.sum() - 10 * n) < 4 * np.sqrt(20 * n)
    assert abs(A[heavy].sum() - 30 * 400) < 4 * np.sqrt(2 * 30 * 400)
    across = A[labels == 0][:, labels == 1].sum()
    assert abs(across - n / 2) < 4 * np.sqrt(n / 2)
    same = [block_graph(labels, [[18.0, 2.0], [2.0, 18.0]], np.random.default_rng(6), p) for p in (None, np.ones(n))]
    assert abs(same[0].nnz - same[1].nnz) < 4 * np.sqrt(4 * 10 * n)
    with pytest.raises(StatementError, match="`propensities` must have shape"):
        block_graph(labels, [[18.0, 2.0], [2.0, 18.0]], rng, np.ones(3))
    with pytest.raises(StatementError, match="finite and > 0"):
        belief_propagation(A, [[2.0, 1.0], [1.0, 2.0]], propensities=np.zeros(n))


def plain(A, affinity, shares, start, sweeps):
    """All messages at once, in dictionaries, as the equations are written; the mean of the marginals."""
    near = [A.indices[A.indptr[i] : A.indptr[i + 1]].tolist() for i in range(A.shape[0])]
    messages = {(i, j): start[i] for i in range(len(near)) for j in near[i]}
    mean = start.mean(axis=0)
    for _ in range(sweeps):
        prior = shares * np.exp(-affinity @ mean)

        def belief(i, told, prior=prior, messages=messages):
            b = prior * np.prod([affinity @ messages[k, i] for k in told], axis=0)
            return b / b.sum()

        mean = np.mean([belief(i, near[i]) for i in range(len(near))], axis=0)
        messages = {(i, j): belief(i, [k for k in near[i] if k != j]) for i, j in messages}
    return mean


def test_a_second_implementation_finds_the_same():
    rng = np.random.default_rng(3)
    labels = np.arange(90) % 3
    affinity = 0.5 + 9 * np.eye(3)
    A = block_graph(labels, affinity, rng)
    start = (0.1 + np.eye(3)[labels]) / 1.3
    estimate = belief_propagation(A, affinity, start=start, tolerance=1e-13).require()
    mean = plain(A, affinity, np.full(3, 1 / 3), start, 150)
    np.testing.assert_allclose(estimate.marginals.mean(axis=0), mean, atol=1e-10)


def test_where_messages_oscillate_they_are_damped():
    rng = np.random.default_rng(3)
    labels = rng.choice(3, 60, p=SHARES)
    A = block_graph(labels, AFFINITY, rng)
    start = np.eye(3)[labels]
    assert not belief_propagation(A, AFFINITY, SHARES, start=start, damping=0.0).converged
    marginals = belief_propagation(A, AFFINITY, SHARES, start=start)
    assert marginals.converged and marginals.damping == 0.5


def test_damping_and_the_form_of_the_graph_do_not_change_the_solution():
    rng = np.random.default_rng(4)
    labels = rng.permutation(np.arange(400) % 2)
    A = block_graph(labels, [[9.0, 1.0], [1.0, 9.0]], rng)
    edges = np.stack(A.nonzero(), 1)
    start = 0.1 + 0.8 * np.eye(2)[labels]
    one = belief_propagation(A, [[9.0, 1.0], [1.0, 9.0]], start=start, tolerance=1e-12).require()
    two = belief_propagation(
        edges, [[9.0, 1.0], [1.0, 9.0]], nodes=400, start=start, damping=0.5, tolerance=1e-12
    ).require()
    np.testing.assert_allclose(one.marginals, two.marginals, atol=1e-10)
    assert one.free_entropy == pytest.approx(two.free_entropy, abs=1e-12)
    assert one.iterations == len(one.history) and one.history[-1] <= 1e-12
    assert one.labels.shape == (400,) and agreement(one.marginals, labels) > 0.8


def test_groups_are_named_up_to_a_permutation():
    labels = np.array([0, 1, 2, 0, 1, 2])
    assert agreement(np.eye(3)[(labels + 1) % 3], labels) == pytest.approx(1)
    assert agreement(np.full((6, 3), 1 / 3), labels) == pytest.approx(0)
    assert agreement(np.eye(3)[[0, 1, 2, 0, 1, 0]], labels) == pytest.approx((3 * 5 / 6 - 1) / 2)


def test_it_says_when_it_has_not_converged():
    A = block_graph(np.arange(200) % 2, [[9.0, 1.0], [1.0, 9.0]], np.random.default_rng(0))
    marginals = belief_propagation(A, [[9.0, 1.0], [1.0, 9.0]], sweeps=2)
    assert not marginals.converged and marginals.iterations == 2
    with pytest.raises(NotSolved, match="After 2 sweeps"):
        marginals.require()


def test_a_graph_without_a_labelling_is_refused():
    """A triangle has no two-colouring."""
    triangle = adjacency(np.array([[0, 1], [1, 2], [2, 0]]))
    sure = np.eye(2)[[0, 1, 0]]
    with pytest.raises(NotSolved, match="probability zero"):
        belief_propagation(triangle, [[0.0, 1.0], [1.0, 0.0]], start=sure)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(affinity=[[1.0, 2.0], [3.0, 1.0]]), "`affinity`"),
        (dict(fractions=[0.5, 0.6]), "`fractions`"),
        (dict(fractions=[1.0]), "`fractions` must have shape"),
        (dict(start=np.ones((4, 3))), "`start` must have shape"),
        (dict(start=np.ones((4, 2))), "probabilities"),
        (dict(damping=1.0), "`damping`"),
    ],
)
def test_bad_input_is_refused(options, message):
    arguments = dict(affinity=[[2.0, 1.0], [1.0, 2.0]]) | options
    with pytest.raises(StatementError, match=message):
        belief_propagation(np.array([[0, 1], [2, 3]]), **arguments)


def _with_hub(degree, seed=0):
    """Two strong communities, 400 nodes, and one more node that is joined to many."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 300)
    C = np.array([[20.0, 0.2], [0.2, 20.0]])
    edges = np.c_[sparse.triu(block_graph(labels, C, rng)).nonzero()]
    hub = np.c_[np.full(degree, 600), rng.choice(600, degree, replace=False)]
    return np.vstack([edges, hub]), C, labels


@pytest.mark.parametrize("degree", [50, 400, 600])
def test_nodes_of_any_degree_are_no_obstacle(degree):
    """The product over the edges of such a node underflows; the free entropy is that of the same sum in logarithms."""
    edges, C, labels = _with_hub(degree)
    estimate = belief_propagation(edges, C, nodes=601).require()
    assert agreement(estimate.marginals[:600], labels) > 0.98
    assert np.isfinite(estimate.free_entropy)
    counts = np.bincount(labels[edges[-degree:, 1]], minlength=2)
    if abs(counts[0] - counts[1]) > 4:
        majority = estimate.marginals[:600][labels == counts.argmax()].mean(axis=0).argmax()
        assert estimate.marginals[600].argmax() == majority


def test_the_order_of_the_nodes_does_not_matter():
    edges, C, labels = _with_hub(500)
    order = np.random.default_rng(1).permutation(601)
    one = belief_propagation(edges, C, nodes=601).require()
    other = belief_propagation(order[edges], C, nodes=601).require()
    assert agreement(other.marginals[order[:600]], labels) == pytest.approx(
        agreement(one.marginals[:600], labels), abs=1e-4
    )
    assert one.free_entropy == pytest.approx(other.free_entropy, abs=1e-5)


def test_unsigned_edges_are_edges():
    edges, C, _ = _with_hub(50)
    one = belief_propagation(edges, C, nodes=601)
    other = belief_propagation(edges.astype(np.uint16), C, nodes=601)
    np.testing.assert_array_equal(one.marginals, other.marginals)
    with pytest.raises(StatementError, match="below 2147483648"):
        belief_propagation(np.array([[0, 2**63]], np.uint64), C)
