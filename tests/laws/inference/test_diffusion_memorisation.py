"""Speciation and collapse against the levels of a random energy model, sampled weights, and wrong laws."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq

from asymptopia import NoLimit, StatementError, confront, thresholds
from asymptopia.laws.inference.diffusion_memorisation import DiffusionMemorisation


def annealed(law, time):
    """alpha - (1/2) log(1 + g / Delta), the mean of the sum of weights instead of its logarithm's mean."""
    return law.alpha - math.log1p(law.variance / math.expm1(2 * time)) / 2


def test_collapse_is_where_the_excess_vanishes():
    for alpha, variance in ((0.2, 1.0), (0.7, 3.0), (1.5, 0.4)):
        law = DiffusionMemorisation(alpha=alpha, variance=variance)
        time = thresholds(law, along="time")["collapse"]
        assert annealed(law, time) == pytest.approx(0, abs=1e-12)
        before, at, after = law.replace(times=(0.999 * time, time, 1.001 * time)).limit()["excess"].values
        assert before < 0 < after and abs(at) < 1e-9 and max(-before, after) < 0.02


def test_before_the_collapse_the_least_distance_counts():
    """The log-weights of the others are -|x - e^-t a|^2 / 2 Delta d: the largest among exp(alpha d) of them.

    Distances are non-central chi-square; by Cramer's theorem P(|x - e^-t a|^2 < r d) = exp(-d I(r)).
    """
    law, time = DiffusionMemorisation(alpha=0.3, variance=0.8), 0.2
    g, noise = 0.8 * math.exp(-0.4), -math.expm1(-0.4)
    G = g + noise  # |x - e^-t m|^2 / d, seen from the centre of the cluster

    def rate(r):
        """sup over s <= 0 of s r - log E exp(s |.|^2) / d."""
        s = np.linspace(-200, 0, 2_000_001)
        return np.max(s * r + np.log1p(-2 * s * g) / 2 - s * G / (1 - 2 * s * g))

    least = brentq(lambda r: rate(r) - 0.3, 1e-3, G + g, xtol=1e-10)
    expected = -least / (2 * noise) + 0.5
    assert float(law.replace(times=(time,)).limit()["excess"][0]) == pytest.approx(expected, abs=1e-6)


def test_the_population_keeps_classes_for_late_shifts_and_forgets_them_for_early_ones():
    limit = DiffusionMemorisation(shifts=(-6.0, 0.0, 8.0)).limit()["same_class"].values
    assert limit[0] == pytest.approx(1, abs=1e-10) and limit[2] == pytest.approx(0.5, abs=1e-6)
    rng = np.random.default_rng(0)
    u = rng.standard_normal(400_000)
    p = 1 / (1 + np.exp(-2 * (1 + u)))
    agree = p**2 + (1 - p) ** 2
    assert abs(limit[1] - agree.mean()) < 4 * agree.std() / np.sqrt(len(u))


def test_statements_are_checked():
    with pytest.raises(NoLimit, match="> 0"):
        DiffusionMemorisation(times=(0.0, 1.0)).limit()
    with pytest.raises(StatementError, match="smaller `sizes`"):
        DiffusionMemorisation().experiment(sizes=(200,), seeds=2)
    with pytest.raises(StatementError, match="'time'"):
        thresholds(DiffusionMemorisation(), along="alpha")
    assert "collapse" in DiffusionMemorisation(times=(0.4,)).valid()


class Speciating(DiffusionMemorisation):
    """Classes that are decided half a unit of time earlier."""

    def predict(self):
        earlier = tuple(s - 0.5 for s in self.shifts)
        return DiffusionMemorisation(self.alpha, self.variance, self.separation, self.times, earlier).predict()


class BothClusters(DiffusionMemorisation):
    """Points that are twice as dense: the noise of a point is counted twice."""

    def predict(self):
        prediction = super().predict()
        return prediction | {"excess": prediction["excess"] - 0.5}


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = DiffusionMemorisation()
    experiment = law.experiment(sizes=(12, 18, 27), seeds=300)
    assert confront(law, experiment, resolution=0.1).verdict == "agrees"
    for wrong in (Speciating(), BothClusters()):
        assert confront(wrong, experiment).verdict == "disagrees"
    wide = DiffusionMemorisation(alpha=0.3, variance=0.6, separation=2.0, times=(0.8,), shifts=(-0.5, 0.5))
    assert confront(wide, sizes=(10, 15, 22), seeds=300, resolution=0.1).verdict == "agrees"
