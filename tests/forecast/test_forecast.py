"""Forecasts of learning curves: of Gaussian data, of data that are not like them, and of digits."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from asymptopia.contract.law import NoLimit
from asymptopia.contract.record import StatementError
from asymptopia.contract.statement import parse
from asymptopia.forecast import Forecast, _usual_seeds, cross_validated, forecast
from asymptopia.forecast.curve import learning_curve, missed
from asymptopia.parts.data import Bundled, Table
from asymptopia.parts.loss import Logistic, Square
from asymptopia.verdict.confront import confront


@pytest.fixture(scope="module")
def gaussian(tmp_path_factory):
    """1500 Gaussian inputs in 30 dimensions with noisy linear labels, as a CSV file."""
    rng = np.random.default_rng(0)
    values = np.geomspace(4, 0.1, 30)
    theta = rng.standard_normal(30)
    X = rng.standard_normal((1500, 30)) * np.sqrt(values)
    nu = X @ theta / np.sqrt(theta @ (values * theta))
    y = np.where(nu + 0.5 * rng.standard_normal(1500) > 0, 1, 0)
    path = tmp_path_factory.mktemp("data") / "gaussian.csv"
    header = ",".join([f"x{k}" for k in range(30)] + ["y"])
    np.savetxt(path, np.column_stack([X, y]), delimiter=",", header=header, comments="", fmt="%.10g")
    return str(path)


@pytest.mark.parametrize("loss", [Logistic(), Square()])
def test_gaussian_data_in_a_file_are_forecast(gaussian, loss):
    plan = forecast(gaussian, loss, ridge=1.0, target="y", samples=(60, 200, 800), seeds=120)
    assert plan.samples == (60, 200, 800)
    assert plan.data.digest
    assert parse(repr(plan.statement)) == plan.statement
    result = plan.confront(resolution=0.1)
    assert result["test_error"].verdict == "agrees", str(result)
    assert result["train_loss"].verdict == "agrees", str(result)
    table = result["test_error"].table
    assert np.all(np.abs(table["estimate"] - table["limit"]) < 0.03 * table["limit"] + 3 * table["error"])


def test_data_that_are_not_like_gaussian_ones_are_called_so(tmp_path):
    rng = np.random.default_rng(1)
    radius = np.where(rng.random(1500) < 0.1, 3.0, 0.33)[:, None]
    X = radius * rng.standard_normal((1500, 20))
    y = np.where(X @ np.ones(20) + 0.3 * rng.standard_normal(1500) > 0, 1, 0)
    np.savez(tmp_path / "tails.npz", X=X, y=y)
    plan = forecast(str(tmp_path / "tails.npz"), Square(), ridge=0.01, target="y", samples=(30, 60), seeds=24)
    result = plan.confront()
    assert result.verdict == "disagrees"
    answer = plan.trusted(result)
    assert answer.text.startswith("No:")
    assert "disagrees" in {row[-1] for row in answer.rows}
    measured = result["test_error"].table["estimate"].values
    for curve in (plan.curve(), plan.curve(result)):
        bands = [curve.at(n)[1:] for n in plan.samples]
        assert all(low <= m <= high for (low, high), m in zip(bands, measured, strict=True))
        assert curve.at(30)[0] == pytest.approx(plan.theory(30)["test_error"], rel=1e-6)


def test_a_band_is_wider_by_what_theory_misses():
    measured, errors = np.array([0.5, 0.2, 0.11, 0.06]), np.array([0.02, 0.01, 0.01, 0.01])
    share = missed(np.array([0.4, 0.2, 0.1, 0.06]), measured, errors)
    first = np.sqrt(0.1**2 - 0.02**2) / 0.4
    assert share == pytest.approx([first, first, 0.0, 0.0])
    curve = learning_curve(lambda n: 2 * n**-0.5, (10, 40, 160), 400, lambda e: 0.0, True)
    wider = curve.widened((10, 40, 160), np.array([0.3, 0.1, 0.1]))
    for n, part in ((4, 0.3), (10, 0.3), (20, 0.2), (40, 0.1), (160, 0.1)):
        assert wider.at(n)[2] == pytest.approx((1 + 1.645 * part) * 2 * n**-0.5, rel=0.01)
        assert wider.samples_for(2 * n**-0.5) == curve.samples_for(2 * n**-0.5)


def test_wrong_signs_are_not_those_of_the_rows_at_hand():
    """A student of 224 rows varies from one training set to another, also where the equations leave no variance."""
    plan = forecast("breast_cancer", ridge=0.01, samples=(224, 400), seeds=60)
    judged = plan.confront(resolution=0.1)["test_error"].table
    off = np.abs(judged["limit"] - judged["estimate"])
    assert np.all(off < 0.1 * judged["estimate"] + 2 * judged["error"])


def test_a_curve_answers_as_it_reads():
    """Of a power law the number of samples is exact, and within rounding the curve has its error there."""
    curve = learning_curve(lambda n: 2 * n**-0.5, (10, 40, 160), 400, lambda e: float(np.sqrt(e * max(1 - e, 0))), True)
    for error in np.geomspace(0.9, 0.003, 50):
        n = curve.samples_for(error)
        assert n == pytest.approx((2 / error) ** 2, abs=1)
        low, high = curve.band_for(error)
        assert low <= n and (high is None or n <= high)
        assert curve.at(n)[0] <= error * (1 + 1e-9)
        assert n == 4 or curve.at(n - 1)[0] > error
    assert curve.samples_for(0.0019) is None


def test_theory_is_not_asked_beyond_an_error_of_zero_that_cannot_grow():
    asked = []

    def theory(n):
        asked.append(n)
        return max(0.5 - 0.001 * n, 0.0)

    curve = learning_curve(theory, (10, 100, 600), 1000, lambda e: 0.0, True)
    assert max(asked) == 600
    assert curve.samples[-1] == 1e6 and not curve.error[curve.samples >= 600].any()
    learning_curve(theory, (10, 100, 600), 1000, lambda e: 0.0, False)
    assert max(asked) == 1e6


def test_the_verdicts_of_the_answer_are_those_of_the_confrontation():
    plan = forecast("wine", target="1", ridge=1.0, samples=(30, 90), seeds=6)
    confrontation = plan.confront()
    answer, judgement = plan.trusted(confrontation), confrontation["test_error"]
    assert [row[-1] for row in answer.rows] == list(judgement.verdicts)
    assert judgement.verdict == "inconclusive"
    assert judgement.advice in answer.text and "--seeds" in answer.text


def test_progress_is_in_samples():
    plan = forecast("wine", target="1", ridge=1.0, samples=(30, 90))
    point = plan.statement.points()[0]
    assert point.called(point.dimension()) == "30 samples of wine"


def test_digits_are_forecast_with_the_best_ridge():
    plan = forecast("digits", Logistic(), target="odd", samples=(120, 480), seeds=100)
    result = plan.confront(resolution=0.1)
    assert result["test_error"].verdict == "agrees", str(result)
    answers = plan.answers(result, errors=(0.1, 0.03), seeds=2)
    assert [a.title for a in answers] == [
        "Does the theory hold for these data?",
        "How many samples until the test error is X?",
        "Which ridge is best?",
    ]
    json.dumps([a.plain() for a in answers])
    assert all(str(value) for value in map(str, answers))
    (_, n, low, high), (_, never, *_) = answers[1].rows
    assert never is None
    assert low <= n <= high
    assert plan.curve().at(n)[0] <= 0.1 < plan.curve().at(n - 1)[0]
    assert plan.theory(n)["test_error"] == pytest.approx(0.1, rel=0.01)
    for n, ridge, by_theory, _, by_validation in answers[2].rows:
        assert 0.01 < ridge < 1
        assert by_theory < by_validation + 0.03, n
        errors = [plan.law.replace(alpha=n / 61, ridge=r).predict()["test_error"] for r in (ridge, 0.001, 0.1, 10.0)]
        assert errors[0] <= min(errors) * 1.02


def test_the_machine_with_a_tangent_kernel_is_forecast():
    plan = forecast("diabetes", features="ntk:2", samples=(60, 120, 240), seeds=40)
    result = plan.confront()
    assert result["test_error"].verdict == "agrees", str(result)
    limit = plan.statement.limit()
    wrong = confront(plan.statement, result.experiment, limit.assign(test_error=1.15 * limit.test_error))
    assert wrong["test_error"].verdict == "disagrees"


def test_more_features_than_samples_are_forecast():
    """The field of a student is no multiple of the best prediction there: its law, not its variance, is at stake."""
    plan = forecast("digits", Square(), 1.0, "relu:2000", target="3", samples=(300, 900), seeds=16)
    assert plan.statement.warnings() == []
    limit, measured = plan.statement.limit(), plan.statement.experiment(seeds=16)
    for name, within in (("test_error", 0.15), ("train_loss", 0.1)):
        values = measured[name].squeeze("size")
        error = values.std("seed") / 4
        assert np.all(np.abs(limit[name] - values.mean("seed")) < within * values.mean("seed") + 2 * error), name


def test_what_the_rows_do_not_determine_is_said():
    plan = forecast("digits", Square(), 1e-4, "erf:1000", target="3", samples=(200, 1300))
    (reason,) = plan.statement.warnings()
    assert "more directions than the rows" in reason and "alpha=1.3" in reason


def test_the_default_grid_stays_inside_the_data():
    plan = forecast("wine", target="1")
    assert isinstance(plan, Forecast)
    assert plan.samples[0] >= 2
    assert plan.samples[-1] <= 0.75 * 178
    assert plan.law.loss == Logistic()
    assert forecast("diabetes").law.loss == Square()
    assert forecast(Bundled("wine"), features="relu:40").law.dimension() == 40


def test_cross_validation_finds_the_better_of_extreme_ridges():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 40))
    y = X @ rng.standard_normal(40) / np.sqrt(40) + 8.0 * rng.standard_normal(60)
    assert cross_validated(X, y, Square(), "regression", rng) >= 10
    y = X @ rng.standard_normal(40) / np.sqrt(40)
    assert cross_validated(X, y, Square(), "regression", rng) <= 0.01


def test_what_cannot_be_forecast_is_refused_before_any_work(gaussian):
    for arguments, message in (
        (dict(data="digts"), "Did you mean 'digits'"),
        (dict(data="digits", target="evn"), "no target 'evn'"),
        (dict(data=gaussian, target="label"), "no column 'label'"),
        (dict(data=gaussian), "which column"),
        (dict(data="wine", features="relu:x"), "relu:2000"),
        (dict(data="wine", features="ntk:0"), "hidden layers"),
        (dict(data="wine", ridge=-1.0), "> 0"),
        (dict(data="wine", ridge="best"), "auto"),
        (dict(data="wine", samples=(1,)), "`samples`"),
        (dict(data=Bundled("wine"), target="1"), "goes with the name"),
        (dict(data=3), "must be a data set"),
    ):
        with pytest.raises(StatementError, match=message):
            forecast(**arguments)
    with pytest.raises(NoLimit, match="178 samples"):
        forecast("wine", samples=(10, 177))
    with pytest.raises(NoLimit, match="is for classes"):
        forecast("diabetes", Logistic())
    with pytest.raises(StatementError, match="`error` must be > 0"):
        forecast("wine").samples_for(0.0)


def saved(path, X, y):
    rows = [[*map(repr, x.tolist()), str(v)] for x, v in zip(X, y.tolist(), strict=True)]
    names = [*(f"x{k}" for k in range(X.shape[1])), "y"]
    path.write_text("\n".join(map(",".join, [names, *rows])) + "\n")
    return str(path)


def test_how_many_samples_agrees_with_the_table():
    """What the table predicts at n samples takes at most n; and less error never takes fewer samples."""
    plan = forecast("digits", Logistic(), target="odd")
    for n in plan.samples:
        assert plan.samples_for(plan.theory(n)["test_error"]) <= n
    targets = np.geomspace(plan.theory(plan.samples[0])["test_error"], 0.03, 15)
    needed = [plan.samples_for(e) or np.inf for e in targets]
    assert all(a <= b for a, b in pairwise(needed))
    curve = plan.curve()
    assert np.all(np.diff(curve.error) <= 0)
    width = curve.high - curve.low
    assert np.all(width[curve.samples > plan.samples[-1]] >= width[curve.samples == plan.samples[-1]] * 0.99)


@pytest.mark.parametrize("ridge", ["auto", 1.0])
def test_pure_noise_is_answered(ridge, tmp_path):
    rng = np.random.default_rng(0)
    plan = forecast(
        saved(tmp_path / "a.csv", rng.standard_normal((200, 4)), rng.permutation(200) % 2), target="y", ridge=ridge
    )
    for n in (4, 20, 150, 1e6):
        assert plan.theory(n)["test_error"] == pytest.approx(0.5, abs=0.03)
    assert plan.samples_needed((0.3,)).rows == ((0.3, None, None, None),)
    assert "more frequent class has test error 0.5" in plan.baseline()


def test_few_positives_are_answered_beside_always_saying_no(tmp_path):
    rng = np.random.default_rng(0)
    y = np.where(np.arange(300) < 6, "rare", "common")
    plan = forecast(
        saved(tmp_path / "a.csv", rng.standard_normal((300, 12)), y), target="y", samples=(60, 200), seeds=4
    )
    confrontation = plan.confront()
    assert confrontation.verdict != "disagrees", str(confrontation)
    (reason,) = plan.warnings()
    assert "no sample of the rarest class" in reason and "At 60, 200 samples" in reason
    answers = plan.answers(confrontation, seeds=2)
    assert "always guessing the more frequent class has test error 0.02" in answers[0].text.lower()
    assert len(answers) == 3 and all(a.rows for a in answers)


def test_an_exact_formula_and_a_perfect_class_agree(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 12))
    plan = forecast(saved(tmp_path / "a.csv", X, X @ np.arange(1.0, 13.0)), target="y", samples=(60, 200), seeds=6)
    assert plan.confront()["test_error"].verdict == "agrees"
    plan = forecast(saved(tmp_path / "b.csv", X, np.where(X[:, 2] > 0, 1, 0)), target="y", samples=(100, 200), seeds=4)
    assert "x2 determines y" in plan.notes[0]
    assert len(plan.samples_needed().rows) >= 1


def test_ridges_need_a_training_set():
    plan = forecast(Bundled("diabetes"), Square(), samples=[20])
    with pytest.raises(StatementError, match="`seeds` must be at least 1, but is 0"):
        plan.ridges(0)
    assert "Both on the same random training set;" in plan.ridges(1).text


@pytest.mark.parametrize(("values", "seeds"), [(1000, 64), (10**6, 64), (2 * 10**6, 32), (10**9, 16)])
def test_large_training_sets_are_fewer(values, seeds):
    assert _usual_seeds(values) == seeds


def test_a_pinned_table_is_not_read_again_to_be_pinned(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("a,y\n" + "\n".join(f"{k},{k % 7}" for k in range(40)))
    pinned = Table(str(path), "y").pinned()
    path.unlink()
    assert pinned.pinned() is pinned
