"""Quadrants of the bivariate normal distribution: closed forms, sums, and tails against adaptive quadrature."""

import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from asymptopia.numerics.bivariate import log_quadrant, quadrant, quadrants


@pytest.mark.parametrize("r", [-0.999, -0.5, 0.0, 0.3, 0.99])
def test_quadrants_at_the_origin_and_elsewhere(r):
    s = np.sqrt(1 - r**2)
    assert float(quadrant(0.0, 0.0, r, s)) == pytest.approx(0.25 + np.arcsin(r) / (2 * np.pi), abs=1e-14)
    for h, k in [(0.0, 0.7), (1.2, 0.0), (-1.0, 0.4), (-0.3, -2.0), (2.0, 1.0)]:
        expected = multivariate_normal.cdf([h, k], cov=[[1, r], [r, 1]], abseps=1e-12, releps=1e-12)
        assert float(quadrant(h, k, r, s)) == pytest.approx(expected, abs=1e-9)
        four = sum(quadrant(a * h, b * k, a * b * r, s) for a in (1, -1) for b in (1, -1))
        assert float(four) == pytest.approx(1, abs=1e-14)
        each = [quadrant(a * h, b * k, a * b * r, s) for a in (1, -1) for b in (1, -1)]
        np.testing.assert_allclose(quadrants(h, k, r, s), each, rtol=0, atol=1e-15)


def test_independent_and_equal_variables():
    h, k = np.meshgrid(np.linspace(-4, 4, 9), np.linspace(-4, 4, 9))
    np.testing.assert_allclose(quadrant(h, k, 0.0, 1.0), norm.cdf(h) * norm.cdf(k), atol=1e-15)
    np.testing.assert_allclose(quadrant(h, k, 1.0, 1e-9), norm.cdf(np.minimum(h, k)), atol=1e-9)
    np.testing.assert_allclose(quadrant(h, k, -1.0, 1e-9), np.maximum(norm.cdf(h) - norm.cdf(-k), 0), atol=1e-9)


@pytest.mark.parametrize("r", [-0.95, -0.3, 0.0, 0.6, 0.95])
@pytest.mark.parametrize(
    ("h", "k"), [(-7.0, 1.0), (2.0, -8.0), (-6.0, -6.0), (-20.0, 3.0), (-30.0, -35.0), (-5.0, 4.0)]
)
def test_the_logarithm_in_the_tails(r, h, k):
    s = np.sqrt(1 - r**2)

    def log_integrand(x):
        return norm.logpdf(x) + norm.logcdf((k - r * x) / s)

    grid = h - np.concatenate([[0.0], np.geomspace(1e-6, 60, 20001)])
    top = log_integrand(grid).max()
    peak = grid[log_integrand(grid).argmax()]
    parts = [peak + c for c in (-10, -1, -0.1, -0.01, 0, 0.01, 0.1, 1, 10) if peak + c < h]
    ends = [h - 60, *parts, h]
    total = sum(quad(lambda x: np.exp(log_integrand(x) - top), a, b)[0] for a, b in itertools.pairwise(ends))
    assert float(log_quadrant(h, k, r, s)) == pytest.approx(top + np.log(total), abs=2e-6)
