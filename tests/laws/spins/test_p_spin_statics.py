"""Statics of the spherical p-spin model against reference values, its variational principle, and wrong laws."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from asymptopia import confront, parse, thresholds
from asymptopia.contract.batching import seed_keys
from asymptopia.contract.record import StatementError
from asymptopia.laws.spins.p_spin_statics import PSpinStatics
from asymptopia.laws.spins.p_spin_statics.experiment import ladder
from asymptopia.laws.spins.p_spin_statics.theory import one_step, thresholds_of

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "spins.json").read_text()) if r["statement"].startswith("PSpinStatics")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    assert thresholds(parse(row["statement"]), row["along"])[row["observable"]] == pytest.approx(
        row["value"], abs=1e-13
    )


def minus_beta_f(p, beta, q, x):
    spins = (1 - 1 / x) * math.log(1 - q) + math.log(1 - (1 - x) * q) / x
    return beta**2 / 4 * (1 - (1 - x) * q**p) + spins / 2


@pytest.mark.parametrize(("p", "temperature"), [(3, 0.3), (3, 0.55), (4, 0.4), (6, 0.1)])
def test_the_state_is_stationary(p, temperature):
    q, x = one_step(p, temperature)
    h = 1e-6
    along_q = minus_beta_f(p, 1 / temperature, q + h, x) - minus_beta_f(p, 1 / temperature, q - h, x)
    along_x = minus_beta_f(p, 1 / temperature, q, x + h) - minus_beta_f(p, 1 / temperature, q, x - h)
    assert abs(along_q / (2 * h)) < 1e-6 and abs(along_x / (2 * h)) < 1e-6
    limit = PSpinStatics(p=p, temperature=temperature).limit()
    free = -temperature * minus_beta_f(p, 1 / temperature, q, x)
    assert float(limit["free_energy"]) == pytest.approx(free, abs=1e-12)
    assert free > -1 / (4 * temperature), "the annealed free energy is a lower bound"


@pytest.mark.parametrize("temperature", [0.2, 0.5, 0.9])
def test_the_energy_is_the_derivative_of_the_free_energy(temperature):
    h, beta = 1e-5, 1 / temperature
    up, down = (b * float(PSpinStatics(temperature=1 / b).limit()["free_energy"]) for b in (beta + h, beta - h))
    value = float(PSpinStatics(temperature=temperature).limit()["energy"])
    assert (up - down) / (2 * h) == pytest.approx(value, abs=1e-8)


def test_at_the_static_transition_the_overlap_jumps_and_the_energy_does_not():
    static = thresholds_of(3)["static"]
    below, above = (PSpinStatics(temperature=static * c).limit() for c in (1 - 1e-9, 1 + 1e-9))
    assert float(below["energy"]) == pytest.approx(float(above["energy"]), abs=1e-7)
    assert float(below["breakpoint"]) == pytest.approx(1, abs=1e-7)
    assert float(below["overlap"]) > 0.6 and float(above["overlap"]) == 0


@pytest.mark.parametrize("p", [3, 4, 9])
def test_zero_temperature_is_the_limit_of_low_temperatures(p):
    cold, coldest = (PSpinStatics(p=p, temperature=T).limit() for T in (1e-7, 0.0))
    assert float(cold["energy"]) == pytest.approx(float(coldest["energy"]), abs=2e-7)
    assert float(cold["free_energy"]) == pytest.approx(float(coldest["energy"]), abs=1e-5)


@pytest.mark.parametrize("p", range(3, 12))
def test_the_static_transition_lies_below_the_dynamic_one(p):
    transitions = thresholds_of(p)
    assert 0 < transitions["static"] < transitions["dynamic"]


def test_bad_questions_are_refused():
    with pytest.raises(StatementError, match="along 'temperature'"):
        PSpinStatics().thresholds("p")
    with pytest.raises(ValueError, match="temperature"):
        PSpinStatics(temperature=-1.0)
    assert "finite-size" in PSpinStatics(temperature=0.5).valid()


def test_the_ladder_leads_from_the_temperature_to_where_states_do_not_trap():
    values = np.array(ladder(3, 0.3))
    assert values[0] == pytest.approx(0.3) and values[-1] > 1.5 * thresholds_of(3)["dynamic"]
    assert np.ptp(np.diff(np.log(values))) < 1e-12 and ladder(3, 2.0) == (2.0,)


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(PSpinStatics):
        """A factor of two in the covariance."""

        def predict(self):
            return super().predict() | {"energy": -1 / self.temperature}

    experiment = PSpinStatics().experiment(sizes=(8, 16), seeds=100)
    assert confront(PSpinStatics(), experiment)["energy"].verdict != "disagrees"
    assert confront(Wrong(), experiment)["energy"].verdict == "disagrees"


def ising(**fields):
    return PSpinStatics(spins="ising", **fields)


def ising_minus_beta_f(p, beta, q, x):
    """By the trapezoidal rule on the whole line, which is another one than the theory's."""
    z = np.linspace(-14, 14, 20_001)
    w = np.exp(-(z**2) / 2) * (z[1] - z[0])
    h = np.sqrt(beta**2 * p * q ** (p - 1) / 2) * z
    norm = w @ (2 * np.cosh(h)) ** x / math.sqrt(2 * math.pi)
    return beta**2 / 4 * (1 + (p - 1) * (1 - x) * q**p - p * q ** (p - 1)) + math.log(norm) / x


