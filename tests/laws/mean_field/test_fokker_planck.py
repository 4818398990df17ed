"""Fokker-Planck equations: reference values, normal distributions, low temperature, bad statements, faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.laws.mean_field.fokker_planck import FokkerPlanck
from asymptopia.parts.potential import DoubleWell, Normal, Quadratic

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "mean_field.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("FokkerPlanck")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    predicted = parse(row["statement"]).limit()[row["observable"]]
    assert float(predicted.sel(row["at"] or {})) == pytest.approx(row["value"], rel=1e-8)


@pytest.mark.parametrize("variance", [0.0, 0.01, 1.3])
def test_a_quadratic_potential_keeps_a_normal_law(variance):
    from scipy.special import ndtr

    k, T = 1.7, 0.6
    law = FokkerPlanck(
        potential=Quadratic(k),
        temperature=T,
        start=Normal(1.5, variance),
        times=(0.1, 0.7, 3.0),
        edges=(-1.0, 0.2, 1.1),
    )
    limit, decay = law.limit(), np.exp(-k * np.array(law.times))
    mean, spread = 1.5 * decay, variance * decay**2 + T / k * (1 - decay**2)
    np.testing.assert_allclose(limit["mean"], mean, atol=1e-7)
    np.testing.assert_allclose(limit["variance"], spread, atol=1e-6)
    below = ndtr((np.array(law.edges) - mean[:, None]) / np.sqrt(spread)[:, None])
    np.testing.assert_allclose(limit["density"], np.diff(below) / np.diff(law.edges), atol=1e-6)
    assert float(limit["spectral_gap"]) == pytest.approx(k, rel=1e-7)


def test_the_errors_stated_are_no_smaller_than_those_made():
    limit = FokkerPlanck(potential=Quadratic(2.0), start=Normal(0.3, 0.0), times=(0.01, 0.5)).limit()
    exact = 0.25 / 2 * (1 - np.exp(-4 * np.array([0.01, 0.5])))
    assert (abs(limit["variance"] - exact) <= limit["variance_error"] + 1e-9).all()


def test_in_the_end_it_is_the_law_of_gibbs():
    from scipy.integrate import quad

    limit = FokkerPlanck(times=(200.0,)).limit()
    weight, second = (quad(lambda x, p=p: x**p * np.exp(-4 * DoubleWell()(x)), -6, 6)[0] for p in (0, 2))
    assert float(limit["mean"][0]) == pytest.approx(0, abs=1e-9)
    assert float(limit["variance"][0]) == pytest.approx(second / weight, rel=1e-7)


def test_the_gap_is_the_rate_of_the_last_relaxation():
    limit = FokkerPlanck(times=(20.0, 30.0)).limit()
    rate = np.log(limit["mean"][0] / limit["mean"][1]) / 10
    assert float(rate) == pytest.approx(float(limit["spectral_gap"]), rel=1e-4)


def test_the_formula_of_eyring_and_kramers_is_right_at_low_temperature():
    ratios = []
    for temperature in (0.1, 0.05, 0.025, 0.0125):
        limit = FokkerPlanck(temperature=temperature).limit()
        ratios.append(float(limit["spectral_gap"] / limit["eyring_kramers"]))
    assert np.all(np.diff(ratios) > 0) and 0.97 < ratios[-1] < 1
    corrections = (1 - np.array(ratios)) / (0.1, 0.05, 0.025, 0.0125)
    assert corrections[-1] == pytest.approx(corrections[-2], rel=0.1), "the correction is of the order of T"


def test_a_tilted_well_has_the_sum_of_two_rates():
    def tilted(x):
        return x**4 / 4 - x**2 / 2 + 0.02 * x

    limit = FokkerPlanck(potential=tilted, temperature=0.02).limit()
    assert float(limit["spectral_gap"] / limit["eyring_kramers"]) == pytest.approx(1, abs=0.06)
    assert np.isnan(FokkerPlanck(potential=Quadratic()).limit()["eyring_kramers"])


def test_a_shallow_well_counts_however_cold_it_is():
    def tilted(x):
        return x**4 / 4 - x**2 / 2 + 0.1 * x

    limit = FokkerPlanck(potential=tilted, temperature=0.003).limit()
    assert float(limit["spectral_gap"] / limit["eyring_kramers"]) == pytest.approx(1, abs=0.03)
    with pytest.raises(ArithmeticError, match="barriers of the potential are too high"):
        FokkerPlanck(temperature=1e-4).limit()


@pytest.mark.runs_long
def test_the_mean_exit_time_by_simulation():
    """The integral of the share that is still there, and the rest of the time at the rate of the gap."""
    times = tuple(np.linspace(0.5, 16.0, 32))
    law = FokkerPlanck(temperature=0.3, times=times)
    limit = law.limit()
    stay = 1 - law.experiment((400,), 60)["exited"].values[0]
    rate = float(limit["spectral_gap"])

    def total(share):
        return 0.25 * (1 + 2 * share[..., :-1].sum(axis=-1) + share[..., -1]) + share[..., -1] / rate

    time, theory = total(stay), float(total(1 - limit["exited"].values))
    assert theory == pytest.approx(float(limit["exit_time"]), rel=5e-3), "trapezoids, and what comes later"
    error = time.std() / 60**0.5
    assert error < 0.02 * theory and abs(time.mean() - theory) < 4 * error + 0.01 * theory


def test_exits_are_as_rare_as_relaxation_at_low_temperature():
    """Half of the particles at the barrier fall back: the mean time of passage is the inverse of the gap."""
    ratios = []
    for temperature in (0.1, 0.05, 0.025):
        limit = FokkerPlanck(temperature=temperature, times=(1.0,)).limit()
        ratios.append(float(limit["exit_time"] * limit["spectral_gap"]))
    np.testing.assert_allclose(ratios, 1, atol=0.02)


def test_distances_contract_at_the_rate_of_convexity():
    """In a quadratic potential exactly, if both have the same variance; else faster; in a double well not at all."""
    law = FokkerPlanck(Quadratic(1.3), 0.5, Normal(-1.0, 0.3), (0.0, 0.3, 1.0), other=Normal(2.0, 0.3))
    limit, t = law.limit(), np.array(law.times)
    np.testing.assert_allclose(limit["distance"], 3 * np.exp(-1.3 * t), rtol=1e-7)
    np.testing.assert_allclose(limit["contraction"], np.exp(-1.3 * t), rtol=1e-12)
    judged = confront(law, sizes=(30, 60), seeds=400)
    assert judged["contraction"].verdict != "disagrees" and judged["distance"].verdict != "disagrees"

    class Faster(FokkerPlanck):
        def predict(self):
            limit = super().predict()
            return limit | {"contraction": limit["contraction"] ** 1.01}

    faster = Faster(Quadratic(1.3), 0.5, Normal(-1.0, 0.3), (0.0, 0.3, 1.0), other=Normal(2.0, 0.3))
    assert confront(faster, judged.experiment)["contraction"].verdict == "disagrees"
    assert (FokkerPlanck().limit()["contraction"] > 1).all()


def test_distances_between_wells_outlast_those_within():
    limit = FokkerPlanck(
        temperature=0.1, times=(1.0, 10.0, 40.0), start=Normal(-1.0, 0.1), other=Normal(1.0, 0.1)
    ).limit()
    rates = -np.diff(np.log(limit["mean"].values ** 2)) / 2 / np.diff(limit["time"].values)
    assert rates[1] == pytest.approx(float(limit["spectral_gap"]), rel=0.02)
    assert (np.diff(limit["distance"]) < 0).all() and float(limit["distance"][-1]) > 0.5


def test_a_time_of_zero_is_the_start():
    limit = FokkerPlanck(start=Normal(0.5, 0.3), times=(0.0, 1.0)).limit()
    assert float(limit["mean"][0]) == pytest.approx(0.5, abs=1e-12)
    assert float(limit["variance"][0]) == pytest.approx(0.3, abs=1e-12)
    assert (FokkerPlanck(start=Normal(0.25, 0.0), times=(0.0,)).limit()["density"].values == np.eye(8)[4] / 0.5).all()


def test_particles_from_far_away_do_not_escape():
    law = FokkerPlanck(start=Normal(20.0, 1.0), times=(0.5,))
    seen = law.experiment((50,), 16)["mean"].values[0, :, 0]
    assert abs(seen.mean() - float(law.limit()["mean"][0])) < 4 * seen.std() / 16**0.5


@pytest.mark.parametrize("potential", [lambda x: 0 * x, lambda x: -(x**2), lambda x: x, lambda x: -x + abs(x)])
def test_what_does_not_confine_is_refused(potential):
    with pytest.raises(NoLimit, match="`potential` of FokkerPlanck must be confining"):
        FokkerPlanck(potential=potential).limit()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(temperature=-0.1), "`temperature` of FokkerPlanck must be > 0, but is -0.1"),
        (dict(times=(1.0, 0.5)), "`times` of FokkerPlanck must be numbers >= 0 that increase"),
        (dict(times=()), "`times` of FokkerPlanck"),
        (dict(other=Normal(-1.0, 0.1)), "`other` of FokkerPlanck must differ from its `start`"),
        (dict(edges=(1.0,)), "`edges` of FokkerPlanck must be two or more"),
        (dict(potential=lambda x: 1 / (x - x)), "must give a finite number"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
def test_bad_statements_are_refused(fields, message):
    with pytest.raises(StatementError, match=message):
        FokkerPlanck(**fields).limit()


@pytest.mark.runs_long
def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    class Hotter(FokkerPlanck):
        def predict(self):
            return FokkerPlanck(temperature=1.1 * self.temperature).predict()

    class TripleFluctuation(FokkerPlanck):
        def predict(self):
            confrontation = super().predict()
            return confrontation | {"fluctuation": 3 * confrontation["fluctuation"]}

    experiment = FokkerPlanck().experiment(sizes=(25, 50, 100), seeds=2400)
    assert confront(FokkerPlanck(), experiment).verdict != "disagrees"
    hotter = confront(Hotter(), experiment)
    assert hotter["variance"].verdict == hotter["density"].verdict == "disagrees"
    assert confront(TripleFluctuation(), experiment)["fluctuation"].verdict == "disagrees"


def test_a_steep_well_after_a_short_time():
    k, T, times = 20.0, 0.5, np.array([0.025, 0.1])
    law = FokkerPlanck(Quadratic(k), T, Normal(1.0, 0.5), tuple(times))
    prediction = law.predict()
    np.testing.assert_allclose(prediction["mean"], np.exp(-k * times), atol=1e-6)
    spread = 0.5 * np.exp(-2 * k * times) + T / k * (1 - np.exp(-2 * k * times))
    np.testing.assert_allclose(prediction["variance"], spread, atol=1e-5)
    assert ((prediction["exited"] >= 0) & (prediction["exited"] <= 1)).all()


def test_a_point_outside_the_basin_spreads_without_a_wall():
    """And a distance of two distributions that have met is not negative, as extrapolated it was."""
    law = FokkerPlanck(
        potential=Quadratic(300.0),
        temperature=2.0,
        start=Normal(1.0, 0.0),
        other=Normal(-1.0, 4.0),
        times=(0.001, 0.05),
    )
    limit, decay = law.predict(), np.exp(-300 * np.array(law.times))
    exact = {"mean": decay, "variance": (1 - decay**2) * 2 / 300}
    for name, value in exact.items():
        assert (np.abs(limit[name] - value) <= 2 * limit[f"{name}_error"] + 1e-9).all(), name
    assert (limit["distance"] >= 0).all()
