"""Finite volumes for diffusions on the line: conserved quantities, an exponential by other means, exact gaps."""

import numpy as np
import pytest

from asymptopia.numerics.drift_diffusion import covering, evolve, hats, rates, refined, response, romberg, spectral_gap


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
    masses = evolve(right, left, start, time)
    np.testing.assert_allclose(masses, start @ expm(time * generator(right, left)), atol=2e-11)
    assert masses.sum() == pytest.approx(1, abs=1e-11) and masses.min() >= 0


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
    assert mass.min() >= 0


def test_even_powers_are_extrapolated():
    values = [2 + 3 * h**2 - h**4 for h in (0.4, 0.2, 0.1)]
    assert romberg(values)[0] == pytest.approx(2, abs=1e-14)


@pytest.mark.parametrize("time", [1e-3, 0.025, 1.0, 1e3])
@pytest.mark.parametrize("stiffness", [1.0, 20.0, 1e3])
def test_steep_potentials_lose_no_mass_and_turn_none_negative(stiffness, time):
    """A normal distribution stays one; the contour of an earlier scheme found masses of -3e19 here."""
    x = np.linspace(-6.4, 6.4, 513)
    right, left = rates(stiffness * x**2 / 2, x[1] - x[0], 0.5)
    masses = evolve(right, left, hats(x, 1.0, 0.7), time)
    assert masses.min() >= 0 and masses.sum() == pytest.approx(1, abs=1e-12)
    if stiffness * (x[1] - x[0]) ** 2 < 0.1:
        assert masses @ x == pytest.approx(np.exp(-stiffness * time), abs=5e-3)


def test_means_of_a_function_stay_within_it():
    x = np.linspace(-6.4, 6.4, 513)
    right, left = rates(200 * x**2, x[1] - x[0], 0.5)
    for time in (0.01, 1.0, 100.0):
        masses = evolve(right, left, np.tanh(x), time, backward=True)
        assert np.abs(masses).max() <= np.tanh(6.4) + 1e-12


def test_long_times_are_squares_of_short_ones():
    x = np.linspace(-3, 3, 61)
    right, left = rates(x**4 / 4 - x**2 / 2, 0.1, 0.1)
    start = hats(x, -0.4, 0.2)
    steps = start
    for _ in range(40):  # 600 jumps each, one after the other; 24,000 are squared
        steps = evolve(right, left, steps, 5.0)
    np.testing.assert_allclose(evolve(right, left, start, 200.0), steps, rtol=1e-9, atol=1e-13)


def test_masses_that_leave_steep_points_move_as_fast_as_those_where_they_are():
    """In pieces of the time, each with the rates within reach, they end where they do in one piece."""
    x = np.linspace(-3, 9, 241)
    right, left = rates(x**4 / 4 - x**2 / 2, 0.05, 0.25)
    start = hats(x, 8.0, 0.0)
    alone = evolve(right, left, start, 0.1)
    np.testing.assert_allclose(alone, evolve(right, left, start[:, None], 0.1)[:, 0], atol=1e-15)
    assert alone @ x == pytest.approx(2.1, abs=0.2), "dx/dt = -x**3 comes from far to (2 t)**-1/2"


def test_rates_that_are_no_numbers_are_refused():
    with pytest.raises(ArithmeticError, match="not finite"):
        evolve(np.array([1.0, np.inf]), np.array([1.0, 1.0]), np.ones(3) / 3, 1.0)


def test_a_broken_level_is_seen_in_the_error():
    for broken in range(3):
        values = [1.0, 1.0, 1.0]
        values[broken] = 1e5
        value, error = romberg(values)
        assert error > abs(value - 1) / 2, broken


def test_the_response_of_the_drift_is_its_derivative():
    x = np.linspace(-3, 3, 41)
    v, w, f, mass = x**4 - x**2, np.sin(x), np.cosh(x), hats(x, 0.3, 0.4)

    def drift(a):
        right, left = rates(v + a * w, x[1] - x[0], 0.3)
        return mass[:-1] @ (right * np.diff(f)) - mass[1:] @ (left * np.diff(f))

    slope = (drift(1e-5) - drift(-1e-5)) / 2e-5
    values = response(v, x[1] - x[0], 0.3, mass) @ (np.diff(w) * np.diff(f))
    assert values == pytest.approx(slope, rel=1e-8)


def test_more_levels_are_asked_for_until_they_agree():
    asked = []

    def solve(h):
        asked.append(h)
        return {"good": np.array(2 + h**2), "slow": np.array(1 + 0.3 * h)}

    levels = ((0.4,), (0.2,), (0.1,), (0.05,))
    refined_values = refined(solve, levels)
    assert (
        len(asked) == 4
        and abs(refined_values["slow"] - 1) <= refined_values["slow_error"]
        and abs(refined_values["good"] - 2) < 1e-12
    )
    asked.clear()
    refined(lambda h: {"good": solve(h)["good"]}, levels)
    assert len(asked) == 3


def test_the_spectral_gap_behind_six_hundred_temperatures_is_that_of_eyring_and_kramers():
    temperature = 4e-4
    x = np.linspace(-1.4, 1.4, 4001)
    gap = spectral_gap(x**4 / 4 - x**2 / 2, x[1] - x[0], temperature)
    assert np.log(gap) == pytest.approx(np.log(2**0.5 / np.pi) - 0.25 / temperature, abs=0.01)


def test_the_interval_covers_what_noise_lifts_above_a_start():
    """A point at 1 in 150 x^2 at temperature 2: 9 deviations of free noise at first, 40 temperatures uphill at last.

    One at 0.79, in the basin but near its edge, had no room for noise. V is not asked for far from there.
    """

    def potential(x):
        assert np.abs(x).max() < 3, "asked for far away"
        return 150 * x**2

    where = potential, (-0.8, 0.7)
    assert covering(*where, (0.0, 0.05), 2.0, 1e-5) == (-0.8, 0.7)
    assert covering(*where, (-0.79, 0.0), 2.0, 1e-6) == (pytest.approx(-0.79 - 9 * 2e-3), 0.7)
    low, high = covering(*where, (1.0, 0.0), 2.0, 1e-6)
    assert low == -0.8 and high == pytest.approx(1 + 9 * 2e-3)
    low, high = covering(*where, (1.0, 0.0), 2.0, 9.0)
    lift = np.sqrt(1 + 80 / 150) - 1
    assert lift < high - 1 < 1.02 * lift


def test_values_of_first_order_have_an_error_that_says_so():
    """Taken for second order they were extrapolated to 1/3 of the last value, with an error of a tenth of that."""
    limit, error = romberg([0.5**k for k in range(4)])
    assert abs(limit) < error
    limit, error = romberg([1 + 0.25**k for k in range(4)])
    assert abs(limit - 1) < 1e-12 and error < 2e-3
