"""Descent on the norm of the gradient: all critical points of a plain function, and flat places flagged."""

import numpy as np
import pytest

from asymptopia.algorithms.landscape.gradient_norm import find_critical_points
from asymptopia.contract.record import StatementError


def double_well(x, data):
    return ((x**2 - 1) ** 2).sum() * data


def slide(x, data):
    return (x + x**3 / 3).sum()


def test_all_nine_critical_points_of_two_double_wells():
    search = find_critical_points(double_well, np.random.default_rng(0).uniform(-1.5, 1.5, (100, 2)), 0.5)
    assert search.converged.all() and not search.flat.any()
    points = {tuple(p) for p in np.round(search.point, 6) + 0.0}
    assert len(points) == 9
    np.testing.assert_array_equal(search.index(), (np.abs(search.point) < 0.5).sum(axis=1))
    np.testing.assert_allclose(search.loss, 0.5 * (np.abs(search.point) < 0.5).sum(axis=1), atol=1e-12)


def test_a_place_where_only_the_gradient_norm_is_stationary_is_flagged():
    points = find_critical_points(slide, [[0.7], [-2.0]])
    assert points.flat.all() and not points.converged.any()
    np.testing.assert_allclose(points.gradient, 1.0, atol=1e-8)


def test_starts_that_cannot_be_used_are_refused():
    for starts in ([[np.nan]], np.zeros((0, 2)), np.zeros((1, 1, 1))):
        with pytest.raises(StatementError, match="starts"):
            find_critical_points(slide, starts)
    with pytest.raises(StatementError, match="tolerance"):
        find_critical_points(slide, [[1.0]], tolerance=0.0)
