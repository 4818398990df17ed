"""The Schroedinger bridge between normal laws: reference values, both ends of diffusion, symmetry, faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import StatementError, confront, parse
from asymptopia.laws.mean_field.schroedinger_bridge import SchroedingerBridge
from asymptopia.parts.potential import Normal

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "mean_field.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("SchroedingerBridge")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['id']} {r['at']}")
def test_reference_values(row):
    predicted = parse(row["statement"]).limit()[row["observable"]]
    assert float(predicted.sel(row["at"])) == pytest.approx(row["value"], abs=1e-13)


def test_the_ends_are_the_given_laws():
    limit = SchroedingerBridge(times=(0.0, 1.0)).limit()
    np.testing.assert_allclose(limit["variance"], [1.0, 0.25], rtol=1e-14)
    np.testing.assert_allclose(limit["mean"], [0.0, 1.0], atol=1e-14)


def test_the_cost_is_a_minimum():
    """Among normal couplings, by their entropy."""
    law = SchroedingerBridge(diffusion=0.8)
    limit, noise = law.limit(), 0.64

    def cost(c):
        return (1 + 1 + 0.25 - 2 * c) / 2 - noise * np.log(1 - c**2 / 0.25) / 2

    c = float(limit["covariance"])
    total = float(limit["cost"]) / 2 + noise * float(limit["relative_entropy"])
    assert total == pytest.approx(cost(c), abs=1e-14)
    assert min(cost(c + 1e-3), cost(c - 1e-3)) > cost(c)


def test_little_noise_transports_and_much_noise_forgets():
    quiet, loud = (SchroedingerBridge(diffusion=s).limit() for s in (1e-4, 1e3))
    assert float(quiet["covariance"]) == pytest.approx(0.5, abs=1e-7)
    assert float(quiet["cost"]) == pytest.approx(1 + 0.25, abs=1e-6), "the square of W2"
    assert max(float(loud["covariance"]), float(loud["relative_entropy"])) < 1e-6


def test_time_can_be_reversed():
    a, b = Normal(0.3, 1.7), Normal(-1.0, 0.4)
    there = SchroedingerBridge(start=a, end=b, times=(0.2, 0.5)).limit()
    back = SchroedingerBridge(start=b, end=a, times=(0.5, 0.8)).limit()
    for name in ("mean", "variance"):
        np.testing.assert_allclose(there[name].values, back[name].values[::-1], rtol=1e-13)
    for name in ("cost", "covariance", "relative_entropy"):
        assert float(there[name]) == pytest.approx(float(back[name]), rel=1e-13)


def test_a_point_is_left_by_a_brownian_bridge():
    limit = SchroedingerBridge(start=Normal(0.0, 0.0)).limit()
    t = np.array([0.25, 0.5, 0.75])
    np.testing.assert_allclose(limit["variance"], 0.25 * t**2 + t * (1 - t), rtol=1e-13)


@pytest.mark.parametrize("times", [(), (0.5, 0.2), (-0.1,), (0.5, 1.2), (np.nan,)])
def test_times_outside_are_refused(times):
    with pytest.raises(StatementError, match="`times` of SchroedingerBridge must be numbers >= 0 and <= 1"):
        SchroedingerBridge(times=times)


def test_limit_and_experiment_agree():
    assert confront(SchroedingerBridge()).verdict != "disagrees"


def test_a_wrong_law_is_refuted():
    class Doubled(SchroedingerBridge):
        def predict(self):
            return SchroedingerBridge(diffusion=2**0.5 * self.diffusion).predict()

    class Halved(SchroedingerBridge):
        def predict(self):
            confrontation = super().predict()
            return confrontation | {"relative_entropy": confrontation["relative_entropy"] / 2}

    confrontation = confront(Doubled(), sizes=(32, 64), seeds=100)
    assert confrontation["variance"].verdict == confrontation["covariance"].verdict == "disagrees"
    assert confront(Halved(), sizes=(32, 64), seeds=100)["relative_entropy"].verdict == "disagrees"
