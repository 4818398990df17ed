"""The Gaussian covariate model: against ERM, against closed forms of ridge regression, and against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq

from asymptopia.contract.law import NoLimit
from asymptopia.contract.record import StatementError, field
from asymptopia.contract.statement import parse
from asymptopia.laws.inference.erm import ERM
from asymptopia.laws.inference.gaussian_covariate import GaussianCovariate
from asymptopia.parts.channel import Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.covariance import Isotropic, Matrices, PowerLaw, Spectrum
from asymptopia.parts.data import Bundled, Data
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Square
from asymptopia.tables import Columns
from asymptopia.theory.population import population

OBSERVABLES = ("test_error", "train_error", "train_loss")


@pytest.fixture(scope="module")
def matrices(tmp_path_factory):
    """Covariances of 100 inputs and 80 teacher features, none of which commute."""
    rng = np.random.default_rng(0)
    d, p = 100, 80
    A = rng.standard_normal((d + p, d + p)) / np.sqrt(d + p)
    joint = A * (20 * (np.arange(d + p) + 1.0) ** -0.7) @ A.T
    arrays = dict(Psi=joint[:p, :p], Phi=joint[:p, p:], Omega=joint[p:, p:], theta=rng.standard_normal(p))
    path = tmp_path_factory.mktemp("matrices") / "covariances.npz"
    np.savez(path, **arrays)
    return Matrices(str(path)), arrays


@pytest.mark.parametrize(
    ("loss", "teacher"),
    [
        (Square(), Sign()),
        (Logistic(), Logit(scale=2.0)),
        (Hinge(), Probit(noise=0.3)),
        (Huber(), Linear(noise=0.2)),
        (Absolute(), Linear(noise=0.2)),
        (Square(), ReLU()),
    ],
)
@pytest.mark.parametrize(("alpha", "ridge"), [(0.5, 0.01), (3.0, 0.5)])
def test_isotropic_inputs_are_those_of_erm(loss, teacher, alpha, ridge):
    ours = GaussianCovariate(alpha=alpha, ridge=ridge, loss=loss, teacher=teacher).predict()
    theirs = ERM(alpha=alpha, ridge=ridge, loss=loss, teacher=teacher).predict()
    for name in OBSERVABLES:
        assert ours[name] == pytest.approx(float(theirs[name]), rel=1e-9, abs=1e-12)


def ridge_regression(Omega, b, rho, noise, alpha, ridge):
    """Test error without label noise and training loss of ridge regression, by deterministic equivalents."""
    d = len(Omega)

    def degrees(kappa):
        return np.trace(np.linalg.solve(Omega + kappa * np.eye(d), Omega)) / d

    kappa = brentq(lambda k: ridge - k * (alpha - degrees(k)), 1e-12, 1e4, xtol=1e-15)
    R = np.linalg.inv(Omega + kappa * np.eye(d))
    degrees2 = np.trace(Omega @ R @ Omega @ R) / d
    total = (rho + noise - 2 * b @ R @ b + b @ R @ Omega @ R @ b) / (1 - degrees2 / alpha)
    return total - noise, 0.5 * total * (ridge / (kappa * alpha)) ** 2


@pytest.mark.parametrize(("alpha", "ridge", "noise"), [(2.0, 0.3, 0.5), (0.6, 0.05, 0.0), (5.0, 2.0, 0.1)])
def test_ridge_regression_with_covariances_that_do_not_commute(matrices, alpha, ridge, noise):
    data, a = matrices
    p = len(a["theta"])
    b, rho = a["Phi"].T @ a["theta"] / np.sqrt(p), a["theta"] @ a["Psi"] @ a["theta"] / p
    test, train = ridge_regression(a["Omega"], b, rho, noise, alpha, ridge)
    law = GaussianCovariate(alpha=alpha, data=data, loss=Square(), ridge=ridge, teacher=Linear(noise=noise))
    prediction = law.predict()
    assert prediction["test_error"] == pytest.approx(test, rel=1e-8)
    assert prediction["train_loss"] == pytest.approx(train, rel=1e-8)


def test_eigenvalues_are_paired_with_the_teacher():
    strong, weak = (
        GaussianCovariate(alpha=0.8, data=Spectrum((4.0, 0.25), teacher=t), loss=Square(), teacher=Linear(), ridge=0.1)
        for t in ((0.25, 0.0), (0.0, 4.0))
    )
    assert strong.data.paired().rho == pytest.approx(weak.data.paired().rho)
    assert strong.predict()["test_error"] < 0.05 < 0.2 < weak.predict()["test_error"]


@pytest.mark.parametrize("loss", [Logistic(), Hinge()])
def test_simulation_with_covariances_that_do_not_commute(matrices, loss):
    law = GaussianCovariate(alpha=3.0, data=matrices[0], loss=loss, ridge=0.5, teacher=Sign())
    assert law.sizes == (100,)
    agrees(law, None, 16, slack=0.005)


@pytest.mark.parametrize("loss", [Square(), Logistic()])
def test_simulation_of_spectra(loss):
    agrees(
        GaussianCovariate(data=Spectrum((2.0, 0.1), (0.2, 0.8), (1.0, 0.5)), loss=loss, ridge=0.1),
        (160,),
        12,
        slack=0.004,
    )
    agrees(GaussianCovariate(data=PowerLaw(1.2, 0.5, 150), loss=loss, ridge=0.1, teacher=Sign()), None, 12, slack=0.004)


def agrees(law, sizes, seeds, slack=0.0):
    limit, experiment = law.predict(), law.experiment(sizes, seeds)
    for name in OBSERVABLES:
        values = experiment[name].values.ravel()
        error = values.std(ddof=1) / np.sqrt(seeds)
        assert abs(values.mean() - limit[name]) < 3.5 * error + slack, name
        assert error < 0.1 * max(limit[name], 0.2)


def test_the_chosen_ridge_of_noisy_linear_labels_is_the_noise():
    law = GaussianCovariate(alpha=1.5, loss=Square(), ridge="auto", teacher=Linear(noise=0.3))
    prediction = law.predict()
    assert prediction["chosen_ridge"] == pytest.approx(0.3, rel=0.1)
    fixed = [law.replace(ridge=r).predict()["test_error"] for r in (0.1, 0.3, 0.9)]
    assert prediction["test_error"] == pytest.approx(fixed[1], rel=1e-3)
    assert fixed[1] < min(fixed[0], fixed[2])


class Drawn(Data):
    """Gaussian inputs with known covariance, a linear target, and few samples."""

    seed: int = field(0, "of the draw")
    common = True

    def columns(self):
        rng = np.random.default_rng(self.seed)
        X = rng.standard_normal((450, 150)) * np.sqrt(VALUES)
        y = X @ THETA + 0.7 * rng.standard_normal(450)
        return Columns(X, y, tuple("x" * 150), "regression", "y")


VALUES = np.geomspace(4, 0.04, 150)
VALUES /= VALUES.mean()
THETA = np.random.default_rng(0).standard_normal(150)
THETA /= np.sqrt(THETA @ (VALUES * THETA))


@pytest.mark.parametrize("kappa", [0.1, 1.0])
def test_estimates_from_few_samples_are_unbiased(kappa):
    shrunk = VALUES / (VALUES + kappa)
    b2 = (VALUES * THETA) ** 2 / 1.49
    truth = [shrunk.mean(), (shrunk**2).mean(), (b2 / (VALUES + kappa)).sum(), (b2 * shrunk / (VALUES + kappa)).sum()]
    rows, naive = [], []
    for seed in range(14):
        traces = population(Drawn(seed)).resolvents.at(kappa)
        rows.append([traces.degrees, traces.degrees2, traces.power[0, 0], traces.power2[0, 0]])
        samples = Drawn(seed).samples()
        values, basis = np.linalg.eigh(samples.X.T @ samples.X / 450)
        seen = (basis.T @ (samples.X.T @ samples.y / 450)) ** 2
        naive.append([(values / (values + kappa)).mean(), 0, (seen / (values + kappa)).sum(), 0])
    rows, naive = np.array(rows), np.array(naive)
    errors = rows.std(axis=0, ddof=1) / np.sqrt(14)
    np.testing.assert_array_less(np.abs(rows.mean(axis=0) - truth), 3.5 * errors + [0.002, 0.004, 0.01, 0.015])
    for k in (0, 2):
        assert abs(naive[:, k].mean() - truth[k]) > 4 * abs(rows[:, k].mean() - truth[k]) + 0.01


@pytest.mark.parametrize(("loss", "ridge"), [(Square(), 0.1), (Logistic(), 0.1)])
def test_learning_curves_of_digits(loss, ridge):
    for n in (150, 500):
        law = GaussianCovariate(alpha=n / 61, data=Bundled("digits"), loss=loss, ridge=ridge)
        limit, experiment = law.predict(), law.experiment(None, 10)
        for name in OBSERVABLES:
            values = experiment[name].values.ravel()
            error = values.std(ddof=1) / np.sqrt(10)
            assert abs(values.mean() - limit[name]) < 0.05 * values.mean() + 3 * error, (n, name)


def test_a_student_with_an_intercept_on_unequal_classes():
    law = GaussianCovariate(alpha=2.0, data=Bundled("digits", "3"), loss=Square(), ridge=10.0)
    mean = law.experiment(None, 10)["test_error"].values.mean()
    assert law.predict()["test_error"] == pytest.approx(mean, abs=0.01)
    assert mean == pytest.approx(183 / 1797, abs=0.01)


def test_statements_read_back():
    for law in (
        GaussianCovariate(),
        GaussianCovariate(ridge="auto", data=Bundled("wine"), features="relu:40"),
        GaussianCovariate(data=Spectrum((2.0, 0.1), (0.2, 0.8)), loss=Hinge(), teacher=Logit()),
        GaussianCovariate(data=PowerLaw(exponent=0.5), teacher=None),
    ):
        assert parse(repr(law)) == law
    assert GaussianCovariate.sizes == (100, 200, 400)
    assert GaussianCovariate(data=Bundled("wine")).sizes == (13,)
    assert GaussianCovariate(data=Isotropic()).sizes == (100, 200, 400)


def test_what_has_no_limit_or_no_meaning_is_refused():
    wine = Bundled("wine")
    with pytest.raises(NoLimit, match=r"`alpha` must be between .* of the 178 samples"):
        GaussianCovariate(alpha=20.0, data=wine).check()
    with pytest.raises(NoLimit, match="is for classes"):
        GaussianCovariate(alpha=2.0, data=Bundled("diabetes")).check()
    with pytest.raises(NoLimit, match="labels -1 and 1"):
        GaussianCovariate(teacher=Linear()).check()
    with pytest.raises(StatementError, match="must be None for data"):
        GaussianCovariate(data=wine, teacher=Sign())
    with pytest.raises(StatementError, match="features"):
        GaussianCovariate(features="relu:10")
    with pytest.raises(StatementError, match=r'number > 0 or "auto"'):
        GaussianCovariate(ridge="best")
    with pytest.raises(StatementError, match="> 0"):
        GaussianCovariate(ridge=0.0)
    with pytest.raises(StatementError, match=r"must be \(13,\)"):
        GaussianCovariate(data=wine).sizes_and_seeds((100,), 4)
    for bad in (dict(values=()), dict(values=(1.0, -1.0)), dict(values=(1.0,), shares=(0.5,)), dict(teacher=(0.0,))):
        with pytest.raises(StatementError, match="Spectrum"):
            Spectrum(**bad)


def test_matrices_that_are_no_covariances_are_refused(tmp_path):
    good = dict(Omega=np.eye(3), Phi=np.zeros((2, 3)), Psi=np.eye(2), theta=np.ones(2))
    for change, message in (
        (dict(Phi=np.ones((2, 3)) * 2), "not the covariances"),
        (dict(Phi=np.zeros((3, 2))), "Phi in .* must have shape"),
        (dict(theta=np.zeros(2)), "theta.Psi.theta > 0"),
    ):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.npz"
        np.savez(path, **(good | change))
        with pytest.raises(StatementError, match=message):
            Matrices(str(path)).paired()
    with pytest.raises(StatementError, match="no file"):
        Matrices(str(tmp_path / "none.npz")).paired()
