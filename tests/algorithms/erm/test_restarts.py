"""The lowest minimum of many descents: the only one of convex losses, and that of a fine grid in two dimensions."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.erm.fit import fit
from asymptopia.algorithms.erm.restarts import lowest_of_many
from asymptopia.parts.amplitude import Amplitude, Mistakes
from asymptopia.parts.loss import Logistic


def test_a_convex_loss_has_one_minimum():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 6)), np.sign(rng.standard_normal(30))
    w = lowest_of_many(X, y, Logistic(), 0.3, rng, starts=5)
    np.testing.assert_allclose(w, fit(X, y, Logistic(), 0.3).w, atol=1e-6)


@pytest.mark.parametrize("loss", [Mistakes(kappa=0.3, width=0.1), Amplitude(width=0.1)])
def test_in_two_dimensions_it_is_the_least_value_of_a_grid(loss):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((12, 2)), np.sign(rng.standard_normal(12))
        w = lowest_of_many(X, y, loss, 0.1, rng, starts=40)
        side = np.linspace(-6, 6, 601)
        grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
        values = loss(y, grid @ X.T).sum(axis=1) + 0.05 * (grid**2).sum(axis=1)
        value = loss(y, X @ w).sum() + 0.05 * w @ w
        assert value <= values.min() < value + 0.05
        assert np.linalg.norm(X.T @ loss.gradient(y, X @ w) + 0.1 * w) < 1e-4


def test_later_rounds_find_what_independent_starts_miss(monkeypatch):
    from asymptopia.algorithms.erm import restarts

    def mean(rounds):
        monkeypatch.setattr(restarts, "ROUNDS", rounds)
        least = []
        for seed in range(16):
            rng = np.random.default_rng(seed)
            X, y = rng.standard_normal((48, 16)) / 4, np.sign(rng.standard_normal(48))
            w = lowest_of_many(X, y, Mistakes(), 0.05, rng, starts=48)
            least.append((Mistakes()(y, X @ w).sum() + 0.025 * w @ w) / 48)
        return np.mean(least)

    assert mean(restarts.ROUNDS) < mean(1) - 4e-4


def test_bad_input_is_refused():
    X, y, rng = np.eye(3), np.ones(3), np.random.default_rng(0)
    with pytest.raises(StatementError, match="`ridge` must be finite and > 0"):
        lowest_of_many(X, y, Mistakes(), 0.0, rng, starts=3)
    with pytest.raises(StatementError, match="`starts` must be at least 1"):
        lowest_of_many(X, y, Mistakes(), 0.1, rng, starts=0)
