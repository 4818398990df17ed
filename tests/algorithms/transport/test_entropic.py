"""Sinkhorn's iterations: both marginals, the form of the optimum, little and much regularisation."""

import numpy as np
import pytest

from asymptopia.algorithms.transport.entropic import sinkhorn


@pytest.mark.parametrize("regularisation", [0.1, 1.0, 100.0])
def test_the_coupling_is_the_optimum(regularisation):
    rng = np.random.default_rng(0)
    cost = (rng.normal(size=(12, 1)) - rng.normal(size=9)) ** 2
    plan = sinkhorn(cost, regularisation)
    np.testing.assert_allclose(plan.sum(axis=0), 1 / 9, rtol=1e-12)
    np.testing.assert_allclose(plan.sum(axis=1), 1 / 12, rtol=1e-9)
    logs = np.log(plan) + cost / regularisation
    separable = logs - logs[:1] - logs[:, :1] + logs[0, 0]
    assert abs(separable).max() < 1e-8


@pytest.mark.parametrize("regularisation", [1e-3, 0.3, 10.0])
def test_two_points(regularisation):
    """Staying costs nothing and crossing 1, so that crossing is exp(-1 / regularisation) times as likely."""
    odds = np.exp(-1 / regularisation)
    expected = np.array([[1, odds], [odds, 1]]) / (2 * (1 + odds))
    np.testing.assert_allclose(sinkhorn(1 - np.eye(2), regularisation), expected, rtol=1e-12)


def test_too_few_steps_raise():
    with pytest.raises(ArithmeticError, match="did not converge in 3 steps"):
        sinkhorn((np.arange(5.0)[:, None] - np.arange(5)) ** 2, 0.1, steps=3)


def test_masses_that_are_given():
    rng = np.random.default_rng(4)
    cost, a, b = rng.random((8, 6)), rng.dirichlet(np.ones(8)), np.array([0.5, 0.0, 0.2, 0.1, 0.1, 0.1])
    plan = sinkhorn(cost, 0.05, a=a, b=b)
    np.testing.assert_allclose(plan.sum(axis=0), b, atol=1e-14)
    np.testing.assert_allclose(plan.sum(axis=1), a, rtol=1e-8)


def test_hardly_any_regularisation_gives_the_exact_coupling():
    """Costs of thousands of regularisations: the kernel itself underflows to zero."""
    x = np.arange(6.0)
    order = np.array([3, 0, 5, 1, 4, 2])
    np.testing.assert_allclose(sinkhorn((x[:, None] - x[order]) ** 2, 1e-3), np.eye(6)[:, order] / 6, atol=1e-12)
