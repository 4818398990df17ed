"""Output averages: closed forms, a second derivation by Stein's lemma, brute-force quadrature, and sampling."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from asymptopia.numerics.gaussian import nodes
from asymptopia.parts.channel import Abs, Channel, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Loss, Square
from asymptopia.theory.replica import output_averages

M, Q = np.array([0.5, 1.4, -0.2]), np.array([0.6, 3.0, 0.3])
V, RHO = np.array([0.4, 5.0, 1.3]), np.array([1.0, 0.8, 0.5])
BINARY = [Sign(), Sign(flip=0.1), Probit(noise=0.4), Logit(scale=2.0), Door()]
LOSSES = [Square(), Logistic(), Hinge(), Huber(), Absolute()]


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_square_loss_of_a_linear_teacher(noise):
    averages = output_averages(Square(), Linear(noise=noise), M, Q, V, RHO)
    residual = RHO + noise - 2 * M + Q
    assert np.allclose(averages.f2, residual / (1 + V) ** 2, rtol=1e-12)
    assert np.allclose(averages.slope, -1 / (1 + V), rtol=1e-12)
    assert np.allclose(averages.signal, 1 / (1 + V), rtol=1e-12)
    assert np.allclose(averages.loss, residual / (1 + V) ** 2 / 2, rtol=1e-12)
    assert np.allclose(averages.error, residual / (1 + V) ** 2, rtol=1e-12)


@pytest.mark.parametrize("teacher, second, slope", [(Abs(), 1.0, 0.0), (ReLU(), 0.5, 0.5)])
def test_square_loss_of_other_real_teachers(teacher, second, slope):
    """The teacher enters through E y**2 and E y z0 = E y'(z0) rho only."""
    averages = output_averages(Square(), teacher, M, Q, V, RHO)
    residual = second * RHO - 2 * slope * M + Q
    assert np.allclose(averages.f2, residual / (1 + V) ** 2, rtol=1e-11)
    assert np.allclose(averages.signal, slope / (1 + V), rtol=1e-10, atol=1e-12)


def test_square_loss_of_a_sign():
    averages = output_averages(Square(), Sign(), M, Q, V, RHO)
    slope = np.sqrt(2 / (np.pi * RHO))
    assert np.allclose(averages.f2, (1 - 2 * slope * M + Q) / (1 + V) ** 2, rtol=1e-11)
    assert np.allclose(averages.signal, slope / (1 + V), rtol=1e-11)


