"""Hopfield's model against reference values, its free energy, a direct solution of the equations, and wrong laws."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import root

from asymptopia import StatementError, confront, parse, thresholds
from asymptopia.laws.spins.hopfield import Hopfield
from asymptopia.laws.spins.hopfield.theory import GRID, Model, capacity, free_energy, glass_at, retrieval, retrieval_at

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "spins.json").read_text()) if r["statement"].startswith("Hopfield")]
Z = np.linspace(-9, 9, 6001)
WEIGHT = np.exp(-(Z**2) / 2) / np.exp(-(Z**2) / 2).sum()


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    law = parse(row["statement"])
    value = thresholds(law, row["along"]) if row["along"] else law.limit()
    assert float(value[row["observable"]]) == pytest.approx(row["value"], abs=1e-12)


def equations(x, alpha, temperature, bias):
    """The residuals of m and q."""
    m, q = x
    D = 1 - bias**2
    r = q * (D / (1 - D * (1 - q) / temperature)) ** 2
    first, second = 0.0, 0.0
    for c, share in ((1 - bias, (1 + bias) / 2), (-1 - bias, (1 - bias) / 2)):
        t = np.tanh((c * m + np.sqrt(alpha * r) * Z) / temperature)
        first, second = first + share * c * (WEIGHT @ t), second + share * (WEIGHT @ t**2)
    return [first - m, second - q]


@pytest.mark.parametrize(
    ("alpha", "temperature", "bias"), [(0.13, 0.1, 0.0), (0.05, 0.4, 0.0), (0.02, 0.2, 0.4), (0.02, 0.2, -0.4)]
)
def test_the_equations_hold_as_written(alpha, temperature, bias):
    limit = Hopfield(alpha=alpha, temperature=temperature, pattern_bias=bias).limit()
    x = [float(limit["overlap"]) * (1 - bias**2), float(limit["freezing"])]
    assert x[0] > 0.5 and np.abs(equations(x, alpha, temperature, bias)).max() < 1e-10


@pytest.mark.parametrize("temperature", [0.1, 0.2, 0.4])
def test_the_retrieval_state_ends_at_the_border(temperature):
    """Followed from small loads by a root finder, it is lost between just below and just above the border."""
    border = thresholds(Hopfield(temperature=temperature), along="alpha")["retrieval"]
    x = np.array([1.0, 1.0])
    for alpha in np.append(border * np.linspace(0.5, 0.99, 20), border * np.linspace(0.99, 0.9999, 20)):
        solution = root(equations, x, (alpha, temperature, 0.0), tol=1e-10)
        assert solution.success
        x = solution.x
    beyond = root(equations, x, (border * 1.0005, temperature, 0.0), tol=1e-10)
    assert not beyond.success or abs(beyond.x[0]) < 0.5


def test_no_state_is_of_the_unphysical_branch():
    for temperature in (0.0, 0.2, 0.6, 0.95):
        state = retrieval(Model(temperature, 0.0), GRID)
        exists = np.isfinite(state.alpha)
        assert exists.any() and (state.slack[exists] > 0).all()
        assert (np.diff(state.alpha[: 1 + int(np.nanargmax(state.alpha))]) > 0).all(), "the load grows up to capacity"
        assert (glass_at(Model(temperature, 0.0), 0.01).slack > 0).all()


@pytest.mark.parametrize("state", [retrieval_at, glass_at])
@pytest.mark.parametrize(("temperature", "bias"), [(0.3, 0.0), (0.3, 0.2), (0.05, 0.0)])
def test_the_energy_is_the_derivative_of_the_free_energy(state, temperature, bias):
    from asymptopia.laws.spins.hopfield.theory import energy

    beta, d, alpha = 1 / temperature, 1e-4, 0.04
    up, down = (
        b * free_energy(Model(1 / b, bias), alpha, state(Model(1 / b, bias), alpha)) for b in (beta + d, beta - d)
    )
    model = Model(temperature, bias)
    assert (up - down) / (2 * d) == pytest.approx(energy(model, alpha, state(model, alpha)), abs=1e-8)


def test_zero_temperature_is_the_limit_of_low_temperatures():
    cold, coldest = (Hopfield(temperature=T).limit() for T in (1e-4, 0.0))
    for name in ("overlap", "energy", "free_energy"):
        assert float(cold[name]) == pytest.approx(float(coldest[name]), abs=1e-4)
    assert capacity(Model(1e-5, 0.0))[0] == pytest.approx(capacity(Model(0.0, 0.0))[0], abs=1e-6)


def test_thresholds_along_both_fields_are_one_line():
    law = Hopfield(alpha=0.05)
    along = thresholds(law, along="temperature")
    for name in ("retrieval", "thermodynamic"):
        back = thresholds(law.replace(temperature=along[name]), along="alpha")
        assert back[name] == pytest.approx(0.05, abs=1e-9)
    assert along["thermodynamic"] < along["retrieval"] < 1 < along["spin_glass"] == 1 + math.sqrt(0.05)
    assert thresholds(Hopfield(temperature=1.2), along="alpha") == {"spin_glass": pytest.approx(0.04)}
    assert set(thresholds(Hopfield(alpha=0.2), along="temperature")) == {"spin_glass"}
    assert thresholds(Hopfield(pattern_bias=0.3), along="alpha")["retrieval"] < 0.08
    bent = thresholds(Hopfield(alpha=0.0525), along="temperature")["thermodynamic"]
    assert thresholds(Hopfield(temperature=bent), along="alpha")["thermodynamic"] == pytest.approx(0.0525, abs=1e-9)
    with pytest.raises(StatementError, match="along 'pattern_bias'"):
        thresholds(Hopfield(), along="pattern_bias")


def test_beyond_retrieval_the_limit_is_the_glass_and_it_warns():
    law = Hopfield(alpha=0.2, temperature=0.1)
    assert float(law.limit()["overlap"]) == 0 and float(law.limit()["freezing"]) > 0.5
    assert "no retrieval state" in law.valid() and "close" in Hopfield(alpha=0.08).valid()
    paramagnet = Hopfield(alpha=0.04, temperature=1.5).limit()
    assert float(paramagnet["freezing"]) == 0
    trace = 0.02 * (1.5 * math.log(1 - 1 / 1.5) + 1) - 1.5 * math.log(2)
    assert float(paramagnet["free_energy"]) == pytest.approx(trace, abs=1e-12)


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    class Wrong(Hopfield):
        """The energy with the couplings of a spin to itself."""

        def predict(self):
            prediction = super().predict()
            return prediction | {"energy": prediction["energy"] - self.alpha / 2}

    experiment = Hopfield().experiment()
    assert confront(Hopfield(), experiment).verdict != "disagrees"
    assert confront(Hopfield(alpha=0.015, temperature=0.2, pattern_bias=0.3), seeds=40).verdict != "disagrees"
    assert confront(Wrong(), experiment)["energy"].verdict == "disagrees"


def test_where_there_is_no_retrieval_no_negative_load_is_named():
    reason = Hopfield(alpha=0.05, temperature=0.0, pattern_bias=-0.998).valid()
    assert reason.startswith("there is no retrieval state: ")
