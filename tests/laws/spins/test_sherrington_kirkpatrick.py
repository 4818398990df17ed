"""The Sherrington-Kirkpatrick model against reference values, exact identities, small systems, and wrong laws."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest

from asymptopia import StatementError, confront, parse, thresholds
from asymptopia.contract.batching import generator, seed_keys
from asymptopia.laws.spins.sherrington_kirkpatrick import SherringtonKirkpatrick
from asymptopia.laws.spins.sherrington_kirkpatrick.experiment import ladder
from asymptopia.theory import replica_symmetric as symmetric

REFERENCE = Path(__file__).parents[2] / "reference"
ROWS = [r for r in json.loads((REFERENCE / "spins.json").read_text()) if r["statement"].startswith("Sherrington")]
OTHER = {r["id"]: r["value"] for r in json.loads((REFERENCE / "other.json").read_text())}


def limit(**fields):
    return {k: float(v) for k, v in SherringtonKirkpatrick(**fields).limit().items()}


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    law = parse(row["statement"])
    if row["along"]:
        assert thresholds(law, row["along"])[row["observable"]] == pytest.approx(row["value"], abs=1e-11)
        return
    # the references at T > 0 are least over finitely many steps: a little below the limit, which is a maximum
    slack = 2e-9 if law.breaking == "full" else 0.0
    assert float(law.limit()[row["observable"]]) == pytest.approx(row["value"], abs=row["abs_error"] + slack)


def test_ground_states():
    assert limit(beta=1e9)["energy"] == pytest.approx(OTHER["F_parisi.sk.E0"], abs=1e-8)
    for k in (1, 2):
        assert limit(beta=1e9, breaking=k)["energy"] == pytest.approx(OTHER[f"F_parisi.sk.{k}rsb"], abs=1e-7)
    symmetric_one = limit(beta=1e9, breaking=0)
    for name in ("energy", "entropy"):
        assert symmetric_one[name] == pytest.approx(OTHER["F_spins.sk.rs.T0"][name], abs=1e-8)
    assert limit(beta=1e9)["entropy"] == pytest.approx(0, abs=1e-8)


@pytest.mark.parametrize("h", [0.0, 0.3])
def test_more_steps_raise_the_free_energy_towards_full_breaking(h):
    free = [limit(beta=2.5, h=h, breaking=k)["free_energy"] for k in (0, 1, 2, 3, "full")]
    assert (np.diff(free) > 0).all()


@pytest.mark.parametrize(("beta", "h", "breaking"), [(2.0, 0.0, "full"), (2.5, 0.3, "full"), (2.5, 0.3, 2)])
def test_the_energy_is_the_derivative_of_the_free_energy_and_gives_the_overlap(beta, h, breaking):
    d = 1e-3
    up, down = (b * limit(beta=b, h=h, breaking=breaking)["free_energy"] for b in (beta + d, beta - d))
    theory = limit(beta=beta, h=h, breaking=breaking)
    assert (up - down) / (2 * d) == pytest.approx(theory["energy"], abs=1e-6)
    inner = -beta / 2 * (1 - theory["squared_overlap"]) - h * theory["magnetisation"]
    assert inner == pytest.approx(theory["energy"], abs=1e-6)
    assert theory["overlap"] ** 2 < theory["squared_overlap"] < theory["largest_overlap"] ** 2


@pytest.mark.parametrize("temperature", [0.95, 0.6, 0.2, 0.003])
def test_without_a_field_the_susceptibility_is_one(temperature):
    """beta (1 - E q) = 1 below the transition: Parisi's solution without a field."""
    theory = SherringtonKirkpatrick(beta=1 / temperature).limit()
    assert abs(float(theory["overlap"]) - (1 - temperature)) <= float(theory["overlap_error"]) < 2e-4


