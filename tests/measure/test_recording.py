"""The sharpness that an optimiser records is that of the Hessian, and training is as without it."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError
from asymptopia.measure.recording import recorded
from asymptopia.measure.sharpness import sharpness

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((20, 6)), RNG.standard_normal(20)


def loss(p):
    return jnp.mean((jnp.tanh(X @ p["a"]) @ p["b"] - Y) ** 2)


START = {"a": jnp.asarray(RNG.standard_normal((6, 5))), "b": jnp.asarray(RNG.standard_normal(5))}


def trained(optimiser, steps):
    def one(carried, _):
        parameters, state = carried
        moves, state = optimiser.update(jax.grad(loss)(parameters), state, parameters)
        return (optax.apply_updates(parameters, moves), state), parameters

    return jax.lax.scan(one, (START, optimiser.init(START)), None, length=steps)


def test_it_records_the_largest_eigenvalue_and_trains_as_before():
    (end, state), passed = trained(recorded(optax.adam(0.05), loss, every=4, products=25), 10)
    (plain, _), _ = trained(optax.adam(0.05), 10)
    np.testing.assert_allclose(end["a"], plain["a"], rtol=1e-12)
    rows = state.record.rows()
    np.testing.assert_array_equal(rows["steps"], [0, 4, 8])
    for k, step in enumerate(rows["steps"]):
        at = jax.tree.map(lambda leaf, step=step: leaf[step], passed)
        assert rows["losses"][k] == pytest.approx(float(loss(at)), rel=1e-12)
        assert rows["sharpness"][k] == pytest.approx(sharpness(loss, at), rel=1e-6)


def test_few_products_say_how_little_they_know():
    """A Ritz value is below the largest eigenvalue; an eigenvalue lies within the residual."""
    (_, state), passed = trained(recorded(optax.sgd(0.01), loss, every=1, products=3, most=5), 8)
    rows = state.record.rows()
    assert len(rows["steps"]) == 5
    for k in range(5):
        at = jax.tree.map(lambda leaf, k=k: leaf[k], passed)
        flat, unravel = jax.flatten_util.ravel_pytree(at)
        values = np.linalg.eigvalsh(jax.hessian(lambda v, unravel=unravel: loss(unravel(v)))(flat))
        assert rows["sharpness"][k] <= values[-1] + 1e-9
        assert np.abs(values - rows["sharpness"][k]).min() <= rows["within"][k] > 1e-3


def test_bad_input_is_said():
    with pytest.raises(StatementError, match="`every` must be at least 1"):
        recorded(optax.sgd(0.1), loss, every=0)
    optimiser = recorded(optax.sgd(0.1), loss)
    with pytest.raises(StatementError, match="must be given the parameters"):
        optimiser.update(START, optimiser.init(START))
