"""The price of a verdict is that of the condition that settles it, and stages and advice follow from it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from asymptopia import Law, Observable, confront, generator
from asymptopia.verdict.bound import mean_bound
from asymptopia.verdict.fluctuation import fluctuation
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.mean import mean
from asymptopia.verdict.price import price
from asymptopia.verdict.sample import sample_of
from asymptopia.verdict.stages import Stage, decided, next_stage

SIZES = (100, 200, 400)


class Normal(Law):
    """Noise around a limit that is off, with an error of the theory."""

    noise: float = 0.01
    off: float = 0.0
    theory: float = 0.0
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": 1.0, "x_error": self.theory}

    def realize(self, n, key):
        return {"x": 1 + self.off + self.noise * generator(key).normal()}


class Exact(Normal):
    """Without a finite-size correction."""

    observables = {"x": Observable("x", "x", bias=math.inf)}


class Small(Normal):
    """Too small below a thousand."""

    def too_small(self, sizes):
        return "longer, please" if min(sizes) < 1000 else None


def looked(law, seeds):
    judged = confront(law, sizes=SIZES, seeds=seeds)
    return judged, next_stage(judged, Stage(SIZES, seeds), left=1e9, pace=1e-6)


def settled(test, limit, noise, seeds, bias=1.0, theory=0.0, count=400):
    """How many of many experiments are settled, and the median of their prices."""
    values = 1 + noise * np.random.default_rng(seeds).standard_normal((count, len(SIZES), seeds))
    many, sample = np.full(count, limit), sample_of(np.array(SIZES, float), values, limit)
    asked = Question(many, 0 * many + theory, 0.01, 0.05 * limit, limit, bias, 1e-8)
    with np.errstate(all="ignore"):
        evidence = test(sample, asked)
    return evidence.settled.mean(), float(np.median(price(evidence, sample, asked).seeds))


def test_what_the_error_of_the_theory_leaves_open_has_no_price():
    judged, following = looked(Normal(theory=0.03), 40)
    assert judged.verdict == "inconclusive" and following is None
    assert float(judged["x"].table["needed"]) == np.inf and float(judged["x"].table["larger"]) == 0
    assert "the error of the theory alone leaves 12 % open" in judged.advice  # 2.58 + 1.28 errors of it


@pytest.mark.parametrize(
    ("test", "limit", "noise", "bias", "theory"),
    [(mean, 1.03, 0.1, np.inf, 0.0), (mean_bound, 1 / 0.95, 0.3, 1.0, 0.0), (mean, 1.0, 0.05, 1.0, 0.011)],
    ids=["equivalence", "mean bound", "error of the theory"],
)
def test_the_seeds_that_are_asked_for_settle_it(test, limit, noise, bias, theory):
    share, needed = settled(test, limit, noise, 20, bias, theory)
    assert share < 0.1 and needed > 4
    assert settled(test, limit, noise, int(20 * needed), bias, theory)[0] > 0.65
    assert settled(test, limit, noise, int(10 * needed), bias, theory)[0] < 0.8
    assert settled(test, limit, noise, int(40 * needed), bias, theory)[0] > 0.9


def test_without_a_correction_no_larger_size_is_asked_for():
    judged, following = looked(Exact(noise=0.03, off=0.042), 20)
    needed = float(judged["x"].table["needed"])
    assert judged.verdict == "inconclusive" and 4 < needed < 8
    assert judged.advice == f"About {math.ceil(20 * needed)} seeds at each size would decide."
    assert following.sizes == SIZES and following.seeds == 80


def test_a_bound_far_below_its_limit_is_settled_and_needs_no_seeds():
    share, needed = settled(mean_bound, 2.0, 0.5, 40)
    assert share == 1 and needed <= 1


def test_events_that_none_met_ask_for_seeds_even_where_the_resolution_is_reached():
    judged, following = looked(Normal(noise=0.002, off=0.035), 130)
    assert float(judged["x"].table["detectable"]) <= judged["x"].wanted
    assert judged.verdict == "inconclusive" and 1 < float(judged["x"].table["needed"]) < 1.5
    assert following.sizes == SIZES and following.seeds > 130


def test_where_nothing_is_lacking_and_nothing_decided_a_larger_size_is_asked_for():
    values = 1 + 0.01 * np.random.default_rng(0).standard_normal((1, 3, 40))
    sample, asked = sample_of(np.array(SIZES, float), values, 1.0), Question(
        np.ones(1), np.zeros(1), 0.01, 0.05, 1.0, 1.0
    )  # fmt: skip
    evidence = mean(sample, asked)
    assert evidence.settled[0] and price(evidence, sample, asked).sizes[0] == 0
    lacking = price(replace(evidence, settled=np.zeros(1, bool)), sample, asked)
    assert lacking.sizes[0] >= 4 > lacking.seeds[0]


def test_small_fluctuations_have_the_price_of_large_ones():
    limits = np.array([10.0, 0.1])
    draws = np.random.default_rng(1).standard_normal((1, 3, 4000))
    values = np.sqrt(limits[:, None] / np.array(SIZES))[..., None] * draws
    sample = sample_of(np.array(SIZES, float), values, 10.0)
    asked = Question(limits, 0 * limits, 0.01, 1.0, 10.0, 1.0)
    large, small = price(fluctuation(sample, asked), sample, asked).seeds
    assert small == pytest.approx(large) and 1 < large < 4


def test_systems_that_are_too_small_are_judged_at_their_own_sizes_and_told_larger_ones():
    judged, following = looked(Small(), 10)
    assert judged.warnings == ("longer, please",) and judged.verdict == "inconclusive"
    assert decided(judged) and following is None
    assert judged.advice == "Use larger sizes, such as 1600, 3200, 6400."
    assert confront(Small(), sizes=(1600, 3200, 6400), seeds=10).verdict == "agrees"


STATEMENTS = [
    (Normal(noise=0.5), 20),
    (Normal(noise=0.002, off=0.035), 130),
    (Normal(off=0.015, noise=0.001), 10),
    (Normal(theory=0.03), 40),
    (Normal(noise=0.2, theory=0.01), 640),
    (Exact(noise=0.03, off=0.042), 20),
]


@pytest.mark.parametrize(("law", "seeds"), STATEMENTS)
def test_the_next_look_is_what_the_advice_says(law, seeds):
    judged, following = looked(law, seeds)
    assert judged.verdict == "inconclusive"
    asked = "nothing" if following is None else "seeds" if following.sizes == SIZES else "a larger size"
    told = {"nothing": "the theory alone", "seeds": "seeds at each size", "a larger size": "Add a larger size"}[asked]
    assert told in judged.advice


def test_one_size_asks_for_another_as_far_as_the_theory_is_exact_enough():
    for law, larger in ((Normal(), 200), (Normal(theory=0.03), None)):
        judged = confront(law, sizes=(100,), seeds=20)
        following = next_stage(judged, Stage((100,), 20), left=1e9, pace=1e-6)
        assert ("Add a larger size" in judged.advice) == (larger is not None)
        assert (following.sizes[-1] if following else None) == larger
