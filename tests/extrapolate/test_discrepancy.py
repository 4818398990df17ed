"""What runs have in common beside a law: seen where it is, continued, and not seen in noise."""

from __future__ import annotations

import numpy as np
import pytest

from asymptopia.extrapolate.checks import next_run
from asymptopia.extrapolate.discrepancy import Departing
from asymptopia.extrapolate.fit import Fit
from asymptopia.extrapolate.forms import CURVES
from asymptopia.extrapolate.ladder import Ladder
from asymptopia.extrapolate.mixture import Mixture

X = np.geomspace(1.0, 1e4, 60)
(POWER,) = (f for f in CURVES if f.name == "power law")


def mixture(departure, seed=0, runs=50):
    """The likeliest power law alone, by a grid, fitted to the smallest runs of one with a departure (60,) and noise."""
    y = 2 * X**-0.1 * np.exp(departure + 0.002 * np.random.default_rng(seed).standard_normal(60))
    ladder = Ladder(X[:runs, None], y[:runs], ("x", "y"))
    logs = np.log(y[:runs])
    slope = np.polyfit(np.log(X[:runs]), logs, 1)[0]
    place = np.log(-slope / 0.01) / np.log(200)
    one = np.ones(1)
    fit = Fit(POWER, ladder, np.array([[place, 0.5]]), y[runs - 1] * one, 0.002 * one, one > 0, 0, 0.0, 0.0)
    return Mixture.of([fit]), y


@pytest.mark.parametrize("seed", range(3))
def test_a_smooth_departure_is_in_the_interval_of_larger_runs_and_noise_is_none(seed):
    wave = 0.03 * np.sin(np.log(X) / 1.7)
    laws, y = mixture(wave, seed)
    departing = Departing.of(laws)
    assert departing is not None
    low, high = np.quantile(departing.results(X[:, None]), [0.05, 0.95], axis=0)
    inside = (low <= y) & (y <= high)
    assert inside[:50].sum() >= 42 and inside[50:].sum() >= 7
    plain_low, plain_high = laws.runs(X[:, None], 0.9)
    assert ((plain_low <= y) & (y <= plain_high))[50:].sum() < inside[50:].sum()
    width = np.log(high / low)
    assert width[-1] > 2 * width[40]
    assert Departing.of(mixture(0.0 * wave, seed)[0]) is None


def test_departures_are_not_sought_in_fewer_than_twenty_runs():
    assert Departing.of(mixture(0.03 * np.sin(np.log(X) / 1.7), runs=19)[0]) is None


def test_a_run_near_the_size_asked_for_is_advised_where_runs_depart_from_their_law():
    laws, _ = mixture(0.03 * np.sin(np.log(X) / 1.7))
    ladder, target = laws.fits[0].ladder, X[-1:]
    advised = next_run(Departing.of(laws), ladder, target, 0.9)
    left = [share for _, share, _ in advised.candidates]
    assert left[-1] < 0.4 and min(left[:8]) > 0.8
    assert advised.halves is not None and X[49] < advised.halves[0] <= target[0]
    assert "halve" in advised.sentence(("x", "y"))
