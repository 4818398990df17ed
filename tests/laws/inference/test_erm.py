"""Empirical risk minimisation: reference values, closed forms, thresholds, extremes, and finite systems."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import erfinv
from scipy.stats import norm

from asymptopia import NoLimit, StatementError, parse, sweep, thresholds
from asymptopia.laws.inference.erm import ERM
from asymptopia.laws.inference.erm.theory.stability import least_stretch, replicon
from asymptopia.parts.amplitude import Amplitude, Cauchy
from asymptopia.parts.channel import Abs, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Square
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Rademacher, SparseRademacher

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "erm.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("ERM")]
VALUES: dict[str, list[dict]] = {}
for row in ROWS:
    if row["kind"] == "value":
        VALUES.setdefault(row["statement"], []).append(row)


def test_a_teacher_that_is_found_leaves_no_error():
    law = ERM(loss=Square(), teacher=Linear(), ridge=0.0, alpha=2.0)
    assert law.realize(30, jax.random.key(0))["test_error"] < 1e-27


@pytest.mark.parametrize("statement", VALUES)
def test_reference_values(statement):
    limit = parse(statement).limit()
    for row in VALUES[statement]:
        assert float(limit[row["observable"]]) == pytest.approx(row["value"], rel=1e-8, abs=1e-11), row["observable"]


@pytest.mark.parametrize("row", [r for r in ROWS if r["kind"] == "threshold"], ids=lambda r: r["statement"])
def test_reference_thresholds(row):
    transitions = thresholds(parse(row["statement"]), row["along"])
    assert transitions[row["observable"]] == pytest.approx(row["value"], rel=1e-9)


def ridge_regression(alpha, ridge, noise):
    """Through the Stieltjes transform of the Marchenko-Pastur law: overlap, norm, train_loss."""
    V = ((1 - alpha - ridge) + np.sqrt((1 - alpha - ridge) ** 2 + 4 * ridge)) / (2 * ridge)
    shrunk = alpha / (1 + V)
    m = shrunk / (ridge + shrunk)
    c = alpha / (1 + V) ** 2 / (ridge + shrunk) ** 2
    q = (m**2 + c * (1 + noise - 2 * m)) / (1 - c)
    return m, q, (1 + noise - 2 * m + q) / (2 * (1 + V) ** 2)


def test_ridge_regression_in_closed_form():
    alphas, ridges = (0.3, 1.0, 5.0), (0.01, 0.5, 20.0)
    limit = sweep(ERM(loss=Square(), teacher=Linear(noise=0.2)), alpha=alphas, ridge=ridges).limit()
    m, q, loss = ridge_regression(np.array(alphas)[:, None], np.array(ridges), 0.2)
    for name, value in (("overlap", m), ("norm", q), ("train_loss", loss), ("train_error", 2 * loss)):
        assert np.allclose(limit[name], value, rtol=1e-8)
    assert np.allclose(limit.test_error, 1 - 2 * m + q, rtol=1e-7)
    noisy = sweep(ERM(loss=Square(), teacher=Linear(noise=0.2), noisy_test=True), alpha=alphas, ridge=ridges).limit()
    assert np.allclose(noisy.test_error - limit.test_error, 0.2, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.7, 2.0, 6.0])
def test_the_best_ridge_of_the_square_loss(alpha):
    def error(log_ridge):
        return float(ERM(alpha=alpha, ridge=float(np.exp(log_ridge)), loss=Square()).predict()["test_error"])

    best = minimize_scalar(error, bounds=(-4, 3), method="bounded", options={"xatol": 1e-5})
    assert np.exp(best.x) == pytest.approx(np.pi / 2 - 1, rel=1e-3)


def test_ordinary_least_squares():
    limit = ERM(alpha=3.0, ridge=0.0, loss=Square(), teacher=Linear(noise=0.5)).limit()
    assert float(limit.overlap) == pytest.approx(1, abs=1e-9)
    assert float(limit.test_error) == pytest.approx(0.5 / 2, rel=1e-8)
    assert float(limit.train_loss) == pytest.approx(0.25 * 2 / 3, rel=1e-8)


@pytest.mark.parametrize("teacher", [Sign(flip=0.1), Logit(scale=2.0), Probit(noise=0.5)])
def test_a_strong_ridge_is_hebbs_rule(teacher):
    """w = -(1/ridge) sum loss'(y, 0) x: overlap and norm by hand, for the logistic loss."""
    alpha, ridge = 2.0, 1e5
    limit = ERM(alpha=alpha, ridge=ridge, teacher=teacher).limit()
    z = np.linspace(-9, 9, 20001)
    bell = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    up = teacher.partition(1.0, z, np.full_like(z, 1e-300))
    correlation = np.trapezoid(bell * z * (2 * up - 1), z)
    assert float(limit.overlap) == pytest.approx(alpha * correlation / 2 / ridge, rel=1e-4)
    norm = alpha / 4 * (1 + alpha * correlation**2) / ridge**2
    assert float(limit.norm) == pytest.approx(norm, rel=1e-4)


