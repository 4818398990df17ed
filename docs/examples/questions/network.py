"""A network and its training step as somebody might have written them, in JAX; asymptopia is not imported."""

import jax
import jax.numpy as jnp
import optax

X = jnp.linspace(-1.0, 1.0, 16).reshape(8, 2)
Y = jnp.sin(3 * X[:, :1])


def network(n, key, inputs):
    """The parameters and the last hidden layer of a residual network of width n."""
    first, second = jax.random.split(key)
    weights = jax.random.normal(first, (inputs.shape[1], n)), jax.random.normal(second, (n, n))

    def hidden(weights, x):
        h = jnp.tanh(x @ weights[0] / inputs.shape[1] ** 0.5)
        return h + jnp.tanh(h @ weights[1] / n**0.5)

    return weights, hidden


def step(width, seed):
    """The parameters, the optimiser and the loss of a perceptron in the parametrisation of most libraries."""
    keys = jax.random.split(jax.random.key(seed), 3)
    shapes = (2, width), (width, width), (width, 1)
    weights = [jax.random.normal(k, s) / s[0] ** 0.5 for k, s in zip(keys, shapes, strict=True)]

    def loss(weights):
        h = X
        for w in weights[:-1]:
            h = jnp.tanh(h @ w)
        return jnp.mean((h @ weights[-1] - Y) ** 2)

    return weights, optax.adam(0.01), loss
