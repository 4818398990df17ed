"""Curie-Weiss against closed forms, reference values, exact finite sizes, and itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import confront, parse, sweep, thresholds
from asymptopia.laws.spins.curie_weiss import CurieWeiss

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "spins.json").read_text()) if r["statement"].startswith("CurieWeiss")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    assert float(parse(row["statement"]).limit()[row["observable"]]) == pytest.approx(row["value"], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("mark", [m for m in CurieWeiss.landmarks if not m.along], ids=lambda m: m.observable)
def test_landmarks(mark):
    assert float(CurieWeiss(**mark.fields).limit()[mark.observable]) == pytest.approx(mark.value, abs=mark.tolerance)


OTHER = json.loads((REFERENCE / "other.json").read_text())
EXACT = [r for r in OTHER if r["id"].startswith("F_spins.cw.N")]


@pytest.mark.parametrize("row", EXACT, ids=lambda r: r["id"])
def test_the_finite_system_is_exact(row):
    values, seeds, params = row["value"], 2000, row["params"]
    n, temperature, h = params["N"], params["T"], params["h"]
    data = CurieWeiss(beta=1 / temperature, h=h).experiment((n,), seeds)
    free = data["free_energy"].values
    assert np.ptp(free) == 0
    assert free[0, 0] == pytest.approx(values["free_energy"], abs=1e-10)
    m = data["magnetisation"].values[0]
    mean = values["abs_m"] if h == 0 and temperature < 1 else values["m"]
    for sample, expected in ((m, mean), (m**2, values["m2"]), (np.abs(m), values["abs_m"])):
        assert abs(sample.mean() - expected) < 4.5 * sample.std() / seeds**0.5


def test_the_field_reversed_reverses_the_magnetisation_alone():
    up, down = CurieWeiss(h=0.3).limit(), CurieWeiss(h=-0.3).limit()
    for name in up:
        sign = -1 if name == "magnetisation" else 1
        assert float(up[name]) == sign * float(down[name])
    measured = CurieWeiss(h=-0.3).experiment((200,), 100)["magnetisation"].values
    assert measured.mean() == pytest.approx(float(down["magnetisation"]), abs=0.02)


def test_the_susceptibility_is_the_derivative_of_the_magnetisation():
    import jax

    slope = jax.grad(lambda h: CurieWeiss(beta=1.3, h=h).predict()["magnetisation"])(0.1)
    assert slope / 1.3 == pytest.approx(float(CurieWeiss(beta=1.3, h=0.1).limit()["susceptibility"]), rel=1e-9)


def test_the_magnetisation_is_minus_the_derivative_of_the_free_energy():
    import jax

    slope = jax.grad(lambda h: CurieWeiss(beta=1.3, h=h).predict()["free_energy"])(0.1)
    assert -slope == pytest.approx(float(CurieWeiss(beta=1.3, h=0.1).limit()["magnetisation"]), rel=1e-9)


def test_limit_and_experiment_agree():
    assert confront(sweep(CurieWeiss(), beta=(0.5, 0.8, 1.2, 1.5))).verdict != "disagrees"
    assert confront(sweep(CurieWeiss(h=0.0), beta=(0.5, 1.5))).verdict != "disagrees"


def test_a_wrong_law_is_refuted():
    class Wrong(CurieWeiss):
        def predict(self):
            prediction = super().predict()
            return prediction | {"magnetisation": 0.95 * prediction["magnetisation"]}

    class WrongFluctuation(CurieWeiss):
        def predict(self):
            prediction = super().predict()
            return prediction | {"susceptibility": prediction["susceptibility"] / self.beta}

    assert confront(Wrong())["magnetisation"].verdict == "disagrees"
    assert confront(WrongFluctuation())["susceptibility"].verdict == "disagrees"


def test_near_criticality_it_warns():
    assert "fluctuations" in CurieWeiss(beta=1.0, h=0.0).valid()
    assert CurieWeiss().valid() is None and CurieWeiss(beta=1.0, h=0.1).valid() is None


def test_thresholds():
    assert thresholds(CurieWeiss(h=0.0), along="beta") == {"transition": 1.0}
    assert thresholds(CurieWeiss(h=0.2), along="beta") == {}
    assert thresholds(CurieWeiss(beta=2.0), along="h") == {"first_order": 0.0}
