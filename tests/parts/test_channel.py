"""Channels: the probabilities they state, the samples they draw, and a user's own function as a teacher."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit, ndtr

from asymptopia.contract.record import StatementError
from asymptopia.parts.channel import Abs, Channel, Door, Linear, Logit, Probit, ReLU, Sign

BINARY = [Sign(), Sign(flip=0.2), Probit(noise=0.3), Logit(scale=0.4), Logit(scale=6.0), Door(), Door(width=1.5)]
FIELDS = [(0.3, 0.5), (-1.2, 2.0), (0.05, 1e-3), (2.5, 30.0)]


def likelihood(channel, z):
    if isinstance(channel, Logit):
        return expit(channel.scale * z)
    if isinstance(channel, Probit):
        return ndtr(z / np.sqrt(channel.noise))
    sign = np.where(channel.function(z) > 0, 1.0, 0.0)
    return channel.flip + (1 - 2 * channel.flip) * sign if isinstance(channel, Sign) else sign


@pytest.mark.parametrize("mean, variance", FIELDS)
@pytest.mark.parametrize("channel", BINARY)
def test_the_probability_is_the_smoothed_likelihood(channel, mean, variance):
    s = np.sqrt(variance)
    points = sorted({0.0, *np.ravel(channel.breaks()[0])} | {mean + k * s for k in (-8, -3, 0, 3, 8)})
    points = [p for p in points if abs(p - mean) < 11 * s]
    bell = np.sqrt(2 * np.pi * variance)
    expected = quad(
        lambda z: likelihood(channel, z) * np.exp(-((z - mean) ** 2) / (2 * variance)) / bell,
        mean - 11 * s, mean + 11 * s, points=points, epsabs=1e-13, epsrel=1e-13, limit=400,
    )[0]  # fmt: skip
    assert channel.partition(1.0, mean, variance) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("channel", BINARY)
def test_probabilities_add_up_and_slopes_are_derivatives(channel):
    mean, variance, h = np.linspace(-3, 3, 41), 0.7, 1e-5
    assert np.allclose(channel.partition(1.0, mean, variance) + channel.partition(-1.0, mean, variance), 1, atol=1e-13)
    for y in (-1.0, 1.0):
        rise = channel.partition(y, mean + h, variance) - channel.partition(y, mean - h, variance)
        assert np.allclose(channel.slope(y, mean, variance), rise / (2 * h), atol=1e-9)
        if channel.symmetric:
            mirrored = channel.partition(-y, -mean, variance)
            assert np.allclose(channel.partition(y, mean, variance), mirrored, atol=1e-15)


@pytest.mark.parametrize("channel", BINARY)
def test_samples_follow_the_probability(channel):
    rng = np.random.default_rng(11)
    z = 0.4 + 0.8 * rng.standard_normal(200_000)
    y = channel.sample(z, rng)
    assert set(np.unique(y)) == {-1.0, 1.0}
    p = float(channel.partition(1.0, 0.4, 0.64))
    assert abs(np.mean(y > 0) - p) < 4 * np.sqrt(p * (1 - p) / len(z))


def test_the_logistic_limits():
    assert Logit(scale=0.0).partition(1.0, 5.0, 1.0) == pytest.approx(0.5, abs=1e-14)
    x = np.linspace(-30, 30, 301)
    assert np.allclose(Logit(scale=2.0).partition(1.0, x, 0.0), expit(2 * x), atol=1e-13)
    assert Logit(scale=1e7).partition(1.0, 0.4, 0.5) == pytest.approx(ndtr(0.4 / np.sqrt(0.5)), abs=1e-12)


@pytest.mark.parametrize(
    "channel, function", [(Linear(), lambda z: z), (Abs(), np.abs), (ReLU(), lambda z: np.maximum(z, 0))]
)
def test_real_labels_without_noise(channel, function):
    z = np.linspace(-2, 2, 9)
    assert not channel.binary
    assert np.allclose(channel.sample(z, np.random.default_rng(0)), function(z))


def test_noise_is_a_variance_and_can_be_taken_away():
    z = np.zeros(100_000)
    y = Linear(noise=0.25).sample(z, np.random.default_rng(5))
    assert y.var() == pytest.approx(0.25, rel=0.02)
    assert Linear(noise=0.25).noiseless() == Linear() and Sign(flip=0.1).noiseless() == Sign()
    assert Probit(noise=0.2).noiseless() == Probit(noise=0.2)


@pytest.mark.parametrize("m, q, rho", [(0.3, 0.5, 1.0), (-0.4, 2.0, 0.2), (1.0, 1.0, 1.0)])
def test_the_error_of_a_sign_is_an_angle(m, q, rho):
    angle = np.arccos(m / np.sqrt(q * rho)) / np.pi
    assert Sign().error(m, q, rho) == pytest.approx(angle, abs=1e-12)
    assert Sign(flip=0.1).error(m, q, rho) == pytest.approx(0.1 + 0.8 * angle, abs=1e-12)
    noisy = np.arccos(m / np.sqrt(q * (rho + 0.5))) / np.pi
    assert Probit(noise=0.5).error(m, q, rho) == pytest.approx(noisy, abs=1e-12)


def two_steps(z):
    return np.where((z > -1.0) & (z < 0.5), -1.0, 1.0)


def bent(z):
    return np.where(z > 0.3, 2 * z, z + 0.3)


def test_a_function_with_values_plus_and_minus_one_is_binary():
    channel = Channel.from_callable(two_steps)
    assert channel.binary and repr(channel) == "two_steps"
    assert np.allclose(channel.breaks()[0], (-1.0, 0.5), atol=1e-11)
    mean, s = np.linspace(-2, 2, 9), 0.6
    inside = ndtr((0.5 - mean) / s) - ndtr((-1.0 - mean) / s)
    assert np.allclose(channel.partition(1.0, mean, s**2), 1 - inside, atol=1e-12)
    assert np.allclose(channel.partition(-1.0, mean, s**2), inside, atol=1e-12)
    h = 1e-5
    rise = channel.partition(-1.0, mean + h, s**2) - channel.partition(-1.0, mean - h, s**2)
    assert np.allclose(channel.slope(-1.0, mean, s**2), rise / (2 * h), atol=1e-9)


def test_any_other_function_has_real_labels():
    channel = Channel.from_callable(bent)
    assert not channel.binary
    assert np.allclose(channel.breaks()[0], (0.3,), atol=1e-11)
    assert Channel.from_callable(lambda z: 0 * z + 2.0).breaks()[0] == ()
    assert not Channel.from_callable(np.tanh).binary


ALL = [*BINARY, Linear(noise=0.2), Abs(), ReLU(), Channel.from_callable(two_steps)]


def labels_of(channel):
    return (-1.0, 1.0) if channel.binary else (0.0, 0.5, 2.0) if isinstance(channel, ReLU) else (0.1, 2.0)


@pytest.mark.parametrize("variance", [1.0, 0.01])
@pytest.mark.parametrize("channel", ALL, ids=repr)
def test_scores_are_derivatives_of_the_log_partition(channel, variance):
    s = np.sqrt(variance)
    mean, h = np.linspace(-3, 3, 41) * s, 1e-5 * s
    for y in labels_of(channel):
        g, dg = channel.score(y, mean, variance)
        log_p = channel.log_partition(y, mean, variance)
        rise = channel.log_partition(y, mean + h, variance) - channel.log_partition(y, mean - h, variance)
        sure = np.abs(log_p) < 300
        assert np.allclose(rise[sure] / (2 * h), g[sure], rtol=1e-6, atol=1e-7 * np.abs(g[sure]).max() + 1e-9)
        slope = (channel.score(y, mean + h, variance)[0] - channel.score(y, mean - h, variance)[0]) / (2 * h)
        assert np.allclose(slope[sure], dg[sure], rtol=1e-5, atol=1e-6 * np.abs(dg[sure]).max() + 1e-9)
        assert np.allclose(np.exp(log_p), channel.partition(y, mean, variance), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("channel", ALL, ids=repr)
def test_the_channels_of_the_library_pass_their_check(channel):
    channel.check()


def test_scores_in_the_far_tail():
    g, dg = Sign().score(1.0, -1e6, 0.01)
    assert g == pytest.approx(1e8, rel=1e-12) and dg == pytest.approx(-100, rel=1e-9)
    logit = Logit(scale=3.0)
    assert logit.log_partition(1.0, -300.0, 1.0) == pytest.approx(-900 + 4.5, rel=1e-14)
    assert np.allclose(logit.score(1.0, -300.0, 1.0), (3, 0), atol=1e-12)
    assert np.all(np.isfinite(Door().score(-1.0, np.array([50.0, 0.0, -50.0]), 1e-4)))
    assert Abs().score(2.0, 1e-9, 1e-6)[0] == pytest.approx((2 * np.tanh(2e-3) - 1e-9) / 1e-6, rel=1e-12)


class Shifted(Channel):
    """A sign whose samples are not those of its log-partition."""

    def sample(self, z, rng):
        return np.where(z > 0.3, 1.0, -1.0)

    def log_partition(self, y, mean, variance):
        return jax.scipy.special.log_ndtr(y * mean / jnp.sqrt(variance))


class Steep(Channel):
    """A steep logistic function away from zero, without a closed form: midpoint rule over the field."""

    def sample(self, z, rng):
        return np.where(rng.random(np.shape(z)) < expit(40 * (z - 0.5)), 1.0, -1.0)

    def log_partition(self, y, mean, variance):
        t = (jnp.arange(200) + 0.5) / 200
        x = jax.scipy.special.ndtri(t)
        z = mean[..., None] + jnp.sqrt(variance)[..., None] * x
        return jax.nn.logsumexp(jax.nn.log_sigmoid(40 * y[..., None] * (z - 0.5)), axis=-1) - jnp.log(200.0)


def test_samples_of_another_law_are_noticed():
    with pytest.raises(StatementError, match="must agree"):
        Shifted().check()


def test_where_a_users_channel_changes_is_found():
    assert np.allclose(Shifted().breaks()[0], (0.0,), atol=1e-11)
    places = np.array(Steep().breaks()[0])
    assert np.sum(np.abs(places - 0.5) < 0.3) >= 2, "panels resolve what is steep"


def test_the_density_of_a_plain_function_is_not_known():
    channel = Channel.from_callable(bent)
    with pytest.raises(StatementError, match="log_partition"):
        channel.check()
