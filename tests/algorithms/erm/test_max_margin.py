"""Separability and the largest margin: against linear and quadratic programmes, and known directions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from asymptopia.algorithms import separable
from asymptopia.algorithms.erm.max_margin import max_margin
from asymptopia.contract.record import StatementError

REFERENCE = {
    (row["statement"], row["observable"]): row["value"]
    for row in json.loads((Path(__file__).parents[2] / "reference" / "erm.json").read_text())
}


def cloud(n, d, seed, flip=0.5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.where(rng.random(n) < flip, -1.0, 1.0) * np.sign(X[:, 0])


def programme_separates(X, y):
    from scipy.optimize import linprog

    return linprog(np.zeros(X.shape[1]), -y[:, None] * X, -np.ones(len(y)), bounds=(None, None)).status == 0


@pytest.mark.parametrize("n, d", [(20, 10), (40, 20), (24, 10), (17, 10), (60, 25), (3, 1), (1, 4), (12, 30)])
def test_separable_agrees_with_linear_programming(n, d):
    verdicts = [(separable(*(s := cloud(n, d, seed))), programme_separates(*s)) for seed in range(25)]
    assert all(ours == theirs for ours, theirs in verdicts)
    if n == 2 * d:  # at the threshold of random labels both answers occur
        assert len({ours for ours, _ in verdicts}) == 2


def test_the_probability_of_separability_is_that_of_cover():
    """n random labels of points in general position: P = 2**(1-n) sum over k < d of (n-1 choose k)."""
    from math import comb

    n, d, seeds = 12, 5, 600
    p = sum(comb(n - 1, k) for k in range(d)) / 2 ** (n - 1)
    measured = np.mean([separable(*cloud(n, d, s)) for s in range(seeds)])
    assert abs(measured - p) < 3.5 * np.sqrt(p * (1 - p) / seeds)


@pytest.mark.parametrize("n, d", [(8, 3), (15, 10), (10, 40), (1, 5), (6, 1)])
def test_the_margin_solves_the_quadratic_programme(n, d):
    from scipy.optimize import minimize

    X, y = cloud(n, d, 1, flip=0.0)
    w, margin = max_margin(X, y)
    A = y[:, None] * X
    start = np.linalg.lstsq(A, np.ones(n), rcond=None)[0] if n <= d else w + 0.1
    theirs = minimize(
        lambda v: v @ v / 2,
        start,
        jac=lambda v: v,
        method="SLSQP",
        constraints={"type": "ineq", "fun": lambda v: A @ v - 1, "jac": lambda v: A},
        options={"maxiter": 500, "ftol": 1e-14},
    )
    assert_allclose(w, theirs.x, rtol=1e-5, atol=1e-6)
    assert_allclose(margin, 1 / np.linalg.norm(theirs.x), rtol=1e-6)
    assert_allclose((A @ w).min(), 1)


def test_a_known_direction():
    """Two points at distance 2 from the origin along an axis, and one far away: the axis, margin 2."""
    X = np.array([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [7.0, 1.0, 5.0], [9.0, -3.0, 2.0]])
    w, margin = max_margin(X, np.array([1.0, -1.0, 1.0, 1.0]))
    assert_allclose(margin, 2)
    assert_allclose(w, [0.5, 0, 0], atol=1e-8)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_margin_scales_with_the_data(scale):
    X, y = cloud(30, 40, 2)
    w, margin = max_margin(X, y)
    scaled, larger = max_margin(scale * X, y)
    assert_allclose(larger, scale * margin, rtol=1e-7)
    assert_allclose(scaled * scale, w, rtol=1e-4, atol=1e-4 * np.abs(w).max())


def test_data_that_no_direction_separates():
    X, y = cloud(30, 40, 3)
    assert separable(X, y)
    for twist in (np.vstack([X, X[:1]]), np.vstack([X, 0 * X[:1]])):  # a point with both labels; a point at the origin
        assert not separable(twist, np.append(y, -y[0]))
        assert max_margin(twist, np.append(y, -y[0])) is None


@pytest.mark.parametrize("alpha, seeds", [(0.5, 16), (1.0, 16)])
def test_margins_of_a_teachers_labels_reach_their_limit(alpha, seeds):
    """At d = 100 and 200; the two sizes give the limit, as finite-size corrections fall as 1/d."""
    means, errors = [], []
    for d in (100, 200):
        margins = []
        for seed in range(seeds):
            X, y = cloud(int(alpha * d), d, (seed, d), flip=0.0)
            w, margin = max_margin(X, y)
            margins.append((margin, np.arccos(w[0] / np.linalg.norm(w)) / np.pi))
        means.append(np.mean(margins, axis=0))
        errors.append(np.std(margins, axis=0, ddof=1) / np.sqrt(seeds))
    limit = [REFERENCE[f"MaxMargin(alpha={alpha})", name] for name in ("margin", "test_error")]
    extrapolated = 2 * means[1] - means[0]
    error = np.sqrt(4 * errors[1] ** 2 + errors[0] ** 2)
    assert np.all(np.abs(extrapolated - limit) < 3 * error)
    assert np.all(error < 0.05 * np.array(limit))


@pytest.mark.parametrize(
    "X, y, message",
    [
        (np.ones((2, 2)), np.array([1.0, 2.0]), "labels -1 and 1, but has 2"),
        (np.ones((2, 2)), np.ones(3), "`y` must have shape"),
        (np.array([[np.nan, 1.0]]), np.ones(1), "`X` must be finite"),
    ],
)
def test_bad_input_is_named(X, y, message):
    for solve in (separable, max_margin):
        with pytest.raises(StatementError, match=message):
            solve(X, y)
