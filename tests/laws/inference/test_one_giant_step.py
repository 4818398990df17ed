"""One giant step: random features without it, the rows after it, derivatives of the minimum, and wrong laws."""

from dataclasses import replace

import numpy as np
import pytest

from asymptopia import StatementError, confront
from asymptopia.laws.inference.one_giant_step import OneGiantStep, experiment
from asymptopia.laws.inference.one_giant_step import theory as theory
from asymptopia.laws.inference.one_giant_step.theory import weights
from asymptopia.laws.inference.random_features import RandomFeatures
from asymptopia.parts.activation import Erf, Identity, Relu, Sign, Tanh
from asymptopia.parts.channel import Linear
from asymptopia.parts.channel import Sign as SignOf
from asymptopia.parts.loss import Square


@pytest.mark.parametrize("activation", [Erf(), Tanh(), Identity()], ids=repr)
@pytest.mark.parametrize(("alpha", "features", "flip"), [(2.0, 2.0, 0.0), (0.7, 3.0, 0.1), (4.0, 0.5, 0.2)])
def test_without_a_step_it_is_regression_on_random_features(activation, alpha, features, flip):
    fields = dict(alpha=alpha, features=features, activation=activation, ridge=0.3, teacher=SignOf(flip))
    ours, known = OneGiantStep(step=0.0, **fields).limit(), RandomFeatures(loss=Square(), **fields).limit()
    for name in ("test_error", "train_loss"):
        assert float(ours[name]) == pytest.approx(float(known[name]), rel=1e-8)


def test_the_rows_after_the_step():
    """Moments over many units of one network, against those that the theory takes."""
    law, rng, d, units = OneGiantStep(step=3.0, alpha0=1.5), np.random.default_rng(0), 300, 6000
    star = experiment._directions(1, d, rng)[0]
    W = experiment._directions(units, d, rng)
    X = rng.standard_normal((round(law.alpha0 * d), d))
    y = np.sign(X @ star)
    rows = W + law.step * experiment._pull(law, W, X, y)
    g = X.T @ y / len(X)
    spike = law.step * law.activation.moments().mu1 * np.sqrt(d) * g
    b = rows - spike
    k = (np.sum(b**2, axis=1) - np.mean(np.sum(b**2, axis=1))) / np.sqrt(d)
    s = theory.spiked(law)
    close = 6 / np.sqrt(units) + 6 / d
    assert np.linalg.norm(spike) / np.sqrt(d) == pytest.approx(s.theta, rel=4 / np.sqrt(d))
    assert np.var(k) == pytest.approx(s.lengths, rel=2 * close)
    assert np.mean(k * (b @ g)) == pytest.approx(s.link * s.g, rel=4 / np.sqrt(d) + close)
    assert np.mean(b**2) == pytest.approx(1 + s.tau, rel=0.01)
    S = X.T @ X / len(X)
    for direction in (g, star / np.sqrt(d), np.linalg.eigh(S)[1][:, -1]):
        assert np.mean((b @ direction) ** 2) == pytest.approx(
            direction @ direction + s.tau * direction @ S @ direction, rel=2 * close
        )


def test_averages_over_the_data_of_the_step_are_those_of_matrices():
    law, rng, d = OneGiantStep(step=2.0, alpha0=0.7), np.random.default_rng(1), 1200
    s = theory.spiked(law)
    population = weights.Population(replace(s, link=0.0), law.alpha0)
    star = experiment._directions(1, d, rng)[0]
    X = rng.standard_normal((round(law.alpha0 * d), d))
    y, S = np.sign(X @ star), X.T @ X / len(X)
    g = X.T @ y / len(X)
    R = np.linalg.inv(np.eye(d) + 0.4 * (np.eye(d) + s.tau * S))
    spike = g / np.linalg.norm(g)
    rest = star / np.sqrt(d) - (star @ spike) / np.sqrt(d) * spike
    basis = np.stack([spike, rest / np.linalg.norm(rest)])
    np.testing.assert_allclose(basis @ R @ basis.T, population.resolvent(0.4).real[:2, :2], atol=3 / np.sqrt(d))
    assert np.trace(R) / d == pytest.approx(population.mean(1 / (1 + 0.4 * population.omega)), rel=2e-3)
    assert population.mean(np.ones_like(population.points)) == pytest.approx(1, abs=1e-9)
    assert population.mean(population.points**2) == pytest.approx(1 + 1 / law.alpha0, abs=1e-9)


@pytest.mark.parametrize(
    "law", [OneGiantStep(), OneGiantStep(step=5.0, alpha0=0.6, alpha=3.0, activation=Tanh())], ids=("erf", "tanh")
)
def test_the_minimum_grows_with_the_ridge_as_the_norm(law):
    def least(ridge):
        limit = law.replace(ridge=ridge).limit()
        return float(law.alpha * limit["train_loss"] + ridge * law.features * limit["norm"] / 2)

    h = 1e-3
    slope = (least(law.ridge + h) - least(law.ridge - h)) / (2 * h)
    assert slope == pytest.approx(float(law.features * law.limit()["norm"] / 2), rel=1e-3)


def test_a_step_learns_what_random_features_cannot():
    """With many samples for both stages random features stay linear: their loss is at least (1 - 2/pi)/2."""
    wide = dict(alpha=60.0, alpha0=60.0, features=60.0, ridge=1e-2)
    linear = OneGiantStep(step=0.0, **wide).limit()
    learned = OneGiantStep(step=8.0, **wide).limit()
    assert linear["test_loss"] >= (1 - 2 / np.pi) / 2
    assert learned["test_loss"] < 0.6 * linear["test_loss"]


class WithoutStep(OneGiantStep):
    def predict(self):
        return theory.predict(self.replace(step=0.0))


class Isotropic(OneGiantStep):
    """The step moves the weights along the spike alone."""

    def predict(self):
        known = theory.spiked
        theory.spiked = lambda law: replace(known(law), tau=0.0, link=0.0, lengths=0.0)
        try:
            return theory.predict(self)
        finally:
            theory.spiked = known


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(step=4.0, alpha=3.0, features=1.5, ridge=0.2)
    experiment = OneGiantStep(**fields).experiment(sizes=(30, 60, 120), seeds=100)
    assert confront(OneGiantStep(**fields), experiment).verdict != "disagrees"
    for wrong in (WithoutStep, Isotropic):
        assert confront(wrong(**fields), experiment).verdict == "disagrees"


def test_statements_are_checked():
    with pytest.raises(StatementError, match="odd"):
        OneGiantStep(activation=Relu()).limit()
    with pytest.raises(StatementError, match="jump"):
        OneGiantStep(activation=Sign()).limit()
    with pytest.raises(StatementError, match="teacher"):
        OneGiantStep(teacher=Linear()).limit()
    with pytest.raises(StatementError, match="flip"):
        OneGiantStep(teacher=SignOf(flip=0.5)).limit()
