"""Kernels from the code of networks against closed forms and finite networks: plain JAX, Equinox, Flax, attention."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, derive
from asymptopia.derive import precision
from asymptopia.laws.kernels.wide_network import ReluNetwork, WideNetwork
from asymptopia.laws.kernels.wide_network_kernel import WideNetworkKernel


@pytest.fixture
def few_points():
    with precision(points=4096):
        yield


@pytest.mark.parametrize("depth", [2])
def test_dense_networks_have_the_kernels_of_the_recursion(depth):
    found, known = WideNetwork(network=ReluNetwork(depth)).limit(), WideNetworkKernel(depth=depth).limit()
    np.testing.assert_allclose(2 * found["nngp"], known["nngp"], rtol=1e-3)
    np.testing.assert_allclose(2 * found["tangent"], known["ntk"], rtol=1e-3)


def equinox_network(n, key, inputs):
    eqx = pytest.importorskip("equinox")
    first, second = jax.random.split(key)
    layers = [eqx.nn.Linear(inputs.shape[1], n, key=first), eqx.nn.Linear(n, n, key=second)]
    parameters, rest = eqx.partition(layers, eqx.is_inexact_array)

    def features(parameters, x):
        for layer in eqx.combine(parameters, rest):
            x = jax.nn.relu(jax.vmap(layer)(x))
        return x

    return parameters, features


def flax_network(n, key, inputs):
    nn = pytest.importorskip("flax.linen")

    class Residual(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Dense(n, use_bias=False)(x))
            return x + nn.relu(nn.Dense(n, use_bias=False)(x))

    module = Residual()
    return module.init(key, inputs), module.apply


def arc_cosine(K):
    """E relu(u) relu(v) for (u, v) of covariance K (Cho and Saul 2009)."""
    length = np.sqrt(np.diag(K))
    angle = np.arccos(np.clip(K / np.outer(length, length), -1, 1))
    return np.outer(length, length) * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)


X = np.array(WideNetwork().inputs)


def test_equinox_layers_with_their_uniform_weights_and_biases():
    """Weights and biases are uniform on +-1 / sqrt(inputs of the layer): three numbers below, variance 1/3 above."""
    grid = (np.arange(60) + 0.5) / 30 - 1
    parameters = np.stack(np.meshgrid(grid, grid, grid), axis=-1).reshape(-1, 3) / 2**0.5
    below = np.maximum(parameters @ np.column_stack([X, np.ones(2)]).T, 0)
    nngp = arc_cosine(below.T @ below / len(below) / 3)
    found = WideNetwork(network=equinox_network, standard=True).limit()
    assert (np.abs(found["nngp"].values - nngp) < 4 * found["nngp_error"].values + 2e-3 * nngp).all()


def close_to_finite_networks(law):
    """Whether kernels of networks of width 200 are those of the limit, to four errors and what the width leaves."""
    limit, finite = law.limit(), law.experiment(sizes=(200,), seeds=24)
    for name in ("nngp", "tangent"):
        values = finite[name].values[0]
        error = values.std(axis=0, ddof=1) / len(values) ** 0.5
        assert (np.abs(values.mean(axis=0) - limit[name].values) < 4 * error + 0.01).all(), name


@pytest.mark.usefixtures("few_points")
def test_flax_layers_with_a_skip():
    close_to_finite_networks(WideNetwork(network=flax_network, standard=True))


def attention(n, key, inputs):
    """Two tokens of half an input each, that attend to each other with logits of order one, and a normalisation."""
    first, second, third = jax.random.split(key, 3)
    parameters = [jax.random.normal(first, (1, n)), jax.random.normal(second, (n, n)), jax.random.normal(third, (n, n))]

    def one(parameters, x):
        embed, query, value = parameters
        tokens = jnp.tanh(x[:, None] * embed)
        logits = (tokens @ query / jnp.sqrt(n)) @ tokens.T / n
        mixed = jax.nn.softmax(logits, axis=-1) @ (tokens @ value / jnp.sqrt(n))
        mixed = mixed / jnp.sqrt(jnp.mean(mixed**2, axis=-1, keepdims=True) + 0.1)
        return jnp.tanh(mixed).mean(axis=0)

    return parameters, lambda parameters, x: jnp.stack([one(parameters, row) for row in x])


@pytest.mark.usefixtures("few_points")
def test_attention_and_normalisation():
    close_to_finite_networks(WideNetwork(network=attention))


def test_what_has_no_kernel_is_refused():
    with pytest.raises(StatementError, match="inputs"):
        WideNetwork(inputs=((1.0,), (1.0, 2.0)))

    def standard(n, key, inputs):
        parameters, features = ReluNetwork(depth=2)(n, key, inputs)
        return [parameters[0], parameters[1] / jnp.sqrt(n)], lambda p, x: features([p[0], p[1] * jnp.sqrt(n)], x)

    with pytest.raises(NoLimit, match=r"n\*\*1"):
        WideNetwork(network=standard).limit()


class Doubled(ReluNetwork):
    """Weights of twice the variance in one layer."""

    def __call__(self, n, key, inputs):
        parameters, features = super().__call__(n, key, inputs)
        return parameters, lambda p, x: features([p[0] * 2**0.5, *p[1:]], x)


class Wrong(WideNetwork):
    """The limit of networks with twice the variance."""

    def predict(self):
        return derive(WideNetwork(network=Doubled(), inputs=self.inputs).realize, points=4096)


@pytest.mark.usefixtures("few_points")
def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    law = WideNetwork()
    experiment = law.experiment(sizes=(24, 48, 96), seeds=40)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    assert confront(Wrong(), experiment).verdict == "disagrees"
