"""Events that no realisation met: what they can explain is not refuted."""

import numpy as np
import pytest

from asymptopia import Law, Observable, confront, generator
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.mean import mean
from asymptopia.verdict.sample import sample_of
from asymptopia.verdict.stages import settle
from asymptopia.verdict.unseen import MISSED

SIZES = np.array([100.0, 200, 400])


def judged(values, limit, sizes=SIZES):
    many = np.full(len(values), limit)
    with np.errstate(all="ignore"):
        return mean(sample_of(sizes, values, 1.0), Question(many, 0 * many, 0.01, 0.05, abs(limit), 1.0, 1.5e-8))


def jumping(chance, height, count=1000, seeds=40):
    rng = np.random.default_rng(0)
    shape = count, len(SIZES), seeds
    return 1 + height * (rng.random(shape) < chance) + 0.01 * rng.standard_normal(shape)


@pytest.mark.parametrize("chance, height", [(0.02, 4.0), (0.01, 4.0), (0.01, 10.0), (0.02, 2.0), (0.005, 20.0)])
def test_a_true_limit_beyond_all_realisations_is_not_refuted(chance, height):
    # without a jump in any of 120, which happens in 9 to 55 % of the experiments, all realisations are near one
    values = jumping(chance, height)
    assert 0.05 < (values.max(axis=(1, 2)) < 1.1).mean() < 0.6
    assert judged(values, 1 + chance * height).refuted.mean() <= 0.02


def steady(noise, fall, off=0.05, seeds=40, count=200):
    draws = np.random.default_rng(1).standard_normal((count, len(SIZES), seeds))
    return 1 + off + (5 / SIZES)[:, None] + noise * (SIZES[:, None] / 100) ** -fall * draws


def test_a_spread_that_falls_with_the_size_leaves_no_room_for_events():
    assert judged(steady(0.01, 0.5), 1.0).refuted.mean() > 0.9
    assert judged(steady(0.01, 0.0), 1.0).refuted.mean() < 0.05


def test_more_realisations_would_have_met_them():
    evidence = judged(steady(0.01, 0.0, seeds=40), 1.0)
    kept = (np.abs(evidence.z) > evidence.critical) & ~evidence.refuted
    np.testing.assert_array_equal(evidence.detectable > 0.1, kept)
    assert kept.mean() > 0.8
    assert judged(steady(0.01, 0.0, seeds=320), 1.0).refuted.all()


def test_realisations_that_hardly_depend_on_the_seed_are_as_good_as_exact():
    assert judged(steady(1e-6, 0.0), 1.0).refuted.all()


def test_no_rare_event_explains_a_large_difference():
    # accuracies of .95 where one of a half is predicted: an event would need a probability of a sixth at least
    assert judged(steady(0.01, 0.0, off=0.9, seeds=5), 1.0).refuted.mean() > 0.7
    assert judged(steady(0.01, 0.0, off=0.3, seeds=10), 1.0).refuted.mean() > 0.8


class Steady(Law):
    """A constant spread, far smaller than the error of the limit."""

    off: float = 0.08
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": 1.0}

    def realize(self, n, key):
        return {"x": 1 + self.off + 0.01 * generator(key).normal()}


@pytest.mark.parametrize("off, seeds", [(0.08, 40), (0.1, 20), (0.05, 30)])
def test_it_says_so_and_asks_for_seeds_which_decide(off, seeds):
    sizes = (100, 200, 400)
    first = confront(Steady(off=off), sizes=sizes, seeds=seeds)["x"]
    assert first.verdict == "inconclusive" and "so few realisations may all have missed" in first.reason
    assert f"from the limit 1. {MISSED}" in first.reason
    wanted = int(first.advice.removeprefix("About ").removesuffix(" seeds at each size would decide."))
    assert confront(Steady(off=off), sizes=sizes, seeds=wanted).verdict == "disagrees"
    assert confront(Steady(off=off), sizes=sizes, seeds=int(0.8 * wanted)).verdict == "inconclusive"


def test_stages_decide():
    assert settle(Steady(), budget=60.0).verdict == "disagrees"


def test_what_a_component_is_said_to_show_does_not_depend_on_the_others():
    values = steady(0.01, 0.0)[:20]
    together = judged(values, 1.0)
    assert 0 < (together.detectable < 0.1).sum() < 20, "some are kept from refutation, and some are not refuted anyway"
    for k in range(20):
        assert judged(values[k : k + 1], 1.0).detectable[0] == together.detectable[k]
