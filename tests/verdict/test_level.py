"""A thin slice of the study of the level: true limits are refuted as rarely as stated."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import digamma

from asymptopia.verdict.bound import mean_bound, one_sided
from asymptopia.verdict.fluctuation import log_mean, logarithms
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.sample import sample_of

PATH = Path(__file__).parents[2] / "studies" / "level.py"
spec = importlib.util.spec_from_file_location("level_study", PATH)
level = importlib.util.module_from_spec(spec)
sys.modules["level_study"] = level
spec.loader.exec_module(level)


@pytest.mark.parametrize("seeds", [5, 40])
@pytest.mark.parametrize("statistic", ["mean", "fluctuation", "exponent", "mean bound"])
@pytest.mark.parametrize("distribution", ["normal", "exponential", "lognormal", "two-valued"])
def test_true_limits_are_refuted_as_rarely_as_stated(statistic, distribution, seeds):
    with np.errstate(all="ignore"):
        for correction, bias in (("none", 1.0), ("n^-1/2", 1.0), ("1/n+10/n2", 1.0)):
            share = level.cell(statistic, distribution, seeds, correction, bias, 400)
            assert share.refuted.sum() <= 13  # of 400 at level 0.01, 0.015 allowed: 14 or more are one in 300


@pytest.mark.parametrize("statistic", ["mean", "fluctuation", "exponent"])
def test_a_limit_that_is_off_by_the_resolution_seldom_agrees(statistic):
    with np.errstate(all="ignore"):
        for correction, bias in (("none", 1.0), ("1/n", 1.0), ("n^-1/2", 0.5), ("log n/n", 1.0)):
            for seeds in (5, 400):
                for share in (-0.1, 0.1):
                    evidence = level.off(statistic, "normal", seeds, correction, bias, 200, share)
                    assert evidence.settled.sum() <= 33  # of 200, one in ten allowed: 34 or more are one in 900


def test_a_true_limit_agrees_where_noise_is_small():
    with np.errstate(all="ignore"):
        for statistic, correction in (("mean", "1/n"), ("exponent", "none")):
            values, limit = level.drawn(statistic, "normal", 400, correction, 1.0, 200)
            sample = sample_of(level.SIZES, values, 1.0)
            assert level.judged(statistic, sample, limit, 1.0, resolution=0.1).settled.mean() > 0.9


def test_looks_at_growing_data_share_the_level():
    assert level.looks(600) < 0.02


def test_the_level_of_a_bound_is_used_up_by_normal_data_that_saturate_it():
    # one size: the one-sided level is the whole one; half of it, or twice it, would be seen
    rng = np.random.default_rng(0)
    values = 1 + rng.standard_normal((20_000, 1, 400))
    question = Question(np.ones(20_000), np.zeros(20_000), 0.05, 0.1, 1.0, 1.0)
    share = mean_bound(sample_of(np.array([100.0]), values, 1.0), question).refuted.mean()
    assert 0.040 < share < 0.056


def test_the_level_of_a_bound_is_shared_among_sizes():
    rng = np.random.default_rng(1)
    values = 1 + rng.standard_normal((4000, 4, 400))
    question = Question(np.ones(4000), np.zeros(4000), 0.08, 0.1, 1.0, 1.0)
    share = mean_bound(sample_of(np.array([100.0, 200, 400, 800]), values, 1.0), question).refuted.mean()
    assert 0.05 < share < 0.085


def test_a_left_skewed_law_needs_more_to_break_a_bound():
    rng = np.random.default_rng(2)
    draws = rng.exponential(1, (50, 1, 40))
    size = np.array([100.0])
    assert np.median(one_sided(sample_of(size, -draws, 1.0), 0.01) / one_sided(sample_of(size, draws, 1.0), 0.01)) > 1.2


@pytest.mark.parametrize("seeds", [4, 10, 40])
def test_the_logarithm_of_a_variance_is_unbiased(seeds):
    # (N - 1) s^2 is chi-square with N - 1 degrees of freedom: half of them
    rng = np.random.default_rng(seeds)
    variance = rng.standard_normal((100_000, seeds)).var(axis=1, ddof=1)
    logs = log_mean(variance, np.full(100_000, (seeds - 1) / 2), digamma)
    assert abs(logs.mean()) < 4 * logs.std() / 100_000**0.5


def test_the_error_of_a_fluctuation_is_not_smaller_than_its_spread():
    rng = np.random.default_rng(3)
    sizes = np.array([100.0, 200, 400])
    logs = logarithms(sample_of(sizes, rng.standard_normal((3000, 3, 60)) / sizes[:, None] ** 0.5, 1.0))
    assert np.all(logs.mean.std(axis=0) < np.median(logs.error, axis=0))
    assert np.all(logs.mean.std(axis=0) > 0.6 * np.median(logs.error, axis=0))


class TestRareEvents:
    """A mean that rests on few realisations."""

    def test_refuses_and_says_so(self):
        rng = np.random.default_rng(4)
        with np.errstate(all="ignore"):
            for _ in range(20):
                values = 1 + 0.01 * rng.standard_normal((1, 3, 40))
                values[0, rng.integers(3), rng.integers(40)] = 5.0
                judgement = level.judged("mean", sample_of(level.SIZES, values, 1.0), 1.08, 1.0)
                assert not judgement.refuted.any() and not judgement.settled.any()

    def test_agrees_where_even_ten_more_would_change_nothing_that_matters(self):
        rng = np.random.default_rng(7)
        values = 1.01 + 1e-3 * rng.standard_normal((1, 3, 4000))
        values[0, 1, :3] = 1.5
        sample = sample_of(level.SIZES, values, 1.0)
        evidence = level.judged("mean", sample, 1.01, 1.0)
        assert evidence.settled.all() and 0.002 < evidence.detectable[0] < 0.05
        assert not level.judged("mean", sample, 1.04, 1.0).refuted.any()
        values[0, 1, :3] = 8.0
        assert not level.judged("mean", sample_of(level.SIZES, values, 1.0), 1.01, 1.0).settled.any()

    def test_hundreds_of_them_are_a_mean_like_any_other(self):
        rng = np.random.default_rng(5)
        values = np.where(rng.random((1, 3, 20000)) < 0.02, 5.0, 1.0) + 0.01 * rng.standard_normal((1, 3, 20000))
        assert level.judged("mean", sample_of(level.SIZES, values, 1.0), 1.3, 1.0).refuted.all()
        assert not level.judged("mean", sample_of(level.SIZES, values, 1.0), 1.08, 1.0).refuted.any()


def test_failures_that_may_hide_the_largest_values_refute_nothing():
    rng = np.random.default_rng(6)
    draws = 1 + 0.3 * rng.standard_normal((50, 3, 400))
    cut = np.where(draws > 1.3, np.nan, draws)
    assert not level.judged("mean", sample_of(level.SIZES, cut, 1.0), 1.0, 1.0).refuted.any()
    assert level.judged("mean", sample_of(level.SIZES, cut, 1.0), 3.0, 1.0).refuted.all()
