"""Pieces of networks of one input against networks whose pieces are known, and against sampling."""

import itertools

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.piecewise.linear_pieces import linear_pieces


def test_a_hat_has_its_pieces_and_values():
    layers = [(np.ones((3, 1)), np.array([0.0, -1.0, -2.0])), (np.array([[1.0, -2.0, 1.0]]), np.zeros(1))]
    function = linear_pieces(layers, -1.0, 3.0)
    assert function.count == 4 and function.crossings == (3,)
    np.testing.assert_allclose(function.knots, [-1, 0, 1, 2, 3], atol=1e-15)
    np.testing.assert_allclose(function.values[:, 0], [0, 0, 1, 0, 0], atol=1e-15)


def test_units_that_cancel_make_no_piece():
    layers = [(np.ones((2, 1)), np.zeros(2)), (np.array([[1.0, -1.0]]), np.zeros(1))]
    function = linear_pieces(layers, -1.0, 1.0)
    assert function.crossings == (2,) and function.count == 1


def test_a_random_network_is_linear_between_knots_and_nowhere_else():
    rng = np.random.default_rng(3)
    widths = [1, 7, 6, 5, 2]
    layers = [(rng.standard_normal((b, a)), rng.standard_normal(b)) for a, b in itertools.pairwise(widths)]
    function = linear_pieces(layers, -2.0, 2.0)
    x = rng.uniform(-2, 2, 4000)
    value = x[:, None]
    for i, (w, b) in enumerate(layers):
        value = value @ w.T + b
        value = np.maximum(value, 0) if i < len(layers) - 1 else value
    for k in range(2):
        np.testing.assert_allclose(np.interp(x, function.knots, function.values[:, k]), value[:, k], atol=1e-12)
    grid = np.linspace(-2, 2, 400_001)
    line = np.stack([np.interp(grid, function.knots, v) for v in function.values.T])
    bends = (np.abs(np.diff(line, n=2, axis=1)).max(axis=0) > 1e-9).astype(int)
    assert 3 < function.count == 1 + (np.diff(np.r_[0, bends]) == 1).sum() <= len(function.knots) - 1


@pytest.mark.parametrize(
    ("layers", "low", "high", "message"),
    [
        ([], 0, 1, "at least one affine map"),
        ([(np.ones((2, 1)), np.zeros(3))], 0, 1, "Layer 0 .* must map 1 inputs"),
        ([(np.ones((2, 1)), np.zeros(2)), (np.ones((1, 3)), np.zeros(1))], 0, 1, "Layer 1 .* must map 2 inputs"),
        ([(np.full((1, 1), np.nan), np.zeros(1))], 0, 1, "must be finite"),
        ([(np.ones((1, 1)), np.zeros(1))], 1, 1, "`low` must be below"),
    ],
)
def test_bad_networks_are_refused(layers, low, high, message):
    with pytest.raises(StatementError, match=message):
        linear_pieces(layers, low, high)
