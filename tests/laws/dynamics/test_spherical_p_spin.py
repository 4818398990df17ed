"""The spherical p-spin model: reference values, transitions, starts, finite systems, and laws that are wrong."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse, thresholds
from asymptopia.laws.dynamics.spherical_p_spin import SphericalPSpin
from asymptopia.theory import glassy as theory

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "dynamics.json").read_text())
ROWS = [r for r in REFERENCE if (r["statement"] or "").startswith("SphericalPSpin")]
SHORT = [r for r in ROWS if not r["at"] or r["at"]["time"] <= 50]


@pytest.mark.parametrize("row", SHORT, ids=lambda r: r["id"])
def test_reference_values(row):
    limit = parse(row["statement"]).limit()
    if row["at"]:
        value, error = limit["energy"].sel(time=row["at"]["time"]), limit["energy_error"].sel(time=row["at"]["time"])
        assert float(value) == pytest.approx(row["value"], abs=5e-7)
        assert abs(float(value) - row["value"]) <= float(error)
    else:
        assert float(limit[row["observable"]]) == pytest.approx(row["value"], abs=1e-12)


def test_pairs_follow_their_closed_form_to_late_times():
    rows = [r for r in ROWS if r["id"].startswith("F_dyn.p2exact.T0.2.")]
    times = tuple(sorted(r["at"]["time"] for r in rows))
    assert times[-1] == 1000
    energy = SphericalPSpin(p=2, temperature=0.2, times=times).limit()["energy"]
    for row in rows:
        assert float(energy.sel(time=row["at"]["time"])) == pytest.approx(row["value"], abs=1e-6)


@pytest.mark.parametrize("p", [3, 4, 7])
def test_the_threshold_energy_and_the_transitions_of_pure_models(p):
    cold = SphericalPSpin(p=p, temperature=0.0, times=(0.1,))
    assert float(cold.limit()["asymptotic_energy"]) == pytest.approx(-np.sqrt(2 * (p - 1) / p), abs=1e-12)
    q = (p - 2) / (p - 1)
    transitions = thresholds(cold, "temperature")
    assert transitions["dynamic"] == pytest.approx(np.sqrt(p / 2 * q ** (p - 2) * (1 - q)), abs=1e-10)
    assert transitions["static"] < transitions["dynamic"]
    ageing = theory.ageing_energy(cold.landscape(), transitions["dynamic"] * (1 - 1e-7))
    assert ageing == pytest.approx(-0.5 / transitions["dynamic"], abs=1e-5)  # continuous where ageing sets in


def test_a_mixture_of_one_order_is_the_pure_model():
    assert SphericalPSpin(mixture=((4, 1.0),)).landscape() == SphericalPSpin(p=4).landscape()
    assert SphericalPSpin(mixture=((3, 0.5), (4, 2.0))).landscape() == (0, 0, 0, 0.25, 1.0)


def test_equilibrium_stays_and_a_quench_from_it_relaxes_to_the_state_followed():
    law = SphericalPSpin(temperature=0.6, start="equilibrium", times=(1.0, 5.0))
    limit = law.limit()
    np.testing.assert_allclose(limit["energy"], -0.5 / 0.6, atol=1e-6)
    assert float(limit["asymptotic_energy"]) == pytest.approx(-0.5 / 0.6, abs=1e-9)
    followed = law.replace(temperature=0.3, start_temperature=0.6, times=(10.0, 60.0)).limit()
    assert float(followed["energy"][-1]) == pytest.approx(float(followed["asymptotic_energy"]), abs=2e-3)
    assert float(followed["asymptotic_energy"]) < -0.5 / 0.6


def test_a_signal_is_found_from_a_start_near_it_and_its_state_is_the_limit():
    law = SphericalPSpin(snr=2.0, temperature=0.5, start_overlap=0.8, times=(5.0, 30.0))
    m, energy, stable = theory.signal_state(law.landscape(), 0.5, 2.0)
    limit = law.limit()
    assert stable < 1
    assert float(limit["overlap"][-1]) == pytest.approx(m, abs=1e-4)
    assert float(limit["energy"][-1]) == pytest.approx(energy, abs=1e-4)
    assert float(limit["asymptotic_energy"]) == pytest.approx(energy, abs=1e-12)
    lost = law.replace(start_overlap=0.05).limit()
    assert float(lost["asymptotic_energy"]) == pytest.approx(theory.ageing_energy(law.landscape(), 0.5), abs=1e-12)


def test_pairs_recover_a_signal_above_one():
    assert thresholds(SphericalPSpin(p=2, temperature=0.4), "snr") == {"recovery": pytest.approx(1.0)}
    assert thresholds(SphericalPSpin(p=2, temperature=1.5), "snr") == {"recovery": pytest.approx(1.5)}
    assert thresholds(SphericalPSpin(), "snr") == {"recovery": float("inf")}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (dict(times=(1.0, 0.5)), "`times` of SphericalPSpin must be finite, >= 0 and increase"),
        (dict(times=("now",)), "`times` of SphericalPSpin"),
        (dict(mixture=((1, 1.0),)), "pairs"),
        (dict(mixture=(3,)), "pairs"),
        (dict(temperature=-1.0), "`temperature` of SphericalPSpin must be >= 0"),
        (dict(start="hot"), "one of 'random', 'equilibrium'"),
    ],
)
def test_what_makes_no_sense_is_refused(fields, message):
    with pytest.raises(StatementError, match=message):
        SphericalPSpin(**fields)


def test_equilibrium_below_the_static_transition_has_no_limit():
    with pytest.raises(NoLimit, match=r"temperatures >= 0.586054 only"):
        SphericalPSpin(temperature=0.5, start="equilibrium").check()
    with pytest.raises(NoLimit, match="`snr` of SphericalPSpin must be 0"):
        SphericalPSpin(temperature=0.7, start="equilibrium", snr=1.0).check()
    SphericalPSpin(temperature=0.5, start="equilibrium", start_temperature=0.6).check()


def test_warnings_where_the_end_of_ageing_is_uncertain():
    assert "pairs" in SphericalPSpin(mixture=((2, 1.0), (4, 1.0)), temperature=0.2).valid()
    hot = SphericalPSpin(start="equilibrium", start_temperature=0.8, temperature=0.2)
    assert "memory" in hot.valid()
    assert hot.replace(start_temperature=0.6).valid() is None


SMALL = SphericalPSpin(times=(0.5, 1.0), snr=3.0, start_overlap=0.8)


class NoSignal(SphericalPSpin):
    """Wrong: the energy without the signal's share."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"energy": prediction["energy"] + self.snr * prediction["overlap"] ** 3 / 2}


