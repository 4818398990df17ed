"""Two-time equations against closed forms, the fluctuation-dissipation theorem, another solver, and themselves."""

import numpy as np
import pytest
from numpy.polynomial.polynomial import polyval
from scipy.special import ive

from asymptopia.numerics import two_time
from asymptopia.numerics.two_time import solve_two_time

PAIRS, TRIPLES, MIXED = (0, 0, 0.5), (0, 0, 0, 0.5), (0, 0, 0.3, 0.2, 0.25)


def test_pairs_without_noise_are_the_gradient_flow_of_a_semicircle():
    times = np.array([0.3, 1.0, 3.0, 10.0, 30.0, 100.0])
    x = 4 * times
    flow = -(ive(0, x) / ive(1, x) - 2 / x)  # -d log(I_1(x) / x) / dx
    solution = solve_two_time(PAIRS, 0.0, times)
    np.testing.assert_allclose(solution.energy, flow, atol=3e-7)
    sum_of_times = times[:, None] + times[None, :]

    def partition(t):
        return ive(1, 2 * t) / t * np.exp(2 * t - 200)

    overlap = partition(sum_of_times) / np.sqrt(partition(2 * times)[:, None] * partition(2 * times)[None, :])
    np.testing.assert_allclose(solution.correlation, overlap, atol=3e-7)


@pytest.mark.parametrize(("landscape", "temperature"), [(TRIPLES, 0.7), (MIXED, 1.1)])
def test_equilibrium_is_stationary_and_obeys_the_fluctuation_dissipation_theorem(landscape, temperature):
    times = np.r_[1.0, 1.98, 2.0, 2.02, 3.0, 3.98, 4.0, 4.02]
    solution = solve_two_time(landscape, temperature, times, signal=1 / temperature, overlap=1.0)
    np.testing.assert_allclose(solution.energy, -polyval(1.0, landscape) / temperature, atol=1e-6)
    C, R = solution.correlation, solution.response
    np.testing.assert_allclose([C[4, 0], C[6, 2]], solution.overlap[2], atol=1e-6)  # a lag of 2, from three starts
    slope = (C[7, 2] - C[5, 2]) / (times[7] - times[5])
    assert R[6, 2] == pytest.approx(-slope / temperature, rel=1e-3)
    assert np.triu(R, 1).any() == 0 and np.allclose(np.diag(R), 1)


