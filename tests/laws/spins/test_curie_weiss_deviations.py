"""Rate functions of the Curie-Weiss model against closed forms, derivatives, exact finite sizes, and wrong twins."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.laws import CurieWeiss, CurieWeissDeviations

EXERCISES = [dict(), *CurieWeissDeviations.exercises]


@pytest.mark.parametrize("mark", CurieWeissDeviations.landmarks, ids=lambda m: m.observable)
def test_landmarks(mark):
    limit = CurieWeissDeviations(**mark.fields).limit()
    assert float(limit[mark.observable]) == pytest.approx(mark.value, abs=mark.tolerance)


@pytest.mark.parametrize("fields", EXERCISES, ids=str)
def test_the_tilt_is_the_slope_of_the_rate(fields):
    law, step = CurieWeissDeviations(**fields), 1e-5
    up, down = (float(law.replace(x=law.x + s).limit()["rate"]) for s in (step, -step))
    assert (up - down) / (2 * step * law.beta) == pytest.approx(float(law.limit()["tilt"]), abs=1e-8)


def test_the_rate_vanishes_at_the_magnetisation_with_the_curvature_of_its_fluctuations():
    other = CurieWeiss(beta=1.3, h=0.1).limit()
    law, step = CurieWeissDeviations(beta=1.3, h=0.1, x=float(other["magnetisation"])), 1e-3
    assert float(law.limit()["rate"]) == pytest.approx(0, abs=1e-14)
    assert thresholds(law, along="x") == {"typical": pytest.approx(law.x, abs=1e-12)}
    near = [float(law.replace(x=law.x + s).limit()["rate"]) for s in (step, -step)]
    assert sum(near) / step**2 == pytest.approx(1 / float(other["susceptibility"]), rel=1e-4)


def test_tails_are_the_least_rate_beyond():
    law = CurieWeissDeviations(beta=1.5, h=-0.05)
    grid = np.linspace(-0.999, 0.999, 1999)
    rates = np.array([float(law.replace(x=float(x)).predict()["rate"]) for x in grid])
    for x in (-0.95, -0.5, 0.1, 0.35, 0.9):
        assert float(law.replace(x=x).limit()["tail_rate"]) == pytest.approx(rates[grid >= x - 1e-9].min(), abs=2e-6)
    assert set(thresholds(law.replace(h=0.0), along="x")) == {"typical", "typical_negative"}


@pytest.mark.parametrize("fields", EXERCISES, ids=str)
def test_limit_and_experiment_agree(fields):
    assert confront(CurieWeissDeviations(**fields)).verdict == "agrees"


@pytest.mark.parametrize("name", ["rate", "tail_rate", "tilt"])
def test_a_wrong_law_is_refuted(name):
    """With the energy of the field forgotten, or three per cent more."""

    class Scaled(CurieWeissDeviations):
        def predict(self):
            prediction = super().predict()
            return prediction | {name: 1.03 * prediction[name]}

    class Fieldless(CurieWeissDeviations):
        def predict(self):
            return CurieWeissDeviations(beta=self.beta, h=0.0, x=self.x).predict()

    assert confront(Scaled())[name].verdict == "disagrees"
    assert confront(Fieldless())[name].verdict == "disagrees"


def test_bad_statements_are_refused():
    with pytest.raises(StatementError, match="< 1"):
        CurieWeissDeviations(x=1.0)
