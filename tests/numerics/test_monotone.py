"""Monotone rearrangements: two points in closed form, the gradient at the minimum, order kept."""

import numpy as np
import pytest

from asymptopia.numerics.monotone import spread


@pytest.mark.parametrize("coupling", [0.0, 0.7])
def test_two_points(coupling):
    """Half weights on x**2 / 2: at +-a the gap 2 a balances a (1 + c) / 2 with p / (2 a)."""
    deviation = spread(lambda x: x, np.ones_like, np.array([0.5, 3.0]), np.full(2, 0.5), np.array([0.3]), coupling)
    np.testing.assert_allclose(deviation, np.sqrt(0.3 / (1 + coupling)) * np.array([-1, 1]), rtol=1e-12)


@pytest.mark.parametrize("start", [np.linspace(0, 1e-6, 40), np.linspace(-50, 300, 40)])
def test_the_gradient_vanishes(start):
    w, p = np.full(40, 1 / 40), np.full(39, 0.2 / 40)
    x = spread(lambda y: y**3 + y - 1, lambda y: 3 * y**2 + 1, start, w, p, 0.5)
    push = p / np.diff(x)
    gradient = w * (x**3 + x - 1 + 0.5 * (x - x.mean())) + np.append(push, 0) - np.insert(push, 0, 0)
    assert (np.diff(x) > 0).all() and abs(gradient).max() < 1e-12
