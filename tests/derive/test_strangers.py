"""What programs of others have in them: optimisers with guards, masks, random logits, look-ups."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import NoLimit, derive


def limit_of(program):
    return derive(program, points=2048, nets=8)


def keys(key, count):
    return jax.random.split(key, count)


def test_the_guard_of_adam_does_not_outweigh_vanishing_gradients():
    """Its first step is the sign of the gradient times the rate."""
    optax = pytest.importorskip("optax")

    def program(n, key):
        k1, k2 = keys(key, 2)
        X = jax.random.normal(k1, (2 * n, n)) / jnp.sqrt(n)
        truth = jax.random.normal(k2, (n,))
        optimiser = optax.adam(0.1)
        w = jnp.zeros(n)
        slope = jax.grad(lambda w: jnp.mean((X @ (w - truth)) ** 2) / n)(w)
        w = w + optimiser.update(slope, optimiser.init(w))[0]
        return {"overlap": w @ truth / n, "norm": w @ w / n}

    # the gradient is -X'X truth, of which truth has the cosine 2 / sqrt(2 * 3)
    limit = limit_of(program)
    assert np.isclose(limit["norm"], 0.01, rtol=1e-9)
    assert abs(limit["overlap"] - 0.1 * np.sqrt(2 / np.pi) * 2 / np.sqrt(6)) < 4 * limit["overlap_error"] + 1e-5


@pytest.mark.parametrize("form", ["product", "where", "where not"])
def test_a_mask_of_weights_has_no_mean_of_its_own(form):
    def program(n, key):
        k1, k2 = keys(key, 2)
        W = jax.random.normal(k1, (n, n)) / jnp.sqrt(n)
        mask = jax.random.bernoulli(k2, 0.8, (n, n))
        masked = {"product": mask * W, "where": jnp.where(mask, W, 0.0), "where not": jnp.where(~mask, 0.0, W)}[form]
        y = masked @ jnp.ones(n)
        return {"mean": jnp.mean(y), "square": jnp.mean(y**2)}

    limit = limit_of(program)
    assert abs(limit["mean"]) < 1e-6
    assert abs(limit["square"] - 0.8) < 4 * limit["square_error"] + 1e-6


@pytest.mark.parametrize("chance", [0.3, 0.8])
def test_a_centred_mask_has_mean_zero(chance):
    def program(n, key):
        A = (jax.random.bernoulli(key, chance, (n, n)) - chance) / jnp.sqrt(n)
        return {"square": jnp.mean((A @ jnp.ones(n)) ** 2)}

    assert abs(limit_of(program)["square"] - chance * (1 - chance)) < 1e-4


def test_two_fresh_draws_have_a_random_product():
    def program(n, key):
        k1, k2 = keys(key, 2)
        logits = jax.random.normal(k1, (2, n)) @ jax.random.normal(k2, (n,)) / jnp.sqrt(n)
        return {"cosine": jnp.mean(jnp.cos(logits))}

    limit = limit_of(program)
    assert abs(limit["cosine"] - np.exp(-0.5)) < 4 * limit["cosine_error"] < 0.1


def test_a_logit_of_one_wide_head_is_refused_and_divided_by_n_is_not():
    def program(n, key, scale):
        k1, k2, k3 = keys(key, 3)
        x = jax.random.normal(k1, (3, n))
        Q, K = (jax.random.normal(k, (n, n)) / jnp.sqrt(n) for k in (k2, k3))
        return {"a": jnp.mean(jax.nn.softmax((x @ Q) @ (x @ K).T * scale) ** 2)}

    assert np.isclose(limit_of(lambda n, key: program(n, key, 1 / n))["a"], 1 / 9)
    with pytest.raises(NoLimit, match="fluctuates"):
        limit_of(lambda n, key: program(n, key, n**-0.5))


def test_entries_chosen_from_a_table():
    def program(n, key):
        patterns = jax.random.choice(key, jnp.array([-1.0, 2.0]), (n, n))
        y = (patterns - 0.5) @ jnp.ones(n)
        return {"square": jnp.mean(y**2) / n}

    assert abs(limit_of(program)["square"] - 9 / 4) < 1e-3


def test_batches_of_matrices_are_stretched_along_narrow_axes():
    def program(n, key):
        k1, k2 = keys(key, 2)
        W, x = jax.random.normal(k1, (n, n)) / jnp.sqrt(n), jax.random.normal(k2, (n,))
        return {"q": jax.vmap(lambda g: jnp.mean((g * W @ x) ** 2))(jnp.array([0.5, 1.0, 2.0]))}

    assert np.allclose(limit_of(program)["q"], [0.25, 1, 4])
