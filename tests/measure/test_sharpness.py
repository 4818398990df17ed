"""Sharpness at the edge of stability, and noise scales against their definition on given populations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.measure.gradient_noise import gradient_noise_scale
from asymptopia.measure.sharpness import sharpness, sharpness_along


def test_sharpness_of_a_quadratic():
    curvatures = jnp.array([0.5, 3.0, 7.0])
    assert sharpness(lambda w: jnp.sum(curvatures * w["a"] ** 2) / 2, {"a": jnp.ones(3)}) == pytest.approx(7, abs=1e-12)


@pytest.fixture(scope="module")
def digits():
    from sklearn.datasets import load_digits

    data = load_digits()
    X, Y = data.images[:200].reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)) / 8, np.eye(10)[data.target[:200]]
    X = X.reshape(-1, 16) - X.reshape(-1, 16).mean(axis=0)  # pixels four by four: all eigenvalues are soon computed
    rng = np.random.default_rng(0)
    start = {"a": rng.standard_normal((16, 16)) / 4, "b": rng.standard_normal((16, 10)) / 4}

    def loss(p):
        return jnp.mean(jnp.sum((jnp.tanh(X @ p["a"]) @ p["b"] - Y) ** 2, axis=1)) / 2

    return loss, jax.tree.map(jnp.asarray, start)


@pytest.mark.runs_long
@pytest.mark.parametrize("rate", [0.6, 0.7])
def test_full_batches_train_at_the_edge_of_stability(digits, rate):
    training = sharpness_along(*digits, rate=rate, steps=2000, every=100)
    assert training.sharpness[1] < 0.97 * training.edge, "it starts where descent is stable"
    assert training.losses[-1] < 0.25 * training.losses[0]
    late = training.sharpness[-5:]
    assert (np.abs(late / training.edge - 1) < 0.05).all()
    assert training.sharpness[-1] == pytest.approx(sharpness(digits[0], training.parameters), rel=1e-9)


def squared(p, sample):
    x, y = sample
    return (x @ p - y) ** 2 / 2


def test_noise_scales_are_those_of_the_population():
    """Of y = x.w + noise with normal x: the covariance of a gradient is known."""
    d, n, noise = 5, 20_000, 0.7
    rng = np.random.default_rng(1)
    spread = np.linspace(0.5, 2, d)
    X = rng.standard_normal((n, d)) * spread
    w = np.linspace(1, 2, d)
    y = noise * rng.standard_normal(n)
    value, error, *_ = gradient_noise_scale(squared, jnp.asarray(w), (X, y), chunk=3000)
    H = np.diag(spread**2)
    G, energy = H @ w, w @ H @ w
    S = (energy + noise**2) * H + np.outer(G, G)  # E e^2 x x^T - G G^T by Wick's theorem
    assert abs(value - np.trace(S) / (G @ G)) < 4 * error and error < 0.1 * value


def test_the_jackknife_is_the_one_sample_by_sample():
    rng = np.random.default_rng(2)
    X, y, w = rng.standard_normal((12, 2)) + 2, rng.standard_normal(12), jnp.array([1.0, 2.0])
    value, error, *_ = gradient_noise_scale(squared, w, (X, y), chunk=5)
    g = (X @ np.asarray(w) - y)[:, None] * X

    def simple(g):
        noise = g.var(axis=0, ddof=1).sum()
        return noise / (np.sum(g.mean(axis=0) ** 2) - noise / len(g))

    without = np.array([simple(np.delete(g, i, axis=0)) for i in range(12)])
    assert value == pytest.approx(simple(g), rel=1e-10)
    assert error == pytest.approx(np.sqrt(11 * without.var()), rel=1e-10)


def test_bad_input_is_said(digits):
    loss, start = digits
    with pytest.raises(StatementError, match="rate"):
        sharpness_along(loss, start, rate=0.0, steps=10)
    with pytest.raises(StatementError, match="every"):
        sharpness_along(loss, start, rate=0.1, steps=10, every=20)
    with pytest.raises(StatementError, match="diverged"):
        sharpness_along(lambda w: jnp.sum(w**4), jnp.ones(2), rate=1.0, steps=20)
    with pytest.raises(StatementError, match="samples"):
        gradient_noise_scale(lambda p, x: jnp.sum(p) * x, jnp.ones(2), np.ones(2))
    few = gradient_noise_scale(lambda p, x: p[0] * x, jnp.ones(1), np.array([1.0, -1.0, 0.1]))
    assert np.isnan(few[:3]).all() and few.high == np.inf, "no mean gradient is seen"
