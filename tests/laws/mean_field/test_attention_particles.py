"""Noisy attention against the flow of tokens, sampled convolutions, its free energy, and wrong laws."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.algorithms.particles.attention import around_pole, noisy_attend
from asymptopia.laws.mean_field.attention_particles import AttentionParticles, theory
from asymptopia.laws.mean_field.attention_particles.theory import (
    GENTLE,
    Branch,
    _around,
    _drift_of_harmonics,
    _drift_of_pairs,
    _flow,
    _jacobian_of_pairs,
    harmonics,
)


@pytest.mark.parametrize("d", [2, 3, 6])
def test_harmonics_are_orthonormal_and_diagonalise_the_kernel(d):
    H = harmonics(d, 1.7, 24)
    np.testing.assert_allclose((H.P * H.w) @ H.P.T, np.eye(24), atol=1e-10)
    rng = np.random.default_rng(0)
    y = rng.standard_normal((200_000, d))
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    x = np.array([0.6, 0.8] + [0.0] * (d - 2))
    for k in (0, 1, 3):  # the convolution of P_k, at one point
        sample = np.exp(1.7 * y @ x) * np.interp(y[:, 0], H.s, H.P[k])
        stated = H.kernel[k] * np.interp(0.6, H.s, H.P[k])
        assert abs(sample.mean() - stated) < 4.5 * sample.std() / np.sqrt(len(y)) + 2e-3
    step = 1e-6
    slope = (np.interp(0.5 + step, H.s, H.P[2]) - np.interp(0.5 - step, H.s, H.P[2])) / (2 * step)
    assert slope == pytest.approx(np.interp(0.5, H.s, H.slope[2]), abs=0.2)
    np.testing.assert_allclose(_around(0.5, 2.0)(np.array([0.7])), np.sinh(0.7) / 0.7)


def test_without_noise_the_two_methods_meet():
    cold = AttentionParticles(temperature=0.0, beta=2.0, times=(0.5, 1.0)).limit()["order"].values
    cool = [AttentionParticles(temperature=T, beta=2.0, times=(0.5, 1.0)).limit()["order"].values for T in (0.02, 0.01)]
    np.testing.assert_allclose(2 * cool[1] - cool[0], cold, atol=2e-4)


def test_the_uniform_law_relaxes_at_its_linear_rate():
    law = AttentionParticles(beta=1.5, temperature=0.6, concentration=1e-3, times=(1.0, 2.0))
    edge = thresholds(law, along="temperature")["linear"]
    order = law.limit()["order"].values
    assert np.log(order[1] / order[0]) == pytest.approx(edge - 0.6, abs=1e-5)  # d - 1 = 1


@pytest.mark.parametrize(("beta", "attention", "d"), [(2.0, "softmax", 2), (4.0, "unnormalised", 3)])
def test_late_orders_are_the_stationary_ones(beta, attention, d):
    edge = thresholds(AttentionParticles(beta=beta, attention=attention, dimension=d), along="temperature")["linear"]
    law = AttentionParticles(beta, attention, d, 0.7 * edge, 2.0, (200.0,))
    limit = law.limit()
    assert float(limit["order"][0]) == pytest.approx(float(limit["stationary_order"]), abs=1e-6)
    assert float(law.replace(temperature=1.3 * edge).limit()["stationary_order"]) == 0


def test_at_the_transition_the_free_energies_cross():
    law = AttentionParticles(beta=5.0, attention="unnormalised")
    transitions = thresholds(law, along="temperature")
    assert transitions["linear"] < transitions["transition"] < transitions["spinodal"]
    branch = Branch.of(5.0, 2, "unnormalised")
    orders = [
        float(law.replace(temperature=transitions["transition"] * s).limit()["stationary_order"]) for s in (0.99, 1.005)
    ]
    assert branch.free_energy(orders[0]) < 0 < branch.free_energy(orders[1])
    assert float(law.replace(temperature=1.001 * transitions["spinodal"]).limit()["stationary_order"]) == 0
    assert set(thresholds(law.replace(beta=2.0), along="temperature")) == {"linear"}
    with pytest.raises(StatementError, match="'temperature'"):
        thresholds(AttentionParticles(), along="beta")


def test_tokens_start_and_diffuse_as_stated():
    rng = np.random.default_rng(0)
    x = around_pole(100_000, 3, 2.0, rng)
    assert np.allclose(np.linalg.norm(x, axis=1), 1)
    mean = 1 / np.tanh(2.0) - 0.5
    assert abs(x[:, 0].mean() - mean) < 4 * x[:, 0].std() / np.sqrt(len(x))
    runs = [noisy_attend(np.tile([[1.0, 0, 0]], (400, 1)), 0.0, 0.3, (0.5,), "softmax", 0.02, rng) for _ in range(1)]
    # one direction, pulled by all at beta = 0 towards the mean m: dm = (E |P m|^2 - 2 T m) dt at first order
    assert 0.6 < runs[0][0, :, 0].mean() < 1


class WithoutNoise(AttentionParticles):
    """Noise of half the strength."""

    def predict(self):
        return AttentionParticles(
            self.beta, self.attention, self.dimension, self.temperature / 2, self.concentration, self.times
        ).predict()


class Unnormalised(AttentionParticles):
    """Weights that are not normalised."""

    def predict(self):
        return AttentionParticles(
            self.beta, "unnormalised", self.dimension, self.temperature, self.concentration, self.times
        ).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(temperature=0.2, dimension=3, concentration=1.0, times=(1.0, 3.0))
    law = AttentionParticles(**fields)
    experiment = law.experiment(sizes=(20, 40, 80), seeds=160)
    assert confront(law, experiment, resolution=0.1).verdict == "agrees"
    for wrong in (WithoutNoise(**fields), Unnormalised(**fields)):
        assert confront(wrong, experiment).verdict == "disagrees"


@pytest.mark.parametrize("attention", ["softmax", "unnormalised"])
@pytest.mark.parametrize("dimension", [2, 3, 7])
def test_the_drift_of_tokens_in_harmonics_is_their_sum_over_pairs(dimension, attention):
    law = AttentionParticles(dimension=dimension, beta=GENTLE, attention=attention)
    angles = np.linspace(0.01, 3.1, 50) ** 1.3 / 3.1**0.3
    mass = np.exp(np.cos(angles)) / np.exp(np.cos(angles)).sum()
    pairs = _drift_of_pairs(law, mass)(0.0, angles)
    np.testing.assert_allclose(_drift_of_harmonics(law, mass)(0.0, angles), pairs, atol=1e-9 * np.abs(pairs).max())


def test_a_density_that_is_too_narrow_is_refused():
    """Its harmonics overflow, which ended as nan."""
    narrow = dict(beta=17.2, dimension=39, temperature=0.013, concentration=42.0)
    with pytest.raises(ArithmeticError, match="becomes too narrow for 64 harmonics"):
        _flow(AttentionParticles(attention="unnormalised", **narrow), 64)


@pytest.mark.parametrize("dimension", [2, 3, 49])
def test_the_jacobian_of_the_drift_is_its_slope(dimension):
    law = AttentionParticles(dimension=dimension, beta=15.0, attention="unnormalised")
    angles, mass = np.linspace(0.3, 2.9, 6), np.arange(1.0, 7.0) / 21
    drift, shifts = _drift_of_pairs(law, mass), 1e-6 * np.eye(6)
    slopes = np.array([(drift(0.0, angles + s) - drift(0.0, angles - s)) / 2e-6 for s in shifts]).T
    exact = _jacobian_of_pairs(law, mass)(0.0, angles)
    np.testing.assert_allclose(exact, slopes, atol=1e-8 * np.abs(slopes).max())


def test_tokens_that_cluster_too_fast_are_refused_with_the_time_they_reach(monkeypatch):
    monkeypatch.setattr(theory, "MOST_SPEEDS", 20)
    law = AttentionParticles(beta=15.0, attention="unnormalised", temperature=0.0)
    with pytest.raises(ArithmeticError, match=r"pulls up to exp\(15\) times .* until the time .* take earlier `times`"):
        law.predict()
