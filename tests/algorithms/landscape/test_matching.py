"""Matching of units: permuted copies are found, distances do not grow, functions stay; repair meets its statistics."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.datasets import load_digits

from asymptopia import StatementError
from asymptopia.algorithms.landscape.matching import barrier, match_units, repair


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


def preactivations(layers, x):
    for W, b in layers[:-1]:
        yield (z := x @ W.T + b)
        x = np.tanh(z)


def test_repaired_units_have_the_statistics_of_the_ends():
    x, t = np.random.default_rng(5).standard_normal((20, 4)), 0.3
    first, second = network((4, 8, 7, 2), 0), network((4, 8, 7, 2), 1)
    repaired = repair(first, second, t, x, np.tanh)
    for z, *ends in zip(*(preactivations(net, x) for net in (repaired, first, second)), strict=True):
        for moment in (np.mean, np.std):
            one, other, found = (moment(field, axis=0) for field in (*ends, z))
            np.testing.assert_allclose(found, (1 - t) * one + t * other, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(repaired[-1][0], 0.7 * first[-1][0] + 0.3 * second[-1][0])
    for end, net in enumerate((first, second)):
        assert distance(repair(first, second, end, x, np.tanh), net) < 1e-24


def test_repair_lowers_the_barrier_of_trained_pairs():
    """Two pairs of small networks that learned images of digits from their own starts."""
    X, y = load_digits(return_X_y=True)
    X, y, adam = X[:400] / 16, y[:400], optax.adamw(0.003, weight_decay=1e-3)

    @jax.jit
    def loss(layers):
        x = jnp.asarray(X)
        for W, b in layers[:-1]:
            x = jnp.maximum(x @ W.T + b, 0)
        scores = x @ layers[-1][0].T + layers[-1][1]
        return optax.softmax_cross_entropy_with_integer_labels(scores, y).mean()

    @jax.jit
    def trained(layers):
        def step(_, carry):
            change, state = adam.update(jax.grad(loss)(carry[0]), carry[1], carry[0])
            return optax.apply_updates(carry[0], change), state

        return jax.lax.fori_loop(0, 150, step, (layers, adam.init(layers)))[0]

    between = partial(repair, X=X, activation=lambda z: np.maximum(z, 0))
    plain = repaired = 0.0
    for pair in range(2):
        starts = [network((64, 32, 32, 10), 2 * pair + k) for k in range(2)]
        ends = [trained([(W * np.sqrt(2 / W.shape[1]), 0 * b) for W, b in start]) for start in starts]
        first, second = ([(np.asarray(W), np.asarray(b)) for W, b in net] for net in ends)
        assert max(loss(first), loss(second)) < 0.1
        matched = match_units(first, second)
        plain += barrier(loss, first, matched, 3)
        repaired += barrier(loss, first, matched, 3, between)
    assert plain > 0.1
    assert repaired < 0.8 * plain


@pytest.mark.parametrize("change, words", [
    (dict(t=1.5), "`t` must lie between 0 and 1, but is 1.5"),
    (dict(X=np.ones((5, 3))), "`X` must hold at least 2 samples of 2 inputs, but has shape"),
    (dict(X=np.full((5, 2), np.nan)), "`X` must be finite"),
    (dict(second=[(-W, -b) for W, b in network((2, 3, 1), 0)]), "unit 0 of layer 0 .* is constant there"),
], ids=["t", "X", "nan", "constant"])  # fmt: skip
def test_repair_refuses(change, words):
    net = network((2, 3, 1), 0)
    given = dict(first=net, second=net, t=0.5, X=np.random.default_rng(0).standard_normal((5, 2)), activation=np.tanh)
    with pytest.raises(StatementError, match=words):
        repair(**given | change)


def test_bad_networks_are_refused():
    with pytest.raises(StatementError, match="same shapes"):
        match_units(network((2, 3, 1), 0), network((2, 4, 1), 0))
    with pytest.raises(StatementError, match="Layer 1 does not follow"):
        wrong = [(np.ones((3, 2)), np.ones(3)), (np.ones((1, 4)), np.ones(1))]
        match_units(wrong, wrong)
    with pytest.raises(StatementError, match="Layer 0 must have a matrix"):
        match_units([(np.ones(3), np.ones(3))], [(np.ones(3), np.ones(3))])
    bad = [(np.full((1, 1), np.nan), np.zeros(1))]
    with pytest.raises(StatementError, match="finite"):
        match_units(bad, bad)
    with pytest.raises(StatementError, match="`points`"):
        barrier(lambda net: 0.0, bad, bad, 0)
