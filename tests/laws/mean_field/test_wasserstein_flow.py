"""Steps of optimal transport: reference values, normal distributions, the flow, dissipation, bad statements, faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.laws.mean_field.fokker_planck import FokkerPlanck
from asymptopia.laws.mean_field.wasserstein_flow import WassersteinFlow
from asymptopia.parts.potential import DoubleWell, Normal

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "mean_field.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("WassersteinFlow")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    predicted = parse(row["statement"]).limit()[row["observable"]]
    assert float(predicted.sel(row["at"])) == pytest.approx(row["value"], abs=1e-12)


@pytest.mark.parametrize("variance", [0.0, 2.25])
def test_the_rearrangement_finds_the_closed_form(variance):
    """The same potential as a plain function takes the numerical way."""

    def bowl(x):
        return 0.7 * x**2

    law = WassersteinFlow(interaction=0.6, start=Normal(1.0, variance))
    limit = law.replace(potential=bowl).limit()
    exact = parse(repr(law).replace("stiffness=1.0", "stiffness=1.4")).limit()
    for name in law.observed():
        np.testing.assert_allclose(limit[name], exact[name], atol=2e-8)
    np.testing.assert_allclose(limit["distance"], exact["distance"], atol=5e-6)
    assert (abs(limit["distance"] - exact["distance"]) <= 2 * limit["distance_error"]).all()


def test_a_step_minimises():
    """The free energy with the transport's cost is larger at every other normal distribution."""
    T, tau, k, m, s = 0.5, 0.25, 1.0, 2.0, 1.5
    limit = WassersteinFlow(times=(tau,)).limit()

    def cost(mean, deviation):
        moved = ((mean - m) ** 2 + (deviation - s) ** 2) / (2 * tau)
        return moved + k * (mean**2 + deviation**2) / 2 - T * np.log(deviation * np.sqrt(2 * np.pi * np.e))

    mean, deviation = float(limit["mean"][0]), float(limit["variance"][0]) ** 0.5
    best = cost(mean, deviation)
    for a, b in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert cost(mean + a, deviation + b) > best
    assert cost(mean, deviation) - ((mean - m) ** 2 + (deviation - s) ** 2) / (2 * tau) == pytest.approx(
        float(limit["free_energy"][0]), abs=1e-12
    )


def test_short_steps_give_the_fokker_planck_equation():
    start, times = Normal(-0.5, 0.3), (0.4, 0.8)
    flow = FokkerPlanck(potential=DoubleWell(), temperature=0.3, start=start, times=times).limit()
    errors = []
    for step in (0.1, 0.05, 0.025):
        limit = WassersteinFlow(DoubleWell(), temperature=0.3, start=start, step=step, times=times).limit()
        errors.append([float(abs(limit[k] - flow[k]).max()) for k in ("mean", "variance")])
        errors[-1].append(float(limit["distance"].max()))
    ratios = np.array(errors[:-1]) / np.array(errors[1:])
    np.testing.assert_allclose(ratios, 2, rtol=0.15)


def test_the_free_energy_falls_to_that_of_gibbs():
    from scipy.integrate import quad

    law = WassersteinFlow(DoubleWell(), temperature=0.3, step=0.5, times=tuple(np.arange(1, 71) / 2))
    energy = law.limit()["free_energy"].values
    weight = quad(lambda x: np.exp(-DoubleWell()(x) / 0.3), -6, 6)[0]
    assert (np.diff(energy) < 1e-7).all()
    assert energy[-1] == pytest.approx(-0.3 * np.log(weight), abs=1e-5)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(temperature=-1.0), StatementError, "`temperature` of WassersteinFlow must be > 0"),
        (dict(times=(1.0, 0.5)), StatementError, "must be numbers >= 0 that increase"),
        (dict(times=(0.3,)), StatementError, "whole multiples of its `step` 0.25"),
        (dict(potential=DoubleWell(), step=1.0, times=(1.0,)), NoLimit, "`step` of WassersteinFlow must be < 1 "),
        (dict(potential=lambda x: -(x**2)), NoLimit, "must be confining"),
        (dict(start=Normal(0.0, 0.0), times=(0.0, 0.25)), NoLimit, "free energy of a single point"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        WassersteinFlow(**fields).limit()


def test_they_agree_in_a_double_well():
    law = WassersteinFlow(DoubleWell(), temperature=0.3, interaction=0.5, start=Normal(-0.5, 0.5), times=(0.25, 1.0))
    confrontation = confront(law, sizes=(24, 48), seeds=100)
    assert all(confrontation[k].verdict != "disagrees" for k in law.observed())


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    class Explicit(WassersteinFlow):
        def predict(self):
            return WassersteinFlow(temperature=1.15 * self.temperature).predict()

    class NoEntropy(WassersteinFlow):
        def predict(self):
            prediction = super().predict()
            return prediction | {
                "free_energy": prediction["free_energy"] + self.temperature * np.log(prediction["variance"]) / 2
            }

    experiment = WassersteinFlow().experiment(sizes=(32, 64, 128), seeds=500)
    assert confront(WassersteinFlow(), experiment).verdict != "disagrees"
    assert confront(Explicit(), experiment)["variance"].verdict == "disagrees"
    assert confront(NoEntropy(), experiment)["free_energy"].verdict == "disagrees"
