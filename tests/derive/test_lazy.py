"""Readouts of order one trained near their start, against descent with the tangent kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from asymptopia import NoLimit, derive

INPUT, RATE, STEPS = 0.8, 0.2, 3


def descent(n, key, network):
    def loss(weights):
        return (network(weights) - 1) ** 2 / 2

    weights, losses = [jax.random.normal(k, s) for k, s in key], []
    for _ in range(STEPS):
        losses.append(loss(weights))
        weights = [w - RATE * g for w, g in zip(weights, jax.grad(loss)(weights), strict=True)]
    return {"loss": jnp.stack(losses)}


def shallow(n, key):
    keys = zip(jax.random.split(key, 2), [(n,), (n,)], strict=True)
    return descent(n, keys, lambda w: w[1] @ jnp.tanh(INPUT * w[0]) / jnp.sqrt(n))


def deep(n, key):
    def network(w):
        return w[2] @ jnp.tanh(w[1] @ jnp.tanh(INPUT * w[0]) / jnp.sqrt(n)) / jnp.sqrt(n)

    return descent(n, zip(jax.random.split(key, 3), [(n,), (n, n), (n,)], strict=True), network)


def moments(variance):
    """The means of the square of tanh, and of that of its derivative, over a normal variable."""
    x, weight = hermegauss(101)
    y, weight = np.tanh(np.sqrt(variance) * x), weight / weight.sum()
    return weight @ y**2, weight @ (1 - y**2) ** 2


def expected(kernel, tangent):
    """The error f - 1 starts normal, of variance `kernel` around -1, and shrinks by 1 - rate * tangent a step."""
    return (1 + kernel) / 2 * (1 - RATE * tangent) ** (2 * np.arange(STEPS))


def test_a_shallow_network_descends_with_its_tangent_kernel():
    kernel, slope = moments(INPUT**2)
    limit = derive(shallow, points=4096, nets=4)
    exact = expected(kernel, kernel + INPUT**2 * slope)
    assert np.all(np.abs(limit["loss"] - exact) < 4 * limit["loss_error"] + 1e-3)
    assert np.all(limit["loss_error"] < 0.05)
    # what does not depend on the start is known far better
    assert np.allclose(limit["loss"][1:] / limit["loss"][:-1], exact[1] / exact[0], rtol=0.02)


def test_a_hidden_matrix_moves_as_well():
    first, slope = moments(INPUT**2)
    kernel, gain = moments(first)
    limit = derive(deep, points=2048, nets=4)
    exact = expected(kernel, kernel + gain * (first + INPUT**2 * slope))
    assert np.allclose(limit["loss"][1:] / limit["loss"][:-1], exact[1] / exact[0], rtol=0.02)


def test_weights_that_multiply_a_function_of_themselves_are_refused():
    def program(n, key):
        keys = zip(jax.random.split(key, 2), [(n,), (n,)], strict=True)
        return descent(n, keys, lambda w: w[1] @ (w[1] ** 2 * jnp.tanh(w[0])) / jnp.sqrt(n))

    with pytest.raises(NoLimit, match="sqrt"):
        derive(program, points=1024, nets=4)
