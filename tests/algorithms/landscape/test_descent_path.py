"""Paths along which the loss never rises: they end at the global minimum if there are units enough, and not below."""

import numpy as np
import pytest

from asymptopia.algorithms.landscape.descent_path import descent_path
from asymptopia.contract.record import StatementError
from asymptopia.measure.intrinsic_dimension import intrinsic_dimension
from asymptopia.parts.activation import PolynomialUnit, Power, Tanh

CASES = [(Power(2), 3), (Power(3), 2), (PolynomialUnit(), 2), (PolynomialUnit((1.0, 0.0, 1.0)), 3)]


def problem(activation, d, p, n, rng):
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    features = activation(X @ rng.standard_normal((60, d)).T)
    features = features / np.linalg.norm(features, axis=0)
    best = ((features @ np.linalg.lstsq(features, y, rcond=None)[0] - y) ** 2).mean() / 2
    return rng.standard_normal((p, d)), rng.standard_normal(p), X, y, best


@pytest.mark.parametrize(("activation", "d"), CASES, ids=str)
@pytest.mark.parametrize("extra", [0, 3])
def test_no_rise_and_the_global_minimum_from_bad_starts(activation, d, extra):
    p = int(intrinsic_dimension(activation, d)) + extra
    for seed in range(5):
        rng = np.random.default_rng(seed)
        W, u, X, y, best = problem(activation, d, p, 50, rng)
        W[1:3] = W[0]  # units that say the same, one that says nothing, one without a voice
        W[3], u[4 % p] = 0.0, 0.0
        path = descent_path(W, u, X, y, activation, rng)
        np.testing.assert_array_equal(path.hidden[0], W)
        np.testing.assert_array_equal(path.output[0], u)
        along = path.losses(X, y, activation)
        assert (along - np.minimum.accumulate(along)).max() <= 1e-12 * along[0]
        assert along[-1] == pytest.approx(best, rel=1e-9)
        assert path.rank == intrinsic_dimension(activation, d)


def test_any_activation_once_there_are_as_many_units_as_samples():
    rng = np.random.default_rng(0)
    W, u, X, y, _ = problem(Tanh(), 3, 12, 12, rng)
    along = descent_path(W, u, X, y, Tanh(), rng).losses(X, y, Tanh())
    assert (along - np.minimum.accumulate(along)).max() <= 1e-12 * along[0] and along[-1] < 1e-12 * along[0]


def test_below_the_width_the_path_does_not_reach_the_minimum():
    rng = np.random.default_rng(0)
    W, u, X, y, best = problem(Power(2), 3, 4, 50, rng)
    along = descent_path(W, u, X, y, Power(2), rng).losses(X, y, Power(2))
    assert along[-1] > best * 1.001


def test_a_straight_line_between_two_minima_rises_where_the_path_does_not():
    rng = np.random.default_rng(0)
    W, u, X, y, best = problem(Power(2), 3, 6, 50, rng)
    there = descent_path(W, u, X, y, Power(2), rng)
    W, u = rng.standard_normal((6, 3)), rng.standard_normal(6)
    here = descent_path(W, u, X, y, Power(2), rng)
    W, V, u, v = here.hidden[-1], there.hidden[-1], here.output[-1], there.output[-1]
    straight = [((Power(2)(X @ (W + V).T / 2) @ (u + v) / 2 - y) ** 2).mean() / 2]
    assert straight[0] > 1.1 * best
    along = descent_path(W, u, X, y, Power(2), rng).losses(X, y, Power(2))
    assert along.max() <= best * (1 + 1e-9)


def test_weights_that_do_not_fit_are_refused():
    X, y, rng = np.ones((4, 2)), np.ones(4), np.random.default_rng(0)
    for W, u in ((np.zeros((0, 2)), []), (np.ones((3, 3)), np.ones(3)), (np.ones((3, 2)), np.ones(2))):
        with pytest.raises(StatementError, match="shapes"):
            descent_path(W, u, X, y, Power(2), rng)
    with pytest.raises(StatementError, match="finite"):
        descent_path(np.full((3, 2), np.nan), np.ones(3), X, y, Power(2), rng)
