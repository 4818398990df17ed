"""Potentials: derivatives, the interval that holds the particles, what is refused."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.parts.potential import DoubleWell, Normal, Potential, Quadratic


def test_derivatives():
    x = np.linspace(-2, 2, 9)
    np.testing.assert_allclose(DoubleWell().slope(x), x**3 - x, atol=1e-12)
    np.testing.assert_allclose(DoubleWell().curvature(x), 3 * x**2 - 1, atol=1e-12)
    np.testing.assert_allclose(Quadratic(2.5).slope(x), 2.5 * x, atol=1e-12)
    constant = Potential.from_callable(lambda y: 3.0)
    np.testing.assert_allclose(constant.slope(x), 0)


def test_the_basin_of_a_quadratic_potential():
    low, high = Quadratic(2.0).basin(0.5)
    assert -low == high == pytest.approx(np.sqrt(2 * 40 * 0.5 / 2.0), abs=0.01)
    wide = Quadratic(1e-4).basin(1.0)
    assert wide[1] == pytest.approx(np.sqrt(80 / 1e-4), rel=0.01)


def test_the_basin_has_every_well():
    low, high = Potential.from_callable(lambda x: x**4 / 4 - 8 * x**2 + x).basin(0.01)
    assert low < -4 and high > 4


@pytest.mark.parametrize("function", [lambda x: 0.0, lambda x: -(x**2), lambda x: x, lambda x: np.exp(-(x**2))])
def test_what_does_not_confine_has_no_basin(function):
    assert Potential.from_callable(function).basin(1.0) is None


def test_bad_parts_are_refused():
    with pytest.raises(StatementError, match="`stiffness` of Quadratic must be > 0"):
        Quadratic(-1.0)
    with pytest.raises(StatementError, match="`variance` of Normal must be >= 0"):
        Normal(0.0, -1.0)
    with pytest.raises(StatementError, match="must give a finite number at every point"):
        Potential.from_callable(lambda x: x * np.nan).basin(1.0)
    with pytest.raises(StatementError, match="cannot be differentiated: write it with jax.numpy"):
        Potential.from_callable(lambda x: np.sin(np.asarray(x))).slope(np.ones(2))