@pytest.mark.parametrize("loss", [Square(), Logistic(), Hinge()])
def test_only_the_teachers_second_moment_matters_without_l1(loss):
    """A teacher of norm rho_w is the field scaled by its root: for Logit, a scale."""
    law = ERM(loss=loss, teacher=Logit(scale=2.0), prior=GaussBernoulli(rho=0.25))
    scaled = ERM(loss=loss, teacher=Logit(scale=1.0))
    a, b = law.predict(), scaled.predict()
    assert a["overlap"] == pytest.approx(0.5 * b["overlap"], rel=1e-9)
    for name in ("norm", "test_error", "train_loss", "train_error"):
        assert a[name] == pytest.approx(b[name], rel=1e-9)


def test_flipped_labels_of_a_coin_teach_nothing():
    limit = ERM(teacher=Sign(flip=0.5)).limit()
    assert abs(float(limit.overlap)) < 1e-10 and float(limit.test_error) == pytest.approx(0.5, abs=1e-9)


def test_noise_in_the_test():
    clean = float(ERM(teacher=Sign(flip=0.2)).limit().test_error)
    noisy = float(ERM(teacher=Sign(flip=0.2), noisy_test=True).limit().test_error)
    assert noisy == pytest.approx(0.2 + 0.6 * clean, rel=1e-10)


@pytest.mark.parametrize("loss, teacher", [
    (Square(), Sign()), (Logistic(), Sign()), (Hinge(), Sign()), (Hinge(), Probit(noise=0.3)), (Logistic(), Logit()),
    (Huber(), Linear(noise=0.1)), (Absolute(), Linear(noise=0.1)),
])  # fmt: skip
def test_extreme_parameters(loss, teacher):
    statements = sweep(ERM(loss=loss, teacher=teacher), alpha=(0.01, 1.0, 1000.0), ridge=(1e-6, 1e-2, 1e4))
    limit = statements.limit()
    for name in ERM.observables:
        assert np.isfinite(limit[name]).all()
        assert np.all(limit[f"{name}_error"] <= 1e-7 * np.maximum(1, np.abs(limit[name])))
    assert np.all(limit.overlap**2 <= limit.norm * (1 + 1e-9))
    if teacher.binary:
        assert np.all(np.diff(limit.test_error[:, -1]) < 0)


@pytest.mark.parametrize("prior", [Gaussian(), Rademacher(), GaussBernoulli(), SparseRademacher(), Laplace()])
def test_a_vanishing_l1_is_none(prior):
    law = ERM(loss=Square(), prior=prior, teacher=Linear(noise=0.1))
    with_l1, without = (law.replace(l1=l1).predict() for l1 in (1e-9, 0.0))
    for name in ERM.observables:
        assert with_l1[name] == pytest.approx(without[name], rel=1e-6)


def test_both_penalties_together():
    """The elastic net of orthogonal-like data (alpha large) shrinks by both: soft thresholding, then division."""
    alpha, ridge, l1 = 2000.0, 800.0, 300.0
    law = ERM(alpha=alpha, ridge=ridge, l1=l1, loss=Square(), teacher=Linear(noise=0.0), prior=Rademacher())
    expected = (1 - l1 / alpha) / (1 + ridge / alpha)
    assert float(law.limit().overlap) == pytest.approx(expected, rel=2e-3)