def test_the_line_of_almeida_and_thouless_twice():
    z = np.linspace(-10, 10, 40001)
    weight = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    for temperature in (0.9, 0.3):
        h = thresholds(SherringtonKirkpatrick(beta=1 / temperature), along="h")["almeida_thouless"]
        q = limit(beta=1 / temperature, h=h, breaking=0)["overlap"]
        x = (h + math.sqrt(q) * z) / temperature
        assert weight @ np.tanh(x) ** 2 == pytest.approx(q, abs=1e-12)
        assert weight @ np.cosh(x) ** -4 == pytest.approx(temperature**2, abs=1e-11)
        back = thresholds(SherringtonKirkpatrick(h=h), along="beta")["almeida_thouless"]
        assert back == pytest.approx(1 / temperature, rel=1e-9)
    assert thresholds(SherringtonKirkpatrick(beta=0.7), along="h") == {}
    with pytest.raises(StatementError, match="along 'breaking'"):
        thresholds(SherringtonKirkpatrick(), along="breaking")


@pytest.mark.parametrize("h", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("share", [0.99, 1.003, 1.02])
def test_close_to_the_line_all_numbers_of_steps_agree(h, share):
    beta = share * symmetric.critical_beta(h)
    full, steps = (limit(beta=beta, h=h, breaking=k) for k in ("full", 2))
    assert full["free_energy"] == pytest.approx(steps["free_energy"], abs=1e-9)
    assert full["largest_overlap"] == pytest.approx(steps["largest_overlap"], abs=2e-3)


def test_it_says_where_a_number_of_steps_is_not_the_limit():
    assert "unstable" in SherringtonKirkpatrick(beta=2.0, breaking=0).valid()
    assert "lower bound" in SherringtonKirkpatrick(beta=2.0, breaking=3).valid()
    assert SherringtonKirkpatrick(beta=0.9, breaking=0).valid() is None
    assert SherringtonKirkpatrick(beta=2.0, h=1.0, breaking=0).valid() is None
    for breaking in (-1, "all"):
        with pytest.raises(StatementError, match="breaking"):
            SherringtonKirkpatrick(breaking=breaking).limit()


def test_a_field_reversed_reverses_the_magnetisation_alone():
    up, down = limit(beta=2.0, h=0.4), limit(beta=2.0, h=-0.4)
    assert down.pop("magnetisation") == -up.pop("magnetisation")
    assert up == down


def test_small_systems_are_sampled_as_enumeration_says():
    law, n = SherringtonKirkpatrick(beta=1.5, h=0.2), 10
    rng = generator(seed_keys(n, [0])[0])
    J = np.triu(rng.standard_normal((n, n)), 1) / math.sqrt(n)
    s = np.array(list(itertools.product((-1, 1), repeat=n)))
    H = -np.einsum("ci,ij,cj->c", s, J, s) - 0.2 * s.sum(axis=1)
    p = np.exp(-1.5 * (H - H.min()))
    p /= p.sum()
    pair = np.einsum("c,ci,cj->ij", p, s, s)
    many = law.realize(n, seed_keys(n, [0])[0])
    assert many["energy"] == pytest.approx(p @ H / n, abs=0.03)
    assert many["squared_overlap"] == pytest.approx((pair**2).sum() / n**2, abs=0.05)


def test_the_ladder_starts_at_the_temperature_and_leads_above_the_transition():
    for n, temperature in ((64, 0.5), (512, 0.2), (64, 1e-9), (64, 3.0)):
        T = ladder(n, temperature)
        assert T[0] == temperature and len(T) >= 2 and T[-1] >= 1.5 and (np.diff(T) > 0).all()


def test_the_experiment_agrees_and_a_wrong_energy_is_refuted():
    class Wrong(SherringtonKirkpatrick):
        """A factor in the energy."""

        def predict(self):
            prediction = super().predict()
            return prediction | {"energy": 1.1 * prediction["energy"]}

    experiment = SherringtonKirkpatrick().experiment((32, 64, 96), 100)
    assert confront(SherringtonKirkpatrick(), experiment).verdict != "disagrees"
    assert confront(Wrong(), experiment.isel(size=[0, 1], seed=slice(50)))["energy"].verdict == "disagrees"
