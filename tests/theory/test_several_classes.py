"""Students of several classes: closed forms, symmetries, two classes as one field, and simulation."""

from __future__ import annotations

import numpy as np
import pytest

from asymptopia.contract.law import NoLimit
from asymptopia.contract.record import field
from asymptopia.laws.inference.gaussian_covariate import GaussianCovariate
from asymptopia.parts.classes import Softmax, class_scores, paid, signs, stated
from asymptopia.parts.data import Data
from asymptopia.parts.loss import Hinge, Logistic, Square
from asymptopia.tables import Columns
from asymptopia.theory.class_losses import pulled

RNG = np.random.default_rng(0)
SPREAD = np.linspace(0.3, 2, 40)
X = RNG.standard_normal((1500, 40)) * SPREAD
SCORES = X @ RNG.standard_normal((40, 3)) / 3 + np.array([1.0, 0.0, -0.5])
Y = np.argmax(SCORES + RNG.gumbel(size=SCORES.shape), axis=1).astype(float)
NUMBER = 3.0 + X @ RNG.standard_normal(40) + 2 * RNG.exponential(size=1500)


class Drawn(Data):
    """Gaussian inputs, and three classes drawn from the softmax of linear scores."""

    labels: str = field(
        "three", "three, turned (the same with other numbers), two, as two classes, or against the rest"
    )

    def columns(self):
        if self.labels == "number":
            return Columns(X, NUMBER, tuple(map(str, range(40))), "regression", "")
        y = {"three": Y, "turned": (Y + 1) % 3, "two": (Y == 0) * 1.0}.get(self.labels)
        if y is None:
            return Columns(
                X, np.where(int(self.labels) == Y, 1.0, -1.0), tuple(map(str, range(40))), "classification", ""
            )
        return Columns(X, y, tuple(map(str, range(40))), "classes", "", labels=("a", "b", "c")[: int(y.max()) + 1])


def predicted(labels, loss, ridge=1.0, alpha=8.0):
    return GaussianCovariate(alpha=alpha, data=Drawn(labels=labels), loss=loss, ridge=ridge).predict()


@pytest.mark.parametrize("loss", [Square(), Logistic(), Softmax()])
@pytest.mark.parametrize("alpha", [1.0, 10.0])
def test_simulation(loss, alpha):
    law = GaussianCovariate(alpha=alpha, data=Drawn(), loss=loss, ridge=1.0)
    limit, experiment = law.predict(), law.experiment(None, 20)
    for name in set(experiment.data_vars) & set(limit):
        values = experiment[name].values.ravel()
        error = np.hypot(values.std(ddof=1) / np.sqrt(20), 0.02 * abs(values.mean()))
        assert abs(values.mean() - limit[name]) < 3.5 * error + 0.003, name
    assert ("brier" in limit) == (loss != Square())


def test_the_square_loss_has_each_class_by_itself():
    together = predicted("three", Square())
    alone = [predicted(str(k), Square()) for k in range(3)]
    assert together["train_loss"] == pytest.approx(sum(a["train_loss"] for a in alone), rel=5e-3)


def test_two_classes_under_the_softmax_are_one_logistic_field_of_half_the_ridge():
    both, one = predicted("two", Softmax(), 1.0), predicted("0", Logistic(), 0.5)
    for name in ("test_error", "train_loss", "log_loss"):
        assert both[name] == pytest.approx(one[name], rel=0.02)
    assert both["brier"] == pytest.approx(2 * one["brier"], rel=0.02)


def test_classes_may_be_numbered_in_any_order():
    first, second = predicted("three", Softmax()), predicted("turned", Softmax())
    assert first["log_loss"] == pytest.approx(second["log_loss"], rel=0.01)


def test_the_best_ridge_is_no_worse_than_others():
    best = predicted("three", Softmax(), "auto", 2.0)
    assert best["test_error"] < 1.02 * min(
        predicted("three", Softmax(), r, 2.0)["test_error"] for r in (0.01, 1.0, 30.0)
    )


class Twins(Data):
    """Two columns are nearly the same, and numbers or classes are those of their difference."""

    classes: bool = field(False, "whether there are three classes")

    def columns(self):
        rng = np.random.default_rng(0)
        inputs, v = rng.standard_normal((600, 20)), rng.standard_normal(600)
        inputs[:, 1] = inputs[:, 0] + 0.05 * v
        y, kind = v + 0.2 * rng.standard_normal(600), "regression"
        if self.classes:
            y, kind = np.digitize(y, [-0.5, 0.5]).astype(float), "classes"
        names = tuple(map(str, range(20)))
        return Columns(inputs, y, names, kind, "", labels=("a", "b", "c") if self.classes else ())


