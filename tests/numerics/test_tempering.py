"""A population led from prior to posterior: evidences and posteriors that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtri

from asymptopia.numerics.tempering import posterior


@pytest.mark.parametrize("width", [0.3, 1e-2, 1e-4])
def test_evidence_and_moments_of_a_normal_likelihood(width):
    """In z = ndtri(u), with a standard normal prior and a likelihood of mean 1, all is normal."""
    k = 3

    def log_likelihood(u):
        return -0.5 * (((ndtri(u) - 1) / width) ** 2).sum(axis=1)

    sample = posterior(log_likelihood, k, 1000, np.random.default_rng(0))
    total = 1 + width**2
    exact = k * (np.log(width) - 0.5 * np.log(total) - 0.5 / total)
    assert sample.log_evidence == pytest.approx(exact, abs=0.5)
    z = ndtri(sample.points)
    deviation = width / np.sqrt(total)
    assert np.all(np.abs(z.mean(axis=0) - 1 / total) < 6 * deviation / np.sqrt(300))
    assert z.std(axis=0) == pytest.approx(deviation, rel=0.15)


def test_a_bent_posterior_is_covered():
    """z1 is within 0.02 of z0**2 / 2, so that z0 has its prior times that of z1 there."""

    def log_likelihood(u):
        z = ndtri(u)
        return -0.5 * ((z[:, 1] - 0.5 * z[:, 0] ** 2) / 0.02) ** 2

    z = ndtri(posterior(log_likelihood, 2, 2000, np.random.default_rng(0)).points)
    grid = np.linspace(-5, 5, 2001)
    weight = np.exp(-0.5 * grid**2 - 0.5 * (0.5 * grid**2) ** 2)
    spread = np.sqrt((weight * grid**2).sum() / weight.sum())
    assert z[:, 0].mean() == pytest.approx(0, abs=0.1)
    assert z[:, 0].std() == pytest.approx(spread, rel=0.1)


def test_an_impossible_likelihood_is_refused():
    with pytest.raises(ArithmeticError, match="No parameters"):
        posterior(lambda u: np.full(len(u), -np.inf), 2, 100, np.random.default_rng(0))
