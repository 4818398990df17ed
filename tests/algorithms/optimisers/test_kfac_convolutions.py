"""K-FAC on convolutions: patches, factors by location, the exact curvature where its assumptions hold, and training."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import hadamard

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import kfac_model, run
from asymptopia.algorithms.optimisers.affine_layers import input_rows, joined, matrix, output_rows, split
from asymptopia.algorithms.optimisers.kfac_model import _moments

KEY, nn = jax.random.key(3), eqx.nn


def square(label, z):
    return jnp.sum((label - z) ** 2) / 2


def ravelled(*layers):
    """Convolutions with tanh, and a readout of all their outputs."""
    *convolutions, readout = layers
    each = [part for layer in convolutions for part in (layer, nn.Lambda(jnp.tanh))]
    return nn.Sequential([*each, nn.Lambda(jnp.ravel), readout])


def moments(model, X, y):
    static = eqx.filter(model, eqx.is_inexact_array, inverse=True)
    matrices = split(model, eqx.filter(model, eqx.is_inexact_array))
    return jax.jit(lambda W: _moments(model, static, square, W, jnp.asarray(X), jnp.asarray(y), KEY))(matrices)


@pytest.mark.parametrize("layer, shape", [
    (nn.Conv1d(2, 3, 4, stride=3, dilation=2, padding=[(2, 1)], key=KEY), (2, 13)),
    (nn.Conv2d(3, 2, (2, 3), stride=(1, 2), padding="SAME", use_bias=False, key=KEY), (3, 5, 6)),
    (nn.Conv2d(2, 4, 3, dilation=(1, 2), padding=2, padding_mode="CIRCULAR", key=KEY), (2, 6, 5)),
    (nn.Conv3d(2, 2, 2, padding=(0, 1, 0), key=KEY), (2, 3, 2, 3)),
], ids=["1d", "2d", "circular", "3d"])  # fmt: skip
def test_the_matrix_acts_on_patches(layer, shape):
    x = jnp.asarray(np.random.default_rng(0).standard_normal(shape))
    np.testing.assert_allclose(input_rows(layer, x) @ matrix(layer), output_rows(layer(x)), atol=1e-13)


def test_one_location_is_a_dense_layer():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((9, 2, 3, 4)), rng.standard_normal((9, 2))
    conv, readout = nn.Conv2d(2, 5, (3, 4), key=KEY), nn.Linear(5, 2, key=jax.random.key(1))
    dense = eqx.tree_at(
        lambda k: (k.weight, k.bias), nn.Linear(24, 5, key=KEY), (conv.weight.reshape(5, 24), conv.bias.ravel())
    )
    ours = moments(ravelled(conv, readout), X, y)
    theirs = moments(ravelled(dense, readout), X.reshape(9, 24), y)
    for mine, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-14)


def patches_by_loops(x, kernel, stride, padding, dilation):
    """Patches of x (channels, height, width) in order of the output, by what a convolution is."""
    x = np.pad(x, [(0, 0), (padding, padding), (padding, padding)])
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    corners = [range(0, size - r, s) for size, r, s in zip(x.shape[1:], reach, stride, strict=True)]
    places = list(itertools.product(*map(range, kernel)))
    return np.array(
        [
            [channel[i + a * dilation[0], j + b * dilation[1]] for channel in x for a, b in places]
            for i, j in itertools.product(*corners)
        ]
    )


def test_factors_are_sums_by_location():
    """One output: the sign of a sampled slope does not matter, and the factor of slopes is not random."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((6, 2, 5, 6)), rng.standard_normal((6, 1))
    shape = dict(stride=(2, 1), padding=1, dilation=(1, 2))
    conv, readout = nn.Conv2d(2, 3, (3, 2), key=KEY, **shape), nn.Linear(54, 1, key=jax.random.key(1))
    value, gradients, second, third = moments(ravelled(conv, readout), X, y)
    fields = jax.vmap(conv)(jnp.asarray(X))
    slopes = np.asarray(jax.vmap(jax.grad(lambda z: readout(jnp.tanh(z).ravel())[0]))(fields)).reshape(6, 3, -1)
    patches = [patches_by_loops(x, (3, 2), **shape) for x in X]
    rows = [np.c_[p, np.ones(len(p))] for p in patches]
    np.testing.assert_allclose(second[0], sum(np.outer(a, a) for p in rows for a in p) / 6, atol=1e-12)
    mean = sum(np.outer(s, s) for sample in slopes for s in sample.T) / 6 / slopes.shape[2]
    np.testing.assert_allclose(third[0], mean, atol=1e-14)
    errors = np.asarray(jax.vmap(ravelled(conv, readout))(jnp.asarray(X)) - y)[:, 0]
    exact = sum(e * p.T @ s.T for e, p, s in zip(errors, rows, slopes, strict=True)) / 6
    np.testing.assert_allclose(gradients[0], exact, atol=1e-13)
    assert value == pytest.approx((errors**2).mean() / 2)


