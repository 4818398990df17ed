"""Kinds of programs: draws and their keys, batches of data, windows, solvers; and what of these is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from asymptopia import NoLimit, derive


def limit_of(program):
    return derive(program, points=1024, nets=4)


def test_a_key_used_on_two_lines_is_refused_with_the_second_line():
    def program(n, key):
        x = jax.random.normal(key, (n,))
        y = jax.random.uniform(key, (n,))
        return {"q": jnp.mean(x * y)}

    line = program.__code__.co_firstlineno + 2
    with pytest.raises(NoLimit, match=rf"test_kinds.py:{line}: .* a key is used for two draws"):
        limit_of(program)


def test_one_line_may_draw_the_same_weights_again():
    def program(n, key):
        def feature(x):
            return jax.random.normal(key, (n, 2)) @ x

        return {"q": feature(jnp.array([1.0, 2.0])) @ feature(jnp.array([1.0, -1.0])) / n}

    assert np.isclose(limit_of(program)["q"], -1.0)


SKEWED = {
    "exponential": (lambda key, shape: jax.random.exponential(key, shape) - 1, 1.0),
    "gumbel": (lambda key, shape: jax.random.gumbel(key, shape) - np.euler_gamma, np.pi**2 / 6),
    "gamma": (lambda key, shape: jax.random.gamma(key, 2.0, shape) - 2, 2.0),
    "poisson": (lambda key, shape: jax.random.poisson(key, 2.0, shape) - 2.0, 2.0),
    "relu": (lambda key, shape: jax.nn.relu(jax.random.normal(key, shape)) - 1 / np.sqrt(2 * np.pi), 0.5 - 0.5 / np.pi),
}


@pytest.mark.parametrize("name", SKEWED)
def test_entries_from_which_their_mean_is_subtracted_have_no_mean(name):
    draw, variance = SKEWED[name]

    def program(n, key):
        y = draw(key, (n, n)) @ jnp.ones(n) / jnp.sqrt(n)
        return {"mean": jnp.mean(y), "square": jnp.mean(y**2)}

    limit = limit_of(program)
    assert abs(limit["mean"]) < 1e-9
    assert np.isclose(limit["square"], variance, rtol=1e-3)


REFUSED = {
    "no finite variance": lambda n, key: jax.random.cauchy(key, (n, n)) @ jnp.ones(n) / n,
    "too sparse": lambda n, key: jax.random.bernoulli(key, 3 / n, (n, n)) @ jnp.ones(n),
    "independent nets": lambda n, key: jax.random.cauchy(key, (n,)),
    "this sum over a wide axis fluctuates": lambda n, key: jnp.sum(jax.random.normal(key, (n,)) ** 2 - 1) / jnp.sqrt(n),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_has_no_such_limit_is_refused(reason):
    with pytest.raises(NoLimit, match=reason) as refusal:
        limit_of(lambda n, key: {"q": jnp.mean(REFUSED[reason](n, key) ** 2)})
    assert reason == "independent nets" or "test_kinds.py:" in str(refusal.value)


def test_an_attention_head_that_is_wide_is_refused_whatever_its_number_of_columns():
    """Its logits q @ k / sqrt(n) are random; so many columns that points do not hold them all orthogonal."""

    def program(n, key):
        k1, k2 = jax.random.split(key)
        x = jax.random.normal(k1, (6, n))
        W = jax.random.normal(k2, (2, 4, n, n)) / jnp.sqrt(n)
        q, k = jnp.einsum("ti,ahij->ahtj", x, W)
        return {"q": jnp.mean(jax.nn.softmax(jnp.einsum("htj,hsj->hts", q, k) / jnp.sqrt(n), -1) ** 2)}

    with pytest.raises(NoLimit, match="fluctuates"):
        limit_of(program)


def test_a_sum_that_is_subtracted_from_a_product_may_fluctuate():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        x = jax.random.normal(k2, (n,))
        y = (jax.random.bernoulli(k1, 0.3, (n, n)) @ x - 0.3 * jnp.sum(x)) / jnp.sqrt(n)
        return {"q": jnp.mean(y**2)}

    assert np.isclose(limit_of(program)["q"], 0.21, rtol=1e-3)


def test_arrays_of_numpy_along_a_wide_axis():
    def program(n, key):
        y = jax.random.normal(key, (n, n)) @ np.linspace(0, 1, n) / np.sqrt(n) + np.ones(n)
        return {"q": jnp.mean(y**2)}

    assert np.isclose(limit_of(program)["q"], 4 / 3, rtol=1e-3)


RATE, BATCHES = 0.3, 3


def scanned(X, y, n):
    return jax.lax.scan(descend, jnp.zeros(n), (X.reshape(BATCHES, n, n), y.reshape(BATCHES, n)))[0]


def sliced(X, y, n):
    def body(i, w):
        part = [jax.lax.dynamic_slice_in_dim(a, i * n, n) for a in (X, y)]
        return descend(w, part)[0]

    return jax.lax.fori_loop(0, BATCHES, body, jnp.zeros(n))


def interleaved(X, y, n):
    folded = X.reshape(n, BATCHES, n).swapaxes(0, 1), y.reshape(n, BATCHES).T
    return jax.lax.scan(descend, jnp.zeros(n), folded)[0]


def descend(w, batch):
    X, y = batch
    return w - RATE * X.T @ (X @ w - y), None


@pytest.mark.parametrize("batches", [scanned, sliced, interleaved])
def test_each_batch_of_the_data_is_seen_once(batches):
    """Fresh batches of n samples multiply the error by 1 - 2 rate + 2 rate^2."""

    def program(n, key):
        k1, k2 = jax.random.split(key)
        X = jax.random.normal(k1, (BATCHES * n, n)) / jnp.sqrt(n)
        truth = jax.random.normal(k2, (n,))
        return {"error": jnp.mean((batches(X, X @ truth, n) - truth) ** 2)}

    assert np.isclose(limit_of(program)["error"], (1 - 2 * RATE + 2 * RATE**2) ** BATCHES, atol=1e-5)


def test_a_matrix_of_several_outputs_is_folded_and_unfolded():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        W, x = jax.random.normal(k1, (n, 3 * n)) / jnp.sqrt(n), jax.random.normal(k2, (n,))
        parts = W.reshape(n, n, 3)
        y = jnp.einsum("i,ijk->jk", x, parts)
        whole = parts.reshape(n, 3 * n)
        return {"squares": jnp.mean(y**2, axis=0), "back": jnp.mean((whole @ (W.T @ x)) ** 2)}

    limit = limit_of(program)
    assert np.allclose(limit["squares"], 1)
    # W W' has trace 3 n and eigenvalues of mean 3 and variance 3
    assert np.isclose(limit["back"], 12, atol=1e-4)


def test_pooling_and_convolutions_of_single_channels():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        image, kernel = jax.random.normal(k1, (1, n, 2, 2)), jax.random.normal(k2, (n, 1, 1, 1))
        pooled = jax.lax.reduce_window(image, 0.0, jax.lax.add, (1, 1, 2, 2), (1, 1, 1, 1), "VALID") / 4
        by_channel = jax.lax.conv_general_dilated(image, kernel, (1, 1), "SAME", feature_group_count=n)
        return {"pooled": jnp.mean(pooled**2), "by_channel": jnp.mean(by_channel**2)}

    limit = limit_of(program)
    assert np.isclose(limit["pooled"], 1 / 4)
    assert abs(limit["by_channel"] - 1) < 4 * limit["by_channel_error"] + 1e-6


def test_conjugate_gradients_solve_ridge_regression():
    ridge, alpha = 0.5, 2

    def program(n, key):
        k1, k2 = jax.random.split(key)
        X, truth = jax.random.normal(k1, (alpha * n, n)) / jnp.sqrt(n), jax.random.normal(k2, (n,))
        w, _ = jax.scipy.sparse.linalg.cg(lambda w: X.T @ (X @ w) + ridge * w, X.T @ (X @ truth))
        return {"error": jnp.mean((w - truth) ** 2)}

    def resolvent(ridge):
        return brentq(lambda s: 1 / s - ridge - alpha / (1 + s), 1e-6, 1e3, xtol=1e-14)

    slope = (resolvent(ridge + 1e-4) - resolvent(ridge - 1e-4)) / 2e-4
    assert np.isclose(limit_of(program)["error"], -(ridge**2) * slope, atol=1e-4)


READOUTS = {
    "sum": lambda v, h, n: jnp.sum(v * h, axis=1) / jnp.sqrt(n),
    "scaled before": lambda v, h, n: jnp.mean(-h * v / 2, axis=-1) * -2 * jnp.sqrt(n),
}


@pytest.mark.parametrize("form", READOUTS)
def test_a_readout_may_be_written_as_a_sum(form):
    def outputs(readout):
        def program(n, key):
            k1, k2 = jax.random.split(key)
            v, W = jax.random.normal(k1, (n,)), jax.random.normal(k2, (n, 2))
            f = readout(v, jnp.tanh(jnp.array([[1.0, 0.0], [1.0, 1.0]]) @ W.T), n)
            return {"f": jnp.tanh(f[0] * f[1]) / 10}

        return limit_of(program)["f"]

    assert np.isclose(outputs(READOUTS[form]), outputs(lambda v, h, n: h @ v / jnp.sqrt(n)), rtol=1e-9)


def test_entries_of_a_matrix_may_be_binomial():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        y = (jax.random.binomial(k1, 3, 0.4, (n, n)) - 1.2) @ jax.random.normal(k2, (n,)) / jnp.sqrt(n)
        return {"square": jnp.mean(y**2)}

    limit = derive(program, points=256, nets=4)
    assert abs(limit["square"] - 0.72) < 4 * limit["square_error"] < 0.02


def test_lazy_training_may_be_written_with_sums():
    def trained(output):
        def program(n, key):
            k1, k2 = jax.random.split(key)
            p = jax.random.normal(k1, (n,)), jax.random.normal(k2, (n, 2))
            x = jnp.array([1.0, 0.5])
            p = jax.tree.map(lambda a, b: a - 0.2 * b, p, jax.grad(lambda p: (output(p, x, n) - 1) ** 2)(p))
            return {"f": jnp.tanh(output(p, x, n)) / 10}

        return limit_of(program)["f"]

    summed = trained(lambda p, x, n: jnp.sum(p[0] * jnp.tanh(p[1] @ x)) / jnp.sqrt(n))
    assert np.isclose(summed, trained(lambda p, x, n: p[0] @ jnp.tanh(p[1] @ x) / jnp.sqrt(n)), rtol=1e-9)


def test_a_matrix_is_scaled_by_draws_of_its_rows():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        scale = jax.random.uniform(k2, (n,))
        y = (jax.random.normal(k1, (n, n)) * scale[:, None]) @ jnp.ones(n) / jnp.sqrt(n)
        return {"square": jnp.mean(y**2)}

    limit = limit_of(program)
    assert abs(limit["square"] - 1 / 3) < 4 * limit["square_error"] + 1e-9
