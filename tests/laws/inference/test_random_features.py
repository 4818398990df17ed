"""Random features: reference values, the kernel and many-sample limits, the peak, thresholds, and faults."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from asymptopia import NoLimit, StatementError, confront, parse, sweep, thresholds
from asymptopia.laws.inference.erm import ERM
from asymptopia.laws.inference.random_features import RandomFeatures
from asymptopia.laws.inference.random_features import theory as theory
from asymptopia.parts.activation import Activation, Erf, Identity, Relu, Sign, Tanh
from asymptopia.parts.channel import Door, Linear, Logit
from asymptopia.parts.channel import Sign as SignOf
from asymptopia.parts.loss import Absolute, Hinge, Huber, Logistic, Square

FOLDER = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((FOLDER / "inference.json").read_text()) if r["statement"].startswith("RandomFeatures")]
OTHER = [r for r in json.loads((FOLDER / "other.json").read_text()) if r["id"].startswith("D_rf")]
STATEMENTS = sorted({r["statement"] for r in ROWS})
ACTIVATIONS = {"relu": Relu(), "erf": Erf(), "sign": Sign()}
NOISY = RandomFeatures(loss=Square(), teacher=Linear(noise=0.1))


@pytest.mark.parametrize("statement", STATEMENTS)
def test_reference_values(statement):
    prediction = parse(statement).predict()
    for row in ROWS:
        if row["statement"] == statement:
            assert prediction[row["observable"]] == pytest.approx(row["value"], rel=1e-9, abs=1e-11), row["observable"]


def test_all_94_reference_rows_are_here():
    assert len(ROWS) == 94


def others(kind):
    rows = [r for r in OTHER if f".{kind}." in r["id"]]
    assert rows
    given = [(ACTIVATIONS[r["params"]["activation"]], r["params"], r["value"]) for r in rows]
    return pytest.mark.parametrize(("activation", "at", "value"), given, ids=[r["id"] for r in rows])


@others("kernel")
def test_many_features_are_a_kernel(activation, at, value):
    law = NOISY.replace(activation=activation, alpha=at["psi2_n_over_d"], ridge=at["lam"])
    differences = sweep(law, features=(1e3, 2e3, 1e9)).limit().test_error.values - value
    assert abs(differences[2]) < 1e-8
    assert differences[0] / differences[1] == pytest.approx(2, rel=0.1)  # corrections fall as d / p


@others("ninf")
def test_many_samples_leave_the_error_of_approximation(activation, at, value):
    law = NOISY.replace(activation=activation, features=at["psi1_p_over_d"], ridge=1e-6)
    differences = sweep(law, alpha=(1e4, 2e4, 1e9)).limit().test_error.values - value
    assert abs(differences[2]) < 1e-7
    assert differences[0] / differences[1] == pytest.approx(2, rel=0.01)


@others("peak")
def test_the_second_descent_starts_at_as_many_features_as_samples(activation, at, value):
    law = NOISY.replace(activation=activation, alpha=3.0, ridge=at["lam"])
    best = minimize_scalar(
        lambda ratio: -law.replace(features=3.0 * ratio).predict()["test_error"],
        bounds=(0.9, 1.05), method="bounded", options={"xatol": 1e-9},
    )  # fmt: skip
    assert best.x == pytest.approx(value["p_over_n_at_peak"], abs=1e-5)
    assert -best.fun == pytest.approx(value["test_mse_peak"], rel=1e-8)
    assert thresholds(law, "features")["interpolation"] == pytest.approx(3.0, rel=1e-12)


@pytest.mark.parametrize("features", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("coefficients", [(0.5, 0.3), (1.0, 0.0), (0.0, 0.7)])
def test_the_traces_are_those_of_a_random_matrix(features, coefficients):
    mu1, mu_star = coefficients
    d, rng = 600, np.random.default_rng(0)
    F = rng.standard_normal((int(features * d), d))
    sizes = np.linalg.eigvalsh(F @ F.T / d) * mu1**2
    p, kappa = len(sizes), 0.05
    omega = sizes + mu_star**2
    shrunk, b2 = 1 / (omega + kappa), sizes / d
    exact = [
        np.mean(omega * shrunk), np.mean((omega * shrunk) ** 2), np.sum(b2 * shrunk), np.sum(b2 * omega * shrunk**2)
    ]  # fmt: skip
    with np.errstate(over="ignore"):
        values = theory.traces(np.array([kappa]), np.array([p / d]), np.array([mu1]), np.array([mu_star]))
    np.testing.assert_allclose(np.ravel(values), exact, atol=5e-3)


@pytest.mark.parametrize("kappa", [1e-9, 1e3, 1e9])
def test_the_traces_do_not_cancel(kappa):
    """tr O R / p and the rest against integrals over the density of Marchenko and Pastur, for features = 4."""
    mu1, mu_star, c = 0.6, 0.2, 4.0
    angle = np.pi * (np.arange(400) + 0.5) / 400
    s = (1 + c) + 2 * np.sqrt(c) * np.cos(angle)
    density = np.pi / 400 * 2 * c * np.sin(angle) ** 2 / (np.pi * s) / c  # of the d positive eigenvalues, per p
    omega = mu1**2 * s + mu_star**2
    zero = (1 - 1 / c) * mu_star**2 / (mu_star**2 + kappa)
    exact = [
        np.sum(density * omega / (omega + kappa)) + zero,
        np.sum(density * (omega / (omega + kappa)) ** 2) + zero**2 / (1 - 1 / c),
        np.sum(density * c * mu1**2 * s / (omega + kappa)),
        np.sum(density * c * mu1**2 * s * omega / (omega + kappa) ** 2),
    ]
    values = theory.traces(np.array([kappa]), np.array([c]), np.array([mu1]), np.array([mu_star]))
    np.testing.assert_allclose(np.ravel(values), exact, rtol=1e-10)


@pytest.mark.parametrize("law", [dict(), dict(loss=Square()), dict(loss=Huber(), teacher=Linear(noise=0.3))])
def test_many_linear_features_are_the_inputs(law):
    prediction = RandomFeatures(alpha=1.5, features=1e9, activation=Identity(), ridge=0.2, **law).predict()
    same = ERM(alpha=1.5, ridge=0.2, **law).predict()
    for name, value in prediction.items():
        if not name.endswith("_error_error"):
            assert value == pytest.approx(float(same[name]), rel=1e-6, abs=1e-9), name


def test_an_even_activation_learns_nothing_of_an_odd_teacher():
    def even(z):
        return jnp.cos(z)

    assert RandomFeatures(activation=even).predict()["test_error"] == pytest.approx(0.5, abs=1e-9)
    useless = NOISY.replace(activation=Activation.from_callable(even), alpha=1e-9).predict()
    assert useless["test_error"] == pytest.approx(1.0, abs=1e-6)


def test_any_loss_and_teacher():
    for loss, teacher in (
        (Hinge(), SignOf(flip=0.1)),
        (Logistic(), Door()),
        (Logistic(), Logit(scale=2.0)),
        (Huber(), Linear(noise=0.2)),
        (Absolute(), Linear(noise=0.2)),
    ):
        law = RandomFeatures(loss=loss, teacher=teacher, activation=Tanh())
        law.check()
        assert all(np.isfinite(v) for v in law.predict().values())


def test_a_sweep_of_the_activation_is_what_each_gives():
    together = sweep(RandomFeatures(), activation=(Erf(scale=0.5), Erf(scale=2.0), Sign())).limit()
    each = [RandomFeatures(activation=a).predict()["test_error"] for a in (Erf(scale=0.5), Erf(scale=2.0), Sign())]
    np.testing.assert_allclose(together.test_error, each, rtol=1e-9)


@pytest.mark.parametrize("activation", [Erf(), Relu(), Sign()], ids=str)
def test_classes_are_separable_from_the_threshold_on(activation):
    law = RandomFeatures(alpha=2.0, activation=activation, ridge=1e-5)
    edge = thresholds(law, "features")["interpolation"]
    assert thresholds(law.replace(features=edge), "alpha")["interpolation"] == pytest.approx(2.0, rel=1e-9)
    below, above = sweep(law, features=(0.9 * edge, 1.2 * edge)).limit().train_loss.values
    assert below > 0.1 and above < 0.005


def test_thresholds_without_noise_in_the_features():
    assert thresholds(RandomFeatures(activation=Identity()), "alpha")["interpolation"] > 3
    assert thresholds(NOISY.replace(activation=Identity(), alpha=2.0), "features")["interpolation"] == np.inf
    with pytest.raises(StatementError, match="no known transition along 'ridge'"):
        thresholds(NOISY, "ridge")


def test_what_has_no_limit_is_refused():
    with pytest.raises(NoLimit, match="a loss of labels"):
        RandomFeatures(teacher=Linear()).check()
    with pytest.raises(StatementError, match="must have a second moment"):
        RandomFeatures(activation=lambda z: jnp.exp(z**2)).check()
    with pytest.raises(StatementError, match="`features` of RandomFeatures must be > 0"):
        RandomFeatures(features=0.0)


def test_validity_near_interpolation():
    assert "close to interpolation" in NOISY.replace(alpha=2.0, features=2.1, ridge=1e-5).valid()
    assert NOISY.replace(alpha=2.0, features=2.1, ridge=0.1).valid() is None
    assert NOISY.replace(alpha=2.0, features=4.0, ridge=1e-5).valid() is None


@pytest.mark.parametrize(
    "law", [RandomFeatures(activation=Sign()), NOISY.replace(activation=Relu(), ridge=0.5)], ids=["logistic", "square"]
)
def test_finite_systems_agree_and_a_dropped_term_is_refuted(law, monkeypatch):
    experiment = law.experiment(sizes=(40, 80), seeds=80)
    assert confront(law, experiment).verdict != "disagrees"
    right = theory.coefficients
    for wrong in (lambda mu1, rest: (mu1, 0 * rest), lambda mu1, rest: (2 * mu1, 2 * rest)):
        monkeypatch.setattr(theory, "coefficients", lambda *given, wrong=wrong: wrong(*right(*given)))
        assert confront(law, experiment).verdict == "disagrees"
