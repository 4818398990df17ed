"""Recovery by the l1 norm: the threshold, its inverse, and linear programmes."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse, thresholds
from asymptopia.laws.inference import l1_recovery
from asymptopia.laws.inference.l1_recovery import L1Recovery, largest_sparsity, weak_threshold

ROWS = [
    row
    for row in json.loads((Path(__file__).parents[2] / "reference" / "inference.json").read_text())
    if row["statement"].startswith("L1Recovery")
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_reference(row):
    assert abs(thresholds(parse(row["statement"]), row["along"])[row["observable"]] - row["value"]) < 1e-12


@pytest.mark.parametrize("nonnegative", [False, True])
def test_the_threshold_is_the_least_value_of_the_bound(nonnegative):
    rng = np.random.default_rng(0)
    z = rng.standard_normal(1_000_000)
    z = z if nonnegative else np.abs(z)
    for sparsity in (0.05, 0.3, 0.8):
        t = np.linspace(-1 if nonnegative else 0, 3, 41)
        values = [sparsity * (1 + s**2) + (1 - sparsity) * np.mean(np.maximum(z - s, 0) ** 2) for s in t]
        assert abs(min(values) - weak_threshold(sparsity, nonnegative)) < 0.01


@pytest.mark.parametrize("nonnegative", [False, True])
def test_the_largest_sparsity_inverts_the_threshold(nonnegative):
    for sparsity in (1e-6, 0.1, 0.5, 0.999):
        law = L1Recovery(alpha=weak_threshold(sparsity, nonnegative), sparsity=0.2, nonnegative=nonnegative)
        assert abs(thresholds(law, "sparsity")["weak"] / sparsity - 1) < 1e-7
    assert largest_sparsity(1.2, nonnegative) == 1.0
    assert weak_threshold(1.0, nonnegative) == 1.0
    assert weak_threshold(0.3, True) < weak_threshold(0.3, False) < 1


@pytest.mark.parametrize("law", [L1Recovery(sparsity=0.2), L1Recovery(nonnegative=True)], ids=repr)
def test_linear_programmes_turn_at_the_threshold(law):
    measured = law.experiment(sizes=(100,), seeds=30)["measurements"].values.ravel()
    error = measured.std(ddof=1) / np.sqrt(30)
    assert abs(measured.mean() - law.limit()["measurements"]) < 3 * error + 0.01 and error < 0.015


def test_recovery_is_all_or_nothing():
    for alpha, expected in ((0.15, 0.0), (0.55, 1.0)):
        law = L1Recovery(alpha=alpha)
        assert law.limit()["recovered"] == expected
        assert abs(law.experiment(sizes=(100,), seeds=10)["recovered"].mean() - expected) < 0.2
    assert "close to the threshold" in L1Recovery(alpha=0.33).valid() and L1Recovery().valid() is None
    with pytest.raises(NoLimit, match="must not be the threshold itself"):
        L1Recovery(alpha=weak_threshold(0.1, False)).check()


def test_a_wrong_threshold_is_refuted(monkeypatch):
    law, right = L1Recovery(), weak_threshold
    experiment = law.experiment(sizes=(50, 100, 200), seeds=40)
    assert confront(law, experiment)["measurements"].verdict != "disagrees"
    monkeypatch.setattr(l1_recovery, "weak_threshold", lambda sparsity, nonnegative: right(sparsity, True))
    assert confront(law, experiment)["measurements"].verdict == "disagrees"


def test_other_fields_have_no_transition():
    with pytest.raises(StatementError, match="no transition along 'nonnegative'"):
        thresholds(L1Recovery(), "nonnegative")
    with pytest.raises(StatementError, match="`sparsity` of L1Recovery must be > 0 and <= 1"):
        L1Recovery(sparsity=0.0)
