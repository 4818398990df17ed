"""Message passing for hidden units: derivatives, posteriors by enumeration, state evolution, refusals."""

import itertools

import numpy as np
import pytest
from scipy.integrate import simpson
from scipy.special import log_ndtr
from scipy.stats import multivariate_normal as normal

from asymptopia import StatementError
from asymptopia.algorithms import NotSolved
from asymptopia.algorithms.amp import gamp
from asymptopia.algorithms.amp.committee import committee
from asymptopia.algorithms.amp.committee_parts import (
    expected_output,
    label_scores,
    outputs,
    vote_probabilities,
    weights_of,
)
from asymptopia.parts.activation import Erf, Sign, Tanh
from asymptopia.parts.channel import Sign as SignChannel
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Rademacher, SparseRademacher

VOTES = Sign()
V = np.array([[0.6, -0.2], [-0.2, 0.5]])
V3 = np.array([[0.6, -0.2, -0.1], [-0.2, 0.5, -0.15], [-0.1, -0.15, 0.7]])
V4 = np.diag([0.6, 0.9, 0.7, 0.8]) - 0.1
COVARIANCE = {1: V[:1, :1], 2: V, 3: V3, 4: V4}


def data(alpha, d, seed, activation=VOTES, noise=0.0, K=2):
    rng = np.random.default_rng(seed)
    teacher = np.linalg.qr(rng.standard_normal((d, K)))[0] * np.sqrt(d)
    X = rng.standard_normal((round(alpha * d), d)) / np.sqrt(d)
    fields = X @ teacher
    if isinstance(activation, Sign):
        return X, np.sign(np.sign(fields).sum(axis=1)), teacher
    return X, outputs(fields, activation) + np.sqrt(noise) * rng.standard_normal(len(X)), teacher


@pytest.mark.parametrize(("activation", "noise"), [(Sign(), 0.0), (Erf(), 0.1), (Tanh(), 0.3)])
@pytest.mark.parametrize("K", [1, 2, 3])
def test_scores_are_derivatives(activation, noise, K):
    rng = np.random.default_rng(0)
    mean = rng.standard_normal((6, K))
    labels = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0] if K % 2 else [1.0, 0.0, -1.0, 0.0, 1.0, -1.0]
    covariance = COVARIANCE[K]
    y = np.array(labels) if isinstance(activation, Sign) else outputs(mean, activation) + 0.2 * rng.standard_normal(6)
    score = label_scores(y, K, activation, noise)
    _, slope = score(mean, covariance)
    h = 1e-5
    for k in range(K):
        moved = [score(mean + s * h * np.eye(K)[k], covariance)[0].sum(axis=0) for s in (1, -1)]
        np.testing.assert_allclose((moved[0] - moved[1]) / (2 * h), slope[:, k], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("K", [2, 3, 4])
def test_votes_are_those_counted(K):
    rng = np.random.default_rng(1)
    mean = np.array([[0.3, -0.4, 0.5, 0.1], [1.0, 0.8, -0.2, 0.4], [-2.0, 0.1, 0.3, -0.3]])[:, :K]
    covariance = COVARIANCE[K]
    labels, shares = vote_probabilities(mean, covariance)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-12)
    drawn = rng.multivariate_normal(np.zeros(K), covariance, 200_000)
    for m, row in zip(mean, shares, strict=True):
        votes = np.sign(np.sign(m + drawn).sum(axis=1))
        share = [np.mean(votes == label) for label in labels]
        assert np.all(np.abs(share - row) < 4 * np.sqrt(row * (1 - row) / 200_000) + 1e-9)
    h = 1e-5
    moved = [np.log(vote_probabilities(mean + sign * h * np.eye(K)[0], covariance)[1]) for sign in (1, -1)]
    gradient = (moved[0] - moved[1]) / (2 * h)
    for label, column in zip(labels, gradient.T, strict=True):
        g = label_scores(np.full(3, label), K, Sign(), 0.0)(mean, covariance)[0]
        np.testing.assert_allclose(g[:, 0], column, rtol=1e-6)


