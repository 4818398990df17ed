"""The largest margin: reference values, Gardner's capacity, asymptotes, and finite systems."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import NoLimit, StatementError, parse, sweep, thresholds
from asymptopia.laws.inference.erm import ERM
from asymptopia.laws.inference.max_margin import MaxMargin
from asymptopia.parts.channel import Sign
from asymptopia.parts.loss import Hinge

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "erm.json").read_text())
ROWS = [r for r in REFERENCE if r["statement"].startswith("MaxMargin")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: f"{r['statement']} {r['observable']}")
def test_reference_values(row):
    assert float(parse(row["statement"]).limit()[row["observable"]]) == pytest.approx(row["value"], rel=1e-8)


@pytest.mark.parametrize("kappa", [0.05, 0.5, 1.0, 2.0])
def test_random_labels_are_gardners_capacity(kappa):
    """1/alpha = E (kappa + Z)_+**2."""
    alpha = 1 / quad(lambda t: (kappa + t) ** 2 * np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi), -kappa, 40)[0]
    law = MaxMargin(alpha=alpha, flip=0.5)
    assert float(law.limit().margin) == pytest.approx(kappa, rel=1e-8)
    assert float(law.limit().test_error) == pytest.approx(0.5, abs=1e-4)


def test_separability():
    assert thresholds(MaxMargin(flip=0.5), "alpha")["separability"] == pytest.approx(2, abs=1e-9)
    assert thresholds(MaxMargin(), "alpha")["separability"] == np.inf
    for flip in (0.05, 0.1, 0.2, 0.4):
        one = thresholds(MaxMargin(flip=flip), "alpha")["separability"]
        other = thresholds(ERM(ridge=0.0, teacher=Sign(flip=flip)), "alpha")["existence"]
        assert one == pytest.approx(other, rel=1e-8)  # two derivations: a margin of zero, and Candes and Sur
    with pytest.raises(StatementError, match="transition"):
        thresholds(MaxMargin(), "flip")


def test_above_the_threshold_it_is_refused():
    with pytest.raises(NoLimit, match=r"alpha < 2\b"):
        MaxMargin(alpha=2.0, flip=0.5).limit()
    near = MaxMargin(alpha=1.99, flip=0.5)
    assert near.valid() is not None and 0 < float(near.limit().margin) < 0.01
    assert MaxMargin(alpha=1.0, flip=0.5).valid() is None


def test_many_samples():
    """alpha * test_error tends to 0.50049."""
    limit = sweep(MaxMargin(), alpha=(1e2, 1e3, 1e4)).limit()
    scaled = np.array(limit.test_error) * np.array([1e2, 1e3, 1e4])
    assert scaled[-1] == pytest.approx(0.50049, abs=5e-5)
    assert np.all(np.diff(np.abs(scaled - 0.50049)) < 0)


def test_few_samples():
    """Nearly orthogonal inputs: kappa**2 is 1/alpha to leading order."""
    assert float(MaxMargin(alpha=1e-3).limit().margin) == pytest.approx(1e-3**-0.5, rel=0.05)


def test_it_is_the_hinge_with_a_vanishing_ridge():
    svm = ERM(alpha=2.0, ridge=1e-4, loss=Hinge()).limit()
    margin = MaxMargin(alpha=2.0).limit()
    assert float(svm.test_error) == pytest.approx(float(margin.test_error), rel=1e-5)
    assert float(svm.norm) ** -0.5 == pytest.approx(float(margin.margin), rel=1e-3)


def test_margin_falls_with_samples_and_with_flips():
    grid = sweep(MaxMargin(), alpha=(0.5, 1.0, 1.5), flip=(0.0, 0.1, 0.3, 0.5)).limit()
    assert np.all(grid.margin.diff("alpha") < 0) and np.all(grid.margin.diff("flip") < 0)
    assert np.all(grid.test_error.diff("flip") > 0)


@pytest.mark.parametrize("law", [MaxMargin(alpha=1.5), MaxMargin(alpha=0.8, flip=0.2)])
def test_finite_systems_approach_the_limit(law):
    n, seeds = 120, 12
    limit, experiment = law.limit(), law.experiment(sizes=(n,), seeds=seeds)
    assert np.all(experiment.separable == 1)
    for name, bias in (("margin", 2 * n ** (-2 / 3)), ("test_error", 2 / n)):
        values = np.ravel(experiment[name])
        error = values.std(ddof=1) / np.sqrt(seeds)
        assert abs(values.mean() - float(limit[name])) < 4 * error + bias * float(limit[name]), name