@pytest.mark.parametrize(("p", "temperature"), [(3, 0.6), (3, 0.4), (4, 0.5)])
def test_the_ising_state_is_stationary(p, temperature):
    limit = ising(p=p, temperature=temperature).limit()
    q, x, beta = float(limit["overlap"]), float(limit["breakpoint"]), 1 / temperature
    assert 0 < x < 1
    h = 1e-5
    along_q = ising_minus_beta_f(p, beta, q + h, x) - ising_minus_beta_f(p, beta, q - h, x)
    along_x = ising_minus_beta_f(p, beta, q, x + h) - ising_minus_beta_f(p, beta, q, x - h)
    assert abs(along_q / (2 * h)) < 1e-6 and abs(along_x / (2 * h)) < 1e-6
    free = -temperature * ising_minus_beta_f(p, beta, q, x)
    assert float(limit["free_energy"]) == pytest.approx(free, abs=1e-9)
    assert free > -beta / 4 - temperature * math.log(2), "the annealed free energy is a lower bound"


@pytest.mark.parametrize("temperature", [0.1, 0.5, 0.9])
def test_the_ising_energy_is_the_derivative_of_the_free_energy(temperature):
    h, beta = 1e-4, 1 / temperature
    up, down = (b * float(ising(temperature=1 / b).limit()["free_energy"]) for b in (beta + h, beta - h))
    assert (up - down) / (2 * h) == pytest.approx(float(ising(temperature=temperature).limit()["energy"]), abs=1e-7)


@pytest.mark.parametrize("p", [3, 5])
def test_ising_transitions_and_the_ground_state(p):
    transitions = thresholds(ising(p=p), "temperature")
    assert transitions["static"] < transitions["dynamic"]
    below, above = (ising(p=p, temperature=transitions["static"] * c).limit() for c in (1 - 1e-7, 1 + 1e-7))
    assert float(below["energy"]) == pytest.approx(float(above["energy"]), abs=1e-5)
    assert float(below["overlap"]) > 0.6 and float(above["overlap"]) == 0
    cold, coldest = (float(ising(p=p, temperature=T).limit()["free_energy"]) for T in (1e-3, 0.0))
    assert cold == pytest.approx(coldest, abs=2e-5)
    assert coldest > -math.sqrt(math.log(2)), "the random energy model has the lowest ground state"


def test_where_one_step_is_unstable_is_said():
    assert "unstable" in ising(temperature=0.1).valid() and "unstable" in ising(temperature=0.0).valid()
    assert "finite-size" in ising(temperature=0.5).valid()
    assert ising(temperature=1.2).valid() is None


def test_the_ising_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(PSpinStatics):
        """A factor of two in the covariance."""

        def predict(self):
            return super().predict() | {"energy": -1 / self.temperature}

    law = ising(temperature=1.5)
    experiment = law.experiment(sizes=(12, 18, 24), seeds=60)
    right = confront(law, experiment)
    assert "disagrees" not in (right["energy"].verdict, right["squared_overlap"].verdict)
    assert confront(Wrong(spins="ising", temperature=1.5), experiment)["energy"].verdict == "disagrees"
    with pytest.raises(StatementError, match="more than p = 3"):
        ising().realize(3, seed_keys(3, [0])[0])