def test_a_strong_l1_leaves_nothing():
    law = ERM(l1=40.0, ridge=0.0)
    limit, experiment = law.limit(), law.experiment(sizes=(50,), seeds=2)
    for both in (limit, experiment.isel(seed=0, size=0)):
        assert float(both.norm) < 1e-9 and float(both.train_loss) == pytest.approx(np.log(2), abs=1e-9)
        assert float(both.test_error) == float(both.train_error) == pytest.approx(0.5, abs=1e-9)


def own_logistic(y, z):
    return jnp.logaddexp(0.0, -y * z)


def own_hinge(y, z):
    return jnp.maximum(0.0, 1 - y * z)


def own_huber(y, z):
    return jnp.where(jnp.abs(y - z) < 1, (y - z) ** 2 / 2, jnp.abs(y - z) - 0.5)


def own_sign(z):
    return np.where(z > 0, 1.0, -1.0)


def own_ramp(z):
    return np.maximum(z, 0.0)


@pytest.mark.parametrize("own, part", [
    (dict(loss=own_logistic, ridge=0.01), dict(loss=Logistic(), ridge=0.01)),
    (dict(loss=own_hinge), dict(loss=Hinge())),
    (dict(teacher=own_sign), dict(teacher=Sign())),
    (dict(loss=own_huber, teacher=own_ramp), dict(loss=Huber(), teacher=ReLU())),
])  # fmt: skip
def test_functions_of_ones_own(own, part):
    a, b = (sweep(ERM(**fields), alpha=(0.7, 4.0)).limit() for fields in (own, part))
    for name in ERM.observables:
        assert np.allclose(a[name], b[name], rtol=1e-7, atol=1e-10)


def test_a_statement_with_functions_of_ones_own_parses_back():
    law = ERM(loss=own_hinge, teacher=own_sign)
    names = {"own_hinge": own_hinge, "own_sign": own_sign}
    assert "loss=own_hinge" in repr(law) and parse(repr(law), names) == law


@pytest.mark.parametrize("fields", [
    dict(loss=(Huber(delta=0.5), Huber(delta=2.0)), teacher=(Linear(noise=0.1), Linear(noise=0.5))),
    dict(loss=(Logistic(),), teacher=(Sign(flip=0.0), Sign(flip=0.1), Logit(scale=1.0), Logit(scale=3.0))),
    dict(loss=(Square(),), prior=(GaussBernoulli(rho=0.1), GaussBernoulli(rho=0.5)), l1=(0.0, 0.2)),
], ids=lambda f: "-".join(f))  # fmt: skip
def test_a_sweep_is_its_points_one_by_one(fields):
    statements = sweep(ERM(), **fields)
    limit = statements.limit()
    for name in ERM.observables:
        alone = [float(point.predict()[name]) for point in statements.points()]
        assert np.allclose(np.ravel(limit[name]), alone, rtol=1e-8, atol=1e-13)


def test_separable_labels_without_penalty_are_refused_with_the_threshold():
    for loss in (Logistic(), Hinge(), own_logistic):
        law = ERM(alpha=3.0, ridge=0.0, loss=loss, teacher=Logit(scale=5**0.5))
        with pytest.raises(NoLimit, match=r"alpha > 3\.0713"):
            law.limit()
        assert np.isfinite(float(law.replace(alpha=3.2).limit().norm))
    with pytest.raises(NoLimit, match="inf"):
        ERM(alpha=100.0, ridge=0.0).check()


@pytest.mark.parametrize("loss", [Square(), Huber(), Absolute()])
def test_as_many_samples_as_dimensions_without_penalty_are_refused(loss):
    with pytest.raises(NoLimit, match="alpha = 1"):
        ERM(alpha=1.0, ridge=0.0, loss=loss, teacher=Linear(noise=0.1)).limit()
    ERM(alpha=1.0, ridge=0.0, l1=0.1, loss=loss, teacher=Linear(noise=0.1)).check()


def test_the_norm_diverges_at_the_threshold():
    threshold = thresholds(ERM(ridge=0.0, teacher=Logit(scale=2.0)), "alpha")["existence"]
    law = ERM(ridge=0.0, teacher=Logit(scale=2.0))
    norms = [float(law.replace(alpha=threshold * (1 + e)).limit().norm) for e in (0.3, 0.1, 0.03)]
    assert norms[0] < norms[1] < norms[2] and norms[2] > 8 * norms[0]


