"""Gaussian expectations against closed forms, with kinks and jumps in and off the middle."""

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from asymptopia.numerics.gaussian import edges, expectation, expectation_2d, nodes


def bell(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


@pytest.mark.parametrize("power, moment", [(0, 1), (2, 1), (4, 3), (6, 15), (10, 945)])
def test_even_moments(power, moment):
    assert expectation(lambda x: x**power) == pytest.approx(moment, rel=1e-12)


@pytest.mark.parametrize("s", [0.1, 0.5, 1.0])
def test_smooth_functions(s):
    assert expectation(np.cos, mean=0.3, variance=s**2) == pytest.approx(np.cos(0.3) * np.exp(-(s**2) / 2), abs=1e-14)
    assert expectation(np.exp, mean=0.3, variance=s**2) == pytest.approx(np.exp(0.3 + s**2 / 2), rel=1e-12)


@pytest.mark.parametrize("c", [-2.345, -0.1, 0.0, 0.123456789, 3.3])
def test_kinks_and_jumps(c):
    assert expectation(lambda x: x > c, breaks=(c,)) == pytest.approx(ndtr(-c), abs=1e-14)
    positive_part = bell(c) - c * ndtr(-c)
    assert expectation(lambda x: np.maximum(x - c, 0), breaks=(c,)) == pytest.approx(positive_part, abs=1e-14)
    shifted = expectation(lambda x: np.abs(x - c), mean=c + 0.7, variance=4.0, breaks=(c,))
    assert shifted == pytest.approx(2 * (2 * bell(0.35) + 0.35 * (2 * ndtr(0.35) - 1)), abs=1e-13)


def test_without_the_split_a_jump_is_missed():
    def step(x):
        return x > 0.123456789

    assert abs(expectation(step) - ndtr(-0.123456789)) > 1e-5


def test_a_break_outside_the_range_does_no_harm():
    assert expectation(lambda x: x**2, breaks=(-1e9, 40.0, np.inf)) == pytest.approx(1, abs=1e-13)


def test_nodes_are_batched_over_means_deviations_and_breaks():
    mean, deviation = np.array([0.0, 1.0, -2.0]), np.array([1.0, 0.5, 3.0])
    c = np.array([0.3, 1.2, -2.5])
    x, w = nodes(c[:, None], mean, deviation)
    assert x.shape == w.shape and x.shape[0] == 3
    assert np.allclose(w.sum(axis=1), 1, atol=1e-14)
    assert np.allclose((w * (x > c[:, None])).sum(axis=1), ndtr((mean - c) / deviation), atol=1e-14)
    assert np.all(np.diff(edges(c[:, None], mean, deviation)) >= 0)


@pytest.mark.parametrize("correlation", [-0.95, -0.3, 0.0, 0.6, 0.999])
def test_orthant_probabilities_in_two_dimensions(correlation):
    C = [[1.0, correlation], [correlation, 1.0]]
    mean = expectation_2d(lambda x, y: (x > 0) & (y > 0), C, breaks=(0,), inner_breaks=lambda x: 0 * x[:, None])
    tolerance = 1e-13 if abs(correlation) < 0.99 else 2e-3
    assert mean == pytest.approx(0.25 + np.arcsin(correlation) / (2 * np.pi), abs=tolerance)


def test_two_dimensional_moments_and_a_slanted_kink():
    C, mean = np.array([[2.0, 0.7], [0.7, 0.5]]), (0.2, -0.4)
    assert expectation_2d(lambda x, y: x * y, C, mean) == pytest.approx(0.7 - 0.08, abs=1e-13)
    difference = expectation_2d(lambda x, y: np.abs(x - y), C, mean, inner_breaks=lambda x: x[:, None])
    s, a = np.sqrt(2.0 + 0.5 - 1.4), 0.6
    assert difference == pytest.approx(2 * s * bell(a / s) + a * (2 * ndtr(a / s) - 1), abs=1e-11)


def test_two_dimensions_against_scipy():
    C = np.array([[1.3, -0.4], [-0.4, 0.8]])
    mean = expectation_2d(
        lambda x, y: (x < 0.5) & (y < -0.2), C, breaks=(0.5,), inner_breaks=lambda x: np.full((len(x), 1), -0.2)
    )
    assert mean == pytest.approx(multivariate_normal([0, 0], C).cdf([0.5, -0.2]), abs=1e-7)


def test_degenerate_laws():
    assert expectation(lambda x: x**3, mean=2.0, variance=0.0) == 8.0
    assert expectation_2d(lambda x, y: x * y**2, [[0.0, 0.0], [0.0, 1.0]], (3.0, 1.0)) == pytest.approx(6.0, abs=1e-12)
    assert expectation_2d(lambda x, y: (x - y) ** 2, [[1.0, 1.0], [1.0, 1.0]]) == pytest.approx(0.0, abs=1e-13)


def test_integrands_of_jax():
    import jax
    import jax.numpy as jnp

    slope = jax.grad(lambda a: expectation(lambda x: jnp.maximum(x + a, 0.0), breaks=(-0.4,)))(0.4)
    assert float(slope) == pytest.approx(ndtr(0.4), abs=1e-13)


@pytest.mark.parametrize("C", [[[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.1], [0.2, 1.0]], [[1.0]]])
def test_what_is_no_covariance_is_refused(C):
    with pytest.raises(ValueError, match="covariance"):
        expectation_2d(lambda x, y: x, C)


def test_a_negative_variance_is_refused():
    with pytest.raises(ValueError, match="variance"):
        expectation(np.cos, variance=-1.0)
