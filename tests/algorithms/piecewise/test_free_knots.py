"""Splines with free knots against closed forms."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.piecewise.free_knots import distance, fit_fixed_knots, fit_free_knots


def test_two_pieces_fit_the_absolute_value_exactly():
    knots, heights = fit_free_knots(lambda x: np.abs(x - 0.3), -1.0, 1.0, 2, np.random.default_rng(0))
    assert knots[1] == pytest.approx(0.3, abs=1e-4)
    assert distance(lambda x: np.abs(x - 0.3), knots, heights) < 1e-4


def test_one_piece_is_the_regression_line_of_the_square():
    heights = fit_fixed_knots(np.square, np.array([0.0, 1.0]))
    np.testing.assert_allclose(heights, [-1 / 6, 5 / 6], atol=1e-14)  # x - 1/6
    assert distance(np.square, np.array([0.0, 1.0]), heights) == pytest.approx(1 / np.sqrt(180), rel=1e-12)


def test_the_fit_is_stationary_and_the_same_from_every_start():
    fits = [fit_free_knots(np.exp, 0.0, 3.0, 7, np.random.default_rng(s)) for s in range(3)]
    for knots, heights in fits[1:]:
        np.testing.assert_allclose(knots, fits[0][0], atol=1e-4)  # the minimum is flat: its value is known better
        assert distance(np.exp, knots, heights) == pytest.approx(distance(np.exp, *fits[0]), rel=1e-8)
    knots = fits[0][0]
    best = distance(np.exp, knots, fits[0][1])
    for i in (1, 4):
        for step in (-1e-3, 1e-3):
            moved = knots.copy()
            moved[i] += step
            assert distance(np.exp, moved, fit_fixed_knots(np.exp, moved)) > best


def test_bad_targets_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(StatementError, match="`pieces` must be a whole number"):
        fit_free_knots(np.exp, 0, 1, 0, rng)
    with pytest.raises(StatementError, match="`low` must be below"):
        fit_free_knots(np.exp, 1, 1, 3, rng)
    with pytest.raises(StatementError, match="must be finite"), np.errstate(divide="ignore"):
        fit_free_knots(lambda x: 1 / x, 0, 1, 3, rng)