def test_other_refusals():
    with pytest.raises(NoLimit, match="labels"):
        ERM(loss=Hinge(), teacher=Linear()).limit()
    with pytest.raises(StatementError, match="ridge"):
        ERM(ridge=-1.0)
    with pytest.raises(StatementError, match="alpha"):
        ERM(alpha=0.0)
    with pytest.raises(StatementError, match="transition"):
        thresholds(ERM(), "ridge")


def test_a_loss_that_is_not_convex_is_refused_where_its_proximal_map_jumps():
    def bounded(y, z):
        return 1 - jnp.exp(-((y - z) ** 2) / 2)

    for law in (ERM(loss=bounded, ridge=0.01, alpha=0.3), ERM(loss=Amplitude(), teacher=Abs())):
        with pytest.raises(NoLimit, match="The proximal map of .* jumps .* replica symmetry is broken"):
            law.limit()
    for penalties in (dict(ridge=0.0), dict(l1=0.1)):
        with pytest.raises(NoLimit, match="`loss` of ERM must be convex unless ridge > 0 and l1 = 0, but .* is not"):
            ERM(loss=bounded, **penalties).limit()
    with pytest.raises(StatementError, match="there is one along 'ridge'"):
        thresholds(ERM(loss=Cauchy()), "alpha")
    ERM(loss=own_hinge).admit()


ROBUST = ERM(loss=Cauchy(scale=0.5), teacher=Linear(noise=4.0), alpha=3.0, ridge=0.1)


@pytest.mark.parametrize("law, decided", [
    (ROBUST.replace(ridge=0.3), True), (ROBUST, True), (ROBUST.replace(ridge=0.03), False),
    (ROBUST.replace(teacher=Linear(noise=1.0), alpha=1.0), True), (ERM(alpha=2.0, ridge=0.01), True),
])  # fmt: skip
def test_two_runs_of_message_passing_meet_as_the_line_of_de_almeida_and_thouless_says(law, decided):
    """Message passing on one system from two starts: the squared distance falls by the eigenvalue at each step."""
    value = replicon(law)
    runs = np.log([distances_of_runs(law, 1000, seed) for seed in range(4)])
    rates = (runs[:, 13] - runs[:, 6]) / 7
    rate, spread = rates.mean(), rates.std(ddof=1) / 2
    if decided:
        assert value < 1 and law.valid() is None
        assert abs(rate - np.log(value)) < 4 * max(spread, 0.02)
    else:
        assert value > 1 and "eigenvalue 1.541 is above 1" in law.valid()
        assert rate > -0.05 and np.exp(runs[:, 13]).min() > 0.1  # they never meet


def distances_of_runs(law, d, seed, steps=14):
    rng = np.random.default_rng(seed)
    n = int(law.alpha * d)
    X, star = rng.standard_normal((n, d)) / np.sqrt(d), rng.standard_normal(d)
    y = law.teacher.sample(X @ star, rng)
    paths = []
    for _ in range(2):
        w, V, f = 0.3 * rng.standard_normal(d), 1 / (1 + law.alpha), np.zeros(n)
        path = []
        for _ in range(steps):
            omega = X @ w - V * f
            z = law.loss.proximal(y, omega, V)
            bend = law.loss.curvature(y, z)
            f, V_hat = (z - omega) / V, law.alpha * np.mean(bend / (1 + V * bend))
            w, V = (X.T @ f + V_hat * w) / (law.ridge + V_hat), 1 / (law.ridge + V_hat)
            path.append(w)
        paths.append(path)
    return np.mean((np.array(paths[0]) - paths[1]) ** 2, axis=1)


def test_replica_symmetry_of_convex_losses_is_stable():
    """E f'^2 <= E (-f') / V, so that the eigenvalue is below 1; of the square loss it is known by hand."""
    for loss, teacher in ((Logistic(), Sign()), (Hinge(), Sign(flip=0.1)), (Absolute(), Linear(noise=0.1))):
        for ridge in (1.0, 0.01):
            assert 0 < replicon(ERM(loss=loss, teacher=teacher, ridge=ridge)) < 1
    law = ERM(loss=Square(), teacher=Linear(noise=0.1), ridge=0.3)
    V = ((1 - 2.0 - 0.3) + np.sqrt((1 - 2.0 - 0.3) ** 2 + 4 * 0.3)) / (2 * 0.3)
    assert replicon(law) == pytest.approx(2.0 * V**2 / (1 + V) ** 2, rel=1e-9)
    assert law.valid() is None


