"""The prox-linear law against the balance of signs, the guarantees themselves, and a wrong constant."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from asymptopia import StatementError, confront
from asymptopia.algorithms.optimisers.prox_linear import prox_linear
from asymptopia.laws.optimisation.prox_linear import ProxLinear
from asymptopia.parts.loss import Absolute, Huber, Logistic, Square


def test_orthogonal_errors_balance_the_signs():
    angle = brentq(lambda f: 2 * f + math.sin(2 * f) - math.pi / 2, 0, 1, xtol=1e-15)
    assert ProxLinear().predict()["contraction"] == pytest.approx(math.tan(angle) ** 2 / 2, abs=1e-7)


@pytest.mark.parametrize("c", [0.3, -0.7])
def test_the_model_error_is_least_there(c):
    rng = np.random.default_rng(0)
    u, w = rng.standard_normal((2, 200_000))
    target = (c * u + math.sqrt(1 - c * c) * w) ** 2
    X = np.stack([2 * u * u, 2 * u * w], axis=1)
    at = np.linalg.lstsq(X, target, rcond=None)[0]
    for _ in range(60):  # iteratively reweighted least squares
        weight = 1 / np.maximum(np.abs(X @ at - target), 1e-9)
        at = np.linalg.solve((X * weight[:, None]).T @ X, X.T @ (weight * target))
    assert ProxLinear(cosine=c).predict()["contraction"] == pytest.approx(np.linalg.norm(at), rel=0.01)


def test_the_experiment_agrees_and_a_wrong_constant_is_refuted():
    class Wrong(ProxLinear):
        def predict(self):
            return super().predict() | {"contraction": 1 / 6}

    experiment = ProxLinear().experiment((4, 10), 8)
    assert confront(ProxLinear(), experiment).verdict != "disagrees"
    assert confront(Wrong(), experiment)["contraction"].verdict == "disagrees"


def problem(loss):
    rng = np.random.default_rng(1)
    A, x = rng.standard_normal((40, 4)), np.array([1.0, -0.5, 0.3, 0.2])
    y = (A @ x) ** 2
    mu = 2 * np.linalg.eigvalsh(A.T @ A / 40)[-1]
    return (loss, y, lambda u: (A @ u) ** 2, lambda u: 2 * (A @ u)[:, None] * A, x + 0.3), 1 / mu


@pytest.mark.parametrize("loss", [Absolute(), Huber(delta=1.0)], ids=str)
def test_every_step_descends_by_what_is_granted(loss):
    given, step = problem(loss)
    trail = prox_linear(*given, step, 12)
    assert (np.diff(trail.values) + trail.guaranteed <= 1e-9 * trail.values[0]).all()
    assert (trail.guaranteed > 0).all() and trail.values[-1] < 1e-3 * trail.values[0]


def test_bad_input_is_named():
    given, step = problem(Square())
    with pytest.raises(StatementError, match="`step` must be finite and > 0, but is -1"):
        prox_linear(*given, -1.0, 3)
    with pytest.raises(StatementError, match="parameters must be finite"):
        prox_linear(*given[:-1], np.full(4, np.nan), step, 3)
    with pytest.raises(StatementError, match="`loss` must depend on y - z only"):
        prox_linear(Logistic(), *given[1:], step, 3)
    with pytest.raises(StatementError, match="must give shapes"):
        prox_linear(*given[:3], lambda u: np.ones((3, 3)), given[-1], step, 3)
    with pytest.raises(StatementError, match="`steps`"):
        prox_linear(*given, step, 0)
