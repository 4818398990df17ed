"""Extrapolation to infinite size: exact on exact data, unbiased with honest errors on noisy data."""

import numpy as np
import pytest
from scipy.special import stdtrit

from asymptopia.verdict.extrapolation import extrapolate, slope

SIZES = np.array([50.0, 100.0, 200.0, 400.0])


def test_exact_data_are_fitted_exactly():
    values = np.array([[2.0 + 3.0 / n**0.5 for n in SIZES]])
    errors = np.full_like(values, 1e-6)
    fit = extrapolate(SIZES, values, errors, np.full(values.shape, 10), 0.5)
    np.testing.assert_allclose(fit.intercept, 2.0, rtol=1e-10)
    np.testing.assert_allclose(fit.coefficient[0], [3.0, 0.0], rtol=1e-9)
    np.testing.assert_allclose(fit.curve(SIZES), values, rtol=1e-10)


def test_the_error_of_the_intercept_is_its_spread():
    rng = np.random.default_rng(0)
    values = 1 + 2 / SIZES + 0.1 * rng.normal(size=(20000, 4)) / SIZES**0.5
    errors = np.broadcast_to(0.1 / SIZES**0.5, values.shape)
    fit = extrapolate(SIZES, values, errors, np.full(values.shape, 1000), 1.0)
    plain = fit.smallest == SIZES[0]
    z = (fit.intercept - 1) / fit.error
    assert abs(z.mean()) < 4 / 20000**0.5
    assert abs(z.std() - 1) < 0.02
    assert 0.99 < plain.mean() < 1  # a misfit is as rare as it must be


@pytest.mark.parametrize("seeds", [5, 20])
@pytest.mark.parametrize("share", [0.01, 0.001])
def test_the_level_of_a_test_of_the_intercept(seeds, share):
    rng = np.random.default_rng(seeds)
    repetitions = 40_000
    draws = rng.normal(size=(repetitions, 4, seeds)) / SIZES[:, None] ** 0.5 + 2 / SIZES[:, None]
    errors = draws.std(axis=-1, ddof=1) / seeds**0.5
    fit = extrapolate(SIZES, draws.mean(axis=-1), errors, np.full(errors.shape, seeds), 1.0)
    refuted = np.abs(fit.intercept) > stdtrit(fit.degrees, 1 - share / 2) * fit.error
    assert refuted.mean() < 1.25 * share + 3 * (share / repetitions) ** 0.5


def test_a_misfit_is_mended_component_by_component():
    values = np.stack([1 + 2 / SIZES, 1 + 2 / SIZES - 1000 / SIZES**2, np.where(SIZES < 60, 9, 1 + 2 / SIZES)])
    fit = extrapolate(SIZES, values, np.full(values.shape, 1e-5), np.full(values.shape, 50), 1.0)
    np.testing.assert_allclose(fit.intercept, 1.0, atol=1e-3)
    assert fit.smallest.tolist() == [50.0, 50.0, 100.0] and fit.coefficient[1, 1] < -900


def test_degrees_of_freedom_follow_the_seeds():
    one = np.array([[1.0]])
    fit = extrapolate(np.array([100]), one, 0.1 * one, np.array([[7]]), 1.0)
    assert fit.degrees[0] == 6 and fit.intercept[0] == 1.0 and fit.error[0] == 0.1


def test_nan_stays_in_its_component():
    values = np.stack([1 + 2 / SIZES, 1 + 2 / SIZES])
    values[1, 2] = np.nan
    fit = extrapolate(SIZES, values, np.full(values.shape, 1e-3), np.full(values.shape, 5), 1.0)
    assert np.isfinite(fit.intercept[0]) and np.isnan(fit.intercept[1])


def test_slope():
    rng = np.random.default_rng(1)
    values = 3 * SIZES**-0.7 * (1 + 0.01 * rng.normal(size=(5000, 4)))
    errors = 0.01 * 3 * np.broadcast_to(SIZES**-0.7, values.shape)
    fit = slope(SIZES, values, errors, np.full(values.shape, 1000))
    z = (fit.intercept + 0.7) / fit.error
    assert abs(z.mean()) < 0.1 and abs(z.std() - 1) < 0.05
