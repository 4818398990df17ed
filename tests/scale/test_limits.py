"""The exponents derived from a step's code, against those of the theory (Yang and Hu, ICML 2021)."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia.contract.record import NoLimit
from asymptopia.derive import exponents
from asymptopia.scale import scale
from asymptopia.scale.limits import derived_exponents

X = np.random.default_rng(0).normal(size=(6, 4))
Y = np.sin(X[:, 0])


def perceptron(last, optimiser, factor=1.0):
    """Standard normal weights times (1/2, n**-1/2, n**last), the second one also behind its layer."""

    def step(n, seed):
        first, second, third = jax.random.split(jax.random.key(seed), 3)
        weights = {
            "a": jax.random.normal(first, (4, n)) / 2,
            "b": jax.random.normal(second, (n, n)) / n ** (0.5 - factor / 2),
            "c": jax.random.normal(third, (n, 1)) * n**last,
        }

        def loss(w):
            h = jnp.tanh(jnp.tanh(X @ w["a"]) @ w["b"] * n ** (-factor / 2))
            return jnp.mean(((h @ w["c"])[:, 0] - Y) ** 2)

        return weights, optimiser, loss

    return step


GAINS = "initial gain", "gain of changes", "gain of updates"
MEAN_FIELD, STANDARD = -1.0, -0.5


@pytest.mark.parametrize(
    ("last", "optimiser", "degree", "second", "third"),
    [
        (MEAN_FIELD, optax.adam(0.01), 0.0, (0, 0, 1), (-0.5, 0, 1)),
        (STANDARD, optax.adam(0.01), 0.0, (0, 0, 1), (0, 0.5, 1)),
        (MEAN_FIELD, optax.sgd(0.1), 1.0, (0, 0, 0), (-0.5, 0, 1)),
        (STANDARD, optax.sgd(0.1), 1.0, (0, 0, 0.5), (0, 0.5, 1)),
    ],
    ids=["mean field, Adam", "standard, Adam", "mean field, descent", "standard, descent"],
)
def test_derived_gains_are_those_of_the_theory(last, optimiser, degree, second, third):
    derived = derived_exponents(perceptron(last, optimiser, 0.0), degree)
    assert derived.reason is None
    for name, expected in (("['b']", second), ("['c']", third)):
        seen = [derived.values.get((name, gain)) for gain in GAINS]
        assert all(s is None or s == e for s, e in zip(seen, expected, strict=True)), (name, seen)
        assert seen[0] is not None and seen[2] is not None
    assert derived.values["['a']", "gain of updates"] == (0 if degree == 0 else -1 if last == MEAN_FIELD else -0.5)
    assert ("['a']", "gain of changes") not in derived.values, "the data do not change"


def test_the_factor_behind_a_layer_belongs_to_it():
    derived = derived_exponents(perceptron(MEAN_FIELD, optax.adam(0.01), 1.0), 0.0)
    assert derived.values["['b']", "initial gain"] == 0
    assert derived.values["['b']", "gain of updates"] == 0.5


def test_measured_and_derived_exponents_stand_together():
    result = scale(perceptron(MEAN_FIELD, optax.sgd(0.1)), (16, 32, 64), seeds=2, steps=1)
    rows = {(row.layer, row.quantity): row for row in result.rows}
    assert result.underived is None
    for key in (("['b']", "initial gain"), ("['b']", "gain of changes"), ("['a']", "gain of updates")):
        assert abs(rows[key].exponent.value - rows[key].derived) < 0.25, rows[key]


def test_a_program_of_numpy_has_a_reason():
    def step(n, seed):
        a, b = (jnp.asarray(np.random.default_rng(seed).normal(size=shape)) for shape in ((4, n), (n, n)))
        return (a, b), optax.sgd(0.1), lambda w: jnp.mean((jnp.tanh(X @ w[0]) @ w[1] / n) ** 2)

    derived = derived_exponents(step, 1.0)
    assert not derived.values and "make it with jax.numpy" in derived.reason


def test_powers_of_sums():
    """n of order one, their mean, and a sum of random signs, which has no power that a net of points could see."""

    def program(n, key):
        x = jax.random.normal(key, (n,))
        h = jnp.tanh(x)
        return {"sum": jnp.sum(h**2), "mean": jnp.mean(h**2), "nothing": 0.0 * jnp.sum(h), "signs": jnp.sum(h**3)}

    powers = exponents(program)
    assert (powers["sum"], powers["mean"]) == (1, 0)
    assert np.isnan(powers["nothing"]) and np.isnan(powers["signs"])


def test_too_many_samples_are_refused_before_any_work():
    def program(n, key):
        h = jnp.tanh(jnp.ones((3000, 2)) @ jax.random.normal(key, (2, n)))
        return {"mean": jnp.mean(h**2)}

    with pytest.raises(NoLimit, match="3000 numbers.*take fewer"):
        exponents(program)
