"""Valleys: the depth of the trap by quadrature and by search, what is refused, and a wrong law that is refuted."""

import numpy as np
import pytest
from scipy.optimize import minimize

from asymptopia import NoLimit, confront
from asymptopia.contract.record import StatementError
from asymptopia.laws.landscape import spurious_valleys as module
from asymptopia.laws.landscape.spurious_valleys import SpuriousValleys, descend_units
from asymptopia.parts.activation import PolynomialUnit, Power, Tanh


@pytest.mark.parametrize("degree", [2, 4])
def test_the_trap_is_as_deep_as_a_search_on_gauss_nodes_finds(degree):
    """One unit with u < 0 on a product Gauss-Hermite rule, from many starts; the path out passes the zero function."""
    law = SpuriousValleys(activation=Power(degree), widths=(1, 5), contrast=0.8, noise=0.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    weights = weights / weights.sum()
    x = np.stack([a.ravel() for a in np.meshgrid(nodes, nodes)], axis=1)
    w2 = np.outer(weights, weights).ravel()
    y = x[:, 0] ** degree - 0.8 * x[:, 1] ** degree

    def loss(v):
        return w2 @ (y + (x @ v) ** degree) ** 2 / 2

    rng = np.random.default_rng(0)
    lowest = min(minimize(loss, rng.standard_normal(2)).fun for _ in range(8))
    zero = w2 @ y**2 / 2
    found = float(law.limit()["barrier_height"].sel(width=1))
    assert found == pytest.approx((zero - lowest) / zero, abs=1e-7)


def test_gradient_descent_keeps_the_sign_and_ends_in_either_valley():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 2))
    y = X[:, 0] ** 2 - 0.7 * X[:, 1] ** 2
    W = rng.standard_normal((6, 2))
    u = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]) * np.linalg.norm(W, axis=1)
    end = descend_units(W, u, X, y, Power(2))
    assert np.ptp(end[::2]) < 1e-6 and np.ptp(end[1::2]) < 1e-6
    assert end[0] < end[1] < (y**2).mean() / 2


def test_what_has_no_limit_is_refused_by_name():
    for fields, match in (
        (dict(activation=Tanh()), "`activation` of SpuriousValleys must be a polynomial"),
        (dict(widths=(1, 2)), "at least 3"),
        (dict(activation=Power(3), widths=(1, 4)), "even degree"),
    ):
        with pytest.raises(NoLimit, match=match):
            SpuriousValleys(**fields).limit()
    for fields, match in (
        (dict(widths=(0, 3)), "widths"),
        (dict(widths=(3, 3)), "widths"),
        (dict(noise=-1.0), "noise"),
    ):
        with pytest.raises(StatementError, match=match):
            SpuriousValleys(**fields)
    assert "only for a contrast above" in SpuriousValleys(contrast=0.3).valid()


def test_wide_networks_of_any_polynomial_have_a_limit():
    limit = SpuriousValleys(activation=PolynomialUnit((1.0, 1.0, 1.0, 1.0)), inputs=4, widths=(35,)).limit()
    assert float(limit["intrinsic_dimension"]) == 35 and float(limit["barrier_height"][0]) == 0


def test_the_experiment_agrees_and_a_wrong_law_is_refuted(monkeypatch):
    experiment = SpuriousValleys().experiment(sizes=(1000, 2000, 4000), seeds=16)
    found = confront(SpuriousValleys(), experiment)
    assert found["intrinsic_dimension"].verdict != "disagrees"
    assert "disagrees" not in (found["barrier_height"].verdict, found["trapped_fraction"].verdict)
    monkeypatch.setattr(module, "moments", lambda k: (3.0, 0.5))
    assert confront(SpuriousValleys(), experiment)["barrier_height"].verdict == "disagrees"
