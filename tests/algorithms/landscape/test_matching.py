"""Matching of units: permuted copies are found, distances do not grow, and functions stay what they are."""

import itertools

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.landscape.matching import barrier, match_units


def network(widths, seed):
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal((b, a)), rng.standard_normal(b)) for a, b in itertools.pairwise(widths)]


def outputs(layers, x):
    for i, (W, b) in enumerate(layers):
        x = x @ W.T + b
        x = np.tanh(x) if i < len(layers) - 1 else x
    return x


def permuted(layers, seed):
    rng, layers = np.random.default_rng(seed), list(layers)
    for k in range(len(layers) - 1):
        order = rng.permutation(len(layers[k][1]))
        layers[k] = (layers[k][0][order], layers[k][1][order])
        layers[k + 1] = (layers[k + 1][0][:, order], layers[k + 1][1])
    return layers


def distance(first, second):
    return sum(((W - V) ** 2).sum() + ((b - c) ** 2).sum() for (W, b), (V, c) in zip(first, second, strict=True))


@pytest.mark.parametrize("widths", [(5, 12, 3), (6, 10, 9, 2)])
def test_a_permuted_copy_is_matched(widths):
    first = network(widths, 0)
    second = match_units(first, permuted(first, 1))
    assert distance(first, second) == 0


def test_matching_changes_the_order_alone_and_never_the_distance_for_the_worse():
    x = np.random.default_rng(5).standard_normal((20, 4))
    first, second = network((4, 8, 7, 2), 0), network((4, 8, 7, 2), 1)
    matched = match_units(first, second)
    np.testing.assert_allclose(outputs(matched, x), outputs(second, x), atol=1e-12)
    assert distance(first, matched) < distance(first, second)


def test_one_hidden_layer_is_matched_best():
    first, second = network((2, 5, 1), 0), network((2, 5, 1), 1)
    (W, b), (out, c) = second
    orders = itertools.permutations(range(5))
    least = min(distance(first, [(W[list(o)], b[list(o)]), (out[:, list(o)], c)]) for o in orders)
    assert distance(first, match_units(first, second)) == pytest.approx(least, rel=1e-12)


def test_the_barrier_of_a_known_loss():
    first, second = [(np.zeros((1, 1)), np.zeros(1))], [(np.ones((1, 1)), np.zeros(1))]
    assert barrier(lambda net: net[0][0][0, 0] * (1 - net[0][0][0, 0]), first, second, 3) == pytest.approx(0.25)
    assert barrier(lambda net: net[0][0][0, 0] ** 2, first, second, 3) < 0


def test_bad_networks_are_refused():
    with pytest.raises(StatementError, match="same shapes"):
        match_units(network((2, 3, 1), 0), network((2, 4, 1), 0))
    with pytest.raises(StatementError, match="Layer 1 does not follow"):
        wrong = [(np.ones((3, 2)), np.ones(3)), (np.ones((1, 4)), np.ones(1))]
        match_units(wrong, wrong)
    bad = [(np.full((1, 1), np.nan), np.zeros(1))]
    with pytest.raises(StatementError, match="finite"):
        match_units(bad, bad)
    with pytest.raises(StatementError, match="`points`"):
        barrier(lambda net: 0.0, bad, bad, 0)
