"""The flow at the edge of stability: one that is known in closed form, and a small network against descent."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from asymptopia import StatementError
from asymptopia.measure.central_flow import _complementary, central_flow

STEEP, RATE, TARGET = 50.0, 0.5, np.array([3.0, 0.0])


def landscape(p):
    """One unit u and two outputs w, whose flow stays on the circle |w|^2 = 2 / RATE at the edge."""
    u, w = p
    return STEEP / 2 * jnp.sum(w**2) * u**2 + jnp.sum((w - TARGET) ** 2) / 2


def test_a_flow_on_a_circle():
    """tan(angle/2) falls as exp(-3 t / 2), in time of rate / steepness a step (law CentralFlow)."""
    angle, radius = 0.9, (2 / RATE) ** 0.5
    start = (jnp.zeros(()), radius * jnp.array([np.cos(angle), np.sin(angle)]))
    flow = central_flow(landscape, start, RATE / STEEP, 60, 20, count=1)
    times = flow.steps * RATE / STEEP
    angles = 2 * np.arctan(np.tan(angle / 2) * np.exp(-TARGET[0] * times / radius))
    _, w = flow.parameters
    assert np.arctan2(w[1], w[0]) == pytest.approx(angles[-1], abs=2e-3)
    assert flow.sharpness == pytest.approx(flow.edge, rel=1e-3) and flow.edge == 2 * STEEP / RATE
    mean = (TARGET[0] ** 2 - radius * TARGET[0] * np.cos(angles)) / 2
    assert flow.mean_losses[1:] == pytest.approx(mean[1:], rel=5e-3)


RNG = np.random.default_rng(0)
X = RNG.standard_normal((30, 4))
Y = np.sin(1.5 * X[:, :1]) + 0.5 * X[:, 1:2] * X[:, 2:3]
START = [RNG.standard_normal((4, 16)) / 2, np.zeros(16), RNG.standard_normal((16, 1)) / 4]


def network_loss(p):
    return 0.5 * jnp.mean((jnp.tanh(X @ p[0] + p[1]) @ p[2] - Y) ** 2)


def descended(rate, steps):
    """Parameters along gradient descent, (steps + 1, n)."""
    flat, unravel = ravel_pytree(START)
    slope = jax.grad(lambda w: network_loss(unravel(w)))
    _, path = jax.lax.scan(lambda w, _: (w - rate * slope(w), w), flat, None, steps + 1)
    return np.asarray(path)


def test_a_small_network_is_nearer_to_its_central_flow_than_to_gradient_flow():
    rate, steps = 0.6, 200
    flow = central_flow(network_loss, START, rate, steps, 100, count=2)
    assert flow.sharpness[0] < flow.edge and flow.sharpness[1:] == pytest.approx(flow.edge, rel=5e-3)
    assert (flow.oscillation[1:] > 0).all() and flow.oscillation[0] == 0
    mean = descended(rate, steps)[-20:].mean(axis=0)
    still = descended(rate / 10, 10 * steps)[-1]
    apart = np.linalg.norm(mean - ravel_pytree(flow.parameters)[0])
    assert apart < np.linalg.norm(mean - still) / 2


def test_below_the_edge_it_is_gradient_flow():
    flow = central_flow(network_loss, START, 0.05, 40, 20, count=1)
    assert (flow.oscillation == 0).all() and (flow.mean_losses == flow.losses).all()
    np.testing.assert_allclose(ravel_pytree(flow.parameters)[0], descended(0.0025, 800)[-1], atol=2e-3)


def test_the_oscillation_is_complementary():
    a = RNG.standard_normal((4, 4))
    slack = jnp.diag(jnp.array([1.0, -1.0]))
    x = _complementary(slack, jnp.asarray(a @ a.T), jnp.zeros((2, 2)))
    rest = slack + (a @ a.T @ x.ravel()).reshape(2, 2)
    rest = np.asarray(rest + rest.T) / 2
    assert np.linalg.eigvalsh(rest)[0] > -1e-2 and abs(float(jnp.sum(x * rest))) < 1e-2
    assert np.linalg.eigvalsh(x)[-1] > 0.01


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(rate=0.0), "`rate` must be > 0"),
        (dict(every=0), "`every` must be between 1"),
        (dict(count=100), "`count` must be between 1"),
    ],
)
def test_bad_input_is_said(given, message):
    with pytest.raises(StatementError, match=message):
        central_flow(network_loss, START, **(dict(rate=0.1, steps=10, every=5, count=1) | given))


def test_more_eigenvalues_at_the_edge_than_were_counted_are_said():
    def loss(p):
        return jnp.sum(jnp.arange(1.0, 5.0) * p**2) / 2

    with pytest.raises(StatementError, match="exceeds the edge"):
        central_flow(loss, np.ones(4), 1.5, 20, 10, count=1)
