"""K-FAC on models of one's own: equal to that of our dense networks, its moments by hand, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import CrossEntropy, Network, kfac, kfac_model, run
from asymptopia.algorithms.optimisers.affine_layers import joined, split
from asymptopia.algorithms.optimisers.kfac_model import _moments, _root
from asymptopia.parts.activation import Tanh
from asymptopia.parts.loss import Square

KEY = jax.random.key(3)


def data(n=40, d=5, outputs=2):
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, d)), rng.standard_normal((n, outputs))


def square(label, z):
    return jnp.sum((label - z) ** 2) / 2


class Mine(eqx.Module):
    """A gated network with a skip and a layer without bias: nothing that a dense network has."""

    first: eqx.nn.Linear
    gate: eqx.nn.Linear
    last: eqx.nn.Linear

    def __init__(self, key, d=5, width=7, outputs=2):
        one, two, three = jax.random.split(key, 3)
        self.last = eqx.nn.Linear(width, outputs, use_bias=False, key=three)
        self.first, self.gate = eqx.nn.Linear(d, width, key=one), eqx.nn.Linear(d, width, key=two)

    def __call__(self, x):
        return self.last(jax.nn.gelu(self.first(x)) * jax.nn.sigmoid(self.gate(x))) + x[:2]


def as_model(parameters, d, width, outputs):
    model = eqx.nn.MLP(d, outputs, width, 1, activation=jnp.tanh, key=KEY)
    for k, W in enumerate(parameters):
        model = eqx.tree_at(lambda m: (m.layers[k].weight, m.layers[k].bias), model, (W[:-1].T, W[-1]))
    return model


def test_a_dense_network_takes_the_same_steps():
    (X, y), batch = data(), 16
    network = Network((5, 6, 2), Tanh(), Square())
    parameters = network.draw(KEY)
    ours, told = run(kfac(network, X, y, KEY, batch=batch), parameters, 12)
    model = as_model(parameters, 5, 6, 2)
    arrays, mine = run(kfac_model(model, square, X, y, KEY, batch=batch), eqx.filter(model, eqx.is_inexact_array), 12)
    np.testing.assert_allclose(mine.value, told.value, rtol=1e-8)
    for W, layer in zip(ours, arrays.layers, strict=True):
        np.testing.assert_allclose(jnp.concatenate([layer.weight.T, layer.bias[None]]), W, rtol=1e-6, atol=1e-9)


def test_a_model_and_a_loss_of_ones_own_are_fitted():
    X, _ = data(60)
    target = Mine(jax.random.key(8))
    y = jax.vmap(target)(jnp.asarray(X))
    model = Mine(jax.random.key(1))

    def robust(label, z):
        return jnp.sum(jnp.sqrt(1 + (label - z) ** 2) - 1)

    start = eqx.filter(model, eqx.is_inexact_array)
    arrays, told = run(kfac_model(model, robust, X, y, KEY), start, 30)
    left = jnp.mean(jax.vmap(robust)(y, jax.vmap(eqx.combine(arrays, model))(jnp.asarray(X))))
    assert left < 1e-3 * told.value[0]
    assert told.value[0] == pytest.approx(float(jnp.mean(jax.vmap(robust)(y, jax.vmap(model)(jnp.asarray(X))))))


def test_the_moments_are_those_of_the_samples():
    """Gradients by autodiff, inputs by hand."""
    X, _ = data(9)
    labels = jnp.asarray(np.random.default_rng(1).integers(0, 3, 9))
    model = eqx.nn.MLP(5, 3, 4, 1, activation=jax.nn.silu, key=KEY)
    static = eqx.filter(model, eqx.is_inexact_array, inverse=True)
    matrices = split(model, eqx.filter(model, eqx.is_inexact_array))

    def objective(W):
        return jnp.mean(jax.vmap(entropy)(labels, jax.vmap(eqx.combine(joined(W, model), static))(jnp.asarray(X))))

    moments = jax.jit(lambda W: _moments(model, static, entropy, W, jnp.asarray(X), labels, KEY))
    value, gradients, second, _ = moments(matrices)
    expected, exact = jax.jit(jax.value_and_grad(objective))(matrices)
    assert value == pytest.approx(float(expected))
    for mine, theirs in zip(gradients, exact, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)
    lifted = np.concatenate([X, np.ones((9, 1))], axis=1)
    np.testing.assert_allclose(second[0], lifted.T @ lifted / 9, atol=1e-12)


def entropy(label, z):
    return CrossEntropy()(label[None], z[None])[0]


def test_sampled_slopes_have_the_second_moment_of_the_hessian():
    z, signs = jnp.asarray([0.3, -1.0, 0.6]), np.array(np.meshgrid(*[[-1.0, 1.0]] * 3)).reshape(3, 8).T
    slopes = jax.jit(jax.vmap(lambda s: _root(entropy, jnp.asarray(1), z, s)))(jnp.asarray(signs))
    p = np.asarray(jax.nn.softmax(z))
    np.testing.assert_allclose(slopes.T @ slopes / 8, np.diag(p) - np.outer(p, p), atol=1e-12)


class Twice(eqx.Module):
    layer: eqx.nn.Linear

    def __call__(self, x):
        return self.layer(self.layer(x))


class Vmapped(eqx.Module):
    layer: eqx.nn.Linear

    def __call__(self, x):
        return jax.vmap(self.layer)(jnp.stack([x, x])).sum(axis=0)


@pytest.mark.parametrize("model, words", [
    (Twice(eqx.nn.Linear(5, 5, key=KEY)), "applied 2 times"),
    (Vmapped(eqx.nn.Linear(5, 2, key=KEY)), "inside of a loop, a vmap"),
    (eqx.nn.Sequential([eqx.nn.Linear(5, 2, key=KEY), eqx.nn.LayerNorm(2)]), "all parameters in .* of shape"),
    (eqx.nn.Sequential([eqx.nn.Lambda(jnp.tanh)]), "but this one has none"),
], ids=["twice", "vmapped", "norm", "none"])  # fmt: skip
def test_what_it_refuses(model, words):
    X, y = data()
    with pytest.raises(StatementError, match=words):
        kfac_model(model, square, X, y, KEY)


def test_bad_data_and_parameters():
    X, y = data()
    model = Mine(KEY)
    with pytest.raises(StatementError, match="as many samples"):
        kfac_model(model, square, X, y[:3], KEY)
    with pytest.raises(StatementError, match="must be finite"):
        kfac_model(model, square, X * np.nan, y, KEY)
    with pytest.raises(StatementError, match="must be the arrays of the model"):
        kfac_model(model, square, X, y, KEY).init(eqx.filter(Mine(KEY, width=3), eqx.is_inexact_array))
