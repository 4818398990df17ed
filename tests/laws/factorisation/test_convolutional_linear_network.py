"""Convolutional linear networks: the bound over random pairs, verdicts, and wrong laws."""

import numpy as np
import pytest

from asymptopia import confront
from asymptopia.algorithms.factorise.network_paths import chain_tree
from asymptopia.contract.batching import realize_block, seed_keys
from asymptopia.contract.record import StatementError
from asymptopia.laws.factorisation.convolutional_linear_network import (
    NOISES,
    ConvolutionalLinearNetwork,
    orthogonal_noises,
    places,
    ratio,
    unrolled,
)

SWAPPED = "(0 1)(0 1)"


@pytest.mark.parametrize("layers", [2, 3, 5])
def test_the_bound_holds_for_random_pairs_within_its_reach(layers):
    rng, tree = np.random.default_rng(0), chain_tree([(0, 1, 2)] * layers)
    for size in np.geomspace(1e-4, 0.1, 60):
        h = rng.standard_normal(3 * layers)
        g = (h + size * rng.standard_normal(len(h))) * np.repeat(np.exp(rng.standard_normal(layers)), 3)
        g *= np.exp(np.log(np.abs(tree.products(h)).max() / np.abs(tree.products(g)).max()) / layers)
        P, Q = tree.products(h), tree.products(g)
        if np.abs(P - Q).max() <= max(np.abs(P).max(), np.abs(Q).max()) / 2:
            assert 0 < ratio(tree, tree.ways[0], h, g, np.linalg.norm(P - Q)) <= 1


def test_the_distance_is_between_classes():
    tree, h = chain_tree([(0, 1), (0, 2), (0, 4)]), np.array([1.0, 0.5, -2.0, 0.3, 0.7, 1.1])
    same = h * np.array([2.0, 2.0, -0.25, -0.25, -2.0, -2.0])
    assert ratio(tree, tree.ways[0], h, same, 1.0) < 1e-12
    opposite = h * np.array([1, 1, 1, 1, -1, -1])
    assert ratio(tree, tree.ways[0], h, opposite, 1.0) > 0.01


def test_diagonals_are_averaged():
    n, rng = 5, np.random.default_rng(1)
    r = rng.standard_normal(n)
    circulant = np.array([np.roll(r, j) for j in range(n)]).T
    np.testing.assert_allclose(unrolled(circulant[None])[0], r)
    noise = rng.standard_normal((1, n, n))
    mine = unrolled(noise)[0]
    other = [np.mean([noise[0, (i + j) % n, j] for j in range(n)]) for i in range(n)]
    np.testing.assert_allclose(mine, other)


@pytest.mark.parametrize(("leaves", "reached"), [(2, (0, 1, 2)), (4, (6, 7, 0, 1, 2, 3, 4, 5, 8, 9))])
def test_noises_are_orthogonal_where_kernels_reach_and_normal_everywhere(leaves, reached):
    rng, n, reached = np.random.default_rng(2), 12, np.array(reached)
    noises = np.stack([orthogonal_noises(leaves, n, reached, rng) for _ in range(200)])
    count = min(leaves * len(reached), NOISES)
    assert noises.shape[1:] == (count, leaves, n)
    within = noises[..., reached].reshape(200, count, -1)
    products = within @ within.transpose(0, 2, 1)
    assert np.abs(products[:, ~np.eye(count, dtype=bool)]).max() < 1e-12
    first = noises[:, 0]  # of each frame one: these are independent
    assert np.abs(first.mean(axis=0)).max() < 4.5 / np.sqrt(200)
    assert (first**2).mean() == pytest.approx(1, abs=4 * np.sqrt(2 / first.size))
    squares = (within[:, 0] ** 2).sum(axis=1)
    assert squares.var() == pytest.approx(2 * within.shape[-1], rel=0.5), "that of chi-square, not of a fixed length"


def test_exchangeable_kernels_are_confused_though_the_map_is_known():
    law = ConvolutionalLinearNetwork(supports=SWAPPED, branches=1, noise=0.01)
    realisations = realize_block(law, 16, range(40))
    assert 0.2 < realisations["fails"].mean() < 0.8, "a random start ends at either order"
    assert np.allclose(realisations["smallest"], 0) and np.allclose(realisations["largest"], np.sqrt(2))
    limit = law.limit()
    assert float(limit["fails"]) == 1 and float(limit["secant"]) == 0 and float(limit["dimension"]) == 3


def test_bad_questions_are_refused():
    for bad in ("", "(0 1)(", "(0 0)", "()", "(0 a)", "0 1"):
        with pytest.raises(StatementError, match="supports"):
            ConvolutionalLinearNetwork(supports=bad)
    assert places("(0 1) (-2 3)") == ((0, 1), (-2, 3))
    with pytest.raises(StatementError, match="exceed 7"):
        ConvolutionalLinearNetwork().realize(7, seed_keys(7, [0])[0])


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(ConvolutionalLinearNetwork):
        """Counts all entries, and forgets the second path of a sum."""

        def predict(self):
            return super().predict() | {"dimension": 4.0, "largest": 1.0}

    law = ConvolutionalLinearNetwork(supports=SWAPPED, branches=1, noise=0.01)
    experiment = law.experiment((8, 16, 32), 66)
    right = confront(law, experiment)
    assert "disagrees" not in (right["recovery"].verdict, right["fails"].verdict)
    assert right["dimension"].verdict != "disagrees"
    wrong = confront(Wrong(supports=SWAPPED, branches=1, noise=0.01), experiment)
    assert wrong["dimension"].verdict == wrong["largest"].verdict == "disagrees"


def test_one_fit_that_fails_costs_no_other(monkeypatch):
    from asymptopia.algorithms.checks import NotSolved
    from asymptopia.algorithms.factorise import kernels

    fit, calls = kernels.fit_kernels, []

    def fails_once(tree, target, rng):
        calls.append(1)
        if len(calls) == NOISES + 2:
            raise NotSolved("The kernels did not settle.")
        return fit(tree, target, rng)

    monkeypatch.setattr(kernels, "fit_kernels", fails_once)
    realisations = ConvolutionalLinearNetwork().realize_all(16, seed_keys(16, (0, 1, 2)))
    assert np.isnan(realisations["dimension"]).tolist() == [False, True, False]
    assert np.isfinite(realisations["smallest"]).all()


def test_whole_numbers_are_told_from_their_neighbours():
    from asymptopia.laws.factorisation.structured_factorisation import StructuredFactorisation

    for law in (ConvolutionalLinearNetwork, StructuredFactorisation):
        assert law.observables["dimension"].resolution * law().predict()["dimension"] < 0.5