def test_labels_however_rare_count():
    """Of independent units of equal mean c the score is known; of dependent ones it is a derivative, on both sides."""
    for c in (-2.0, -6.0, -60.0):
        t = np.sqrt(2) * c
        log_up, log_down = log_ndtr(t), log_ndtr(-t)
        log_p = 2 * log_up + np.log(3 * np.exp(log_down) + np.exp(log_up))
        exact = 2 * np.exp(np.log(np.sqrt(2)) - t**2 / 2 - np.log(2 * np.pi) / 2 + log_up + log_down - log_p)
        g, _ = label_scores(np.ones(1), 3, VOTES, 0.0)(np.full((1, 3), c), np.eye(3) / 2)
        np.testing.assert_allclose(g, exact, rtol=1e-9)
    for covariance, label in ((V3, -1.0), (V4, 0.0), (V4, 1.0)):
        K = len(covariance)
        mean = np.array([np.linspace(3.0, 5.0, K)]) * (-1 if label == 1 else 1)
        score = label_scores(np.array([label]), K, VOTES, 0.0)
        slope = score(mean, covariance)[1]
        for k in range(K):
            moved = [score(mean + s * 1e-4 * np.eye(K)[k], covariance)[0][0] for s in (1, -1)]
            np.testing.assert_allclose((moved[0] - moved[1]) / 2e-4, slope[k], atol=1e-4)
        path = np.linspace(0, 0.5, 51)[:, None] * mean  # from likely to rare: the gradient's integral is log P
        along = [score(m[None], covariance)[0][0] @ mean[0] for m in path]
        signs = [np.array(s) for s in itertools.product((1, -1), repeat=K) if np.sign(sum(s)) == label]
        log_p = [
            np.log(
                sum(
                    normal.cdf(s * m, cov=np.outer(s, s) * covariance, abseps=1e-8, maxpts=20_000, rng=0) for s in signs
                )
            )
            for m in path[[0, -1]]
        ]
        assert log_p[1] < -8
        assert simpson(along, dx=0.01) == pytest.approx(log_p[1] - log_p[0], abs=2e-3)


def test_fields_that_nearly_determine_each_other_are_refused():
    V = np.diag([1e-6, 1.0, 1.0])
    for call in (
        lambda: vote_probabilities(np.zeros((1, 3)), V),
        lambda: label_scores(np.ones(1), 3, VOTES, 0.0)(np.zeros((1, 3)), V),
    ):
        with pytest.raises(NotSolved, match="nodes, above"):
            call()


def test_the_mean_output_is_a_mean():
    rng = np.random.default_rng(2)
    mean = np.array([[0.5, -1.0], [2.0, 0.3]])
    mean_output = expected_output(mean, V, Erf(), 0.1)
    drawn = outputs(mean[:, None] + rng.multivariate_normal([0, 0], V, 100_000), Erf())
    assert np.all(np.abs(drawn.mean(axis=1) - mean_output) < 4 * drawn.std(axis=1) / np.sqrt(100_000))


@pytest.mark.parametrize("prior", [Rademacher(), SparseRademacher(0.3), GaussBernoulli(0.4), Gaussian()])
def test_posteriors_of_weights_are_those_of_a_fine_sum(prior):
    A, B = np.array([[1.5, 0.4], [0.4, 0.9]]), np.array([[0.7, -1.1], [2.0, 0.3]])
    mean, covariance = weights_of(prior, 2)(A, B)
    line, step = np.linspace(-9, 9, 3601, retstep=True)
    w, m, v = (np.array(a) for a in prior.components())
    values = [
        (np.array([mi]), np.array([wi]))
        if vi == 0
        else (line, wi * step * np.exp(-(line**2) / (2 * vi)) / np.sqrt(2 * np.pi * vi))
        for wi, mi, vi in zip(w, m, v, strict=True)
    ]
    x, p = (np.concatenate(a) for a in zip(*values, strict=True))
    x, p = x[p > 1e-14], p[p > 1e-14]
    x, p = (x[::9], 9 * p[::9]) if len(x) > 2000 and np.all(v > 0) else (x, p)
    covariances = []
    for b, value in zip(B, mean, strict=True):
        weight = (
            p[:, None]
            * p
            * np.exp(
                b[0] * x[:, None]
                + b[1] * x
                - (A[0, 0] * x[:, None] ** 2 + 2 * A[0, 1] * np.outer(x, x) + A[1, 1] * x**2) / 2
            )
        )
        weight /= weight.sum()
        first = np.array([(weight.sum(axis=1) * x).sum(), (weight.sum(axis=0) * x).sum()])
        np.testing.assert_allclose(value, first, atol=1e-6)
        cross = x @ weight @ x
        second = np.array([[(weight.sum(axis=1) * x**2).sum(), cross], [cross, (weight.sum(axis=0) * x**2).sum()]])
        covariances.append(second - np.outer(first, first))
    np.testing.assert_allclose(covariance, np.mean(covariances, axis=0), atol=1e-6)