def test_the_ridge_down_to_which_replica_symmetry_is_stable():
    line = thresholds(ROBUST, "ridge")["replica_symmetry"]
    assert replicon(ROBUST.replace(ridge=line)) == pytest.approx(1, abs=1e-8)
    assert ROBUST.replace(ridge=1.01 * line).valid() is None
    assert "unstable" in ROBUST.replace(ridge=0.99 * line).valid()
    assert thresholds(ROBUST.replace(teacher=Linear(noise=0.01)), "ridge")["replica_symmetry"] == 0


@pytest.mark.parametrize("scale", [1e-6, 1e-4, 300.0])
def test_a_proximal_map_that_jumps_is_noticed_however_narrow_or_wide_the_loss(scale):
    """It jumps for V above 8, as the least curvature is -1/8 at all scales; far from all data V is 1 / ridge."""
    law = ERM(loss=Cauchy(scale=scale), teacher=Linear(noise=0.1), ridge=0.1)
    assert least_stretch(law, 7.99) == pytest.approx(1 - 7.99 / 8, abs=1e-4) and least_stretch(law, 8.01) < 0
    if scale < 1:
        with pytest.raises(NoLimit, match="proximal map of Cauchy.* jumps"):
            law.limit()
        assert 0 < replicon(law.replace(ridge=0.13)) < 1


def test_the_lowest_minimum_of_a_robust_loss():
    law = ROBUST.replace(ridge=0.3)
    limit, seeds = law.limit(), 24
    runs = [law.realize(150, jax.random.key(seed)) for seed in range(seeds)]
    for name, value in runs[0].items():
        values = np.array([run[name] for run in runs])
        assert abs(values.mean() - float(limit[name])) < 4 * values.std(ddof=1) / np.sqrt(seeds), (name, value)


def test_even_teachers_leave_no_overlap():
    for law in (ERM(teacher=Door()), ERM(teacher=Abs(), loss=Square())):
        assert abs(float(law.limit().overlap)) < 1e-9


@pytest.mark.parametrize("law", [
    ERM(alpha=1.5, ridge=0.3, loss=Square(), teacher=Linear(noise=0.3), prior=GaussBernoulli(rho=0.3)),
    ERM(alpha=1.5, ridge=0.05, loss=Hinge(), teacher=Sign(flip=0.1)),
    ERM(alpha=2.5, ridge=0.1, loss=Logistic(), teacher=Logit(scale=3.0), noisy_test=True),
    ERM(alpha=1.2, ridge=0.1, l1=0.1, loss=Square(), teacher=Linear(noise=0.1), prior=SparseRademacher(rho=0.2)),
    ERM(alpha=2.5, ridge=0.1, loss=Huber(), teacher=ReLU()),
], ids=lambda law: law.short())  # fmt: skip
def test_finite_systems_approach_the_limit(law):
    n, seeds = 120, 12
    limit, experiment = law.limit(), law.experiment(sizes=(n,), seeds=seeds)
    for name in ERM.observables:
        values = np.ravel(experiment[name])
        error = values.std(ddof=1) / np.sqrt(seeds)
        bias = 2.0 * max(abs(float(limit[name])), 0.05) / n
        assert abs(values.mean() - float(limit[name])) < 4 * error + bias, name


@pytest.mark.parametrize("teacher", [Linear(noise=0.1), Sign(flip=0.1), ReLU()])
@pytest.mark.parametrize("loss", [Square(), Absolute()])
def test_without_penalty_few_samples_are_fitted_by_the_student_of_least_norm(loss, teacher):
    law = ERM(alpha=0.5, ridge=0.0, loss=loss, teacher=teacher)
    prediction, near = law.predict(), law.replace(ridge=1e-7, loss=Square()).predict()
    for name in ("overlap", "norm", "test_error"):
        assert prediction[name] == pytest.approx(near[name], abs=1e-6), name
    assert prediction["train_loss"] == prediction["train_error"] == 0
    if isinstance(teacher, Linear):
        assert prediction["test_error"] == pytest.approx(
            0.5 + 0.1, abs=1e-12
        )  # (1 - alpha) rho + alpha noise / (1 - alpha)


