"""SOAP: its steps are those of the paper, it uses Kronecker curvature, and it trains a network in the race."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.optimisers import from_optax, run
from asymptopia.algorithms.optimisers.soap import soap
from asymptopia.algorithms.race import ENTRANTS, Tuned, batches, digits

RNG = np.random.default_rng(0)


def rotated(rng, eigenvalues):
    basis = np.linalg.qr(rng.standard_normal((len(eigenvalues),) * 2))[0]
    return basis * eigenvalues @ basis.T


def written_out(gradients, rate, b1, b2, eps, every):
    """Algorithms 3 and 4 in NumPy for one matrix, the first basis from an eigendecomposition: the updates."""
    m, n = gradients[0].shape
    M, V, L, R = np.zeros((m, n)), np.zeros((m, n)), np.zeros((m, m)), np.zeros((n, n))
    QL, QR, updates = np.eye(m), np.eye(n), []
    for t, G in enumerate(gradients, 1):
        M = b1 * M + (1 - b1) * G
        V = b2 * V + (1 - b2) * (QL.T @ G @ QR) ** 2
        N = (QL.T @ M @ QR / (1 - b1**t)) / (np.sqrt(V / (1 - b2**t)) + eps)
        updates.append(-rate * QL @ N @ QR.T)
        L, R = b2 * L + (1 - b2) * G @ G.T, b2 * R + (1 - b2) * G.T @ G
        if t == 1:
            QL, QR = np.linalg.eigh(L)[1][:, ::-1], np.linalg.eigh(R)[1][:, ::-1]
        elif t % every == 1:
            QL, QR = np.linalg.qr(L @ QL)[0], np.linalg.qr(R @ QR)[0]
    return updates


def applied(method, gradients):
    state, updates = method.init(gradients[0]), []
    for g in gradients:
        update, state = method.update(g, state)
        updates.append(np.asarray(update))
    return updates


def test_steps_equal_the_algorithm_of_the_paper_written_out_in_numpy():
    gradients = list(RNG.standard_normal((6, 4, 5)))
    options = dict(b1=0.8, b2=0.7, eps=1e-3, every=2)
    expected = written_out(gradients, 0.1, **options)
    np.testing.assert_allclose(applied(soap(0.1, **options), gradients), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("shape", "largest"), [((5,), 1024), ((), 1024), ((4, 5), 3)])
def test_vectors_and_long_axes_follow_adam(shape, largest):
    gradients = list(RNG.standard_normal((5, *shape)))
    ours = applied(soap(0.1, 0.9, 0.99, largest=largest), gradients)
    np.testing.assert_allclose(ours, applied(optax.adam(0.1, 0.9, 0.99), gradients), rtol=1e-9, atol=1e-12)


def test_a_long_axis_alone_is_left_in_its_own_coordinates():
    state = soap(0.1, largest=4).init([jnp.zeros((4, 5)), jnp.zeros((2, 3, 4))])[0]
    assert [[None if q is None else q.shape for q in m.bases] for m in state.moments] == [
        [(4, 4), None],
        [(2, 2), (3, 3), (4, 4)],
    ]


def best_loss(method, objective, start, steps):
    def last(rate):
        solver = from_optax(method(optax.linear_schedule(rate, 0, steps)), objective)
        return jax.lax.scan(lambda s, _: solver.step(s), solver.init(start), length=steps)[1].value[-1]

    return float(jax.jit(jax.vmap(last))(jnp.array([0.02, 0.05, 0.1, 0.2, 0.4])).min())


@pytest.mark.parametrize("decays", [(0.95, 0.95), (0.9, 0.999)])
def test_on_a_quadratic_of_kronecker_curvature_it_is_faster_than_adam(decays):
    rng = np.random.default_rng(1)
    A, B = (jnp.asarray(rotated(rng, np.geomspace(1, 1e-3, side))) for side in (6, 8))
    start = jnp.asarray(rng.standard_normal((6, 8)))

    def objective(W):
        return jnp.vdot(W, A @ W @ B) / 2

    ours = best_loss(soap, objective, start, 300)
    assert ours < best_loss(lambda rate: optax.adam(rate, *decays), objective, start, 300) / 4


def test_it_trains_on_batches_of_digits_and_enters_the_race():
    assert isinstance(ENTRANTS["SOAP"], Tuned)
    task = dataclasses.replace(digits(samples=200, hidden=(8,)), key=jax.random.key(1))
    start = task.start(0)
    end, told = run(batches(soap(0.03), task, 50), start, 100)
    assert float(told.work.sum()) == pytest.approx(25)
    assert float(task.objective(end)) < float(task.objective(start)) / 4


@pytest.mark.parametrize(
    "wrong",
    [
        {"b1": 1.0},
        {"b2": -0.1},
        {"eps": 0.0},
        {"every": 0},
        {"every": 1.5},
        {"every": np.nan},
        {"every": np.inf},
        {"b1": np.nan},
        {"largest": -1},
    ],
)
def test_options_out_of_range_are_refused_by_name(wrong):
    with pytest.raises(StatementError, match=f"`{next(iter(wrong))}` must be"):
        soap(0.1, **wrong)
