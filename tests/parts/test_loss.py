"""Losses: derivatives, proximal maps, breaks, and a user's own function found to be what it is."""

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.contract.record import StatementError
from asymptopia.parts.classes import Softmax
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Loss, Square

PARTS = [Square(), Logistic(), Softmax(), Hinge(), Huber(), Huber(delta=0.3), Absolute()]


def square(y, z):
    return (y - z) ** 2 / 2


def logistic(y, z):
    return jnp.logaddexp(0.0, -y * z)


def hinge(y, z):
    return jnp.maximum(0.0, 1 - y * z)


def huber(y, z):
    return jnp.where(jnp.abs(y - z) <= 1, (y - z) ** 2 / 2, jnp.abs(y - z) - 0.5)


def absolute(y, z):
    return jnp.abs(y - z)


TWINS = [(Square(), square), (Logistic(), logistic), (Hinge(), hinge), (Huber(), huber), (Absolute(), absolute)]


@pytest.fixture
def sample():
    rng = np.random.default_rng(3)
    return rng.choice([-1.0, 1.0], 500), 8 * rng.standard_normal(500), np.exp(rng.uniform(-7, 7, 500))


@pytest.mark.parametrize("loss", PARTS)
def test_gradient_and_curvature_are_derivatives(loss, sample):
    y, z, _ = sample
    h = 1e-5
    assert np.allclose(loss.gradient(y, z), (loss(y, z + h) - loss(y, z - h)) / (2 * h), atol=1e-8)
    slope = (loss.gradient(y, z + h) - loss.gradient(y, z - h)) / (2 * h)
    assert np.allclose(loss.curvature(y, z), slope, atol=1e-8)


@pytest.mark.parametrize("loss", PARTS)
def test_proximal_map_minimises(loss, sample):
    y, omega, V = sample
    z = loss.proximal(y, omega, V)

    def cost(x):
        return loss(y, x) + (x - omega) ** 2 / (2 * V)

    for move in (1e-3, -1e-3, 0.3, -0.3, 5.0, -5.0):
        assert np.all(cost(z) <= cost(z + move) + 1e-12)


@pytest.mark.parametrize("loss, function", TWINS, ids=lambda x: repr(x) if isinstance(x, Loss) else "")
def test_a_plain_function_is_the_same_loss(loss, function, sample):
    y, omega, V = sample
    own = Loss.from_callable(function)
    assert repr(own) == own.short() == function.__name__
    assert np.allclose(own(y, omega), loss(y, omega), rtol=1e-14)
    assert np.allclose(own.gradient(y, omega), loss.gradient(y, omega), atol=1e-14)
    assert np.allclose(own.proximal(y, omega, V), loss.proximal(y, omega, V), rtol=1e-12, atol=1e-12)
    assert (own.margin, own.location, own.symmetric) == (loss.margin, loss.location, loss.symmetric)
    kinks = own.kinks(y)
    assert kinks.shape[:-1] == y.shape
    assert np.allclose(np.broadcast_to(kinks, loss.kinks(y).shape), loss.kinks(y), atol=1e-9)
    assert own.convex()


def test_knots_of_a_plain_function_hold_the_jumps_of_its_curvature():
    knots = Loss.from_callable(huber).knots(np.array([-1.0, 1.0, 0.3]))
    for y, row in zip((-1.0, 1.0, 0.3), knots, strict=True):
        for edge in (y - 1, y + 1):
            assert np.abs(row - edge).min() < 1e-9


def test_labels_with_different_breaks_are_padded():
    loss = Loss.from_callable(lambda y, z: jnp.where(y > 0, jnp.maximum(0.0, 1 - z), z**2 / 2))
    kinks = loss.kinks(np.array([1.0, -1.0]))
    assert kinks.shape == (2, 1)
    assert kinks[0, 0] == pytest.approx(1.0, abs=1e-9)


class Tilted(Loss):
    """A loss of one's own with a number in it."""

    delta: float = 1.0

    location = True

    def __call__(self, y, z):
        return jnp.where(jnp.abs(y - z) < self.delta, (y - z) ** 2 / 2, self.delta * jnp.abs(y - z) - self.delta**2 / 2)


def test_a_class_of_ones_own_with_one_number_per_problem(sample):
    y, omega, V = (a[:6].reshape(2, 3) for a in sample)
    deltas = np.array([[0.5], [2.0]])
    own, built_in = Tilted(delta=deltas), Huber(delta=deltas)
    assert np.allclose(own.proximal(y, omega, V), built_in.proximal(y, omega, V), atol=1e-12)
    knots = own.knots(np.zeros(2))
    for row, delta in zip(knots, (0.5, 2.0), strict=True):
        assert np.abs(row - delta).min() < 1e-9


def test_convexity_is_noticed():
    assert not Loss.from_callable(lambda y, z: 1 - jnp.exp(-((y - z) ** 2))).convex()
    assert not Loss.from_callable(lambda y, z: -jnp.abs(y - z)).convex()
    assert Loss.from_callable(lambda y, z: jnp.exp(-y * z)).convex()
    assert all(part.convex() for part in PARTS)


def test_two_functions_of_one_name_are_two_losses():
    def make(delta):
        def bent(y, z):
            return jnp.maximum(0.0, delta - y * z)

        return Loss.from_callable(bent)

    one, two = make(1.0), make(2.0)
    assert repr(one) == repr(two) and one != two and one == one
    assert one.kinks(np.ones(1))[0, 0] == pytest.approx(1.0)
    assert two.kinks(np.ones(1))[0, 0] == pytest.approx(2.0)


def test_anonymous_functions_show_a_checksum():
    one, two = (Loss.from_callable(f) for f in (lambda y, z: (y - z) ** 2, lambda y, z: (y - z) ** 4))
    assert repr(one).startswith("lambda_") and repr(one) != repr(two)


def test_what_jax_cannot_differentiate_is_refused_with_advice():
    with pytest.raises(StatementError, match=r"jax\.numpy"):
        Loss.from_callable(lambda y, z: np.maximum(0.0, 1 - y * z)).gradient(np.ones(3), np.ones(3))


def test_what_is_not_a_number_is_noticed():
    with pytest.raises(FloatingPointError, match="not a number"):
        Loss.from_callable(lambda y, z: jnp.sqrt(z)).proximal(np.ones(2), -np.ones(2), np.ones(2))


def test_the_parts_work_inside_jax():
    import jax

    for loss in PARTS:
        value = jax.jit(lambda y, z, loss=loss: loss(y, z))(jnp.array([1.0, -1.0]), jnp.array([0.3, 2.0]))
        assert np.allclose(value, loss(np.array([1.0, -1.0]), np.array([0.3, 2.0])))
