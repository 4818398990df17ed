"""Consensus-based optimisation against closed forms, its first instants, and wrong laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.algorithms.particles.consensus import search, weighted_mean
from asymptopia.laws.mean_field.consensus_optimisation import ConsensusOptimisation
from asymptopia.laws.mean_field.consensus_optimisation.theory import Searching, _moments
from asymptopia.parts.potential import DoubleWell, Normal, Potential, Quadratic


def test_the_weighted_mean_is_that_of_the_definition_also_for_steep_landscapes():
    x = jnp.array([0.5, -1.0, 2.0])
    weights = np.exp(-3.0 * np.asarray(x) ** 2 / 2)
    assert float(weighted_mean(Quadratic(1.0), x, 3.0)) == pytest.approx(float(weights @ x / weights.sum()), rel=1e-12)
    assert float(weighted_mean(Quadratic(1.0), x, 1e8)) == pytest.approx(0.5, abs=1e-12)


def test_particles_without_noise_approach_the_consensus_at_the_drift():
    x = jax.random.normal(jax.random.key(1), (40,))
    path = search(Quadratic(1.0), x, 0.0, (0.7, 1e-12), (0.0, 1.0), 0.1, jax.random.key(0))
    np.testing.assert_allclose(path.positions[0], x, rtol=1e-12)
    np.testing.assert_allclose(path.positions[1], x.mean() + (x - x.mean()) * np.exp(-0.7), rtol=1e-9)


def test_jumps_have_the_drift_exactly_and_the_diffusion_nearly():
    x = np.linspace(-3.0, 3.0, 601)
    problem = Searching(x, np.ones(601), 1.3, 0.8)
    right, left = (np.append(r, 0.0) for r in problem.rates(0.4))
    left = np.insert(left[:-1], 0, 0.0)
    inner = slice(1, -1)
    h, away = x[1] - x[0], (x - 0.4)[inner]
    np.testing.assert_allclose(h * (right - left)[inner], -1.3 * away, atol=1e-9)
    expected = 0.8**2 * away**2 + 1.3**2 * h**2 / (3 * 0.8**2)
    far = np.abs(away) > 0.3
    np.testing.assert_allclose((h**2 * (right + left)[inner])[far], expected[far], rtol=2e-5)


def test_the_first_instants_are_those_of_the_generator():
    """c = E x w / E w, with d/dt E g = E (-drift (x - c) g' + noise**2 (x - c)**2 g'' / 2), by Gauss-Hermite."""
    law = ConsensusOptimisation(landscape=Quadratic(1.5), beta=2.0, drift=0.8, noise=0.9, times=(1e-3, 2e-3))
    z, p = np.polynomial.hermite_e.hermegauss(120)
    x, p = 0.5 + z, p / p.sum()
    b = law.beta * 1.5
    w = np.exp(-b * x**2 / 2)
    c = p @ (x * w) / (p @ w)
    rates = []
    for first, second in ((-b * x * w, (b**2 * x**2 - b) * w), ((1 - b * x**2) * w, (b**2 * x**3 - 3 * b * x) * w)):
        rates.append(p @ (-0.8 * (x - c) * first + 0.405 * (x - c) ** 2 * second))
    slope = (rates[1] - c * rates[0]) / (p @ w)
    seen = law.limit()["consensus"].values
    assert (seen[0] - c) / 1e-3 == pytest.approx(slope, rel=0.02)
    assert 2 * seen[0] - seen[1] == pytest.approx(c, abs=1e-5)


def test_moments_follow_a_fixed_consensus_in_closed_form():
    law = ConsensusOptimisation(drift=0.6, noise=0.4, start=Normal(mean=2.0, variance=0.5))
    clock = np.array([0.0, 0.3, 1.1])
    mean, variance = _moments(law, clock, np.array([0.5, 0.5]))
    distance = 1.5 * np.exp(-0.6 * clock)
    np.testing.assert_allclose(mean, 0.5 + distance, rtol=1e-12)
    np.testing.assert_allclose(variance + distance**2, 2.75 * np.exp((0.16 - 1.2) * clock), rtol=1e-12)


def test_steeper_weights_come_closer_to_the_deeper_of_two_wells():
    class Tilted(Potential):
        """A double well whose right minimum is lower."""

        def __call__(self, x):
            return DoubleWell()(x) - 0.2 * x

    law = ConsensusOptimisation(landscape=Tilted(), start=Normal(mean=0.0, variance=1.0), times=(0.25,))
    lowest = np.real(np.roots([1.0, 0.0, -1.0, -0.2])).max()
    away = [abs(float(law.replace(beta=beta).limit()["consensus"][0]) - lowest) for beta in (2.0, 6.0, 20.0)]
    assert away[0] > 2 * away[1] > 4 * away[2]
    still = ConsensusOptimisation(start=Normal(mean=0.3, variance=0.0)).limit()
    np.testing.assert_array_equal(still["mean"], 0.3)


def test_what_cannot_be_trusted_is_said():
    assert "tails" in ConsensusOptimisation(noise=1.5).valid()
    assert "weight" in ConsensusOptimisation(beta=1e6).valid()
    with pytest.raises(StatementError, match="noise"):
        thresholds(ConsensusOptimisation(), "beta")


class CoolerWeights(ConsensusOptimisation):
    """Weights at half the inverse temperature."""

    def predict(self):
        return ConsensusOptimisation(beta=self.beta / 2).predict()


class NoisierParticles(ConsensusOptimisation):
    """A noise without the factor 1/2 in the generator."""

    def predict(self):
        return ConsensusOptimisation(noise=self.noise * 2**0.5).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = ConsensusOptimisation()
    experiment = law.experiment(sizes=(50, 100, 200), seeds=400)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    for wrong in (CoolerWeights(), NoisierParticles()):
        assert confront(wrong, experiment).verdict == "disagrees"