def test_the_student_of_least_norm_is_what_systems_find():
    law = ERM(alpha=0.5, ridge=0.0, loss=Absolute(), teacher=Linear(noise=0.1))
    data, limit = law.experiment((200,), 20), law.predict()
    for name in ("overlap", "norm", "test_error"):
        values = data[name].values.ravel()
        assert abs(values.mean() - limit[name]) < 4 * values.std() / 20**0.5 + 0.01, name
    assert data["train_error"].values.max() < 1e-20


def test_at_the_threshold_of_interpolation_there_is_no_limit():
    curve = sweep(ERM(ridge=0.0, loss=Square(), teacher=Linear(noise=0.1)), alpha=[0.5, 0.9, 1.1, 2.0]).limit()
    np.testing.assert_allclose(curve["test_error"], [0.6, 1.0, 1.0, 0.1], atol=1e-9)
    with pytest.raises(NoLimit, match="diverges at alpha = 1"):
        ERM(alpha=1.0, ridge=0.0, loss=Square(), teacher=Linear(noise=0.1)).limit()


@pytest.mark.parametrize("loss", [Absolute(), Square()])
def test_without_noise_the_teacher_is_recovered(loss):
    law = ERM(alpha=1.5, ridge=0.0, loss=loss, teacher=Linear())
    prediction = law.predict()
    assert prediction["overlap"] == prediction["norm"] == 1 and prediction["test_error"] == pytest.approx(0, abs=1e-12)
    assert law.experiment((60,), 4)["test_error"].values.max() < 1e-8


EXACT = ERM(loss=Absolute(), teacher=Linear(noise=0.0))


def clipped_square(scale):
    """E clip(scale xi, -1, 1)^2 by quadrature."""
    x = np.linspace(-10, 10, 200_001)
    weight = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    return np.trapezoid(np.clip(scale * x, -1, 1) ** 2 * weight, x)


@pytest.mark.parametrize("alpha", [1.5, 3.0])
def test_least_absolute_residuals_recover_the_teacher_up_to_a_ridge(alpha):
    tau = 1 / (np.sqrt(2) * erfinv(1 / alpha))
    last = np.sqrt(tau**2 - alpha * clipped_square(tau))
    assert EXACT.replace(alpha=alpha).thresholds("ridge") == {"exact_recovery": pytest.approx(last, rel=1e-8)}
    ridges = [0.0, 0.5 * last, 0.999 * last, 1.01 * last, 1.04 * last]
    errors = [float(EXACT.replace(alpha=alpha, ridge=ridge).limit()["test_error"]) for ridge in ridges]
    assert errors[:3] == [0.0, 0.0, 0.0]
    assert 0 < errors[3] < 1e-3  # the ordinary fixed point, which grows like the square of the excess
    assert 12 < errors[4] / errors[3] < 17


@pytest.mark.parametrize("l1, exact", [(0.4, True), (1.2, False)])
def test_a_weak_l1_recovers_a_sparse_teacher_from_fewer_samples_than_dimensions(l1, exact):
    law = EXACT.replace(alpha=0.7, ridge=0.0, l1=l1, prior=GaussBernoulli(rho=0.2))
    limit = float(law.limit()["test_error"])
    measured = law.experiment((200,), 12)["test_error"]
    assert (limit == 0) == exact
    assert abs(float(measured.mean()) - limit) < 4 * float(measured.std()) / 12**0.5 + 1e-12


def test_the_last_l1_that_recovers_lies_between_the_two():
    law = EXACT.replace(alpha=0.7, ridge=0.0, prior=GaussBernoulli(rho=0.2))
    last = law.thresholds("l1")["exact_recovery"]
    assert 0.4 < last < 1.2
    above = [float(law.replace(l1=f * last).limit()["test_error"]) for f in (1.01, 1.02)]
    assert 3 < above[1] / above[0] < 5
    with pytest.raises(StatementError, match="no known transition along 'l1'"):
        law.replace(loss=Square()).thresholds("l1")


