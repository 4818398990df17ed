"""Barron's class: closed forms against sampling, guarantees, and the waves of the lower bound."""

import numpy as np
import pytest

from asymptopia import confront
from asymptopia.laws.approximation.barron import (
    Barron,
    fixed_error,
    frequency_bound,
    gram,
    greedy_error,
    lowest,
    with_target,
)


def test_inner_products_against_sampling():
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((200_000, 3)), 0.7 * rng.standard_normal((4, 3))
    waves, target = np.cos(x @ w.T), np.exp(-(x**2).sum(axis=1) / 2)
    np.testing.assert_allclose(gram(w), waves.T @ waves / len(x), atol=0.008)
    np.testing.assert_allclose(with_target(w), waves.T @ target / len(x), atol=0.006)


def test_the_target_is_the_average_of_its_waves():
    w = np.random.default_rng(0).standard_normal((200_000, 3))
    x = np.array([[0.3, -1.0, 0.5], [0.0, 0.0, 2.0]])
    np.testing.assert_allclose(np.cos(x @ w.T).mean(axis=1), np.exp(-(x**2).sum(axis=1) / 2), atol=0.008)


def test_one_greedy_unit_is_the_best_unit():
    """In dimension 1 by a scan: 1/2 is the bound, and the weight is the projection's."""
    w = np.linspace(0, 3, 3001)[:, None]
    own = np.concatenate([np.diag(gram(some)) for some in np.array_split(w, 30)])
    scan = (3**-0.5 - with_target(w) ** 2 / own).min()
    error = greedy_error(1, 1, np.random.default_rng(0))
    assert scan <= error <= 1 / 2


def test_the_lowest_waves():
    k, length = lowest(9, 2)
    assert k.shape == (9, 2) and (np.diff(length) >= 0).all()
    assert (k[0] == k[1]).all() and len({tuple(r) for r in k}) == 5
    assert {tuple(r) for r in k[:4]} == {(0, 1), (1, 0)}
    assert lowest(100, 100)[1].max() == 1


@pytest.mark.parametrize("d", [1, 4])
def test_fixed_units_fail_on_at_least_one_wave(d):
    for seed in range(5):
        assert fixed_error(12, d, np.random.default_rng(seed)) >= frequency_bound(12, d)


def test_the_bound_of_fixed_units_suffers_from_the_dimension():
    slope = np.log(frequency_bound(2000, 2) / frequency_bound(125, 2)) / np.log(16)
    assert slope == pytest.approx(-1 / 2, abs=0.02)


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(Barron):
        def predict(self):
            return super().predict() | {"rate": -0.5, "greedy_error": 0.01, "scaled_error": 0.54}

    experiment = Barron(d=10).experiment(sizes=(4, 8, 16), seeds=110)
    assert confront(Barron(d=10), experiment).verdict != "disagrees"
    confrontation = confront(Wrong(d=10), experiment)
    assert {confrontation[k].verdict for k in ("rate", "greedy_error", "scaled_error")} == {"disagrees"}
