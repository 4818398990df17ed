"""Rate functions of the Curie-Weiss model against closed forms, derivatives, exact finite sizes, and wrong twins."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.contract.refusal import NoLimit
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


@pytest.mark.parametrize(
    ("fields", "typical"),
    [
        (dict(beta=1e5, h=0.0), [1.0, -1.0]),
        (dict(h=3e4), [1.0]),
        (dict(beta=1.5, h=-1e-13), [-0.8585596366403]),
        (dict(beta=1.0, h=0.0), [0.0]),
        (dict(beta=1 + 1e-9, h=0.0), [3e-9**0.5, -(3e-9**0.5)]),
        (dict(beta=1e280, h=0.0), [1.0, -1.0]),
    ],
    ids=str,
)
def test_typical_magnetisations_at_the_ends_of_the_parameters(fields, typical):
    law = CurieWeissDeviations(**fields)
    assert list(thresholds(law, along="x").values()) == pytest.approx(typical, rel=1e-7, abs=1e-300)
    assert all(np.isfinite(law.limit()[name]) for name in law.observables)


@pytest.mark.parametrize("fields", [dict(beta=1e300), dict(beta=1e-310), dict(h=1e300)], ids=str)
def test_numbers_that_overflow_are_refused(fields):
    with pytest.raises(NoLimit, match="`beta` between"):
        CurieWeissDeviations(**fields).limit()


def test_magnetisations_between_the_last_two_are_too_small():
    """Without a spin of the rarer sign the drawn magnetisations do not have x as their mean."""
    law = CurieWeissDeviations(x=0.999)
    assert "0.1 are of the rarer sign" in law.reason_to_doubt((200, 400))
    assert law.reason_to_doubt((2500, 5000)) is None and law.replace(x=-0.999).reason_to_doubt((200,))
