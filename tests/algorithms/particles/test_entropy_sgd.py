"""Entropy-SGD as an optax optimiser: quadratic losses, order of the inner steps, minibatches, what it must be given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.algorithms.particles.entropy_sgd import entropy_sgd, local_average, local_entropy_gradient


def test_the_inner_average_is_of_second_order():
    """In a quadratic potential the scheme's variance is exact at any step; Euler's would be T / k / (1 - k h / 2)."""

    mean = local_average(lambda y, i: 1.5 * y, np.zeros(4000), 0.5, 0.7, 400, 0.4, jax.random.key(0), lambda y: y**2)
    error = float(mean.std()) / 4000**0.5
    euler = 0.7 / 2 / (1 - 0.4)
    assert error < 0.02 * (euler - 0.35) and float(mean.mean()) == pytest.approx(0.35, abs=4 * error)


def test_trees_of_parameters_and_other_optimisers():
    import optax

    gamma, stiffness = 0.5, {"a": 2.0, "b": jnp.asarray([1.0, 4.0])}
    params = {"a": jnp.asarray(1.5), "b": jnp.asarray([-1.0, 2.0])}

    def grad_fn(p, i):
        return jax.tree.map(lambda k, v: k * v, stiffness, p)

    smoothed = local_entropy_gradient(gamma, 1e-8, 200, 0.1, jax.random.key(1))
    updated, _ = smoothed.update(params, smoothed.init(params), params, grad_fn=grad_fn)
    for k in params:
        soft = stiffness[k] * gamma / (stiffness[k] + gamma)
        np.testing.assert_allclose(updated[k], soft * params[k], atol=2e-2)
    optimiser = optax.chain(smoothed, optax.sgd(0.5, momentum=0.5))
    state = optimiser.init(params)
    for _ in range(15):
        change, state = optimiser.update(params, state, params, grad_fn=grad_fn)
        params = optax.apply_updates(params, change)
    assert all(float(jnp.abs(v).max()) < 0.3 for v in jax.tree.leaves(params))


def test_each_minibatch_is_used_once():

    batches = jnp.arange(6.0)
    optimiser = entropy_sgd(1.0, 1.0, 0.0, 3, 1.0, jax.random.key(0))
    x = jnp.zeros(())
    state = optimiser.init(x)
    seen = []
    for _ in range(2):
        change, state = optimiser.update(x, state, x, grad_fn=lambda p, i: -batches[i])
        seen.append(float(change))
    # with rate * gamma = 1 an inner step lands on the batch's value; weights 1, 2, 3 of 6, none for the start
    assert seen == pytest.approx([(0 * 1 + 1 * 2 + 2 * 3) / 6, (3 * 1 + 4 * 2 + 5 * 3) / 6], abs=1e-12)


def test_it_finds_the_wide_valley_where_gradient_descent_stays_in_the_narrow_one():

    def loss(x):
        return x**2 / 20 - 0.5 * jnp.exp(-((x + 1) ** 2) / 0.005) - 0.4 * jnp.exp(-((x - 1) ** 2) / 0.5)

    grad = jax.grad(loss)
    optimiser = entropy_sgd(1.0, 0.3, 0.25, 400, 4e-3, jax.random.key(2))

    def step(carry, _):
        x, state = carry
        change, state = optimiser.update(grad(x), state, x, grad_fn=lambda p, i: grad(p))
        return (x + change, state), x

    x = jnp.asarray(-0.9)
    _, path = jax.lax.scan(step, (x, optimiser.init(x)), None, 400)
    for _ in range(200):
        x = x - 4e-3 * grad(x)
    assert float(x) == pytest.approx(-1, abs=0.02)
    assert float(path[-50:].mean()) > 0.5


def test_it_says_what_it_must_be_given():

    optimiser = entropy_sgd(0.1, 1.0, 0.1, 5, 0.1, jax.random.key(0))
    x = jax.numpy.zeros(2)
    with pytest.raises(ValueError, match="must be given the parameters and `grad_fn`"):
        optimiser.update(x, optimiser.init(x), x)


def test_inner_steps_that_diverge_are_no_answer():
    with pytest.raises(ValueError, match="`rate` times `gamma` must be"):
        local_entropy_gradient(10.0, 0.1, 10, 0.3, jax.random.key(0))
    steep = entropy_sgd(0.1, 0.5, 0.1, 2000, 0.5, jax.random.key(0))
    state = steep.init(jnp.ones(2))
    with pytest.raises(FloatingPointError, match="shorter `rate`"):
        steep.update(jnp.ones(2), state, jnp.ones(2), grad_fn=lambda p, i: 100.0 * p)


@pytest.mark.parametrize("transform", [jax.jit, lambda f: jax.jit(jax.vmap(f))], ids=["jit", "vmap"])
@pytest.mark.filterwarnings("ignore")  # what the runtime logs of an error inside a program
def test_a_compiled_update_says_so_too(transform):
    steep = entropy_sgd(0.1, 0.5, 0.1, 2000, 0.5, jax.random.key(0))

    def moved(x, stiffness):
        return steep.update(x, steep.init(x), x, grad_fn=lambda p, i: stiffness * p)[0]

    update, x = transform(moved), jnp.ones((3, 2))
    assert np.isfinite(update(x, jnp.ones(3)[:, None])).all()
    with pytest.raises((RuntimeError, ValueError), match="shorter `rate`"):
        update(x, jnp.asarray([1.0, 100.0, 1.0])[:, None]).block_until_ready()
