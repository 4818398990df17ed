"""The one-third law against a sampled two-variable process, its late expansion, and wrong laws."""

import numpy as np
import pytest
from scipy.special import expit

from asymptopia import StatementError, confront
from asymptopia.laws.dynamics.one_third_law import OneThirdLaw
from asymptopia.laws.dynamics.one_third_law.theory import _fields, late


def test_the_first_moments_are_in_closed_form():
    """At time 0 the logistic function is 1/2: R' = rate E v / 2, and the residual grows as rate**2 / 4."""
    limit = OneThirdLaw(rate=0.7, times=(1e-4, 2e-4)).limit()
    assert float(limit["alignment"][0]) == pytest.approx(0.7e-4 * np.sqrt(2 / np.pi) / 2, rel=1e-3)
    assert float(limit["residual"][0]) == pytest.approx(0.49e-4 / 4, rel=1e-3)
    assert float(limit["test_loss"][0]) == pytest.approx(np.log(2), abs=1e-3)


@pytest.mark.parametrize(("R", "spread"), [(0.0, 0.3), (2.0, 0.5), (40.0, 6.0)])
def test_averages_are_those_of_samples(R, spread):
    v, a, weight = _fields(R, spread)
    rng = np.random.default_rng(0)
    sample = np.abs(rng.standard_normal(400_000))
    signed = R * sample + np.sqrt(spread) * rng.standard_normal(400_000)
    for f, g in ((weight * v * expit(-a), sample * expit(-signed)), (weight * expit(-a) ** 2, expit(-signed) ** 2)):
        assert abs(f.sum() - g.mean()) < 4 * g.std() / np.sqrt(len(g))


@pytest.mark.parametrize("rate", [0.5, 3.0])
def test_the_curve_tends_to_its_late_powers(rate):
    times = (1e3, 1e4, 1e5)
    limit, amplitudes = OneThirdLaw(rate=rate, times=times).limit(), late(rate)
    t = np.array(times)
    for name, power in (("alignment", 1 / 3), ("error", -1 / 3), ("loss", -1 / 3)):
        curve = limit[name if name == "alignment" else f"test_{name}"].values
        off = np.abs(curve / t**power / amplitudes[f"{name}_amplitude"] - 1)
        assert off[2] < 2e-3 and off[2] < off[1] / 3 < off[0] / 9, name
    assert float(limit["residual"][2]) == pytest.approx(amplitudes["late_residual"], rel=3e-3)


def test_times_are_checked():
    with pytest.raises(StatementError, match="increase"):
        OneThirdLaw(times=(2.0, 1.0))
    assert "rate" in OneThirdLaw(rate=50.0).valid()


class WithoutNoiseOfTheSteps(OneThirdLaw):
    """Gradient flow: the square of the steps is left out, so that the student stays on the teacher's line."""

    def predict(self):
        slow = OneThirdLaw(1e-3, tuple(1e3 * self.rate * t for t in self.times)).predict()
        return slow


class Soft(OneThirdLaw):
    """A teacher whose sign is seen by a field of half the size."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"alignment": prediction["alignment"] / 2}


@pytest.mark.runs_long
def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = OneThirdLaw(times=(1.0, 10.0))
    experiment = law.experiment()
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (WithoutNoiseOfTheSteps(times=law.times), Soft(times=law.times)):
        assert confront(wrong, experiment).verdict == "disagrees"
