"""The law of a sample covariance matrix of a population that is known, and whether a spectrum has it."""

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from asymptopia import StatementError
from asymptopia.measure.population import PopulationLaw, population_law
from asymptopia.measure.random_matrix import covariance_law
from asymptopia.measure.spectra import quadrature, whole_spectrum

POPULATIONS = {
    "powers": np.arange(1, 201) ** -0.7,
    "two": np.repeat([1.0, 5.0], 100),
    "uniform": np.linspace(0.2, 3, 200),
}


def covariance(variances, n, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, len(variances))) * np.sqrt(variances)
    return aslinearoperator(X.T @ X / n)


@pytest.mark.parametrize("gamma", [0.3, 3.0])
def test_one_variance_is_the_law_of_marchenko_and_pastur(gamma):
    law = PopulationLaw(gamma, variances=np.full(5, 2.0))
    low, high = (2 * (1 + s * gamma**0.5) ** 2 for s in (-1, 1))
    np.testing.assert_allclose(law.edges(), [low, high], rtol=1e-6)
    x = np.linspace(low, high, 9)[1:-1]
    density = np.sqrt((x - low) * (high - x)) / (2 * np.pi * gamma * 2.0 * x)
    np.testing.assert_allclose(law.density(x), density, rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.4, 2.5])
def test_moments_are_those_of_the_population(gamma):
    """The first is that of the population, the second exceeds it by gamma times the first squared."""
    tau = POPULATIONS["uniform"]
    law = PopulationLaw(gamma, variances=tau)
    low, high = law.edges()
    angles = (np.arange(2000) + 0.5) * np.pi / 2000
    x = low + (high - low) * (1 - np.cos(angles)) / 2
    weight = law.density(x) * np.sin(angles) * (high - low) / 2 * np.pi / 2000
    np.testing.assert_allclose(weight.sum(), min(1, 1 / gamma), rtol=1e-4)
    np.testing.assert_allclose((weight * x).sum(), tau.mean(), rtol=1e-4)
    np.testing.assert_allclose((weight * x**2).sum(), (tau**2).mean() + gamma * tau.mean() ** 2, rtol=1e-4)


@pytest.mark.parametrize("name", POPULATIONS)
def test_a_spectrum_of_the_population_has_its_law_and_no_other(name):
    seen = whole_spectrum(covariance(POPULATIONS[name], 400))
    assert population_law(seen, POPULATIONS[name], 400).p_value > 0.01
    assert covariance_law(seen, seen.eigenvalues[0][-10:]) is None
    other = {"powers": "two", "two": "uniform", "uniform": "powers"}[name]
    scaled = POPULATIONS[other] * POPULATIONS[name].mean() / POPULATIONS[other].mean()
    assert population_law(seen, scaled, 400).p_value <= 0.005


def test_it_is_seen_through_probes_as_well():
    powers = np.arange(1, 401) ** -0.7
    seen = quadrature(covariance(powers, 600), 2, 20)
    assert population_law(seen, powers, 600).p_value > 0.01
    assert population_law(seen, np.full(400, powers.mean()), 600).p_value <= 0.005


def test_bad_input_is_said():
    seen = whole_spectrum(covariance(np.ones(40), 80))
    for variances, samples, said in (
        (np.ones(39), 80, "as many as the 40"),
        (-np.ones(40), 80, ">= 0"),
        (np.ones(40), 1, "samples"),
    ):
        with pytest.raises(StatementError, match=said):
            population_law(seen, variances, samples)
