"""Empirical risk minimisers: against scikit-learn and linear programmes, by optimality, and their certificates."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose

from asymptopia.algorithms import NotSolved, fit
from asymptopia.algorithms.erm.lasso import sparse_least_squares
from asymptopia.algorithms.erm.max_margin import max_margin
from asymptopia.algorithms.erm.objective import Objective
from asymptopia.contract.record import StatementError
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Square

LOSSES = (Square(), Logistic(), Hinge(), Huber(delta=0.5), Absolute())
PENALTIES = ((0.3, 0.0), (1e-4, 0.0), (0.0, 0.2), (0.1, 0.2))


def data(n, d, seed=0, labels=True, noise=0.5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d)) / np.sqrt(d)
    field = X @ rng.standard_normal(d) * 2 + noise * rng.standard_normal(n)
    return X, np.where(field >= 0, 1.0, -1.0) if labels else field


def objective(X, y, loss, ridge, l1, w):
    return np.sum(loss(y, X @ w)) + ridge / 2 * w @ w + l1 * np.abs(w).sum()


def linear_programme(X, y, hinge, l1=0.0):
    """min sum max(0, 1 - y x.w) or sum |y - x.w|, plus l1 |w|_1: its value, by HiGHS."""
    from scipy.optimize import linprog

    n, d = X.shape
    eye, zero = np.eye(n), np.zeros((n, n))
    A = y[:, None] * X if hinge else X
    target = np.ones(n) if hinge else y
    # A (w+ - w-) + up - down = target, up and down the shortfall and the excess
    costs = np.concatenate([np.full(2 * d, l1), np.ones(n), np.zeros(n) if hinge else np.ones(n)])
    solved = linprog(costs, A_eq=np.hstack([A, -A, eye, -eye + zero]), b_eq=target, bounds=(0, None))
    assert solved.status == 0
    return solved.fun


@pytest.mark.parametrize("n, d", [(60, 15), (15, 60)])
@pytest.mark.parametrize("ridge", [1e-2, 1.0])
def test_ridge_regression_and_logistic_agree_with_scikit_learn(n, d, ridge):
    from sklearn.linear_model import LogisticRegression, Ridge

    X, y = data(n, d, labels=False)
    theirs = Ridge(alpha=ridge, fit_intercept=False, solver="cholesky").fit(X, y).coef_
    assert_allclose(fit(X, y, Square(), ridge).w, theirs, rtol=1e-9, atol=1e-11)
    X, y = data(n, d)
    model = LogisticRegression(C=1 / ridge, fit_intercept=False, solver="newton-cholesky", tol=1e-12)
    theirs = model.fit(X, y).coef_[0]
    assert_allclose(fit(X, y, Logistic(), ridge, tolerance=1e-14).w, theirs, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("n, d", [(60, 15), (15, 60)])
@pytest.mark.parametrize("ridge", [1e-2, 1.0])
def test_hinge_agrees_with_liblinear(n, d, ridge):
    from sklearn.svm import LinearSVC

    X, y = data(n, d)
    svm = LinearSVC(loss="hinge", C=1 / ridge, fit_intercept=False, tol=1e-10, max_iter=2_000_000, random_state=0)
    assert_allclose(fit(X, y, Hinge(), ridge).w, svm.fit(X, y).coef_[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("n, d", [(80, 20), (20, 80)])
@pytest.mark.parametrize("l1", [1e-3, 0.1])
def test_lasso_and_elastic_net_agree_with_scikit_learn(n, d, l1):
    from sklearn.linear_model import ElasticNet, Lasso

    X, y = data(n, d, labels=False)
    options = dict(fit_intercept=False, tol=1e-14, max_iter=1_000_000)
    assert_allclose(fit(X, y, Square(), 0.0, l1).w, Lasso(alpha=l1 / n, **options).fit(X, y).coef_, atol=1e-6)
    ridge = 0.3
    net = ElasticNet(alpha=(l1 + ridge) / n, l1_ratio=l1 / (l1 + ridge), **options).fit(X, y)
    assert_allclose(fit(X, y, Square(), ridge, l1).w, net.coef_, atol=1e-7)


def test_l1_logistic_agrees_with_liblinear():
    from sklearn.linear_model import LogisticRegression

    X, y = data(80, 20)
    theirs = LogisticRegression(
        l1_ratio=1.0, C=2.0, fit_intercept=False, solver="liblinear", tol=1e-10, max_iter=100_000, random_state=0
    ).fit(X, y)
    assert_allclose(fit(X, y, Logistic(), l1=0.5).w, theirs.coef_[0], atol=1e-4)


@pytest.mark.parametrize("hinge", [True, False], ids=["hinge", "absolute"])
@pytest.mark.parametrize("l1", [0.0, 0.1, 1.0])
def test_losses_with_kinks_without_ridge_attain_the_linear_programme(hinge, l1):
    X, y = data(90, 12, labels=hinge, noise=2.0)
    fitted = fit(X, y, Hinge() if hinge else Absolute(), 0.0, l1)
    assert_allclose(fitted.objective, linear_programme(X, y, hinge, l1), rtol=1e-7)


def test_huber_agrees_with_a_general_optimiser():
    from scipy.optimize import minimize

    X, y = data(50, 8, labels=False, noise=2.0)
    loss = Huber(delta=0.7)
    for ridge in (0.0, 0.5):
        theirs = minimize(
            lambda w, ridge=ridge: objective(X, y, loss, ridge, 0.0, w),
            np.zeros(8),
            jac=lambda w, ridge=ridge: X.T @ loss.gradient(y, X @ w) + ridge * w,
            options={"gtol": 1e-11},
        ).x
        assert_allclose(fit(X, y, loss, ridge).w, theirs, atol=1e-6)


def test_the_square_loss_without_penalty_gives_least_squares_of_least_norm():
    for n, d in ((40, 10), (10, 40)):
        X, y = data(n, d, labels=False)
        X[:, 0] = X[:, 1]
        assert_allclose(fit(X, y, Square()).w, np.linalg.pinv(X) @ y, atol=1e-10)


@pytest.mark.parametrize("n, d, share", [(80, 40, 0.1), (40, 80, 0.03), (40, 80, 1e-3)])
@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_the_gap_of_the_lasso_bounds_its_excess_at_loose_and_strict_tolerances(n, d, share, ridge):
    """By sweeps alone in the first, by Newton steps on covariances in the last."""
    X, y = data(n, d, labels=False, noise=0.1)
    l1 = share * np.abs(X.T @ y).max()
    exact = fit(X, y, Square(), ridge, l1, tolerance=1e-13)
    rest = X.T @ (y - X @ exact.w) - ridge * exact.w
    assert_allclose(rest[exact.w != 0], l1 * np.sign(exact.w[exact.w != 0]), rtol=1e-7)
    assert np.abs(rest).max() < l1 * (1 + 1e-7)
    for tolerance in (1e-2, 1e-5):
        loose = fit(X, y, Square(), ridge, l1, tolerance=tolerance)
        assert -1e-14 < loose.objective / exact.objective - 1 <= loose.gap <= tolerance


@pytest.mark.parametrize("l1, tolerance", [(0.01, 1e-8), (1.0, 1e-16)])
def test_the_lasso_hands_on_what_its_steps_do_not_solve(l1, tolerance):
    """Columns that differ by one step of a random walk; and a gap below rounding."""
    rng = np.random.default_rng(0)
    X, y = np.cumsum(rng.standard_normal((60, 120)), axis=1), rng.standard_normal(60)
    descent = sparse_least_squares(Objective(X, y, Square(), 0.0, l1), tolerance)
    assert not descent.solved and descent.rounds < 60
    if tolerance > 1e-12:
        assert fit(X, y, Square(), 0.0, l1).gap <= tolerance


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n, d", [(70, 12), (12, 70)])
def test_smooth_parts_of_the_objective_are_stationary(loss, n, d):
    """Coordinates that are not zero balance the penalty, the pull on others is below l1: with subgradients at kinks."""
    X, y = data(n, d, labels=loss.margin)
    for ridge, l1 in PENALTIES:
        fitted = fit(X, y, loss, ridge, l1, tolerance=1e-12 if not loss.kinks(y).size else 1e-8)
        w, z = fitted.w, X @ fitted.w
        s = loss.gradient(y, z)
        if loss.kinks(y).size:  # the slopes of samples at their kink are whatever balances the rest, within their range
            at = np.abs(y - z if loss.location else 1 - y * z) < 1e-5
            active = np.abs(w) > 1e-6 if l1 else np.ones(d, bool)
            balance = -(X.T @ np.where(at, 0, s) + ridge * w + l1 * np.sign(w))[active]
            s[at] = np.linalg.lstsq(X[at][:, active].T, balance, rcond=None)[0]
            low, high = (np.minimum(-y, 0), np.maximum(-y, 0)) if loss.margin else (-np.ones(n), np.ones(n))
            assert np.all(s >= low - 1e-3) and np.all(s <= high + 1e-3)
        pull = X.T @ s + ridge * w
        zero = np.abs(w) <= 1e-6 if l1 else np.zeros(d, bool)
        size = np.abs(X.T @ loss.gradient(y, 0 * y)).max()
        assert_allclose(pull[~zero], -l1 * np.sign(w[~zero]), atol=2e-4 * size)
        assert np.all(np.abs(pull[zero]) <= l1 + 2e-4 * size)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ridge, l1", [*PENALTIES, (0.0, 0.0)])
def test_the_gap_bounds_the_suboptimality_anywhere(loss, ridge, l1):
    """At random w, far from and near the minimiser, from the slopes there; it is never below objective - minimum."""
    X, y = data(60, 10, seed=3, labels=loss.margin, noise=2.0)
    best = fit(X, y, loss, ridge, l1)
    rng = np.random.default_rng(5)
    problem = Objective(X, y, loss, ridge, l1)
    ratios = []
    for spread in (1e-3, 1e-2, 0.1, 1.0, 10.0):
        w = best.w + spread * rng.standard_normal(10)
        z = X @ w
        s = loss.gradient(y, z)
        gap = problem.gap(w, z, z, s, X.T @ s, problem.value(w, z))
        over = objective(X, y, loss, ridge, l1, w) - best.objective
        assert gap >= over - 1e-8 * best.objective
        ratios.append(gap / over)
    assert min(ratios) < 1e3  # a bound, not infinity


@pytest.mark.parametrize("loss", LOSSES)
def test_a_loose_tolerance_is_a_true_bound_and_a_tight_one_is_reached(loss):
    X, y = data(200, 50, labels=loss.margin)
    for ridge, l1 in PENALTIES:
        best = fit(X, y, loss, ridge, l1, tolerance=1e-9).objective
        loose = fit(X, y, loss, ridge, l1, tolerance=1e-2)
        assert loose.gap <= 1e-2
        assert -1e-9 <= (loose.objective - best) / loose.objective <= loose.gap + 1e-9


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ridge, l1", PENALTIES)
@pytest.mark.parametrize("shape", ["one sample", "one dimension", "twin columns", "twin rows", "zero column", "zeros"])
def test_degenerate_data_are_solved(loss, ridge, l1, shape):
    X, y = data({"one sample": 1}.get(shape, 30), {"one dimension": 1}.get(shape, 8), labels=loss.margin)
    if shape == "twin columns":
        X[:, 0] = X[:, 3]
    if shape == "twin rows":
        X[0], y[0] = X[1], -y[1]
    if shape == "zero column":
        X[:, 2] = 0
    if shape == "zeros":
        X[:] = 0
    fitted = fit(X, y, loss, ridge, l1)
    assert fitted.gap <= 1e-8
    assert_allclose(fitted.objective, objective(X, y, loss, ridge, l1, fitted.w))
    if shape == "zero column":
        assert abs(fitted.w[2]) < 1e-12
    if shape == "twin columns" and ridge:
        assert_allclose(fitted.w[0], fitted.w[3], atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_scaling_the_data_and_the_penalty_scales_the_solution(loss, scale):
    X, y = data(40, 10, labels=loss.margin)
    for ridge, l1 in ((0.3, 0.0), (0.1, 0.2)):
        one = fit(X, y, loss, ridge, l1).w
        other = fit(scale * X, y, loss, scale**2 * ridge, scale * l1).w
        assert_allclose(other * scale, one, atol=2e-4)


def test_tiny_ridge_on_separable_data_follows_the_largest_margin():
    """As the ridge vanishes, logistic and hinge solutions turn to the maximal margin; the hinge arrives at once."""
    X, y = data(60, 100, noise=0.0)
    w, margin = max_margin(X, y)
    hinge = fit(X, y, Hinge(), 1e-6).w
    assert_allclose(hinge, w, rtol=1e-3, atol=1e-4)
    angles = []
    for ridge in (1e-2, 1e-4, 1e-6):
        v = fit(X, y, Logistic(), ridge).w
        angles.append(v @ w / np.linalg.norm(v) / np.linalg.norm(w))
    assert angles == sorted(angles)
    assert angles[-1] > 0.98
    assert np.min(y * (X @ v)) / np.linalg.norm(v) < margin


def own_logistic(y, z):
    return jnp.logaddexp(0.0, -y * z)


def quantile(y, z):
    return jnp.maximum(0.3 * (y - z), -0.7 * (y - z))


def quartic(y, z):
    return (y - z) ** 4


def saturating(y, z):
    return (y - z) ** 2 / (1 + (y - z) ** 2)


def negative(y, z):
    return (y - z) ** 2 - 1e3


def test_a_callable_is_differentiated():
    X, y = data(50, 10)
    assert_allclose(fit(X, y, own_logistic, 0.1).w, fit(X, y, Logistic(), 0.1).w, rtol=1e-9)
    X, y = data(50, 10, labels=False)
    w = fit(X, y, quartic, 0.2, tolerance=1e-13).w
    assert_allclose(4 * X.T @ (X @ w - y) ** 3 + 0.2 * w, 0, atol=1e-5)


def test_a_callable_with_a_kink_is_solved():
    from scipy.optimize import linprog

    X, y = data(50, 6, labels=False)
    costs = np.concatenate([np.zeros(12), np.full(50, 0.3), np.full(50, 0.7)])
    solved = linprog(costs, A_eq=np.hstack([X, -X, np.eye(50), -np.eye(50)]), b_eq=y, bounds=(0, None))
    assert_allclose(fit(X, y, quantile).objective, solved.fun, rtol=1e-7)


@pytest.mark.parametrize("loss", [Logistic(), Hinge(), own_logistic])
def test_separable_labels_without_penalty_are_refused(loss):
    X, y = data(20, 30)
    with pytest.raises(StatementError, match="separable"):
        fit(X, y, loss)


def test_labels_that_overlap_are_fitted_without_penalty():
    X, y = data(120, 10, noise=2.0)
    w = fit(X, y, Logistic(), tolerance=1e-12).w
    assert_allclose(X.T @ Logistic().gradient(y, X @ w), 0, atol=1e-8)


def falling(y, z):
    return jnp.logaddexp(0.0, y - z)


def test_a_loss_that_only_falls_is_refused():
    X, y = np.array([[1.0], [2.0]]), np.array([1.0, 3.0])
    with pytest.raises(StatementError, match="keeps falling"):
        fit(X, y, falling)


def test_a_tolerance_out_of_reach_raises():
    X, y = data(40, 20)
    with pytest.raises(NotSolved, match=r"duality gap is .* must be at most 1e-40"):
        fit(X, y, Hinge(), 0.1, tolerance=1e-40)


@pytest.mark.parametrize(
    "change, message",
    [
        (dict(X=np.zeros(3)), "`X` must have shape"),
        (dict(X=np.zeros((0, 3))), "`X` must have shape"),
        (dict(y=np.ones(5)), r"`y` must have shape \(4,\)"),
        (dict(X=np.full((4, 2), np.nan)), "`X` must be finite, but has 8"),
        (dict(y=np.array([1, -1, np.inf, 1])), "`y` must be finite"),
        (dict(y=np.array([1.0, -1.0, 0.0, 1.0])), "labels -1 and 1, but has 0"),
        (dict(ridge=-1.0), "`ridge` must be finite and >= 0, but is -1"),
        (dict(ridge=np.nan), "`ridge` must be finite"),
        (dict(l1=-0.5), "`l1` must be finite and >= 0, but is -0.5"),
        (dict(tolerance=0.0), "`tolerance` must be > 0"),
        (dict(loss=saturating), "must be convex"),
        (dict(loss=negative), "must be >= 0"),
    ],
)
def test_bad_input_is_named(change, message):
    rng = np.random.default_rng(0)
    sound = dict(X=rng.standard_normal((4, 2)), y=np.array([1.0, -1.0, 1.0, -1.0]), loss=Logistic(), ridge=0.1)
    with pytest.raises(StatementError, match=message):
        fit(**(sound | change))
