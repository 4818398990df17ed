"""Exact transport: on the line, in the plane, without POT, and which method is taken."""

import sys

import numpy as np
import pytest

from asymptopia.algorithms.transport import exact as module
from asymptopia.algorithms.transport import exact_coupling, transport, wasserstein, wasserstein_line


def squares(x, y):
    return ((x[:, None] - y) ** 2).sum(axis=-1)


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 2)), 1.5 * rng.normal(size=(60, 2)) + 0.5


def test_on_the_line_sorting_is_optimal():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=40), rng.exponential(size=40)
    plan = exact_coupling((x[:, None] - y) ** 2)
    assert wasserstein_line(x, y) ** 2 == pytest.approx((plan * (x[:, None] - y) ** 2).sum(), rel=1e-12)
    assert wasserstein(x[:, None], y[:, None]) == wasserstein_line(x, y)


def test_a_small_step_far_from_the_origin_is_measured(clouds):
    x = clouds[0] + 1e3
    assert wasserstein(x, x[::-1]) == 0
    moved = x + np.array([0.0, 2.0**-20])
    assert wasserstein(x, moved) == pytest.approx(2.0**-20, rel=1e-6)


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_unequal_masses_on_the_line(power):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=30), rng.normal(size=17)
    a, b = rng.dirichlet(np.ones(30)), rng.dirichlet(np.ones(17))
    cost = np.abs(x[:, None] - y) ** power
    expected = (exact_coupling(cost, a, b) * cost).sum() ** (1 / power)
    assert wasserstein_line(x, y, power, a, b) == pytest.approx(expected, rel=1e-10)
    assert wasserstein_line(x, x[::-1], power, a, a[::-1]) == pytest.approx(0, abs=1e-12)


def test_without_pot_equal_masses_are_matched(clouds, monkeypatch):
    cost = squares(*clouds)
    best = (exact_coupling(cost) * cost).sum()
    monkeypatch.setitem(sys.modules, "ot", None)
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    assert (exact_coupling(cost) * cost).sum() == pytest.approx(best, rel=1e-12)
    with pytest.raises(ImportError, match=r"pip install asymptopia\[ot\]"):
        exact_coupling(cost[:-1])


def test_the_marginals_are_those_asked_for():
    rng = np.random.default_rng(3)
    cost, a, b = rng.random((20, 30)), rng.dirichlet(np.ones(20)), rng.dirichlet(np.ones(30))
    for accuracy in (0.0, 0.5):
        plan = transport(cost, accuracy, a, b).plan
        np.testing.assert_allclose(plan.sum(axis=1), a, atol=1e-12)
        np.testing.assert_allclose(plan.sum(axis=0), b, atol=1e-12)
        assert plan.min() >= 0


def test_the_cheaper_method_is_taken_and_keeps_its_promise(clouds):
    cost = squares(*clouds)
    exact = transport(cost, 0.01)
    assert exact.method == "exact" and exact.lower == exact.cost
    rough = transport(cost, 0.4)
    assert rough.method == "entropic"
    assert rough.lower <= exact.cost <= rough.cost <= 1.4 * exact.cost
    assert wasserstein(*clouds, accuracy=0.4) == pytest.approx(rough.cost**0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: transport(np.array([[1.0, np.nan]])), "`cost` must be a matrix of"),
        (lambda: transport(np.ones((2, 2)), 1.0), "`accuracy` must be >= 0 and < 1, but is 1.0"),
        (lambda: wasserstein_line(np.array([np.inf]), np.zeros(1)), "finite numbers|at least one point"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
