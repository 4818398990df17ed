"""Coupled oscillators against closed forms, a second derivation of each number, and wrong laws."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import iv

from asymptopia import StatementError, confront
from asymptopia.laws.mean_field.kuramoto import Kuramoto, _pulled
from asymptopia.parts.frequencies import GaussianFrequencies, Lorentzian, UniformFrequencies

TIMES = (0.5, 1.0, 2.0, 4.0)


@pytest.mark.parametrize(("coupling", "start"), [(2.0, 0.3), (0.6, 0.9), (5.0, 0.05)])
def test_lorentzian_frequencies_follow_the_closed_form_of_ott_and_antonsen(coupling, start):
    law = Kuramoto(coupling=coupling, frequencies=Lorentzian(0.5), noise=0.0, start=start, times=TIMES)
    s = coupling / 2 - 0.5
    grown = np.exp(2 * s * np.array(TIMES))
    expected = start * np.sqrt(s * grown / (s + coupling / 2 * start**2 * (grown - 1)))
    limit = law.limit()
    np.testing.assert_allclose(limit["order"], expected, atol=1e-6)
    np.testing.assert_allclose(limit["second_order"], expected**2, atol=1e-6)


@pytest.mark.parametrize(("coupling", "width", "noise"), [(1.6, 0.5, 0.1), (1.6, 0.0, 0.5), (4.0, 1.0, 0.3)])
def test_the_noisy_stationary_order_is_a_ratio_of_bessel_functions(coupling, width, noise):
    r = Kuramoto(coupling=coupling, frequencies=Lorentzian(width), noise=noise).stationary()
    x = coupling * r / noise
    assert r == pytest.approx(iv(1 + width / noise, x) / iv(width / noise, x), rel=1e-10)


@pytest.mark.parametrize("frequencies", [GaussianFrequencies(0.5), UniformFrequencies(0.8)])
def test_after_a_long_time_the_order_is_the_stationary_one(frequencies):
    limit = Kuramoto(coupling=2.0, frequencies=frequencies, noise=0.2, times=(30.0,)).limit()
    assert float(limit["order"][0]) == pytest.approx(float(limit["stationary_order"]), abs=3e-6)


def test_without_noise_the_moments_are_those_of_a_fine_sample_of_oscillators():
    """Quantiles of frequencies and phases in the place of the moments, by a general solver."""
    u = (np.arange(200) + 0.5) / 200
    omega = np.repeat(0.8 * (2 * u - 1), 160)
    turn = np.exp(2j * np.pi * (np.arange(160) + 0.5) / 160)
    phase = np.tile(np.angle((turn + 0.4) / (1 + 0.4 * turn)), 200)

    def slope(_, theta):
        return omega + 1.4 * (np.exp(1j * theta).mean() * np.exp(-1j * theta)).imag

    path = solve_ivp(slope, (0, 2.0), phase, t_eval=(1.0, 2.0), rtol=1e-7, atol=1e-7).y
    law = Kuramoto(coupling=1.4, frequencies=UniformFrequencies(0.8), noise=0.0, start=0.4, times=(1.0, 2.0))
    limit = law.limit()
    np.testing.assert_allclose(limit["order"], np.exp(1j * path).mean(axis=0).real, atol=2e-5)
    np.testing.assert_allclose(limit["second_order"], np.exp(2j * path).mean(axis=0).real, atol=2e-5)


@pytest.mark.parametrize("coupling", [0.6, 1.6])
def test_fluctuations_of_lorentzian_oscillators_grow_as_those_of_a_linear_equation(coupling):
    """Z is an Ornstein-Uhlenbeck process: d E|Z|**2 / dt = (K - K_c) E|Z|**2 + K_c / n."""
    law = Kuramoto(coupling=coupling, times=TIMES)
    gap, t = coupling - 1.2, np.array(TIMES)
    expected = np.exp(gap * t) + 1.2 * np.expm1(gap * t) / gap
    np.testing.assert_allclose(law.limit()["fluctuation"], expected, rtol=1e-6)


def test_free_oscillators_forget_the_start_and_stay_independent():
    limit = Kuramoto(coupling=0.0, frequencies=GaussianFrequencies(0.7), noise=0.3, times=TIMES).limit()
    t = np.array(TIMES)
    np.testing.assert_allclose(limit["order"], 0.8 * np.exp(-0.3 * t - 0.245 * t**2), atol=1e-6)
    np.testing.assert_allclose(limit["second_order"], 0.64 * np.exp(-1.2 * t - 0.98 * t**2), atol=1e-6)
    np.testing.assert_allclose(limit["fluctuation"], 1.0, rtol=1e-6)
    assert float(limit["stationary_order"]) == 0


@pytest.mark.parametrize("omega", [0.0, 0.7, 1.0, 30.0])
def test_a_step_in_a_constant_pull_solves_its_equation(omega):
    drive, z = 0.6 + 0.8j, jnp.exp(1j * jnp.array([0.3, 2.0, -1.1]))
    path = solve_ivp(lambda _, t: omega + (drive * np.exp(-1j * t)).imag, (0, 0.9), np.angle(z), rtol=1e-10, atol=1e-10)
    moved = _pulled(z, jnp.array(omega), jnp.array(drive), jnp.array(0.9))
    np.testing.assert_allclose(moved, np.exp(1j * path.y[:, -1]), atol=1e-8)


def test_identical_oscillators_without_noise_lock_completely():
    law = Kuramoto(frequencies=Lorentzian(0.0), noise=0.0)
    assert law.stationary() == 1 and law.thresholds("coupling") == {"synchronisation": 0.0}


def test_thresholds_along_the_noise():
    law = Kuramoto(coupling=2.0, frequencies=GaussianFrequencies(0.5))
    noise = law.thresholds("noise")["synchronisation"]
    assert law.replace(noise=noise * 1.001).stationary() == 0 < law.replace(noise=noise * 0.999).stationary() < 0.1
    assert law.replace(coupling=0.7).thresholds("noise") == {}
    with pytest.raises(StatementError, match="coupling"):
        law.thresholds("start")


def test_long_growth_is_warned_of():
    assert "grow" in Kuramoto(coupling=4.0, times=(10.0,)).valid() and Kuramoto(times=(10.0,)).valid() is None


class StrongerPull(Kuramoto):
    """The coupling without the factor 1/2 in the moments."""

    def predict(self):
        return Kuramoto(coupling=2 * self.coupling).predict()


class QuieterPhases(Kuramoto):
    """Phases that diffuse with half of the noise."""

    def predict(self):
        return Kuramoto(noise=self.noise / 2, coupling=self.coupling).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = Kuramoto(noise=0.6)
    experiment = law.experiment(sizes=(50, 100, 200), seeds=500)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (StrongerPull(noise=0.6), QuieterPhases(noise=0.6)):
        assert confront(wrong, experiment).verdict == "disagrees"


def test_a_fluctuation_beyond_all_systems_does_not_take_the_order_with_it():
    """At a late time above the critical coupling: order and stationary order agree, and the verdict is no number's."""
    law = Kuramoto(coupling=3.0, times=(1.0, 300.0))
    limit = law.limit()
    assert float(limit["order"][1]) == pytest.approx(float(limit["stationary_order"]), abs=1e-6)
    assert np.isinf(limit["fluctuation"].values).tolist() == [False, True]
    assert float(limit["fluctuation"][0]) == pytest.approx(float(law.replace(times=(1.0,)).limit()["fluctuation"][0]))
    assert "reached only for n" in law.valid()