def brute(loss, teacher, m, q, v, rho):
    """Plain quadrature in omega with the proximal map at every node."""
    special = np.array([0.0, 1.0, 1 - v, 1 + v, 2 + v, v, v / 2])
    ends = np.concatenate([special, -special, np.linspace(-8, 8, 150)])
    omega, w = nodes(ends / np.sqrt(q), order=20)
    omega = omega * np.sqrt(q)
    left, f2, slope, signal, value, error = rho - m**2 / q, 0.0, 0.0, 0.0, 0.0, 0.0
    for y in (-1.0, 1.0):
        z = loss.proximal(y, omega, v)
        f, p = (z - omega) / v, w * teacher.partition(y, m / q * omega, left)
        h = 1e-6
        f2 += (p * f**2).sum()
        slope += (p * ((loss.proximal(y, omega + h, v) - loss.proximal(y, omega - h, v)) / (2 * h) - 1) / v).sum()
        signal += (w * teacher.slope(y, m / q * omega, left) * f).sum()
        value += (p * loss(y, z)).sum()
        error += (p * (y * z < 0)).sum()
    return f2, slope, signal, value, error


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("teacher", BINARY)
def test_binary_labels_against_brute_force(loss, teacher):
    averages = output_averages(loss, teacher, M, Q, V, RHO)
    for k in range(3):
        f2, slope, signal, value, error = brute(loss, teacher, M[k], Q[k], V[k], RHO[k])
        assert averages.f2[k] == pytest.approx(f2, rel=1e-9)
        assert averages.slope[k] == pytest.approx(slope, rel=2e-5)
        assert averages.signal[k] == pytest.approx(signal, rel=1e-9, abs=1e-12)
        assert averages.loss[k] == pytest.approx(value, rel=1e-9, abs=1e-12)
        assert averages.error[k] == pytest.approx(error, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("teacher", BINARY)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_averages_are_derivatives_of_the_mean_envelope(loss, teacher):
    """The averages are derivatives of one function, the mean Moreau envelope E[loss(y, z) + V f**2 / 2]."""
    h = 1e-4
    up, down = (output_averages(loss, teacher, M, Q, V * (1 + s * h), RHO) for s in (1, -1))
    here = output_averages(loss, teacher, M, Q, V, RHO)
    envelope = (up.loss + V * (1 + h) / 2 * up.f2 - down.loss - V * (1 - h) / 2 * down.f2) / (2 * h * V)
    assert np.allclose(envelope, -here.f2 / 2, rtol=1e-5, atol=1e-8)  # of the Moreau envelope in V
    up, down = (output_averages(loss, teacher, M, Q + s * h, V, RHO) for s in (1, -1))
    rise = (up.loss + V / 2 * up.f2 - down.loss - V / 2 * down.f2) / (2 * h)
    assert np.allclose(rise, -here.slope / 2, rtol=1e-5, atol=1e-8)  # of its mean in q: half the mean curvature
    up, down = (output_averages(loss, teacher, M + s * h, Q, V, RHO) for s in (1, -1))
    tilt = (up.loss + V / 2 * up.f2 - down.loss - V / 2 * down.f2) / (2 * h)
    assert np.allclose(tilt, -here.signal, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("teacher", [Linear(noise=0.2), Abs(), ReLU(), Channel.from_callable(np.tanh)])
@pytest.mark.parametrize("loss", [Huber(delta=0.7), Absolute()])
def test_real_labels_obey_the_same_identities(loss, teacher):
    h = 1e-4
    here = output_averages(loss, teacher, M, Q, V, RHO)

    def envelope(m=M, q=Q, v=V):
        averages = output_averages(loss, teacher, m, q, v, RHO)
        return averages.loss + v / 2 * averages.f2

    assert np.allclose((envelope(v=V + h) - envelope(v=V - h)) / (2 * h), -here.f2 / 2, rtol=1e-5, atol=1e-8)
    assert np.allclose((envelope(q=Q + h) - envelope(q=Q - h)) / (2 * h), -here.slope / 2, rtol=1e-5, atol=1e-8)
    assert np.allclose((envelope(m=M + h) - envelope(m=M - h)) / (2 * h), -here.signal, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("teacher", [Sign(flip=0.1), Logit(scale=3.0), Door(), Linear(noise=0.3), Abs()])
def test_sampling(teacher):
    rng = np.random.default_rng(4)
    m, q, v, rho, count = 0.5, 0.6, 0.8, 1.0, 400_000
    z0 = rng.standard_normal(count)
    omega = m * z0 + np.sqrt(q - m**2) * rng.standard_normal(count)
    y = teacher.sample(z0, rng)
    loss = Huber()
    z = loss.proximal(y, omega, v)
    averages = output_averages(loss, teacher, m, q, v, rho)
    wrong = (y * z < 0) if teacher.binary else (y - z) ** 2
    for value, sample in ((averages.f2, ((z - omega) / v) ** 2), (averages.loss, loss(y, z)), (averages.error, wrong)):
        assert abs(value[0] - sample.mean()) < 4 * sample.std() / np.sqrt(count)


def huber(y, z):
    return jnp.where(jnp.abs(y - z) < 1, (y - z) ** 2 / 2, jnp.abs(y - z) - 0.5)


def test_a_users_loss_gives_the_same():
    pairs = [
        (Logistic(), lambda y, z: jnp.logaddexp(0.0, -y * z), Sign()),
        (Hinge(), lambda y, z: jnp.maximum(0.0, 1 - y * z), Probit(noise=0.2)),
        (Absolute(), lambda y, z: jnp.abs(y - z), ReLU()),
        (Huber(), huber, Linear(noise=0.1)),
    ]
    for part, function, teacher in pairs:
        a, b = (output_averages(x, teacher, M, Q, V, RHO) for x in (part, Loss.from_callable(function)))
        for name in ("f2", "slope", "signal", "loss", "error"):
            assert np.allclose(getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-11)


def test_a_large_V_and_a_nearly_perfect_student():
    """With V to infinity the hinge's proximal point is max(omega, 1): f V = (1 - omega)_+."""
    averages = output_averages(Hinge(), Sign(), 0.999999 * np.sqrt(2.0), 2.0, 1e9, 1.0)
    # E (1 - |omega|)_+**2, omega ~ N(0, 2)
    u = 1 / np.sqrt(2.0)
    direct = 2 * (3 * (ndtr(u) - 0.5) + np.sqrt(2.0) * np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi))
    direct -= 4 * np.sqrt(2.0) / np.sqrt(2 * np.pi)
    assert averages.f2[0] * 1e18 == pytest.approx(direct, rel=5e-3)


def test_number_fields_of_parts_are_batched():
    losses, teachers = Huber(delta=np.array([0.5, 2.0])), Sign(flip=np.array([0.0, 0.2]))
    both = output_averages(losses, teachers, M[:2], Q[:2], V[:2], 1.0)
    for k, (delta, flip) in enumerate(((0.5, 0.0), (2.0, 0.2))):
        one = output_averages(Huber(delta=delta), Sign(flip=flip), M[k], Q[k], V[k], 1.0)
        assert both.f2[k] == pytest.approx(one.f2[0], rel=1e-13)
        assert both.loss[k] == pytest.approx(one.loss[0], rel=1e-13)


def test_training_averages_only_on_demand():
    averages = output_averages(Logistic(), Sign(), 0.5, 0.6, 0.4, 1.0, training=False)
    assert np.isnan(averages.loss[0]) and np.isfinite(averages.f2[0])
