"""The tangent kernel of a network, against its Jacobian, an operator and the law of wide networks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.laws.kernels.wide_network_kernel import WideNetworkKernel
from asymptopia.laws.kernels.wide_network_kernel.experiment import _draw
from asymptopia.measure.network_tangent import network_tangent_kernel
from asymptopia.measure.operators import tangent_kernel
from asymptopia.parts.activation import Tanh

RNG = np.random.default_rng(0)
SHAPES = [(7, 3), (5, 7), (2, 5)]
LAYERS = [(RNG.standard_normal(s), RNG.standard_normal(s[0])) for s in SHAPES]
X, Y = RNG.standard_normal((6, 3)), RNG.standard_normal((4, 3))


def outputs(layers, x):
    for W, b in layers[:-1]:
        x = jnp.tanh(x @ W.T + b)
    return x @ layers[-1][0].T + layers[-1][1]


def flat_jacobian(x):
    rows = jax.jacrev(outputs)(LAYERS, x)
    return np.concatenate([np.reshape(leaf, (len(x), 2, -1)) for leaf in jax.tree.leaves(rows)], axis=-1)


def test_it_is_the_contraction_of_jacobians():
    a, b = flat_jacobian(X), flat_jacobian(Y)
    np.testing.assert_allclose(
        network_tangent_kernel(LAYERS, jnp.tanh, X, Y), np.einsum("ncp,mdp->nmcd", a, b), rtol=1e-11, atol=1e-11
    )
    own = network_tangent_kernel(LAYERS, jnp.tanh, X)
    np.testing.assert_allclose(own, np.einsum("ncp,mdp->nmcd", a, a), rtol=1e-11, atol=1e-11)
    operator = tangent_kernel(lambda p: outputs(p, jnp.asarray(X)), [tuple(map(jnp.asarray, p)) for p in LAYERS])
    vector = RNG.standard_normal((6, 2))
    np.testing.assert_allclose(operator @ vector.ravel(), np.einsum("nmcd,md->nc", own, vector).ravel(), rtol=1e-10)


def test_factors_are_those_of_the_tangent_parametrisation():
    law = WideNetworkKernel(depth=2, activation=Tanh(), weight_variance=1.7, bias_variance=0.3)
    key = jax.random.key(1)
    factors = [((1.7 / W.shape[1]) ** 0.5, 0.3**0.5) for W, _ in _draw(law, 9, key)]
    layers = [(s * W, t * b) for (W, b), (s, t) in zip(_draw(law, 9, key), factors, strict=True)]
    kernel = network_tangent_kernel(layers, Tanh(), law.inputs, factors=factors)[..., 0, 0]
    np.testing.assert_allclose(kernel, law.realize(9, key)["ntk"], rtol=1e-10)

    def trained(drawn):
        h = jnp.asarray(law.inputs)
        for (W, b), (s, t) in zip(drawn[:-1], factors, strict=False):
            h = jnp.tanh(s * h @ W.T + t * b)
        (W, b), (s, t) = drawn[-1], factors[-1]
        return (s * h @ W.T + t * b)[:, 0]

    rows = [leaf.reshape(2, -1) for leaf in jax.tree.leaves(jax.jacrev(trained)(_draw(law, 9, key)))]
    np.testing.assert_allclose(kernel, sum(r @ r.T for r in rows), rtol=1e-10)


@pytest.mark.parametrize(
    ("layers", "inputs", "factors", "told"),
    [
        ([], X, None, "at least one layer"),
        ([(np.zeros((0, 3)), np.zeros(0))], X, None, "at least one output"),
        (LAYERS, X[:, :2], None, "Layer 0"),
        (LAYERS[:1] + LAYERS[2:], X, None, "Layer 1"),
        ([(np.full((1, 3), np.nan), np.zeros(1))], X, None, "finite"),
        (LAYERS, X[0], None, "dimension"),
        (LAYERS, X, [(1.0, 1.0)], "factors"),
    ],
)
def test_bad_input_is_named(layers, inputs, factors, told):
    with pytest.raises(StatementError, match=told):
        network_tangent_kernel(layers, jnp.tanh, inputs, factors=factors)
