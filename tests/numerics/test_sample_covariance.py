"""The law of Marchenko and Pastur in closed form, general populations against moments and sampled matrices."""

import math

import numpy as np
import pytest

from asymptopia.numerics.sample_covariance import SampleCovariance

CASES = [
    SampleCovariance(0.5),
    SampleCovariance(2.0),
    SampleCovariance(0.5, 0.3, 0.7, 0.5),
    SampleCovariance(1.5, 0.2, 0.5, 2.0),
    SampleCovariance(0.25, 0.0, 1.0, 0.5),
    SampleCovariance(0.7, 0.4, 0.0, 3.0),
]


@pytest.mark.parametrize("gamma", [0.1, 0.5, 3.0])
def test_plain_data_have_the_law_in_closed_form(gamma):
    law = SampleCovariance(gamma)
    low, high = (1 - math.sqrt(gamma)) ** 2, (1 + math.sqrt(gamma)) ** 2
    assert law.edges() == pytest.approx((low, high), abs=1e-13)
    x = np.linspace(0.5 * low, 1.1 * high, 60)
    closed = np.sqrt(np.maximum((high - x) * (x - low), 0)) / (2 * np.pi * gamma * x)
    np.testing.assert_allclose(law.density(x), closed, atol=1e-10)


@pytest.mark.parametrize("law", CASES, ids=str)
def test_moments_are_those_of_free_probability(law):
    """E tau, and E tau^2 + gamma (E tau)^2, from those of the inner Wishart matrix: 1, and 1 + c."""
    low, high = law.edges()
    theta = (np.arange(4000) + 0.5) * np.pi / 4000
    x = low + (high - low) * (1 - np.cos(theta)) / 2
    weight = law.density(x) * np.sin(theta) * (high - low) / 2 * np.pi / 4000
    a, b, c = law.floor, law.slope, law.inner
    mean, square = a + b, a * a + 2 * a * b + b * b * (1 + c)
    assert weight.sum() == pytest.approx(min(1, 1 / law.gamma), abs=2e-5)
    assert weight @ x == pytest.approx(mean, abs=2e-5)
    assert weight @ x**2 == pytest.approx(square + law.gamma * mean**2, rel=2e-5)
    assert law.shares(np.linspace(0, high, 9)).sum() == pytest.approx(1, abs=1e-6)
    below, above = law.density(np.array([0.99 * low, 1.01 * high]) + 1e-9)
    assert above < 1e-8 and (below < 1e-8 or low == 0)


def test_random_features_have_it():
    rng = np.random.default_rng(0)
    d, n, p = 500, 1000, 750
    F, X = rng.standard_normal((p, d)), rng.standard_normal((n, d))
    features = 0.8 * X @ F.T / np.sqrt(d) + 0.6 * rng.standard_normal((n, p))
    values = np.linalg.eigvalsh(features.T @ features / n)
    law = SampleCovariance(p / n, 0.36, 0.64, p / d)
    ends = np.linspace(0, law.edges()[1], 11)
    np.testing.assert_allclose(np.histogram(values, ends)[0] / p, law.shares(ends), atol=0.006)
    np.testing.assert_allclose(np.sqrt(values[[0, -1]]), np.sqrt(law.edges()), rtol=0.05)


def test_an_eigenvalue_leaves_where_the_inverse_grows():
    law = SampleCovariance(0.25)
    assert law.outlier(3.0) == pytest.approx(3 * (1 + 0.25 / 2), abs=1e-13)
    assert law.outlier(1.49) is None and law.outlier(1.51) > law.edges()[1]
    inner = SampleCovariance(0.5, 0.3, 0.7, 0.5)
    rng = np.random.default_rng(1)
    n, p, d, variance = 1000, 500, 1000, 9.0
    F = rng.standard_normal((p - 1, d))
    root = np.linalg.cholesky(0.3 * np.eye(p - 1) + 0.7 * F @ F.T / d)
    X = np.column_stack([rng.standard_normal((n, p - 1)) @ root.T, 3 * rng.standard_normal(n)])
    largest = np.linalg.eigvalsh(X.T @ X / n)[-1]
    assert inner.outlier(variance) == pytest.approx(largest, rel=0.1) and largest > 1.5 * inner.edges()[1]
