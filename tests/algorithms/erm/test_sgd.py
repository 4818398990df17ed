"""Descents of many systems at once, against the same steps written out, and against exact averages over the noise."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.erm.sgd import Schedule, descend, membership
from asymptopia.parts.amplitude import Amplitude
from asymptopia.parts.loss import Logistic, Square

RUNS, N, D = 3, 14, 6


def data(loss, seed=0):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(RUNS, N, D)) / np.sqrt(D), rng.normal(size=(RUNS, N))
    return X, np.sign(y) if loss.margin else y, rng.normal(size=(RUNS, D))


def rngs(count):
    return [np.random.default_rng(i) for i in range(count)]


@pytest.mark.parametrize("loss", [Square(), Logistic(), Amplitude()])
def test_a_full_batch_is_gradient_descent(loss):
    X, y, w = data(loss)
    iterates = descend(X, y, w, loss, Schedule(4, 0.1, ridge=0.3), rngs(RUNS))
    for t in range(5):
        z = np.einsum("rnd,rd->rn", X, w)
        np.testing.assert_allclose(iterates.weights[:, t], w, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(iterates.loss[:, t], loss(y, z).mean(axis=1), rtol=1e-12)
        w = w - 0.1 * (np.einsum("rnd,rn->rd", X, loss.gradient(y, z)) + 0.3 * w)


def test_many_descents_are_what_each_is_alone():
    X, y, w = data(Square())
    schedule = Schedule(5, 0.2, batch=0.4, persistence=2.0, temperature=0.1)
    together = descend(X, y, w, Square(), schedule, rngs(RUNS))
    alone = descend(X[1:2], y[1:2], w[1:2], Square(), schedule, rngs(RUNS)[1:2])
    np.testing.assert_allclose(together.weights[1], alone.weights[0], rtol=1e-12)


def test_rows_of_zeros_are_no_samples():
    X, y, w = data(Logistic())
    more = np.concatenate([X, np.zeros((RUNS, 2, D))], axis=1), np.concatenate([y, np.ones((RUNS, 2))], axis=1)
    one = descend(X, y, w, Logistic(), Schedule(3, 0.5), rngs(RUNS))
    two = descend(*more, w, Logistic(), Schedule(3, 0.5), rngs(RUNS))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_batch_is_its_samples_over_the_share_of_the_batch():
    X, y, w = data(Logistic())
    schedule = Schedule(3, 0.2, batch=0.4, ridge=0.1, persistence=2.0)
    iterates = descend(X, y, w, Logistic(), schedule, rngs(RUNS))
    for r, rng in enumerate(rngs(RUNS)):
        u = w[r]
        for t, member in enumerate(membership(N, schedule, rng)):
            np.testing.assert_allclose(iterates.weights[r, t], u, rtol=1e-12)
            z = X[r] @ u
            u = u - 0.2 * (X[r][member].T @ Logistic().gradient(y[r], z)[member] / 0.4 + 0.1 * u)


@pytest.mark.parametrize("persistence", [1.0, 3.0])
def test_samples_are_in_the_batch_as_often_and_as_long_as_stated(persistence):
    batch, count, steps = 0.3, 20_000, 12
    schedule = Schedule(steps, 1.0, batch=batch, persistence=persistence)
    member = membership(count, schedule, np.random.default_rng(0)).astype(float)
    variance, kept = batch * (1 - batch), 1 - 1 / persistence
    seen = ((member[1:] - batch) * (member[:-1] - batch)).mean() / variance
    error = 4 * np.sqrt((1 + kept) / (1 - kept) / (count * steps))
    assert abs(member.mean() - batch) < error * np.sqrt(variance) and abs(seen - kept) < error


def test_langevin_noise_has_its_temperature():
    """Without data the weights are an autoregression of known variance."""
    rate, ridge, temperature, d = 0.3, 0.5, 0.8, 20_000
    schedule = Schedule(40, rate, ridge=ridge, temperature=temperature)
    w = descend(np.zeros((1, 1, d)), np.zeros((1, 1)), np.zeros((1, d)), Square(), schedule, rngs(1)).weights[0, -1]
    decay = 1 - rate * ridge
    exact = 2 * rate * temperature * (1 - decay**80) / (1 - decay**2)
    assert abs(w.var() / exact - 1) < 4 * np.sqrt(2 / d)


def test_what_does_not_fit_together_is_refused():
    X, y, w = data(Square())
    with pytest.raises(StatementError, match=r"must have shapes .* but have \(3, 14, 6\), \(3, 14\), \(3, 5\)"):
        descend(X, y, w[:, 1:], Square(), Schedule(1, 0.1), rngs(RUNS))
    for wrong in (dict(batch=0.0), dict(batch=1.1), dict(rate=0.0), dict(persistence=0.5), dict(temperature=-1.0)):
        name = next(iter(wrong))
        with pytest.raises(StatementError, match=f"`{name}` must be"):
            Schedule(**(dict(steps=1, rate=0.1) | wrong))
