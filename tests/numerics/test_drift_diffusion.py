"""Finite volumes for diffusions on the line: conserved quantities, an exponential by other means, exact gaps."""

import numpy as np
import pytest

from asymptopia.numerics.drift_diffusion import evolve, hats, rates, romberg, spectral_gap


def generator(right, left):
    q = np.diag(right, 1) + np.diag(left, -1)
    return q - np.diag(q.sum(axis=1))


@pytest.fixture
def well():
    x = np.linspace(-3, 3, 61)
    return x, x**4 / 4 - x**2 / 2


@pytest.mark.parametrize("time", [1e-3, 0.1, 1.0, 100.0])
def test_masses_evolve_by_the_exponential(well, time):
    from scipy.linalg import expm

    x, v = well
    right, left = rates(v, x[1] - x[0], 0.3)
    start = hats(x, -0.4, 0.2)
    found = evolve(right, left, start, time)
    np.testing.assert_allclose(found, start @ expm(time * generator(right, left)), atol=2e-11)
    assert found.sum() == pytest.approx(1, abs=1e-11) and found.min() > -1e-12


def test_the_law_of_gibbs_is_stationary_on_the_grid(well):
    x, v = well
    right, left = rates(v, x[1] - x[0], 0.3)
    gibbs = np.exp(-v / 0.3) / np.exp(-v / 0.3).sum()
    np.testing.assert_allclose(gibbs @ generator(right, left), 0, atol=1e-12)
    np.testing.assert_allclose(evolve(right, left, gibbs, 5.0), gibbs, atol=1e-12)


def test_the_gap_is_the_second_eigenvalue(well):
    x, v = well
    right, left = rates(v, x[1] - x[0], 0.3)
    values = np.sort(-np.linalg.eigvals(generator(right, left)).real)
    assert spectral_gap(v, x[1] - x[0], 0.3) == pytest.approx(values[1], rel=1e-9)


def test_small_gaps_are_exact():
    """On two points per well the gap is known; here far below the rounding of an eigenvalue solver."""
    v = np.array([0.0, 40.0, 0.0])
    right, _ = rates(v, 1.0, 1.0)
    assert spectral_gap(v, 1.0, 1.0) == pytest.approx(right[0], rel=1e-12)


@pytest.mark.parametrize("deviation", [0.0, 1e-3, 0.5])
def test_hats_keep_mass_and_mean(deviation):
    x = np.linspace(-6, 6, 121)
    mass = hats(x, 0.137, deviation)
    assert mass.sum() == pytest.approx(1, abs=1e-12) and mass @ x == pytest.approx(0.137, abs=1e-12)
    assert mass.min() > -1e-13


def test_even_powers_are_extrapolated():
    values = [2 + 3 * h**2 - h**4 for h in (0.4, 0.2, 0.1)]
    assert romberg(values)[0] == pytest.approx(2, abs=1e-14)
