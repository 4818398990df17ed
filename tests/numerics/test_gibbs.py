"""Integrals of Gibbs laws: normal laws, several at once, kinks, and the error stated."""

import numpy as np
import pytest

from asymptopia.numerics.gibbs import gibbs


def test_normal_laws():
    means, variances = np.array([0.3, -1.0]), np.array([0.5, 2.0])
    density, moments, error = gibbs(lambda y: (y - means[:, None]) ** 2 / (2 * variances[:, None]), (-20.0, 20.0))
    np.testing.assert_allclose(density, np.log(2 * np.pi * variances) / 2, atol=1e-13)
    np.testing.assert_allclose(moments, [means, variances + means**2], atol=1e-13)
    assert error < 1e-12


def test_a_kink_is_met_with_an_error_that_is_stated():
    density, moments, error = gibbs(lambda y: abs(y - 0.123)[None], (-45.0, 45.0), lambda y: y[None])
    assert 1e-12 < error < 1e-6
    assert abs(density[0] - np.log(2)) < 4 * error and float(moments[0, 0]) == pytest.approx(0.123, abs=4 * error)
