"""Counts and histograms are sums over a wide axis, and what fluctuates is refused; outputs have names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from asymptopia import NoLimit, derive


def normal(n, key):
    return jax.random.normal(key, (n,))


def shares(n, key):
    x = normal(n, key)
    bins = jnp.searchsorted(jnp.array([-1.0, 0.5]), x)
    return {
        "histogram": jnp.histogram(x, bins=jnp.array([-5.0, -1.0, 0.5, 5.0]))[0] / n,
        "bincount": jnp.bincount(bins, length=3) / n,
        "scatter": jnp.zeros(3).at[bins].add(1.0 / n),
        "moment": jax.ops.segment_sum(x**2, bins, num_segments=3) / n,
    }


def test_histograms_are_probabilities():
    limit = derive(shares)
    cdf = np.concatenate([[0], stats.norm.cdf([-1.0, 0.5]), [1]])
    for name in ("histogram", "bincount", "scatter"):
        assert np.all(np.abs(limit[name] - np.diff(cdf)) < 3 * limit[f"{name}_error"] + 1e-5), name
    at = np.array([-1.0, 0.5])
    below = np.concatenate([[0], stats.norm.cdf(at) - at * stats.norm.pdf(at), [1]])
    assert np.all(np.abs(limit["moment"] - np.diff(below)) < 3 * limit["moment_error"] + 1e-5)


def test_counts_that_are_not_divided_grow():
    with pytest.raises(NoLimit, match=r"grows as n\*\*1"):
        derive(lambda n, key: {"count": jnp.bincount((normal(n, key) > 0).astype(int), length=2)})


def test_the_gradient_of_a_look_up_sums_over_all_who_looked():
    def program(n, key):
        x = normal(n, key)
        table = jnp.array([1.0, 2.0])
        gradient = jax.grad(lambda t: jnp.mean((t[(x > 0).astype(int)] - x) ** 2))(table)
        return {"gradient": gradient}

    limit = derive(program)
    expected = np.array([1 + np.sqrt(2 / np.pi), 2 - np.sqrt(2 / np.pi)])
    assert np.all(np.abs(limit["gradient"] - expected) < 3 * limit["gradient_error"] + 1e-5)


def test_what_depends_on_the_order_of_coordinates_is_refused():
    with pytest.raises(NoLimit, match="`scatter` along a wide axis depends on the order"):
        derive(lambda n, key: {"last": jnp.zeros(2).at[(normal(n, key) > 0).astype(int)].set(normal(n, key))})


@pytest.mark.parametrize(("returned", "said"), [({}, "no output"), (None, "NoneType"), (1.0, "an array")])
def test_a_program_returns_outputs_by_name(returned, said):
    with pytest.raises(NoLimit, match=f"must return a dict of outputs by name, but returns .*{said}"):
        derive(lambda n, key: returned)


def test_a_shared_shift_of_modest_size_is_seen():
    """The mean of the entries times the sum of the inputs: a random shift that changes the output by six per cent."""

    def program(n, key):
        k1, k2 = jax.random.split(key)
        matrix = jax.random.normal(k1, (n, n)) + 0.5
        matrix = matrix / jnp.linalg.norm(matrix, axis=1, keepdims=True)
        return {"q": jnp.mean(jnp.tanh(2 * matrix @ jax.random.normal(k2, (n,))) ** 2)}

    with pytest.raises(NoLimit, match="fluctuates"):
        derive(program)


def test_a_mask_times_signal_and_noise_has_no_mean_of_its_own():
    """Masked entries act as the signal with more noise; a spurious mean of 1e-4 would be an outlier of its own."""

    def overlaps(matrix, n, keys):
        u, v = jax.random.normal(keys[0], (n,)), jax.random.normal(keys[1], (2 * n,))
        seen = matrix(2 * jnp.outer(u, v) / jnp.sqrt(n)) / jnp.sqrt(n)
        x = v + jax.random.normal(keys[2], (2 * n,))
        for _ in range(3):
            y = seen @ x
            x = seen.T @ (y / jnp.sqrt(jnp.mean(y**2)))
        return {"overlap": jnp.mean(x * v) / jnp.sqrt(jnp.mean(x**2))}

    def masked(n, key):
        *keys, a, b = jax.random.split(key, 5)
        mask, noise = jax.random.bernoulli(a, 0.3, (n, 2 * n)), jax.random.normal(b, (n, 2 * n))
        return overlaps(lambda signal: mask * (signal + noise) / 0.3, n, keys)

    def noisy(n, key):
        *keys, a = jax.random.split(key, 4)
        return overlaps(lambda signal: signal + jax.random.normal(a, (n, 2 * n)) / 0.3**0.5, n, keys)

    one, two = derive(masked), derive(noisy)
    error = np.hypot(one["overlap_error"], two["overlap_error"])
    assert abs(one["overlap"] - two["overlap"]) < 4 * error + 1e-5
