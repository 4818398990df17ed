"""Nonnegative factorisation: descent in every problem, agreement with peers, penalties, missing data, bad input."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import estimator_checks_generator

from asymptopia import StatementError
from asymptopia.algorithms.factorise import (
    NMF,
    beta_divergence,
    equalise,
    factorise,
    heuristic,
    joint,
    mm,
    newton,
    objective,
    svd_factors,
)  # fmt: skip
from asymptopia.algorithms.factorise.nmf_problem import random_factors, stated
from asymptopia.algorithms.factorise.nmf_solvers import run

# expected of sums of up to 200 terms that partly cancel
ROUND_OFF = 1e-12


def random_problem(index, penalties=True):
    """One of many: beta from -1 to 4, with zeros where they are admitted, weights, penalties."""
    rng = np.random.default_rng(index)
    beta = float(rng.choice([-1, 0, 0.5, 1, 1.5, 2, 3, 4])) if index % 3 == 0 else float(rng.uniform(-1, 4))
    n, m = rng.integers(3, 15, 2)
    X = rng.gamma(0.5, 1, (n, m)) + (1e-3 if beta <= 0 else 0)
    if beta > 0:
        X[rng.random((n, m)) < 0.1] = 0
    weights = rng.integers(0, 3, (n, m)) + 1e-3 if index % 4 == 1 else None
    l1 = (0.1, 0.2) if index % 4 == 2 and penalties else (0.0, 0.0)
    smooth = (0.3, 0.1) if index % 40 == 3 and penalties else (0.0, 0.0)
    problem = stated(X, int(rng.integers(1, 1 + min(3, n, m))), beta, weights, l1, smooth)
    return problem, random_factors(problem, rng)


def largest_rise(step, count, iterations, momentum=False, penalties=True):
    """The largest relative increase in any iteration of any problem."""
    worst = -np.inf
    for index in range(count):
        values = run(*random_problem(index, penalties), step, iterations, every=1, momentum=momentum).objectives
        worst = max(worst, np.max(np.diff(values) / np.abs(values[:-1])))
    return worst


@pytest.mark.parametrize("step", [mm, joint, newton])
def test_no_increase_in_400_random_problems(step):
    assert largest_rise(step, 400, 12) <= ROUND_OFF


def test_no_increase_of_the_equalising_step():
    assert largest_rise(equalise, 60, 8, penalties=False) <= ROUND_OFF


@pytest.mark.parametrize("step", [mm, newton])
def test_no_increase_with_momentum(step):
    assert largest_rise(step, 80, 20, momentum=True) <= ROUND_OFF


def test_no_increase_of_the_heuristic_where_it_is_proved():
    problems = [random_problem(i, penalties=False) for i in range(200)]
    for problem, start in problems:
        if 0 <= problem.beta <= 2:
            assert np.diff(run(problem, start, heuristic, 10, every=1).objectives).max() <= ROUND_OFF * problem.X.size


def test_too_large_an_exponent_is_seen_to_increase():
    def overshooting(problem, factors):
        moved = mm(problem, factors)
        return tuple(A * np.minimum(new / A, 1e6) ** 2.5 + problem.floor for A, new in zip(factors, moved, strict=True))

    assert largest_rise(overshooting, 20, 12, penalties=False) > 1e-3


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5, 2.0, 0.0, 3.0])
def test_same_iterates_as_scikit_learn(beta):
    from sklearn.decomposition._nmf import _fit_multiplicative_update

    rng = np.random.default_rng(0)
    X = rng.gamma(1, 1, (40, 4)) @ rng.gamma(1, 1, (4, 30)) * rng.gamma(5, 0.2, (40, 30))
    W, H = rng.gamma(2, 0.3, (40, 5)), rng.gamma(2, 0.3, (5, 30))
    theirs = _fit_multiplicative_update(X, W.copy(), H.copy(), beta_loss=beta, max_iter=150, tol=0)
    ours = factorise(X, 5, beta=beta, step=mm, start=(W, H), iterations=150, tolerance=0)
    expected = beta_divergence(X, theirs[0] @ theirs[1], beta).sum()
    assert ours.objectives[-1] == pytest.approx(expected, rel=1e-8)
    assert ours.objectives[0] > 2 * ours.objectives[-1]


@pytest.mark.parametrize("beta", [-0.5, 0.0, 0.5, 1.0, 1.3, 2.0, 3.0])
def test_all_steps_find_the_same_minimum(beta):
    rng = np.random.default_rng(1)
    X = np.outer(rng.gamma(2, 1, 12), rng.gamma(2, 1, 9)) * rng.gamma(5, 0.2, (12, 9))
    steps = (mm, joint, newton, equalise)
    factorisations = [factorise(X, 1, beta=beta, step=s, tolerance=1e-13, iterations=3000) for s in steps]
    for other in factorisations[1:]:
        assert other.objectives[-1] == pytest.approx(factorisations[0].objectives[-1], rel=1e-9)
        np.testing.assert_allclose(other.W @ other.H, factorisations[0].W @ factorisations[0].H, rtol=1e-4)


def test_coordinates_need_fewer_iterations():
    rng = np.random.default_rng(2)
    for beta in (0.0, 0.5, 1.0):
        X = rng.gamma(0.5, 2, (60, 5)) @ rng.gamma(0.5, 2, (5, 50)) * rng.gamma(4, 0.25, (60, 50))
        start = rng.gamma(2, 0.3, (60, 5)), rng.gamma(2, 0.3, (5, 50))
        slow = factorise(X, 5, beta=beta, step=mm, start=start, iterations=300, tolerance=0)
        fast = factorise(X, 5, beta=beta, start=start, iterations=60, tolerance=0)
        assert fast.objectives[-1] <= slow.objectives[-1] * (1 + 1e-6)


def test_sparse_and_smooth_penalties_do_what_they_say():
    rng = np.random.default_rng(3)
    X = rng.gamma(1, 1, (30, 3)) @ rng.gamma(1, 1, (3, 25)) * rng.gamma(3, 1 / 3, (30, 25))
    plain, sparse, smooth = (
        factorise(X, 4, beta=1, l1=l1, smooth=smooth, tolerance=1e-9)
        for l1, smooth in (((0, 0), (0, 0)), ((2, 2), (0, 0)), ((0.1, 0.1), (300, 0)))
    )
    assert (sparse.H < 1e-9).sum() > (plain.H < 1e-9).sum()

    def roughness(factorisation):
        return (np.diff(factorisation.W, axis=0) ** 2).sum() / (factorisation.W**2).sum()

    assert roughness(smooth) < 0.6 * roughness(plain)


def test_missing_entries_are_predicted():
    rng = np.random.default_rng(4)
    truth = rng.gamma(1, 1, (40, 3)) @ rng.gamma(1, 1, (3, 30))
    weights = (rng.random(truth.shape) < 0.7).astype(float)
    X = np.where(weights > 0, truth, np.nan)
    for beta in (0.5, 1, 2):
        factors = factorise(X, 3, beta=beta, weights=weights, tolerance=1e-10, iterations=4000)
        error = np.abs(factors.W @ factors.H - truth)[weights == 0].mean() / truth.mean()
        assert error < 0.02


def test_weights_are_repetitions():
    rng = np.random.default_rng(5)
    X, start = rng.gamma(1, 1, (6, 5)), (rng.gamma(1, 1, (6, 2)), rng.gamma(1, 1, (2, 5)))
    weights = np.ones((6, 5))
    weights[0] = 2
    twice = (np.concatenate([X[:1], X]), (np.concatenate([start[0][:1], start[0]]), start[1]))
    for step in (mm, joint, newton):
        one = factorise(X, 2, beta=0.5, step=step, weights=weights, start=start, iterations=8, tolerance=0)
        two = factorise(
            twice[0], 2, beta=0.5, step=step, weights=np.ones((7, 5)), start=twice[1], iterations=8, tolerance=0
        )
        np.testing.assert_allclose(one.H, two.H, rtol=1e-9)


def test_zeros():
    X = np.random.default_rng(6).gamma(1, 1, (8, 6))
    X[2], X[0, 0] = 0.0, 0.0
    for beta in (0.5, 1, 2):
        factors = factorise(X, 2, beta=beta)
        assert factors.W[2].max() < 1e-6 and np.isfinite(factors.objectives).all()
    weights = (X > 0).astype(float)
    weights[2] = 1
    with pytest.raises(StatementError, match=r"row is zero.*Add a small number"):
        factorise(X, 2, beta=0, weights=weights)
    X[2] = 1.0
    weights[2] = 1
    assert np.isfinite(factorise(X, 2, beta=-0.5, weights=weights).objectives).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(X=-np.eye(3)), r"`X` must be >= 0, but is -1 at \(0, 0\)"),
        (dict(X=np.full((3, 3), np.nan)), r"`X` must be finite, but is nan at \(0, 0\).*weights"),
        (dict(X=np.zeros((3, 3))), "zero everywhere"),
        (dict(X=np.ones(3)), r"`X` must have shape \(n, m\)"),
        (dict(beta=0.0, X=np.eye(3)), r"beta = 0 <= 0.*X has 6, the first at \(0, 1\)"),
        (dict(beta=np.inf), "`beta` must be a finite number"),
        (dict(rank=0), "`rank` must be a whole number from 1 to 3"),
        (dict(rank=4), "`rank` must be a whole number from 1 to 3"),
        (dict(l1=(1.0, 0.0)), "give H one as well"),
        (dict(l1=(-1.0, 1.0)), "`l1` must be two finite numbers >= 0"),
        (dict(weights=np.ones((2, 3))), "`weights` must have the shape of X"),
        (dict(weights=np.array([[0, 0, 0], [1, 1, 1], [1, 1, 1]])), "0 along row 0"),
        (dict(weights=-np.ones((3, 3))), "`weights` must be finite and >= 0"),
        (dict(start=(np.ones((2, 2)), np.ones((2, 3)))), r"W of shape \(3, 2\)"),
        (dict(iterations=-1), "`iterations` must be >= 0"),
    ],
)
def test_bad_input_is_named(change, message):
    arguments = dict(X=np.ones((3, 3)), rank=2) | change
    with pytest.raises(StatementError, match=message):
        factorise(arguments.pop("X"), arguments.pop("rank"), **arguments)


CHECKS = [
    pytest.param(model, check, id=f"{name}-{i}-{getattr(check, 'func', check).__name__}")
    for name, model in (("newton", NMF()), ("mm", NMF(beta=2.0, step=mm)))
    for i, (_, check) in enumerate(estimator_checks_generator(model))
]


@pytest.mark.parametrize(("estimator", "check"), CHECKS)
@pytest.mark.filterwarnings("ignore")
def test_estimator_of_scikit_learn(estimator, check):
    check(estimator)


def test_the_estimator_finds_codes_of_new_samples():
    rng = np.random.default_rng(7)
    H = rng.gamma(1, 1, (3, 12))
    X = rng.gamma(1, 1, (50, 3)) @ H
    new = rng.gamma(1, 1, (10, 50)) @ X  # in the cone of the samples seen, hence in that of the components
    model = NMF(3, beta=1, random_state=0, tol=1e-12, max_iter=5000).fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(new)), new, rtol=0.05)
    problem = stated(X, 3, 1)
    value = objective(problem, (model.transform(X), model.components_.T))
    assert model.reconstruction_err_ == pytest.approx(value, abs=1e-3)
    assert list(model.get_feature_names_out()) == ["nmf0", "nmf1", "nmf2"]


def test_a_fit_that_has_not_converged_warns():
    X = np.random.default_rng(0).exponential(size=(20, 12))
    with pytest.warns(ConvergenceWarning, match="`max_iter` = 3"):
        NMF(3, random_state=0, max_iter=3).fit(X)
    model = NMF(2, random_state=0, tol=1e-4).fit(X)
    model.max_iter = 1
    with pytest.warns(ConvergenceWarning, match="still moves"):
        model.transform(X)


def test_a_sample_of_zeros_alone_is_a_combination_of_nothing():
    X = np.random.default_rng(0).exponential(size=(20, 12))
    model = NMF(3, random_state=0, tol=1e-4).fit(X)
    both = model.transform(np.vstack([np.zeros(12), X[0]]))
    alone = model.transform(np.zeros((1, 12)))
    assert alone.max() < 1e-8 and both[0].max() < 1e-8
    np.testing.assert_allclose(both[1], model.transform(X[:1])[0], rtol=1e-6, atol=1e-12)


def test_the_start_from_singular_vectors_is_exact_where_they_are_nonnegative():
    """Blocks: each pair of singular vectors is that of a block, so that nothing is left to do."""
    rng = np.random.default_rng(0)
    X = np.zeros((9, 8))
    for k, size in enumerate((4.0, 2.0, 1.0)):
        X[3 * k : 3 * k + 3, 2 * k : 2 * k + 2] = size * np.outer(rng.uniform(1, 2, 3), rng.uniform(1, 2, 2))
    W, Ht = svd_factors(stated(X, 3, 2.0), rng)
    on = X > 0
    np.testing.assert_allclose((W @ Ht.T)[on], X[on], rtol=2e-3)
    assert np.abs((W @ Ht.T)[~on]).max() < 0.05 * X.max()


def test_the_start_keeps_the_larger_part_of_each_pair():
    """The part of each pair that is kept makes at least half of its square, so that a random start is worse."""
    X = np.random.default_rng(1).gamma(0.5, 1, (30, 20))
    problem = stated(X, 4, 2.0)
    chosen = objective(problem, svd_factors(problem, np.random.default_rng(0)))
    least = np.sum(np.linalg.svd(X)[1][4:] ** 2) / 2
    assert least < chosen < min(objective(problem, random_factors(problem, np.random.default_rng(k))) for k in range(5))


def test_an_estimator_may_start_from_singular_vectors():
    X = np.random.default_rng(2).gamma(0.5, 1, (30, 20))
    X[3, 4], S = np.nan, np.ones((30, 20))
    S[3, 4] = 0
    one, other = (NMF(3, start=svd_factors, random_state=k, tol=0, max_iter=20).fit(X, weights=S) for k in (0, 1))
    np.testing.assert_array_equal(one.components_, other.components_)
    with pytest.raises(StatementError, match="A sparse `X` is factorised from `start=random_factors` only"):
        NMF(3, start=svd_factors).fit(csr_array(np.eye(5)))
