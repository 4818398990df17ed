"""A field behind a channel: closed forms, identities, sampling, and users' channels against those built in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.parts.channel import Abs, Channel, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.theory import labels
from asymptopia.theory.seen import label, label_error

V = np.array([1e-12, 1e-5, 0.01, 0.077, 0.4, 0.999])
Q = 1 - V
CHANNELS = [
    Linear(noise=0.1), Sign(), Sign(flip=0.2), Probit(noise=0.3), Logit(scale=3.0), Door(), Door(width=1.5), Abs(),
    ReLU(), Channel.from_callable(lambda z: np.where((z > -1.0) & (z < 0.5), -1.0, 1.0)),
]  # fmt: skip


class OwnProbit(Channel):
    """Probit(noise=0.3), from its log-partition alone."""

    def sample(self, z, rng):
        return np.where(z + np.sqrt(0.3) * rng.standard_normal(np.shape(z)) > 0, 1.0, -1.0)

    def log_partition(self, y, mean, variance):
        return jax.scipy.special.log_ndtr(y * mean / jnp.sqrt(variance + 0.3))


class OwnLinear(Channel):
    """Linear(noise=0.25), from its log-partition alone."""

    binary = False

    def sample(self, z, rng):
        return z + 0.5 * rng.standard_normal(np.shape(z))

    def log_partition(self, y, mean, variance):
        return -((y - mean) ** 2) / (2 * (variance + 0.25)) - jnp.log(2 * jnp.pi * (variance + 0.25)) / 2


class OwnAbs(Channel):
    """Abs(), from its log-partition alone."""

    binary = False

    def sample(self, z, rng):
        return np.abs(z)

    def log_partition(self, y, mean, variance):
        both = jnp.logaddexp(-((y - mean) ** 2) / (2 * variance), -((y + mean) ** 2) / (2 * variance))
        return jnp.where(y >= 0, both - jnp.log(2 * jnp.pi * variance) / 2, -jnp.inf)


class Thirds(Channel):
    """The sign of the field, or no answer at all in a third of cases: labels -1, 0 and 1."""

    binary = False
    labels, continuous = (-1.0, 0.0, 1.0), False

    def sample(self, z, rng):
        return np.where(rng.random(np.shape(z)) < 1 / 3, 0.0, np.sign(z))

    def log_partition(self, y, mean, variance):
        told = jnp.log(2 / 3) + jax.scipy.special.log_ndtr(y * mean / jnp.sqrt(variance))
        return jnp.where(y == 0, -jnp.log(3.0), told)


class Unfair(Channel):
    """Probabilities that sum to 0.9."""

    def sample(self, z, rng):
        return np.where(z > 0, 1.0, -1.0)

    def log_partition(self, y, mean, variance):
        return jnp.log(0.9) + jax.scipy.special.log_ndtr(y * mean / jnp.sqrt(variance))


@pytest.mark.parametrize("channel", CHANNELS, ids=repr)
def test_the_information_is_the_slope_of_the_likelihood(channel):
    inside = (V > 1e-6) & (Q > 1e-2)
    q, v, h = Q[inside], V[inside], 1e-4
    up, down = (label(channel, q + s * h * v, v - s * h * v).log_likelihood for s in (1, -1))
    assert np.allclose((up - down) / (2 * h * v), label(channel, q, v).information / 2, rtol=1e-6)


@pytest.mark.parametrize("channel", CHANNELS, ids=repr)
def test_the_quadrature_has_converged(channel, monkeypatch):
    information, error = label(channel, Q, V), label_error(channel, Q, V)
    monkeypatch.setattr(labels, "ORDER", 16)
    assert np.allclose(information.information, label(channel, Q, V).information, rtol=2e-8)
    assert np.allclose(error, label_error(channel, Q, V), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("channel", [*CHANNELS, OwnProbit(), OwnAbs(), Thirds()], ids=repr)
@pytest.mark.parametrize("v", [0.6, 0.05])
def test_sampling(channel, v):
    """Also Nishimori's identity: the score's overlap with the field is the mean of its square."""
    rng = np.random.default_rng(7)
    count = 100_000
    omega, xi = np.sqrt(1 - v) * rng.standard_normal(count), rng.standard_normal(count)
    z = omega + np.sqrt(v) * xi
    y = channel.sample(z, rng)
    g, known = channel.score(y, omega, v)[0], label(channel, 1 - v, v)
    clean = channel.noiseless().sample(z, rng)
    few = slice(0, 2000 if channel.continuous else count)
    guess = channel.guess(omega[few], v, rng)
    miss = (clean[few] - guess) ** 2 if channel.continuous else clean != guess
    for expected, sample in (
        (known.information[0], g**2),
        (known.information[0], g * xi / np.sqrt(v)),
        (known.log_likelihood[0], np.asarray(channel.log_partition(y, omega, v))),
        (label_error(channel, 1 - v, v)[0], miss),
    ):
        assert abs(np.mean(sample) - expected) < 4.5 * np.std(sample) / np.sqrt(len(sample))


def test_closed_forms():
    assert np.allclose(label_error(Sign(flip=0.1), Q, V), np.arccos(np.sqrt(Q)) / np.pi, rtol=1e-4, atol=1e-9)
    assert np.allclose(label_error(Sign(), Q[2:], V[2:]), np.arccos(np.sqrt(Q[2:])) / np.pi, rtol=1e-11)
    assert np.allclose(label(Linear(noise=0.1), Q, V).information, 1 / (V + 0.1))
    tiny = 1e-14
    assert label(Abs(), 1.0, tiny).information[0] * tiny == pytest.approx(1, abs=1e-6), "a sign is all that is lost"
    assert label(ReLU(), 1.0, tiny).information[0] * tiny == pytest.approx(0.5, abs=1e-6), "half of the labels tell"
    assert label(Door(), 1e-9, 1.0).information[0] < 1e-8, "even functions tell nothing without knowledge"


@pytest.mark.parametrize(
    "own, built, tolerance", [(OwnProbit(), Probit(noise=0.3), 1e-11), (OwnAbs(), Abs(), 1e-8)], ids=repr
)
def test_a_users_channel_is_as_good(own, built, tolerance):
    q, v = Q[2:5], V[2:5]
    assert np.allclose(label(own, q, v).information, label(built, q, v).information, rtol=tolerance)
    assert np.allclose(label(own, q, v).log_likelihood, label(built, q, v).log_likelihood, atol=tolerance)
    assert np.allclose(label_error(own, q, v), label_error(built, q, v), rtol=1e-6)


def test_noise_that_is_not_known_to_be_one_stays_in_the_error():
    q, v = Q[2:5], V[2:5]
    assert np.allclose(label(OwnLinear(), q, v).information, 1 / (v + 0.25), rtol=1e-11)
    assert np.allclose(label_error(OwnLinear(), q, v), v + 0.25, rtol=1e-9)


def test_signs_that_cannot_be_learned():
    assert [c.even() for c in (Abs(), Door(), OwnAbs())] == [True] * 3
    assert [c.even() for c in (Sign(), ReLU(), Linear(), Logit(), CHANNELS[-1], OwnLinear())] == [False] * 6


def test_probabilities_that_do_not_sum_to_one():
    with pytest.raises(StatementError, match=r"Unfair\(\) must sum to 1, but sum to 0.9"):
        label(Unfair(), 0.5, 0.5)
    with pytest.raises(StatementError, match=r"Unfair\(\) must sum to 1, but sum to 0.9"):
        Unfair().check()