def test_one_unit_is_a_perceptron():
    X, y, _ = data(3.0, 200, 0, K=1)
    estimate, other = committee(X, y, Gaussian(), 1), gamp(X, y, Gaussian(), SignChannel())
    np.testing.assert_allclose(estimate.means[:, 0], other.means, atol=1e-4)
    assert estimate.residuals[-1] < 1e-6 and estimate.iterations == len(estimate.residuals)


def test_units_are_told_apart_and_their_order_is_free():
    X, y, teacher = data(6.0, 200, 2)
    estimate = committee(X, y, Gaussian())
    overlap = estimate.means.T @ teacher / 200
    best = max(np.trace(overlap[list(p)]) for p in itertools.permutations(range(2))) / 2
    # the posterior's variance is the error that is made, and the scale of the data does not matter
    error = 1 - 2 * best + np.mean(np.sum(estimate.means**2, axis=0)) / 200
    assert best > 0.8 and error == pytest.approx(np.trace(estimate.covariance) / 2, rel=0.2)
    scaled = committee(X.astype(np.float32), y, Gaussian(), tolerance=1e-5)
    np.testing.assert_allclose(np.abs(scaled.means.T @ teacher / 200).max(), np.abs(overlap).max(), atol=1e-2)


def test_information_from_squares_settles_what_does_not_otherwise():
    X, y, teacher = data(4.0, 150, 17)
    estimate = committee(X, y, Gaussian(), tolerance=1e-4)
    assert estimate.squares and estimate.damping == 0 and len(estimate.failures) == 1
    error = np.mean(np.sum(estimate.means**2, axis=0)) / 150 + 1
    overlap = estimate.means.T @ teacher / 150
    error -= max(np.trace(overlap), np.trace(overlap[::-1]))
    assert error == pytest.approx(np.trace(estimate.covariance) / 2, rel=0.35)


def test_real_labels_of_smooth_units():
    X, y, teacher = data(1.5, 200, 4, Erf(), 0.3)
    seen = []
    estimate = committee(X, y, Gaussian(), 2, Erf(), 0.3, callback=lambda k, m, C: seen.append(k), tolerance=1e-4)
    assert seen == list(range(1, estimate.iterations + 1))
    together = (estimate.means.sum(axis=1) @ teacher.sum(axis=1)) / (2 * 120)
    assert 0.4 < together < 0.9


def test_the_teacher_of_signs_is_recovered():
    rng = np.random.default_rng(5)
    teacher = rng.choice((-1.0, 1.0), (300, 2))
    X = rng.standard_normal((900, 300)) / np.sqrt(300)
    estimate = committee(X, np.sign(np.sign(X @ teacher).sum(axis=1)), Rademacher())
    overlap = np.abs(estimate.means.T @ teacher / 300)
    assert max(np.trace(overlap), np.trace(overlap[::-1])) == pytest.approx(2, abs=1e-3)


def test_bad_input_is_refused():
    X, y, _ = data(2.0, 20, 0)
    for change, message in (
        (dict(units=5), "`units` must be 1 to 4, but is 5"),
        (dict(y=y + 0.5), "must hold labels 1, 0, -1"),
        (dict(noise=0.1), "`noise` is for real labels"),
        (dict(activation=Erf()), "`noise` must be > 0"),
        (dict(prior=Laplace()), "mixture of few Gaussians"),
        (dict(iterations=0), "`iterations` must be >= 1"),
        (dict(start=(np.zeros((20, 1)), np.eye(2))), r"means of shape \(20, 2\)"),
        (dict(start=(np.zeros((20, 2)), -np.eye(2))), "positive definite"),
    ):
        with pytest.raises(StatementError, match=message):
            committee(**(dict(X=X, y=y, prior=Gaussian()) | change))
    with pytest.raises(NotSolved, match="not settled in 3 iterations"):
        committee(X, y, Gaussian(), iterations=3)
