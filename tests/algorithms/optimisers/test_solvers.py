"""The other optimisers on one small problem: each lowers the loss, keeps what it grants, and refuses bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import (
    CrossEntropy,
    Network,
    admm,
    auxiliary_coordinates,
    from_optax,
    kfac,
    levenberg_marquardt,
    run,
    stochastic,
)
from asymptopia.algorithms.optimisers.auxiliary import _preactivations
from asymptopia.algorithms.optimisers.kfac import _precondition
from asymptopia.parts.activation import Relu, Tanh
from asymptopia.parts.loss import Square

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 4))
Y = np.sin(X[:, :1]) + X[:, 1:2] * X[:, 2:3]
NET = Network((4, 8, 1), Tanh(), Square())
START = NET.draw(jax.random.key(0))


def outputs(parameters):
    return NET.outputs(parameters, jnp.asarray(X))


def loss(z):
    return jnp.mean((z - Y) ** 2) / 2


def test_levenberg_marquardt_is_monotone_and_finds_an_exact_fit():
    told = run(levenberg_marquardt(outputs, loss, damping=0.1, iterations=60, tolerance=1e-6), START, 60)[1]
    value = np.asarray(told.value)
    np.testing.assert_allclose(np.diff(value), -np.asarray(told.guaranteed)[:-1], atol=1e-14)
    assert (np.diff(value) <= 0).all() and value[-1] < 1e-3 * value[0]


def test_a_step_of_levenberg_and_marquardt_solves_the_damped_equations():
    flat, back = jax.flatten_util.ravel_pytree(START)
    J = jax.jacobian(lambda v: outputs(back(v)).ravel())(flat)
    residual = outputs(START) - Y
    p = np.linalg.solve(J.T @ J / len(X) + 0.5 * np.eye(len(flat)), -J.T @ residual.ravel() / len(X))
    reached = run(levenberg_marquardt(outputs, loss, damping=0.5, iterations=200, tolerance=1e-12), START, 1)[0]
    np.testing.assert_allclose(jax.flatten_util.ravel_pytree(reached)[0] - flat, p, atol=1e-8)


def test_auxiliary_coordinates_descend_by_what_is_granted():
    told = run(auxiliary_coordinates(NET, X, Y, penalty=2.0), START, 60)[1]
    value, granted = np.asarray(told.value), np.asarray(told.guaranteed)
    assert value[0] == pytest.approx(float(NET.objective(START, X, Y)), rel=1e-12)
    assert (np.diff(value) + granted[:-1] <= 1e-13).all() and (granted > 0).all()
    assert value[-1] < 0.5 * value[0]


def test_admm_lowers_the_loss():
    told = run(admm(NET, X, Y, penalty=1.0), START, 60)[1]
    assert float(told.value[-1]) < 0.6 * float(told.value[0])
    assert np.isnan(np.asarray(told.guaranteed)).all()


@pytest.mark.parametrize("activation", [Relu(), Tanh()], ids=str)
def test_its_preactivations_are_the_nearest(activation):
    made, a = RNG.standard_normal((2, 50))
    grid = np.linspace(-6, 6, 24001)
    costs = (a[:, None] - activation(grid)) ** 2 + (grid - made[:, None]) ** 2
    z = jnp.asarray(made)
    for _ in range(10):
        z = _preactivations(activation, z, jnp.asarray(made), jnp.asarray(a))
    values = (a - np.asarray(activation(z))) ** 2 + (np.asarray(z) - made) ** 2
    np.testing.assert_allclose(values, costs.min(axis=1), atol=1e-4)


def test_kfac_beats_gradient_descent_per_gradient():
    labels = (Y[:, 0] > 0).astype(int)
    network = Network((4, 8, 2), Relu(), CrossEntropy())
    parameters = network.draw(jax.random.key(2))
    ours = run(kfac(network, X, labels, jax.random.key(3)), parameters, 30)[1]
    plain = from_optax(optax.sgd(0.5), lambda p: network.objective(p, jnp.asarray(X), jnp.asarray(labels)))
    theirs = run(plain, parameters, 90)[1]
    assert float(ours.work.sum()) == pytest.approx(90)
    assert ours.value[-1] < 0.5 * theirs.value[-1]


def test_the_factors_are_inverted_as_a_kronecker_product():
    A, S, G = np.diag([1.0, 2.0]) + 0.1, np.diag([3.0, 0.5, 1.0]), RNG.standard_normal((2, 3))
    lam = 0.3
    pi = np.sqrt(np.trace(A) / 2 / (np.trace(S) / 3))
    left, right = A + pi * np.sqrt(lam) * np.eye(2), S + np.sqrt(lam) / pi * np.eye(3)
    expected = -np.linalg.solve(np.kron(left, right), G.ravel()).reshape(2, 3)
    preconditioned = _precondition(*map(jnp.asarray, (A, S, lam, G)))
    np.testing.assert_allclose(preconditioned, expected, rtol=1e-10)


def test_averaged_majorisers_learn_from_mini_batches():
    result, told = run(stochastic(NET, X, Y, jax.random.key(4), 10, radius=0.2), START, 600)
    assert float(NET.objective(result, X, Y)) < 0.6 * float(told.value[0])
    assert float(told.work[0]) == pytest.approx(1 / 6)


def test_bad_input_is_named():
    with pytest.raises(StatementError, match="`damping` must be finite and > 0, but is -1"):
        levenberg_marquardt(outputs, loss, damping=-1.0)
    with pytest.raises(StatementError, match="`penalty`"):
        auxiliary_coordinates(NET, X, Y, penalty=0.0)
    with pytest.raises(StatementError, match="shape"):
        kfac(NET, X, Y[:-1], jax.random.key(0))
    with pytest.raises(StatementError, match="parameters must be finite"):
        kfac(NET, X, Y, jax.random.key(0)).init(tuple(np.nan * W for W in START))
    with pytest.raises(StatementError, match="`steps` must be a whole number >= 1"):
        run(admm(NET, X, Y), START, 0)
