"""Training of wide networks: coins, the noise of descent, gradients against differences, Heun's order."""

import jax
import jax.numpy as jnp
import numpy as np

from asymptopia.algorithms.particles.wide_network import coins, flow, stochastic_descent


def outputs(theta, X):
    return jnp.tanh(theta @ X.T)


def test_coins_have_the_moments_that_a_weak_scheme_needs():
    z = np.asarray(coins(jax.random.key(0), (401, 501), jnp.float32), float)
    assert z.shape == (401, 501)
    error = 1 / np.sqrt(z.size)
    assert abs(z.mean()) < 4 * error and abs((z**2).mean() - 1) < 4 * 1.4 * error
    assert abs((z**3).mean()) < 4 * 4 * error and abs((z**4).mean() - 2.75) < 4 * 9 * error
    assert abs(np.mean(z[:-1] * z[1:])) < 4 * error


def test_a_step_goes_down_the_gradient_of_the_loss():
    rng = np.random.default_rng(0)
    theta, X = rng.standard_normal((30, 2)), jnp.asarray(rng.standard_normal((3, 2)))
    y = jnp.sin(X[:, 0])
    moved = stochastic_descent(outputs, jnp.asarray(theta), lambda key: (X, y), 0.7, (1, 0), jax.random.key(0))
    slope = jax.grad(lambda t: ((outputs(t, X).mean(axis=0) - y) ** 2).mean() / 2)(jnp.asarray(theta))
    np.testing.assert_allclose(moved[0], theta - 0.7 * slope, atol=1e-14)
    np.testing.assert_array_equal(moved[0], moved[1])


def test_noise_spreads_weights_at_twice_the_temperature():
    theta = jnp.zeros((2000, 4))
    path = stochastic_descent(
        lambda t, X: 0 * t @ X.T,
        theta,
        lambda key: (jnp.ones((1, 4)), jnp.ones(1)),
        1.0,
        (1000,),
        jax.random.key(1),
        0.3,
    )
    # 1000 steps make half a unit of time
    assert abs(float((path**2).mean()) / (2 * 0.3 * 0.5) - 1) < 4 * np.sqrt(2 / 8000)


def test_the_flow_of_linear_neurons_is_of_second_order():
    X, y, p = jnp.array([[1.0], [-1.0]]), jnp.array([2.0, -2.0]), jnp.array([0.5, 0.5])
    off = []
    for n in (16, 256):
        path = flow(lambda t, x: t @ x.T, jnp.zeros((n, 1)), X, y, p, 1.0, (0.0, 1.0))
        assert float(jnp.abs(path[0]).max()) == 0
        off.append(abs(float(path[1].mean()) - 2 * (1 - np.exp(-1.0))))
    assert 10 < off[0] / off[1] < 25, "steps four times as short"
