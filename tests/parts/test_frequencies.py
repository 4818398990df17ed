"""Distributions of frequencies: their means, transforms and draws are those of one density."""

import jax
import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia.parts.frequencies import GaussianFrequencies, Lorentzian, UniformFrequencies

REAL = (GaussianFrequencies(0.7), UniformFrequencies(1.3))
ALL = (*REAL, Lorentzian(0.4))


@pytest.mark.parametrize("frequencies", REAL)
@pytest.mark.parametrize("split", [0.3, 1.0, np.inf])
def test_means_over_nodes_are_the_transform(frequencies, split):
    omega, weight = frequencies.nodes(64, split)
    for t in (0.0, 0.5, 3.0):
        assert weight @ np.cos(omega * t) == pytest.approx(float(frequencies.transform(np.array(t))), abs=1e-12)


def test_the_mean_of_an_analytic_function_is_its_value_at_the_pole():
    omega, weight = Lorentzian(0.4).nodes(1)
    assert weight @ np.exp(2j * omega) == pytest.approx(np.exp(-0.8))


@pytest.mark.parametrize("frequencies", ALL)
@pytest.mark.parametrize("noise", [0.0, 0.3, 2.0])
def test_the_critical_coupling_is_two_over_the_memory(frequencies, noise):
    if noise == 0:
        density = {GaussianFrequencies: 1 / (0.7 * np.sqrt(2 * np.pi)), UniformFrequencies: 1 / 2.6}
        expected = 2 / (np.pi * density.get(type(frequencies), 1 / (np.pi * 0.4)))
    else:
        expected = (
            2 / quad(lambda t: float(frequencies.transform(np.array(t))) * np.exp(-noise * t), 0, 120, limit=500)[0]
        )
    assert frequencies.critical(noise) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("frequencies", ALL)
def test_draws_have_the_transform(frequencies):
    count = 20_000
    drawn = np.asarray(frequencies.draw(jax.random.key(3), count))
    for t in (0.5, 1.5):
        seen = np.cos(drawn * t)
        expected = float(frequencies.transform(np.array(t)))
        assert abs(seen.mean() - expected) < 4 * seen.std() / count**0.5
