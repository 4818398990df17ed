"""The tails of the normal law against a continued fraction in many digits."""

from decimal import Decimal, getcontext

import numpy as np
import pytest
from scipy.special import log_ndtr

from asymptopia.numerics.tails import hazard, log_density, log_mills


@pytest.mark.parametrize("t", [-1e6, -3e3, -301.0, -100.0, -30.1, -29.9, -12.0, -5.0])
def test_the_lower_tail_has_all_its_digits(t):
    """phi / Phi = x + 1/(x + 2/(x + 3/(x + ...))) with x = -t (Laplace)."""
    getcontext().prec = 60
    x, rest = Decimal(-t), Decimal(0)
    for k in range(4000, 1, -1):
        rest = k / (x + rest)
    excess = 1 / (x + rest)
    expected = x + excess, excess, 1 - (x + excess) * excess
    for value, exact in zip(hazard(t), expected, strict=True):
        assert float(Decimal(float(value)) / exact - 1) == pytest.approx(0, abs=3e-10)


def test_the_rest_is_the_normal_law():
    t = np.linspace(-8, 8, 33)
    assert np.allclose(log_mills(t), log_ndtr(t) - log_density(t) - np.log(2 * np.pi) / 2, rtol=1e-12, atol=1e-13)
    r, excess, variance = hazard(t)
    assert np.allclose(r, np.exp(log_density(t) - log_ndtr(t)), rtol=1e-12)
    h = 1e-5
    assert np.allclose((hazard(t + h)[0] - hazard(t - h)[0]) / (2 * h), -r * excess, rtol=1e-7, atol=1e-12)
    assert np.allclose(variance, 1 - r * excess, atol=1e-12)