@pytest.mark.parametrize("shift", [0.0, 1.0], ids=["white", "correlated"])
def test_the_product_is_the_curvature_where_its_assumptions_hold(shift):
    """White inputs in patches apart, and a linear network, whose slopes are independent of inputs: equal, else not."""
    X = hadamard(16)[:, 1:9].reshape(16, 2, 4) + shift
    conv = nn.Conv1d(2, 3, 2, stride=2, use_bias=False, key=KEY)
    model = nn.Sequential([conv, nn.Lambda(jnp.ravel), nn.Linear(6, 1, key=jax.random.key(1))])
    (A, _), (S, _) = moments(model, X, np.zeros((16, 1)))[2:]
    static = eqx.filter(model, eqx.is_inexact_array, inverse=True)
    W = split(model, eqx.filter(model, eqx.is_inexact_array))

    def outputs(first):
        return jax.vmap(eqx.combine(joined((first, W[1]), model), static))(jnp.asarray(X, float))[:, 0]

    slopes = np.asarray(jax.jacrev(outputs)(W[0])).reshape(16, -1)
    curvature = slopes.T @ slopes / 16
    apart = np.linalg.norm(np.kron(A, S) - curvature) / np.linalg.norm(curvature)
    assert apart < 1e-14 if shift == 0 else apart > 0.2


def test_a_convolutional_network_learns_in_half_the_steps_of_descent():
    """Both see all samples; descent has the best of its rates."""
    X = jnp.asarray(np.random.default_rng(0).standard_normal((48, 1, 6, 6)))
    keys = jax.random.split(KEY, 4)

    def network(one, two):
        return ravelled(nn.Conv2d(1, 3, 3, stride=2, padding=1, key=one), nn.Linear(27, 2, key=two))

    y = 3 * jax.vmap(network(*keys[:2]))(X)
    model = network(*keys[2:])
    start, static = eqx.partition(model, eqx.is_inexact_array)

    def objective(p):
        return jnp.mean(jax.vmap(square)(y, jax.vmap(eqx.combine(p, static))(X)))

    @jax.jit
    @jax.vmap
    def descended(rate):
        def step(_, p):
            return jax.tree.map(lambda w, slope: w - rate * slope, p, jax.grad(objective)(p))

        return objective(jax.lax.fori_loop(0, 24, step, start))

    last = descended(0.2 * 2 ** (jnp.arange(8) / 2))
    assert 0 < jnp.nanargmin(last) < len(last) - 1
    told = run(kfac_model(model, square, X, y, KEY), start, 13)[1]
    assert told.value[0] == pytest.approx(float(objective(start)))
    assert told.value[12] < 0.6 * jnp.nanmin(last)


@pytest.mark.parametrize("layer, words", [
    (nn.Conv1d(2, 4, 3, groups=2, key=KEY), "has 2 groups"),
    (nn.ConvTranspose1d(2, 2, 3, key=KEY), "all parameters in .* of shape"),
], ids=["grouped", "transposed"])  # fmt: skip
def test_other_convolutions_are_refused(layer, words):
    with pytest.raises(StatementError, match=words):
        kfac_model(nn.Sequential([layer]), square, np.ones((3, 2, 8)), np.ones((3, 4, 6)), KEY)
