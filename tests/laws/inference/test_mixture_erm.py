"""Gaussian mixtures: Bayes errors, limits in closed form, symmetry, intercepts, thresholds, finite systems, faults."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import linprog
from scipy.stats import norm

from asymptopia import NoLimit, StatementError, confront, sweep, thresholds
from asymptopia.contract.calculus import minimise
from asymptopia.laws.inference.mixture_erm import MixtureERM
from asymptopia.laws.inference.mixture_erm import experiment as experiment
from asymptopia.laws.inference.mixture_erm import theory as theory
from asymptopia.laws.inference.mixture_erm.theory import classes as classes
from asymptopia.parts.loss import Hinge, Huber, Logistic, Square


@pytest.mark.parametrize("alpha", [0.3, 2.0, 10.0])
@pytest.mark.parametrize("s", [0.5, 1.5])
def test_the_bayes_error_of_two_clusters(alpha, s):
    D = 1 / s**2
    law = MixtureERM(alpha=alpha, separation=s)
    exact = norm.sf(1 / np.sqrt(D * (1 + D / alpha)))
    assert law.predict()["bayes_error"] == pytest.approx(exact, rel=1e-12)
    for loss in (Square(), Logistic()):  # any loss is Hebb's rule when the penalty is strong
        assert law.replace(loss=loss, ridge=1e8).predict()["test_error"] == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("loss", [Square(), Logistic(), Hinge(), Huber()], ids=repr)
@pytest.mark.parametrize("balance", [1.0, 0.2])
def test_nothing_beats_the_best_classifier(loss, balance):
    limit = sweep(MixtureERM(loss=loss, balance=balance), ridge=(0.01, 1.0, 100.0)).limit()
    assert np.all(limit.test_error > limit.bayes_error - 1e-12)


@pytest.mark.parametrize("loss", [Square(), Logistic()], ids=repr)
@pytest.mark.parametrize("balance", [1.0, 0.2])
def test_many_samples_give_the_discriminant_of_known_centres(loss, balance):
    s, p = 1.5, balance / (1 + balance)
    law = MixtureERM(alpha=1e8, separation=s, balance=balance, loss=loss)
    best = np.log(p / (1 - p)) / (2 * s)
    known = p * norm.sf(s + best) + (1 - p) * norm.sf(s - best)
    prediction = law.predict()
    assert prediction["bayes_error"] == pytest.approx(known, rel=1e-7)
    if isinstance(loss, Logistic) or balance == 1:  # the labels given x are logistic
        assert prediction["test_error"] == pytest.approx(known, rel=1e-6)


def squares(alpha, s, p, ridge):
    """m, q and intercept of least squares by hand: everything is quadratic."""
    V = ((1 - alpha - ridge) + np.sqrt((1 - alpha - ridge) ** 2 + 4 * ridge)) / (2 * ridge)
    stiff = alpha / (1 + V)
    spread = 4 * p * (1 - p)
    m = stiff * s * spread / (ridge + stiff + stiff * s**2 * spread)
    share = alpha / (1 + V) ** 2 / (ridge + stiff) ** 2
    q = (m**2 + share * spread * (1 - s * m) ** 2) / (1 - share)
    return m, q, (2 * p - 1) * (1 - s * m)


@pytest.mark.parametrize(("alpha", "s", "balance", "ridge"), [(2.0, 1.5, 1.0, 0.1), (0.7, 1.0, 0.3, 0.01)])
def test_least_squares_in_closed_form(alpha, s, balance, ridge):
    p = balance / (1 + balance)
    m, q, b = squares(alpha, s, p, ridge)
    prediction = MixtureERM(alpha=alpha, separation=s, balance=balance, ridge=ridge, loss=Square()).predict()
    assert prediction["overlap"] == pytest.approx(m, rel=1e-9)
    error = p * norm.sf((s * m + b) / np.sqrt(q)) + (1 - p) * norm.sf((s * m - b) / np.sqrt(q))
    assert prediction["test_error"] == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("K", [3, 4, 6])
def test_the_bayes_error_of_many_balanced_clusters(K):
    alpha, s = 2.0, 1.5
    a = np.sqrt(s**2 * K / ((K - 1) * (1 + (K - 1) / (alpha * s**2))))
    exact = 1 - quad(lambda t: norm.pdf(t) * norm.cdf(t + a) ** (K - 1), -12, 12, epsabs=1e-13)[0]
    law = MixtureERM(alpha=alpha, separation=s, clusters=K, loss=Square())
    assert law.predict()["bayes_error"] == pytest.approx(exact, rel=1e-10)
    assert law.replace(ridge=1e8).predict()["test_error"] == pytest.approx(exact, rel=1e-6)


def test_the_error_of_many_classes_against_draws():
    K, s, first = 4, 1.3, 0.1
    m, q, b = np.array([0.8, 0.6]), np.array([1.1, 0.9]), -0.3
    basis, rng, count = classes.simplex_basis(K), np.random.default_rng(1), 400_000
    part = np.array([0, 1, 1])
    label = rng.choice(K, count, p=[first, 0.3, 0.3, 0.3])
    fields = s * m[part] * np.sqrt(K / (K - 1)) * basis[label] + np.sqrt(q[part]) * rng.standard_normal((count, K - 1))
    fields[:, 0] += b
    wrong = np.mean((fields @ basis.T).argmax(axis=1) != label)
    assert abs(theory.error(K, s, first, m, q, b) - wrong) < 4 * np.sqrt(wrong * (1 - wrong) / count)


def test_scores_that_are_too_correlated_are_refused():
    with pytest.raises(ArithmeticError, match="raise `balance`"):
        theory.error(3, 1.0, 0.3, np.ones(2), np.array([0.1, 2.0]), 0.0)


@pytest.mark.parametrize("loss", [Square(), Logistic()], ids=repr)
def test_clusters_of_one_size_are_alike(loss):
    """The first is treated apart from the others; nothing of that must be left."""
    law = MixtureERM(clusters=3, loss=loss)
    m, q, V, b, _ = theory.fixed_point(law, 1, classes.Classes.of(3, loss))
    for pair in (m, q, V):
        assert pair[0, 0] == pytest.approx(pair[0, 1], rel=1e-6)
    assert abs(b[0]) < 1e-7


def test_the_multinomial_proximal_map_is_a_minimum():
    nodes = classes.Classes.of(4, Logistic())
    rng, V = np.random.default_rng(0), np.array([5.0, 0.5, 0.5])
    omega = 3 * rng.standard_normal((50, 3))
    f, value = nodes._logistic(1, omega, V)
    z = omega + V * f

    def cost(z):
        return classes._softmax(z @ nodes.basis.T, 1)[1] + np.sum((z - omega) ** 2 / (2 * V), axis=1)

    assert np.allclose(classes._softmax(z @ nodes.basis.T, 1)[1], value)
    for _ in range(20):
        assert np.all(cost(z) <= cost(z + 1e-3 * rng.standard_normal(z.shape)))


@pytest.mark.parametrize("K", [3, 4, 6])
def test_nodes_integrate_what_they_should(K):
    for loss in (Square(), Logistic()):
        at = classes.Classes.of(K, loss)
        assert at.weights.sum() == pytest.approx(1)
        np.testing.assert_allclose((at.weights[:, None] * at.xi).T @ at.xi, np.eye(K - 1), atol=1e-9)
        np.testing.assert_allclose(at.corners @ at.corners.T, (K * np.eye(K) - 1) / (K - 1), atol=1e-12)
        assert np.allclose(at.corners[0], np.eye(K - 1)[0])


def test_the_stated_error_holds_against_a_finer_rule(monkeypatch):
    law = MixtureERM(clusters=3, ridge=0.01)
    rough = law.predict()
    monkeypatch.setattr(classes, "_ORDERS", {3: (60, 50)})
    fine = law.predict()
    for k in ("test_error", "train_loss", "overlap"):
        assert abs(rough[k] - fine[k]) <= 3 * rough[f"{k}_error"] < 1e-3


def test_separability_is_where_the_training_loss_vanishes():
    law = MixtureERM(separation=1.0, balance=0.4, ridge=1e-6)
    edge = thresholds(law, "alpha")["separability"]
    below, above = sweep(law, alpha=(0.8 * edge, 1.1 * edge)).limit().train_loss.values
    assert below < 3e-4 and above > 0.01


def test_finite_samples_are_separable_below_the_threshold():
    edge = thresholds(MixtureERM(separation=1.0), "alpha")["separability"]
    rng, d = np.random.default_rng(0), 120
    centre = np.eye(d)[0]

    def separable(alpha):
        n = int(alpha * d)
        y = rng.choice((-1.0, 1.0), n)
        X = np.column_stack([y[:, None] * centre + rng.standard_normal((n, d)), np.ones(n)]) * y[:, None]
        return linprog(np.zeros(d + 1), A_ub=-X, b_ub=-np.ones(n), bounds=(None, None)).status == 0

    assert separable(0.7 * edge) and not separable(1.4 * edge)


def test_what_has_no_limit_or_transition_is_refused():
    with pytest.raises(NoLimit, match="must be Logistic"):
        MixtureERM(clusters=3, loss=Hinge()).check()
    with pytest.raises(StatementError, match="no known transition"):
        thresholds(MixtureERM(clusters=3), "alpha")
    with pytest.raises(StatementError, match="`clusters` of MixtureERM must be >= 2"):
        MixtureERM(clusters=1)
    with pytest.raises(NoLimit, match="must be convex"):
        MixtureERM(loss=lambda y, z: (y - z**3) ** 2).limit()


def test_the_best_ridge_of_unequal_clusters_is_finite():
    law = MixtureERM(balance=0.3, alpha=2.0)
    best, least = minimise(law, "test_error", "ridge", 1e-3, 1e6)
    assert 0.1 < best < 1e3
    assert law.predict()["bayes_error"] < least < law.replace(ridge=1e6).predict()["test_error"] - 1e-2


FINITE = [
    MixtureERM(),
    MixtureERM(balance=0.3, loss=Square()),
    MixtureERM(clusters=3, ridge=0.5),
    MixtureERM(clusters=3, balance=0.4, loss=Square()),
]


@pytest.mark.parametrize("law", FINITE, ids=lambda law: law.short())
def test_finite_systems_agree_and_a_wrong_law_is_refuted(law):
    measured = law.experiment(sizes=(40, 80), seeds=100)
    assert confront(law, measured).verdict != "disagrees"
    wrong = law.replace(separation=1.25 * law.separation), law.replace(alpha=1.4 * law.alpha)
    for stated in wrong:
        assert confront(law, measured, stated.limit()).verdict == "disagrees"


def test_training_of_many_classes_is_stationary():
    rng = np.random.default_rng(3)
    X, label = rng.standard_normal((90, 20)), rng.integers(0, 4, 90)
    for loss in (Square(), Logistic()):
        W, b = experiment._many(X, label, loss, 0.3, 4)
        slopes = experiment._slopes(loss, X @ W.T + b, label)
        assert np.abs(slopes.T @ X + 0.3 * W).max() < 1e-5 and np.abs(slopes.sum(axis=0)).max() < 1e-5
        assert np.allclose(W.sum(axis=0), 0, atol=1e-5)
