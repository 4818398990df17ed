"""Priors: moments, samples, log-partition."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia.contract.record import StatementError
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Prior, Rademacher, SparseRademacher

PRIORS = [
    (Gaussian(), 1.0, 3.0), (Rademacher(), 1.0, 1.0), (GaussBernoulli(rho=0.3), 0.3, 0.9), (Laplace(), 1.0, 6.0),
    (SparseRademacher(rho=0.25), 1.0, 4.0),
]  # fmt: skip


@pytest.mark.parametrize("prior, second, fourth", PRIORS, ids=lambda p: repr(p))
def test_moments_of_the_components(prior, second, fourth):
    w, m, v = (np.array(a) for a in prior.components())
    assert w.sum() == pytest.approx(1, abs=1e-14)
    assert (w * m).sum() == pytest.approx(0, abs=1e-14)
    assert (w * (m**2 + v)).sum() == pytest.approx(second, rel=1e-13) == prior.second_moment
    assert (w * (m**4 + 6 * m**2 * v + 3 * v**2)).sum() == pytest.approx(fourth, rel=1e-12)


@pytest.mark.parametrize("prior, second, fourth", PRIORS, ids=lambda p: repr(p))
def test_samples(prior, second, fourth):
    w = prior.sample((200, 1000), np.random.default_rng(2))
    assert w.shape == (200, 1000)
    error = np.sqrt((fourth - second**2) / w.size)
    assert abs(np.mean(w**2) - second) <= 4 * error + 1e-12
    assert abs(w.mean()) < 4 * np.sqrt(second / w.size)


def test_log_partition_in_closed_form():
    A, B = np.array([0.5, 2.0]), np.array([-1.0, 0.7])
    assert np.allclose(Gaussian().log_partition(A, B), B**2 / (2 * (1 + A)) - np.log(1 + A) / 2, atol=1e-14)
    assert np.allclose(Rademacher().log_partition(A, B), np.log(np.cosh(B)) - A / 2, atol=1e-14)
    slab = np.exp(Gaussian().log_partition(A, B))
    assert np.allclose(GaussBernoulli(rho=0.3).log_partition(A, B), np.log(0.7 + 0.3 * slab), atol=1e-14)
    expected = [
        np.log(quad(lambda w: np.exp(-np.sqrt(2) * abs(w) - a * w**2 / 2 + b * w) / np.sqrt(2), -40, 40, points=[0])[0])
        for a, b in zip(A, B, strict=True)
    ]
    assert np.allclose(Laplace().log_partition(A, B), expected, atol=1e-9)


def test_the_posterior_mean_is_the_slope():
    h = 1e-5
    slope = (Rademacher().log_partition(1.0, 0.4 + h) - Rademacher().log_partition(1.0, 0.4 - h)) / (2 * h)
    assert slope == pytest.approx(np.tanh(0.4), abs=1e-9)


POINTS = np.array([1e-6, 1e-3, 0.3, 5.0, 1e3])[:, None]
ALONG = np.sqrt(POINTS) * np.array([-6.0, -1.0, 0.0, 0.3, 2.0, 9.0])


@pytest.mark.parametrize("prior", [p for p, _, _ in PRIORS], ids=repr)
def test_the_posterior_is_the_derivative_of_the_log_partition(prior):
    h = 1e-4
    mean, variance = prior.posterior(POINTS, ALONG)
    up, down = (prior.log_partition(POINTS, ALONG + s * h) for s in (1, -1))
    assert np.allclose((up - down) / (2 * h), mean, rtol=1e-8, atol=1e-7)
    up, down = (prior.posterior(POINTS, ALONG + s * h)[0] for s in (1, -1))
    assert np.allclose((up - down) / (2 * h), variance, rtol=1e-6, atol=1e-6)


def test_the_posterior_is_stable_where_numbers_are_huge():
    mean, variance = GaussBernoulli(rho=0.1).posterior(1e18, np.array([1e9, 3e18]))
    assert np.all(variance > 0) and mean[1] == pytest.approx(3, rel=1e-15)
    mean, variance = Laplace().posterior(np.array([0.0, 1e-20, 1e16]), np.array([0.0, 1.0, 2e16]))
    assert np.allclose(mean, [0, 2, 2], rtol=1e-9)
    assert variance[2] == pytest.approx(1e-16, rel=1e-6)
    mean, variance = Rademacher().posterior(1e6, 1e6)
    assert mean == 1 and variance == 0


@pytest.mark.parametrize("prior", [p for p, _, _ in PRIORS], ids=repr)
def test_the_density_of_an_observation(prior):
    for A in (1e-9, 0.7, 1e4):
        x = np.sqrt(A) * prior.sample(7, np.random.default_rng(1)) + 0.3
        expected = prior.log_partition(A, np.sqrt(A) * x) - x**2 / 2 - np.log(2 * np.pi) / 2
        assert np.allclose(prior.log_evidence(A, x), expected, rtol=1e-8, atol=1e-8 + 1e-9 * A)


class Own(Prior):
    """+-size, from the log-partition alone."""

    size: float = 1.0

    def sample(self, size, rng):
        return self.size * rng.choice((-1.0, 1.0), size)

    def log_partition(self, A, B):
        return jnp.logaddexp(self.size * B, -self.size * B) - A * self.size**2 / 2 - jnp.log(2.0)


class Unnormalised(Own):
    """Probabilities that sum to two."""

    def log_partition(self, A, B):
        return jnp.logaddexp(B, -B) - A / 2


class Elsewhere(Own):
    """Samples of another law."""

    def sample(self, size, rng):
        return 1.1 * rng.choice((-1.0, 1.0), size)


class Untraceable(Own):
    """NumPy where JAX is needed."""

    def log_partition(self, A, B):
        return np.logaddexp(np.asarray(B), -np.asarray(B)) - A / 2


def test_a_users_log_partition_is_all_that_is_needed():
    own = Own()
    own.check()
    assert (own.mean, own.second_moment) == pytest.approx((0, 1), abs=1e-15)
    for value, expected in zip(own.posterior(POINTS, ALONG), Rademacher().posterior(POINTS, ALONG), strict=True):
        assert np.allclose(value, expected, rtol=1e-9, atol=1e-15)
    assert own.symmetric and Laplace().symmetric


@pytest.mark.parametrize(
    "prior, message",
    [
        (Own(size=0.0), "variance of Own"),
        (Unnormalised(), "must be 1, but is 2"),
        (Elsewhere(), "must agree"),
        (Untraceable(), "write it with jax.numpy"),
    ],
)
def test_what_is_no_prior_says_why(prior, message):
    with pytest.raises(StatementError, match=message):
        prior.check()


@pytest.mark.parametrize("prior", [p for p, _, _ in PRIORS], ids=repr)
def test_the_priors_of_the_library_pass_their_check(prior):
    prior.check()


@pytest.mark.parametrize("cls", [GaussBernoulli, SparseRademacher])
@pytest.mark.parametrize("rho", [0.0, -0.1, 1.1])
def test_fractions_outside_of_zero_to_one(cls, rho):
    with pytest.raises(StatementError, match="`rho`"):
        cls(rho=rho)