@pytest.mark.parametrize("classes", [False, True])
def test_small_ridges_are_tried_where_larger_ones_only_got_worse(classes):
    law = GaussianCovariate(alpha=3.0, data=Twins(classes=classes), loss=Square())
    worse, best = (law.replace(ridge=r).predict()["test_error"] for r in (1.0, 1e-4))
    assert best < 0.7 * worse
    assert law.replace(ridge="auto").predict()["test_error"] < 1.05 * best


@pytest.mark.parametrize("loss", [Square(), Logistic(), Softmax()])
def test_the_proximal_point(loss):
    rng = np.random.default_rng(1)
    y, omega = rng.integers(0, 4, 30).astype(float), 3 * rng.standard_normal((30, 4))
    A = rng.standard_normal((4, 4))
    V = A @ A.T if isinstance(loss, Softmax) else np.diag(rng.uniform(0.1, 20, 4))
    w = np.full(30, 1 / 30)
    pull = pulled(loss, y, omega, V)
    f, slope = pull.f, pull.mean_slope(w)
    far = pulled(loss, y, omega + 3 * rng.standard_normal(omega.shape), 2 * V)
    assert pulled(loss, y, omega, V, far).f == pytest.approx(f, abs=1e-8)
    z = omega + f @ V
    height = paid(loss, y, z) + 0.5 * ((f @ V) * f).sum(axis=1)
    for _ in range(5):
        g = f + 1e-3 * rng.standard_normal(f.shape)
        assert (paid(loss, y, omega + g @ V) + 0.5 * ((g @ V) * g).sum(axis=1) >= height - 1e-9).all()
    step = 1e-5
    for k in range(4):
        moved = omega.copy()
        moved[:, k] += step
        assert (w @ (f - pulled(loss, y, moved, V, pull).f)) / step == pytest.approx(slope[:, k], abs=1e-4)


def test_scores_of_what_is_known():
    y = np.array([0.0, 1.0, 2.0, 1.0])
    z = np.log([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.6, 0.3, 0.1]])
    scores = class_scores(Softmax(), y, z)
    assert scores["log_loss"] == pytest.approx(-np.log([0.7, 0.5, 0.8, 0.3]).mean())
    assert scores["brier"] == pytest.approx(np.mean([0.14, 0.38, 0.06, 0.86]))
    assert scores["overconfidence"] == pytest.approx(np.mean([0.7, 0.5, 0.8, 0.6]) - 0.75)
    assert class_scores(Square(), y, z) == {}
    assert stated(Logistic(), z).sum(axis=1) == pytest.approx(np.ones(4))
    np.testing.assert_array_equal(signs(y, 3)[3], [-1, 1, -1])


@pytest.mark.parametrize(("label", "loss"), [("0", Logistic()), ("2", Softmax()), ("1", Square())])
def test_two_classes_are_ranked_and_scored(label, loss):
    law = GaussianCovariate(alpha=4.0, data=Drawn(labels=label), loss=loss, ridge=0.5)
    limit, experiment = law.predict(), law.experiment(None, 20)
    names = {"auc"} if isinstance(loss, Square) else {"auc", "log_loss", "brier", "overconfidence"}
    assert set(law.observables) - {"test_error", "train_error", "train_loss", "chosen_ridge"} == names
    for name in names:
        values = experiment[name].values.ravel()
        error = np.hypot(values.std(ddof=1) / np.sqrt(20), 0.02 * abs(values.mean()))
        assert abs(values.mean() - limit[name]) < 3.5 * error + 0.003, name


def test_a_conformal_interval_is_as_wide_as_residuals_are():
    law = GaussianCovariate(alpha=3.0, data=Drawn(labels="number"), loss=Square(), ridge=0.5)
    limit, values = law.predict(), law.experiment(None, 20)["conformal_width"].values.ravel()
    assert abs(values.mean() - limit["conformal_width"]) < 4 * values.std(ddof=1) / np.sqrt(20) + 0.01 * values.mean()
    assert limit["conformal_width"] > 1.2 * np.sqrt(limit["test_error"])


def test_other_losses_are_refused():
    with pytest.raises(NoLimit, match=r"Several classes need the loss Softmax\(\)"):
        GaussianCovariate(alpha=2.0, data=Drawn(), loss=Hinge()).check()