class Doubled(SphericalPSpin):
    """Wrong: couplings of twice the variance."""

    def landscape(self):
        return tuple(2 * a for a in super().landscape()) if self.p == 3 else super().landscape()

    def realize(self, n, key):
        return SMALL.realize(n, key)


@pytest.mark.parametrize("wrong", [NoSignal, Doubled])
def test_wrong_laws_are_refuted(wrong):
    fields = dict(times=SMALL.times, snr=SMALL.snr, start_overlap=SMALL.start_overlap)
    settings = dict(sizes=(12, 24), seeds=100)
    assert confront(wrong(**fields), **settings)["energy"].verdict == "disagrees"


def test_the_right_law_is_not():
    confrontation = confront(SMALL, sizes=(12, 24), seeds=100)
    assert {confrontation[name].verdict for name in ("energy", "overlap", "correlation")} <= {"agrees", "inconclusive"}


def test_minus_the_signal_is_as_good_where_the_order_is_even():
    law = SphericalPSpin(p=4, temperature=0.0, snr=2.0, start_overlap=-0.5)
    mirrored = SphericalPSpin(p=4, temperature=0.0, snr=2.0, start_overlap=0.5)
    assert law.predict()["asymptotic_energy"] == pytest.approx(-1.272542, abs=1e-6)
    assert law.predict()["asymptotic_energy"] == mirrored.predict()["asymptotic_energy"]
    odd = SphericalPSpin(p=3, temperature=0.2, snr=2.0, start_overlap=-0.5).predict()["asymptotic_energy"]
    assert odd == pytest.approx(theory.ageing_energy((0.0, 0.0, 0.0, 0.5), 0.2))


@pytest.mark.parametrize("overlap", [0.1, -0.1, 1e-6])
def test_the_energy_at_long_times_knows_of_no_times(overlap):
    """Of pairs every overlap grows above the recovery threshold, however late."""
    for times in ((1.0,), (8.0,)):
        law = SphericalPSpin(p=2, temperature=0.2, snr=1.5, start_overlap=overlap, times=times)
        assert law.predict()["asymptotic_energy"] == pytest.approx(-0.9833333, abs=1e-6)


def test_a_small_overlap_is_lost_where_triples_have_a_barrier():
    energies = [
        SphericalPSpin(temperature=0.2, snr=2.0, start_overlap=m, times=(1.0,)).predict()["asymptotic_energy"]
        for m in (0.05, 0.3)
    ]
    assert energies[0] == pytest.approx(theory.ageing_energy((0.0, 0.0, 0.0, 0.5), 0.2)) and energies[1] < -1.1
