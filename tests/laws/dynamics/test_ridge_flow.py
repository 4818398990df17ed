"""Ridge regression by gradient flow: reference values, both ends of time, early stopping, bad statements, faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.contract.batching import realize_block
from asymptopia.laws.dynamics.ridge_flow import RidgeFlow, best_time
from asymptopia.laws.inference.erm import ERM
from asymptopia.parts.channel import Linear
from asymptopia.parts.loss import Square

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "dynamics.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("RidgeFlow")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['statement']} {r['observable']}")
def test_reference_values(row):
    assert float(parse(row["statement"]).limit()[row["observable"]][0]) == pytest.approx(row["value"], abs=1e-11)


@pytest.mark.parametrize(("alpha", "ridge"), [(0.5, 0.1), (1.0, 0.3), (3.0, 0.01)])
def test_the_flow_ends_at_ridge_regression(alpha, ridge):
    end = RidgeFlow(alpha=alpha, ridge=ridge, times=(1e4,)).limit()
    erm = ERM(loss=Square(), teacher=Linear(noise=0.25), alpha=alpha, ridge=ridge).limit()
    assert float(end.test_error[0]) == pytest.approx(float(erm.test_error), rel=1e-7)
    assert float(end.train_loss[0]) == pytest.approx(float(erm.train_loss), rel=1e-7)


@pytest.mark.parametrize("alpha", [0.3, 1.0, 2.5])
def test_it_starts_at_the_start(alpha):
    """The label has variance 1 + noise, and the student's field the start's."""
    start = RidgeFlow(alpha=alpha, noise=0.2, start_variance=0.7, times=(0.0,)).limit()
    assert float(start.test_error[0]) == pytest.approx(1.7, abs=1e-12)
    assert float(start.train_loss[0]) == pytest.approx((1 + 0.2 + 0.7) / 2, abs=1e-12)


def test_few_samples_leave_the_start_where_they_see_nothing():
    """alpha < 1 without penalty: share 1 - alpha of the weights stays, and the noise is fitted."""
    end = RidgeFlow(alpha=0.5, ridge=0.0, noise=0.0, start_variance=0.3, times=(1e5,)).limit()
    assert float(end.test_error[0]) == pytest.approx(0.5 * 1.3, abs=1e-9)
    assert float(end.train_loss[0]) == pytest.approx(0.0, abs=1e-12)


def test_the_best_time_is_a_minimum():
    law = RidgeFlow(alpha=1.0, ridge=0.0, noise=0.25)
    time, error = best_time(law)
    around = law.replace(times=(0.9 * time, time, 1.1 * time)).limit().test_error.values
    assert around[1] == pytest.approx(error, rel=1e-9) and around[1] < min(around[0], around[2])
    with pytest.raises(NoLimit, match="no time at which to stop"):
        best_time(RidgeFlow(noise=0.0, ridge=0.0))


def test_the_system_descends():
    """The loss falls along it, and ends near that of least squares."""
    law = RidgeFlow(alpha=2.0, times=(0.0, 1.0, 1e6), ridge=0.0)
    seen = realize_block(law, 40, (0, 1, 2))
    assert np.all(np.diff(seen["train_loss"], axis=1) < 0)
    assert np.all(np.abs(seen["train_loss"][:, -1] - 0.0625) < 0.05)


def test_wrong_theories_are_refuted():
    class TwiceAsFast(RidgeFlow):
        def predict(self):
            return RidgeFlow(times=tuple(2 * t for t in self.times)).predict()

    class WholeSquare(RidgeFlow):
        def predict(self):
            prediction = super().predict()
            return prediction | {"train_loss": 2 * prediction["train_loss"]}

    assert confront(TwiceAsFast(), sizes=(40, 80), seeds=60)["test_error"].verdict == "disagrees"
    assert confront(WholeSquare(), sizes=(40, 80), seeds=60)["train_loss"].verdict == "disagrees"


@pytest.mark.parametrize("times", [(), (1.0, 0.5), (-1.0, 2.0), (float("inf"),), ("a",)])
def test_times_that_do_not_increase_are_refused(times):
    with pytest.raises((StatementError, ValueError), match="times|float"):
        RidgeFlow(times=times)
