"""Clouds, masses and costs that do not fit are refused at once, and distances do not depend on where clouds lie."""

import numpy as np
import pytest

from asymptopia.algorithms.transport import sinkhorn, transport, wasserstein, wasserstein_line

X = np.random.default_rng(0).normal(size=(20, 2))
COST = ((X[:, None] - X[None]) ** 2).sum(axis=-1)
HALF = np.full(20, 1 / 20)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6, 1e8])
@pytest.mark.parametrize("shift", [1.0, 1e-2])
def test_a_shift_is_the_distance_wherever_the_cloud_is(offset, shift):
    rounding = 4e-16 * max(offset, 1) / shift
    moved = wasserstein(X + offset, X + offset + [shift, 0])
    assert moved == pytest.approx(shift, rel=2 * rounding + 1e-12)
    on_line = wasserstein(X[:, :1] + offset, X[:, :1] + offset + shift)
    assert on_line == pytest.approx(shift, rel=2 * rounding + 1e-12)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        (np.zeros((4, 2)), np.zeros((4, 3)), r"equally many numbers.*\(4, 2\) and \(4, 3\)"),
        (np.zeros((4, 1)), np.zeros((4, 3)), "equally many numbers"),
        (np.zeros(4), np.ones((4, 2)), "equally many numbers"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "at least one point"),
        (np.zeros(4) + 1j, np.ones(4), "real numbers"),
        (np.array([[np.inf, 0.0]]), np.zeros((1, 2)), "finite"),
        (np.zeros((2, 2, 2)), np.zeros((2, 2)), "shape"),
    ],
)
def test_clouds_that_do_not_fit_are_refused(x, y, said):
    with pytest.raises(ValueError, match=said):
        wasserstein(x, y)


@pytest.mark.parametrize(
    ("masses", "said"),
    [
        (2 * HALF, "adds up to 2"),
        (np.r_[-1 / 20, 3 / 20, HALF[2:]], "entry -0.05"),
        (np.r_[np.nan, HALF[1:]], "entry nan"),
        (HALF[:-1], r"shape \(20,\)"),
    ],
)
@pytest.mark.parametrize(
    "solve",
    [
        lambda b: sinkhorn(COST, 0.1, b=b),
        lambda b: transport(COST, 0.3, b=b),
        lambda b: transport(COST, b=b),
        lambda b: wasserstein_line(X[:, 0], X[:, 1], b=b),
    ],
)
def test_masses_that_are_none_are_refused(solve, masses, said):
    with pytest.raises(ValueError, match=said):
        solve(masses)


@pytest.mark.parametrize("regularisation", [0.0, -1.0, np.nan, np.inf])
def test_a_regularisation_is_positive(regularisation):
    with pytest.raises(ValueError, match="`regularisation` must be > 0"):
        sinkhorn(COST, regularisation)


def test_costs_are_numbers_and_forbidden_pairs_are_not_used():
    with pytest.raises(ValueError, match="finite"):
        sinkhorn(np.where(np.eye(20) > 0, np.nan, COST), 0.1)
    with pytest.raises(ValueError, match="finite"):
        transport(np.where(np.eye(20) > 0, np.inf, COST))
    plan = sinkhorn(np.where(np.eye(20) > 0, np.inf, COST), 2.0)
    assert np.diagonal(plan).max() == 0 and plan.sum() == pytest.approx(1)


def test_whole_numbers_and_lists_are_costs():
    whole = np.round(COST * 10).astype(int)
    np.testing.assert_allclose(sinkhorn(whole.tolist(), 20.0), sinkhorn(whole.astype(float), 20.0), atol=1e-12)


def test_powers_and_planes_are_refused_on_the_line():
    with pytest.raises(ValueError, match="`power` must be >= 1"):
        wasserstein_line([0.0], [1.0], power=0.5)
    with pytest.raises(ValueError, match="on the line"):
        wasserstein_line(X, X)
