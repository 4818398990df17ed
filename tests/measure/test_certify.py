"""Certificates: none is false in random problems, degenerate ones among them, and counter-examples have none."""

import itertools

import numpy as np
import pytest

from asymptopia.algorithms.landscape.descent_path import descent_path
from asymptopia.contract.record import StatementError
from asymptopia.measure.certify import certify
from asymptopia.measure.intrinsic_dimension import intrinsic_dimension
from asymptopia.parts.activation import (
    Identity,
    PolynomialUnit,
    Power,
    Relu,
    Sigmoid,
    Sign,
    Softplus,
    Tanh,
)

ACTIVATIONS = (Tanh(), Sigmoid(), Softplus(), Relu(), Identity(), Power(2), Power(3), PolynomialUnit((1.0, 1.0, 1.0)))


def residuals_and_gradient(W, b, X, y, activation):
    """Of the network and of half its mean squared error, by back-propagation."""
    values, fields = [X], []
    for k, w in enumerate(W):
        fields.append(values[-1] @ w.T + b[k])
        values.append(activation(fields[-1]) if k < len(W) - 1 else fields[-1])
    back = r = values[-1] - y
    norm = 0.0
    for k in range(len(W) - 1, -1, -1):
        norm += np.sum((back.T @ values[k]) ** 2) + np.sum(back.sum(axis=0) ** 2)
        if k:
            back = (back @ W[k]) * activation.derivative(fields[k - 1])
    return np.linalg.norm(r), np.sqrt(norm) / len(X)


def random_problem(rng):
    """A network and its data; in one of two something is degenerate, in one of four the gradient vanishes."""
    activation = ACTIVATIONS[rng.integers(len(ACTIVATIONS))]
    N, d, outputs = rng.integers(2, 8), rng.integers(1, 4), rng.integers(1, 3)
    hidden = [int(w) for w in rng.integers(1, 13, rng.choice([1, 1, 2]))]
    widths = [int(d), *hidden, int(outputs)]
    X, y = rng.standard_normal((N, d)), rng.standard_normal((N, outputs))
    W = [rng.standard_normal((m, k)) for k, m in itertools.pairwise(widths)]
    b = [rng.standard_normal(m) for m in widths[1:]]
    fault = rng.integers(10)
    if fault == 0:
        X[1] = X[0]
    elif fault == 1:
        W[0][1:], b[0][1:] = W[0][0], b[0][0]
    elif fault == 2:
        W[0] *= 1e-9
        b[0] *= 1e-9
    elif fault == 3 and len(W) > 2:
        W[2][:] = 0.0
    elif fault == 4:
        X = X[:, :1] @ np.ones((1, d))
    if rng.random() < 0.25:  # all hidden weights zero, the outputs the mean of the labels
        W = [0 * w for w in W]
        b[-1] = y.mean(axis=0)
    return W, b, X, y, activation


def is_false(W, b, X, y, activation, rng):
    """Whether a certificate is given that does not hold, and how many are given."""
    certificates = certify(W, X, y, activation, b)
    wrong = False
    if certificates.critical_points.holds:
        norm, gradient = residuals_and_gradient(W, b, X, y, activation)
        wrong |= not norm <= certificates.sensitivity * len(X) * gradient * (1 + 1e-6)
    if certificates.valleys.holds:
        Z, target = np.column_stack([X, np.ones(len(X))]), y[:, 0] - b[-1][0]
        path = descent_path(np.column_stack([W[0], b[0]]), W[1][0], Z, target, activation, rng)
        along = path.losses(Z, target, activation, points=6)
        units = activation(Z @ rng.standard_normal((60, Z.shape[1])).T)
        best = ((units @ np.linalg.lstsq(units, target, rcond=None)[0] - target) ** 2).mean() / 2
        scale = max(along[0], (target**2).mean())
        wrong |= (along - np.minimum.accumulate(along)).max() > 1e-9 * scale or along[-1] > best + 1e-7 * scale
    return bool(wrong), certificates.critical_points.holds, certificates.valleys.holds


