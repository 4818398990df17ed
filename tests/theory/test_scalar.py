"""A coordinate in Gaussian noise: closed forms, identities, sampling, and two quadratures of one integral."""

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Prior, Rademacher, SparseRademacher
from asymptopia.theory import scalar
from asymptopia.theory.scalar import coordinate, observation_averages

A = np.array([1e-8, 1e-3, 0.3, 2.0, 9.0, 60.0])
PRIORS = [
    Gaussian(), Rademacher(), GaussBernoulli(rho=0.2), GaussBernoulli(rho=0.01), SparseRademacher(rho=0.05), Laplace(),
]  # fmt: skip


class Lopsided(Prior):
    """Two values of unequal probability, from the log-partition alone: mean 0.3, variance 0.21."""

    def sample(self, size, rng):
        return 1.0 * (rng.random(size) < 0.3)

    def log_partition(self, A, B):
        return jnp.logaddexp(jnp.log(0.7), jnp.log(0.3) + B - A / 2)


def test_a_gaussian_in_closed_form_at_every_scale():
    every = np.geomspace(1e-9, 1e18, 60)
    scalar = coordinate(Gaussian(), every)
    assert np.allclose(scalar.mse * (1 + every), 1, rtol=1e-13)
    assert np.allclose(scalar.information, np.log1p(every) / 2, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("prior", [*PRIORS, Lopsided()], ids=repr)
def test_identities(prior):
    scalar = coordinate(prior, A)
    assert np.allclose(scalar.mass, 1, atol=1e-12)
    assert np.allclose(scalar.mse + scalar.overlap, prior.second_moment, rtol=1e-10)
    h = 1e-4
    rise = coordinate(prior, A * (1 + h)).information - coordinate(prior, A * (1 - h)).information
    assert np.allclose(rise / (2 * h * A), scalar.mse / 2, rtol=2e-5, atol=1e-9 / A), "I-MMSE"


@pytest.mark.parametrize("prior", [p for p in PRIORS if not isinstance(p, Laplace)], ids=repr)
def test_panels_laid_by_hand_against_adaptive_ones(prior, monkeypatch):
    averages = coordinate(prior, A)
    monkeypatch.setattr(scalar, "FEW", 0)
    again = coordinate(prior, A)
    assert np.allclose(averages.mse, again.mse, rtol=1e-9)
    assert np.allclose(averages.information, again.information, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("prior", [*PRIORS, Lopsided()], ids=repr)
def test_sampling(prior):
    rng = np.random.default_rng(3)
    for a in (0.05, 0.4):
        w = prior.sample(200_000, rng)
        mean, variance = prior.posterior(a, a * w + np.sqrt(a) * rng.standard_normal(len(w)))
        values = coordinate(prior, a)
        for expected, sample in (
            (values.mse[0], (w - mean) ** 2), (values.mse[0], variance), (values.overlap[0], mean * w),
        ):  # fmt: skip
            assert abs(sample.mean() - expected) < 4.5 * sample.std() / np.sqrt(len(w)) + 1e-12


def test_the_information_of_a_discrete_prior_is_its_entropy():
    a = np.array([300.0])
    assert coordinate(Rademacher(), a).information[0] == pytest.approx(np.log(2), abs=1e-12)
    assert coordinate(Lopsided(), a).information[0] == pytest.approx(-0.3 * np.log(0.3) - 0.7 * np.log(0.7), abs=1e-9)


def test_a_fraction_of_coordinates_is_what_is_left_without_noise():
    """The information dimension: A mse tends to the fraction of the prior that has a density."""
    for prior, dimension in ((GaussBernoulli(rho=0.2), 0.2), (Laplace(), 1.0), (Gaussian(), 1.0)):
        a = np.array([1e16])
        assert a[0] * coordinate(prior, a).mse[0] == pytest.approx(dimension, rel=1e-6)


def test_averages_with_a_jump():
    """P(|x| > c) for x = sqrt(A) w + z of a Gaussian is that of N(0, 1 + A)."""
    from scipy.special import ndtr

    a, c = np.array([0.5, 3.0]), np.array([[-1.3, 1.3], [-1.3, 1.3]])

    def outside(x, mean, variance, log_p, owner):
        return np.stack([np.abs(x) > 1.3])

    for prior in (Gaussian(), GaussBernoulli(rho=0.4)):
        slab = 2 * ndtr(-1.3 / np.sqrt(1 + a))
        expected = slab if isinstance(prior, Gaussian) else 0.4 * slab + 0.6 * 2 * ndtr(-1.3)
        assert np.allclose(observation_averages(prior, a, outside, c)[0], expected, atol=1e-12)
