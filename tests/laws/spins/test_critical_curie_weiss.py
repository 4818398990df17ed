"""Curie-Weiss at its critical point against closed forms, exact finite sizes, and wrong laws."""

import json
import math
from pathlib import Path

import pytest

from asymptopia import confront, sweep
from asymptopia.laws.spins.critical_curie_weiss import CriticalCurieWeiss

OTHER = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())


def reference(name):
    return next(r["value"] for r in OTHER if r["id"] == name)


def test_the_critical_law_is_the_closed_form():
    limit, value = CriticalCurieWeiss().limit(), reference("F_spins.cw.critical")
    for name, known in (("square", "m2"), ("fourth", "m4"), ("binder", "binder")):
        assert float(limit[name]) == pytest.approx(value[known], abs=1e-13)
    assert float(limit["magnetisation"]) == pytest.approx(0, abs=1e-14)
    modulus = 12**0.25 * math.gamma(1 / 2) / math.gamma(1 / 4)
    assert float(limit["modulus"]) == pytest.approx(modulus, abs=1e-12)
    integral = 12**0.25 * math.gamma(1 / 4) / 2
    assert float(limit["log_partition"]) == pytest.approx(math.log(integral / math.sqrt(2 * math.pi)), abs=1e-12)


@pytest.mark.parametrize(("b", "h"), [(-2.0, 0.5), (3.0, -0.7), (40.0, 1.0), (0.0, 30.0)])
def test_moments_obey_integration_by_parts(b, h):
    limit = CriticalCurieWeiss(b=b, h=h).limit()
    # E p'/p f = -E f' for f = x: E (-x**3 / 3 + b x + h) x = -1
    assert float(-limit["fourth"] / 3 + b * limit["square"] + h * limit["magnetisation"]) == pytest.approx(-1, rel=1e-9)


def test_the_square_is_the_derivative_of_the_partition_function():
    step = 1e-4
    up, down = (float(CriticalCurieWeiss(b=b, h=0.3).limit()["log_partition"]) for b in (1 + step, 1 - step))
    square = float(CriticalCurieWeiss(b=1.0, h=0.3).limit()["square"])
    assert (up - down) / (2 * step) == pytest.approx(square / 2, rel=1e-7)


@pytest.mark.parametrize("n", [100, 1000, 10000])
def test_the_finite_system_is_exact(n):
    known, seeds = reference(f"F_spins.cw.N{n}.T1.0.h0.0"), 4000
    data = CriticalCurieWeiss().experiment((n,), seeds)
    free = -(data["log_partition"].values + n * math.log(2) + math.log(n) / 4) / n
    assert free.ravel() == pytest.approx(known["free_energy"], abs=1e-10)
    for name, expected in (
        ("square", n**0.5 * known["m2"]),
        ("fourth", n * known["m4"]),
        ("modulus", n**0.25 * known["abs_m"]),
    ):
        values = data[name].values[0]
        assert abs(values.mean() - expected) < 4 * values.std() / seeds**0.5


def test_limit_and_experiment_agree_near_the_critical_point():
    assert confront(sweep(CriticalCurieWeiss(h=0.5), b=(-1.0, 0.0, 1.0))).verdict != "disagrees"


def test_a_wrong_law_is_refuted():
    class Wrong(CriticalCurieWeiss):
        """A density with x**4 / 11 in place of x**4 / 12."""

        def predict(self):
            prediction = super().predict()
            return prediction | {"square": prediction["square"] * (11 / 12) ** 0.5}

    assert confront(Wrong())["square"].verdict == "disagrees"


def test_far_from_the_critical_point_it_warns():
    assert "quartic" in CriticalCurieWeiss(b=-9.0).valid() and CriticalCurieWeiss(b=2.0).valid() is None
