"""Depth separation: exact counts, Kac-Rice against brute force, and the shallow bound."""

import numpy as np
import pytest

from asymptopia import confront, parse
from asymptopia.algorithms.piecewise.linear_pieces import linear_pieces
from asymptopia.laws.approximation.depth_separation import DepthSeparation, shallow_error, zigzag_network


@pytest.mark.parametrize(("width", "depth"), [(2, 8), (3, 5), (7, 3)])
def test_the_construction_has_exactly_as_many_pieces_as_stated(width, depth):
    function = linear_pieces(zigzag_network(width, depth, np.random.default_rng(1)), 0.0, 1.0)
    assert function.count == width**depth
    assert function.values.min() == pytest.approx(0, abs=1e-9) and function.values.max() == pytest.approx(1, abs=1e-9)


def test_kinks_are_the_zeros_of_a_gaussian_process():
    """Kac and Rice for two layers, with the covariance of the second computed from samples of the first."""
    law = DepthSeparation(depth=2, weight_variance=3.0, bias_variance=0.5, reach=1.5)
    rng = np.random.default_rng(0)
    w, b = np.sqrt(3.0) * rng.standard_normal(400_000), np.sqrt(0.5) * rng.standard_normal(400_000)
    x = np.linspace(-1.5, 1.5, 201)
    rate = []
    for at in x:
        on = w * at + b > 0
        value, slope = np.where(on, w * at + b, 0), np.where(on, w, 0)
        k, k_x, k_xx = 0.5 + 3 * (value**2).mean(), 3 * (value * slope).mean(), 3 * (slope**2).mean()
        rate.append(np.sqrt(k * k_xx - k_x**2) / k / np.pi)
    assert np.trapezoid(rate, x) == pytest.approx(law.predict()["kinks"][1], rel=5e-3)


def test_no_network_of_few_pieces_beats_the_bound():
    """Also the constant 1/2, and the zigzag itself on its first pieces with 1/2 beyond."""
    law = DepthSeparation(depth=3)
    assert law._bound(8) == pytest.approx(((8**3 - 1) // 2 - 2 * 25 + 1) / (4 * 8**3))
    assert law._bound(40) == pytest.approx(1 / 8, abs=0.004)
    pieces, units = 8**3, 24
    followed = 0.25 * (1 - (units - 1) / pieces)
    assert law._bound(8) < shallow_error(pieces, units, np.random.default_rng(0)) < 1.02 * 0.25
    assert law._bound(8) < followed


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(DepthSeparation):
        def predict(self):
            confrontation = super().predict()
            return confrontation | {"kinks": confrontation["kinks"] * 1.1, "pieces": 2.0}

    experiment = DepthSeparation(depth=2).experiment(sizes=(8, 16, 32), seeds=150)
    assert confront(DepthSeparation(depth=2), experiment).verdict != "disagrees"
    confrontation = confront(Wrong(depth=2), experiment)
    assert confrontation["kinks"].verdict == confrontation["pieces"].verdict == "disagrees"


def test_bad_fields_are_refused():
    with pytest.raises(ValueError, match="`depth`"):
        parse("DepthSeparation(depth=1)")
    with pytest.raises(ValueError, match="`bias_variance`"):
        parse("DepthSeparation(bias_variance=0.0)")