def euler(landscape, temperature, last, h, signal, overlap):
    """The equations to first order in the step, sum by sum, on a uniform grid: energy and overlap at the last time."""
    f = np.polynomial.Polynomial(landscape)
    f1, f2 = f.deriv(), f.deriv(2)
    n = round(last / h)
    C, R, m = np.eye(n + 1), np.zeros((n + 1, n + 1)), np.full(n + 1, overlap)
    for i in range(n):
        past = slice(0, i)
        sigma, kernel = h * f2(C[i, past]) * R[i, past], h * f1(C[i, past])
        mu = temperature + sigma @ C[i, past] + kernel @ R[i, past] + signal * f1(m[i]) * m[i]
        drift = C[: i + 1, past] @ sigma + R[: i + 1, past] @ kernel + signal * f1(m[i]) * m[: i + 1]
        C[i + 1, : i + 1] = C[: i + 1, i + 1] = C[i, : i + 1] + h * (drift - mu * C[i, : i + 1])
        C[i + 1, i] = C[i, i + 1] = 1 - h * temperature
        R[i + 1, :i] = R[i, :i] + h * (sigma @ R[past, :i] - mu * R[i, :i])
        R[i + 1, i] = 1.0
        m[i + 1] = m[i] + h * (sigma @ m[past] + signal * f1(m[i]) - mu * m[i])
    return np.array([-h * f1(C[n, :n]) @ R[n, :n] - signal * f(m[n]), m[n], C[n, n // 2]])


@pytest.mark.parametrize("temperature", [0.0, 0.8])
def test_another_solver_agrees(temperature):
    coarse, middle, fine = (euler(MIXED, temperature, 2.0, h, 0.9, 0.4) for h in (0.02, 0.01, 0.005))
    best = (8 * fine - 6 * middle + coarse) / 3
    solution = solve_two_time(MIXED, temperature, (1.0, 2.0), signal=0.9, overlap=0.4)
    ours = [solution.energy[1], solution.overlap[1], solution.correlation[1, 0]]
    np.testing.assert_allclose(ours, best, atol=3e-5)


def test_the_scheme_is_of_second_order_before_extrapolation():
    grid, start = np.array([2.0, 4.0]), (0.3, 0.5, 0.3)
    values = [two_time._march(np.asarray(MIXED), start, grid, 0.1, 0.0, parts)[0][1] for parts in (1, 2, 4)]
    exact = solve_two_time(MIXED, 0.3, grid, signal=0.5, overlap=0.3).energy[1]
    errors = np.array(values) - exact
    np.testing.assert_allclose(errors[:-1] / errors[1:], 4.0, rtol=0.06)


@pytest.mark.parametrize("temperature", [0.0, 0.3])
def test_thinning_changes_nothing_beyond_the_stated_error(temperature):
    times = (1.0, 5.0, 12.0)
    uniform = solve_two_time(TRIPLES, temperature, times, thinning=0.0)
    thinned = solve_two_time(TRIPLES, temperature, times)
    for name in ("energy", "overlap", "correlation"):
        gap = np.abs(getattr(thinned, name) - getattr(uniform, name))
        assert (gap <= getattr(thinned, f"{name}_error") + 1e-8).all() and gap.max() < 1e-6


def test_the_stated_error_bounds_the_error_of_long_runs():
    times = np.array([10.0, 300.0])
    exact = -(ive(0, 4 * times) / ive(1, 4 * times) - 1 / (2 * times))
    coarse = solve_two_time(PAIRS, 0.0, times, step=0.4, thinning=0.25)
    assert (np.abs(coarse.energy - exact) <= coarse.energy_error).all()
    assert coarse.energy_error.max() < 1e-3


def test_the_quench_approaches_the_threshold_as_a_power():
    times = np.geomspace(30, 300, 8)
    solution = solve_two_time(TRIPLES, 0.0, times, step=0.4, thinning=0.2)
    terms = np.stack([np.ones(8), times ** (-2 / 3), times ** (-4 / 3)], axis=1)
    limit = np.linalg.lstsq(terms, solution.energy)[0][0]
    assert limit == pytest.approx(-2 / np.sqrt(3), abs=2e-4)


def test_ageing_the_older_the_slower():
    C = solve_two_time(TRIPLES, 0.0, (10.0, 20.0, 40.0, 50.0)).correlation
    assert C[3, 2] > C[1, 0] + 0.05  # the same lag at four times the age
    assert C[1, 0] == pytest.approx(C[2, 1], abs=0.02)  # the same ratio of ages


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(times=(1.0, 1.0)), "`times` must be >= 0 and increase"),
        (dict(times=(-1.0, 1.0)), "`times` must be >= 0 and increase"),
        (dict(times=()), "`times` must be >= 0 and increase"),
        (dict(landscape=(0, 1.0, 1.0)), "from place 2 on"),
        (dict(landscape=(0, 0, -1.0, 2.0)), "from place 2 on"),
        (dict(temperature=-0.1), "`temperature` must be >= 0"),
        (dict(overlap=1.5), "`overlap` within"),
        (dict(step=0.0), "`step` must be > 0"),
        (dict(thinning=0.9), "`thinning` >= 0 and <= 0.5"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    asked = dict(landscape=TRIPLES, temperature=0.5, times=(1.0, 2.0)) | changes
    with pytest.raises(ValueError, match=message):
        solve_two_time(**asked)


def test_a_step_that_blows_up_is_named():
    with pytest.raises(ArithmeticError, match="A step of 5 is too long at time .*; take a shorter"):
        solve_two_time((0, 0, 0, 50.0), 0.5, (20.0,), step=5.0)


def test_memory_is_estimated_before_the_run(monkeypatch):
    monkeypatch.setattr(two_time, "available", lambda: 1e6)
    with pytest.raises(MemoryError, match="nodes need .* GB, but 0.0 are available; times up to .* would"):
        solve_two_time(TRIPLES, 0.5, (1000.0,), thinning=0.0)


@pytest.mark.parametrize("snr", [4.0, 1500.0])
def test_descent_to_a_strong_signal_ends_in_the_eigenvector_and_costs_nothing_more(snr):
    """Of a matrix of pairs with a spike: m^2 = 1 - 1 / snr, e = -(snr + 1) / 2; 300,000 steps of equal length."""
    solution = solve_two_time((0.0, 0.0, snr / 2), 0.0, (1e-4, 20.0, 60.0), signal=1.0, overlap=-0.5)
    np.testing.assert_allclose(solution.overlap[1:], -np.sqrt(1 - 1 / snr), atol=1e-7)
    np.testing.assert_allclose(solution.energy[1:], -(snr + 1) / 2, rtol=1e-6)
    np.testing.assert_allclose(solution.correlation[1:, 1:], 1.0, atol=1e-7)
    assert solution.correlation[0, 2] == solution.correlation[2, 0] < 0.95
    assert solution.response[2, 1] < 1e-7 and (np.diag(solution.response) == 1).all()


def test_responses_between_near_times_outlast_all_motion():
    """They were 0 where overlap and correlations had come to rest before; they depend on the span alone by then."""
    early, late = (
        solve_two_time((0.0, 0.0, 2.0), 0.0, (t, t + 0.1), signal=1.0, overlap=-0.5).response[1, 0] for t in (8.0, 40.0)
    )
    assert 0.6 < late == pytest.approx(early, abs=1e-4)