def test_no_certificate_is_false_in_random_problems():
    rng = np.random.default_rng(0)
    rows = np.array([is_false(*random_problem(rng), rng) for _ in range(600)])
    assert not rows[:, 0].any()
    assert rows[:, 1].sum() > 30 and rows[:, 2].sum() > 100


def test_at_zero_weights_the_gradient_vanishes_and_nothing_is_certified_of_critical_points():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((5, 2)), rng.standard_normal((5, 1))
    W, b = [np.zeros((9, 2)), np.zeros((1, 9))], [np.ones(9), y.mean(axis=0)]
    norm, gradient = residuals_and_gradient(W, b, X, y, Tanh())
    assert gradient < 1e-15 and norm > 0.5
    certificates = certify(W, X, y, Tanh(), b)
    assert (
        not certificates.critical_points.holds and certificates.feature_rank == 1 and certificates.sensitivity == np.inf
    )
    assert certificates.valleys.holds  # which is no contradiction: the point is a saddle


@pytest.mark.parametrize(
    ("hidden", "bias", "expected"), [(6, True, True), (5, True, False), (7, False, True), (6, False, False)]
)
def test_the_width_needed_is_that_of_the_samples_less_the_bias(hidden, bias, expected):
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((7, 3)), rng.standard_normal(7)
    W = [rng.standard_normal((hidden, 3)), rng.standard_normal((1, hidden))]
    certificates = certify(W, X, y, Tanh(), [rng.standard_normal(hidden), np.zeros(1)] if bias else None)
    assert certificates.critical_points.holds == expected
    assert certificates.feature_rank == hidden + bias
    assert ("yes" if expected else "no ") in str(certificates.critical_points)


def test_a_trap_below_the_intrinsic_dimension_has_no_certificate():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((50, 2))
    y = X[:, 0] ** 2 - 0.7 * X[:, 1] ** 2
    for width in range(1, 6):
        W = [rng.standard_normal((width, 2)), rng.standard_normal((1, width))]
        assert certify(W, X, y, Power(2)).valleys.holds == (width >= intrinsic_dimension(Power(2), 2))


def test_each_hypothesis_that_fails_is_named():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((4, 2)), rng.standard_normal(4)
    W = [rng.standard_normal((8, 2)), rng.standard_normal((1, 8))]
    deep = [W[0], rng.standard_normal((2, 8)), rng.standard_normal((3, 2)), rng.standard_normal((1, 3))]
    same = np.vstack([X[:3], X[:1]])

    def failing(certificate):
        return [c.must for c in certificate.conditions if not c.holds]

    assert failing(certify(W, X, y, Tanh()).critical_points) == []
    assert "analytic and increasing" in failing(certify(W, X, y, Relu()).critical_points)[0]
    assert "different" in failing(certify(W, same, y, Tanh()).critical_points)[0]
    assert "do not widen" in failing(certify(deep, X, y, Tanh()).critical_points)[0]
    assert "one hidden layer" in failing(certify(deep, X, y, Tanh()).valleys)[0]
    assert "continuous" in failing(certify(W, X, y, Sign()).valleys)[0]


def test_networks_that_cannot_be_certified_are_refused():
    X, y, W = np.ones((4, 2)), np.ones(4), [np.ones((3, 2)), np.ones((1, 3))]
    for weights, biases, match in (
        (W[:1], None, "two layers"),
        ([np.ones((0, 2)), np.ones((1, 0))], None, "width zero"),
        ([np.ones((3, 2)), np.ones((1, 4))], None, r"weights\[1\]"),
        ([np.full((3, 2), np.nan), W[1]], None, r"weights\[0\]` must be finite"),
        (W, [np.ones(3)], "biases"),
        ([np.ones((3, 2)), np.ones((2, 3))], None, "`X` and `y`"),
    ):
        with pytest.raises(StatementError, match=match):
            certify(weights, X, y, Tanh(), biases)
    with pytest.raises(StatementError, match="Activation"):
        certify(W, X, y, "tanh")
    with pytest.raises(StatementError, match="overflow"):
        certify([1e200 * W[0], W[1]], X, y, Power(3))