def test_noise_ends_exact_recovery():
    assert float(EXACT.replace(ridge=0.1, teacher=Linear(noise=0.01)).limit()["test_error"]) > 1e-3
    assert float(EXACT.replace(ridge=0.1, loss=Square()).limit()["test_error"]) > 1e-4


def weakly_penalised(rho, alpha):
    """Donoho, Maleki and Montanari (2009), equation 5, by root finding: squared error over l1^2, and share moved."""

    def power(theta):
        return rho * (1 + theta**2) + 2 * (1 - rho) * ((1 + theta**2) * norm.cdf(-theta) - theta * norm.pdf(theta))

    least = minimize_scalar(power, bounds=(0, 10), method="bounded", options={"xatol": 1e-12}).x
    theta = brentq(lambda t: power(t) - alpha, least, 20, xtol=1e-14)
    moved = rho + 2 * (1 - rho) * norm.cdf(-theta)
    return alpha / (theta * (alpha - moved)) ** 2, moved


@pytest.mark.parametrize("loss", [Square(), Huber(delta=0.5)])
def test_basis_pursuit_that_recovers_as_l1_vanishes(loss):
    law = ERM(alpha=0.8, ridge=0.0, loss=loss, teacher=Linear(noise=0.0), prior=GaussBernoulli(rho=0.1))
    limit = sweep(law, l1=(1e-3, 5e-4, 1e-7, 1e-9)).limit()
    error, moved = weakly_penalised(0.1, 0.8)
    shares = (limit.test_error / limit.l1**2).values
    assert np.allclose(shares[2:], error, rtol=1e-10)
    assert 2 * shares[1] - shares[0] == pytest.approx(error, rel=3e-6)  # the full equations, at stronger penalties
    assert np.allclose(limit.train_error[2:], limit.test_error[2:] * (1 - moved / 0.8) ** 2, rtol=1e-10)
    bias = np.sqrt(2 / np.pi) * 0.1 / (0.8 - moved)
    assert np.allclose((0.1 - limit.overlap[2:]) / limit.l1[2:], bias, rtol=1e-6)
    assert np.allclose((limit.norm - limit.overlap)[:3] / limit.l1[:3], -bias, rtol=3 * 1e-3)


def test_weak_penalties_together():
    """Both penalties, against the full equations at stronger ones, extrapolated to none."""
    law = ERM(alpha=2.0, loss=Square(), teacher=Linear(noise=0.0), prior=GaussBernoulli(rho=0.2))
    strengths = np.array([1e-3, 5e-4, 1e-8])
    values = [law.replace(ridge=t, l1=2 * t).limit() for t in strengths]
    for name in ("test_error", "train_loss"):
        shares = np.array([float(v[name]) for v in values]) / strengths**2
        assert 2 * shares[1] - shares[0] == pytest.approx(shares[2], rel=1e-5)
    no_recovery = law.replace(alpha=0.3, ridge=0.0, l1=1e-8).limit()
    assert float(no_recovery.test_error) == pytest.approx(
        float(law.replace(alpha=0.3, ridge=0.0, l1=1e-6).limit().test_error), rel=1e-4
    )


def test_between_the_routes_no_penalty_is_left_out():
    """The full equations lose digits as the error vanishes: before they fail the homogeneous ones must hold."""
    law = ERM(alpha=0.5, ridge=0.0, loss=Square(), teacher=Linear(noise=0.0), prior=GaussBernoulli(rho=0.1))
    limit = sweep(law, l1=(1e-3, 1.5e-5, 1e-5, 5e-6)).limit()
    assert np.allclose(limit.test_error / limit.l1**2, weakly_penalised(0.1, 0.5)[0], rtol=1e-2)


@pytest.mark.parametrize("l1", [2e-5, 8e-6, 4e-6, 2e-6])
def test_where_one_route_hands_over_to_the_other(l1):
    law = ERM(alpha=0.8, ridge=0.0, l1=l1, loss=Square(), teacher=Linear(noise=0.0), prior=GaussBernoulli(rho=0.1))
    assert float(law.limit().overlap) == pytest.approx(0.1 - 0.1151998 * l1, abs=2e-9)
