"""The complexity against reference values, the logarithmic potential, the sphere's ground state, and wrong laws."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from asymptopia import confront, parse, thresholds
from asymptopia.algorithms.checks import NotSolved
from asymptopia.contract.record import StatementError
from asymptopia.laws.landscape import p_spin_complexity as module
from asymptopia.laws.landscape.p_spin_complexity import PSpinComplexity, line_at

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = json.loads((REFERENCE / "landscape.json").read_text())
TOTALS = [r for r in json.loads((REFERENCE / "other.json").read_text()) if "total complexity" in str(r.get("quantity"))]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['id']}-{r['at']}")
def test_reference_values(row):
    predicted = parse(row["statement"]).limit()[row["observable"]]
    assert float(predicted.sel(row["at"] or {})) == pytest.approx(row["value"], abs=1e-13)


@pytest.mark.parametrize("row", TOTALS, ids=lambda r: r["id"])
def test_total_complexities(row):
    total_complexity = PSpinComplexity(p=row["params"]["p"], energy=row["params"]["E"]).limit()["total_complexity"]
    assert float(total_complexity) == pytest.approx(row["value"]["Sigma_total"], abs=1e-14)


@pytest.mark.parametrize("p", [3, 4, 7])
def test_the_lowest_energy_is_the_ground_state_of_one_step_breaking(p):
    """Crisanti and Sommers at T = 0, from their universal z: a route without random matrices."""
    z = brentq(lambda z: (1 - z) ** 2 / (p * z) + math.log(z) + 1 - z, 1e-6, 0.9, xtol=1e-15)
    ground = -math.sqrt(2 * z / p) * (p + (1 - z) / z) / 2
    assert float(PSpinComplexity(p=p).limit()["ground_energy"]) == pytest.approx(ground, abs=1e-13)


@pytest.mark.parametrize(("p", "excess"), [(3, 1.005), (4, 1.02), (6, 1.1)])
def test_minima_are_counted_by_the_logarithmic_potential(p, excess):
    """Kac and Rice, with the determinant from the semicircle."""
    energy, radius = -excess * math.sqrt(2 * (p - 1) / p), math.sqrt(2 * p * (p - 1))
    density = lambda x: 2 * math.sqrt(1 - x * x) / math.pi  # noqa: E731
    log_det = quad(lambda x: density(x) * math.log(-p * energy + radius * x), -1, 1, epsabs=1e-12)[0]
    expected = 0.5 - math.log(p / 2) / 2 + log_det - energy**2  # area of the sphere, gradient, Hessian, energy
    limit = PSpinComplexity(p=p, energy=energy).limit()
    assert float(limit["complexity"][0]) == pytest.approx(expected, abs=1e-9)
    assert float(limit["total_complexity"]) == float(limit["complexity"][0])


@pytest.mark.parametrize("p", range(3, 11))
def test_lower_indices_reach_lower(p):
    limit = PSpinComplexity(p=p).limit()
    lowest = limit["lowest_energy"].values
    assert (np.diff(lowest) > 0).all() and lowest[-1] < limit["threshold_energy"]
    for k in (0, 4, 9):
        there = PSpinComplexity(p=p, energy=float(lowest[k])).limit()["complexity"].values
        assert abs(there[k]) < 1e-12 and (np.diff(there) < 0).all()


def test_at_the_threshold_all_indices_are_as_many_and_the_edge_touches_zero():
    threshold = thresholds(PSpinComplexity(), "energy")["threshold"]
    at = PSpinComplexity(energy=threshold).limit()
    assert np.ptp(at["complexity"].values) < 1e-15
    assert float(at["complexity"][0]) == pytest.approx(float(at["total_complexity"]), abs=1e-15)
    assert float(at["hessian_edge"]) == pytest.approx(0, abs=1e-14)
    assert float(at["index_fraction"]) == pytest.approx(0, abs=1e-14)
    assert float(PSpinComplexity(energy=0.0).limit()["index_fraction"]) == 0.5


def test_beyond_the_ground_state_the_limit_is_not_trusted():
    assert "no critical points" in PSpinComplexity(energy=-1.2).valid()
    assert PSpinComplexity(energy=-1.1715).valid() is None
    with pytest.raises(StatementError, match="along 'energy'"):
        PSpinComplexity().thresholds("p")
    with pytest.raises(ValueError, match="p"):
        PSpinComplexity(p=2)


def test_a_line_is_read_off():
    x = np.array([0.0, 1.0, 3.0])
    assert line_at(x, 2 - x, 0.5) == pytest.approx(1.5)
    assert math.isnan(line_at(x[:1], x[:1], 0.5))


def test_the_experiment_agrees_and_wrong_laws_are_refuted(monkeypatch):
    law = PSpinComplexity(energy=-0.4)
    experiment = law.experiment(sizes=(8, 16, 24), seeds=60)
    assert confront(law, experiment)["index_fraction"].verdict != "disagrees"
    right = module._semicircle_below
    monkeypatch.setattr(module, "_semicircle_below", lambda x: right(x / 2**0.5))
    assert confront(law, experiment)["index_fraction"].verdict == "disagrees"


def test_no_line_is_drawn_to_energies_without_critical_points():
    """It gave a share of 2.6 of negative eigenvalues."""
    with pytest.raises(NotSolved, match="too far from `energy` = 36 "):
        PSpinComplexity(energy=36.0).realized(12, (0,))
