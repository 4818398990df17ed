"""One rule of the verdict at a time: each of these fails if its constant is moved."""

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import norm

from asymptopia.verdict.bound import mean_bound
from asymptopia.verdict.extrapolation import _fit, admissible, beyond, next_order
from asymptopia.verdict.fluctuation import fluctuation
from asymptopia.verdict.indicator import step
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.mean import _farthest, mean
from asymptopia.verdict.sample import rare, sample_of

ONE, THREE, FOUR = np.array([100.0]), np.array([100.0, 200, 400]), np.array([50.0, 100, 200, 400])


def question(limit, count=1, bias=1.0, level=0.01):
    return Question(np.full(count, limit), np.zeros(count), level, 0.05, 1.0, bias)


def test_what_is_called_detectable_beyond_a_bound_is_seen_nine_times_in_ten():
    noise = np.random.default_rng(0).standard_normal((4000, 1, 400))
    reach = np.median(mean_bound(sample_of(ONE, 1 + noise, 1.0), question(1.0, 4000)).detectable)
    beyond_it = mean_bound(sample_of(ONE, 1 + reach + noise, 1.0), question(1.0, 4000))
    assert 0.87 < beyond_it.refuted.mean() < 0.93


def test_what_is_called_detectable_of_a_mean_is_that_of_a_test_of_power_nine_tenths():
    noise = np.random.default_rng(1).standard_normal((1, 1, 400))
    evidence = mean(sample_of(ONE, 1 + noise, 1.0), question(1.0, bias=np.inf))
    assert evidence.detectable[0] == pytest.approx((evidence.critical[0] + norm.ppf(0.9)) * evidence.error[0], rel=1e-4)


def test_few_seeds_are_given_more_room_than_students():
    noise = np.random.default_rng(2).standard_normal((200, 3, 5))
    fit = admissible(sample_of(THREE, 1 + noise, 1.0), 1.0)[0][0]
    student = stdtrit(fit.degrees, 0.995)
    assert (np.minimum(*fit.critical(0.01)) / student == pytest.approx(1.3, rel=1e-9)) and student.min() > 2.5


def test_a_peaked_law_leaves_its_errors_fewer_degrees_of_freedom():
    draws = np.random.default_rng(7).laplace(size=(1, 1, 400))
    sample = sample_of(ONE, draws, 1.0)
    fit = admissible(sample, np.inf)[0][0]
    assert sample.kurtosis[0] > 4
    assert fit.degrees[0] == pytest.approx(2 * 399 / (sample.kurtosis[0] - 1), rel=1e-9)


def test_a_second_order_counts_as_far_as_it_is_seen_beyond_two_of_its_errors():
    noise = 1e-3 * np.random.default_rng(3).standard_normal((1, 4, 400))
    sample = sample_of(FOUR, (1 + 1 / FOUR + 20 / FOUR**2)[:, None] + noise, 1.0)
    fits, _ = admissible(sample, 1.0)
    first, second = fits[0], _fit(sample, 0, (1.0, 2.0))
    apart = np.abs(second.estimate - first.estimate) / second.error
    assert 3 < apart[0] < 30
    square = next_order(first, first.curve - first.estimate[:, None], np.abs(sample.mean).max(axis=1))
    assert beyond(sample, 1.0, fits, 1.0)[0] - square == pytest.approx((apart - 2) * second.error, rel=1e-9)


@pytest.mark.parametrize(
    ("others", "refuted"),
    [((0.40, 0.40, 0.40), False), ((0.45, 0.40, 0.35), False), ((0.30, 0.36, 0.44), True), ((0.8, 0.7, 0.6), True)],
)
def test_a_step_is_refuted_only_above_one_half_or_where_it_grows(others, refuted):
    draws = np.random.default_rng(4).random((1, 3, 2000))
    sample = sample_of(THREE, 1.0 * (draws > np.array(others)[:, None]), 1.0, target=np.ones(1))
    asked = question(1.0)
    assert step(sample, asked, mean(sample, asked)).refuted[0] == refuted


def test_a_variance_that_rests_on_few_events_refutes_nothing():
    values = 1e-3 * np.random.default_rng(5).standard_normal((1, 3, 400)) / THREE[:, None] ** 0.5
    common = sample_of(THREE, values, 1.0)
    values = values.copy()
    values[0, :, 7] = 20.0 / THREE**0.5
    seldom = sample_of(THREE, values, 1.0)
    assert not fluctuation(seldom, question(1e9)).refuted[0]
    assert fluctuation(common, question(1e9)).refuted[0]


@pytest.mark.parametrize(("events", "refuted"), [(4, False), (8, True)])
def test_a_variance_is_refuted_only_if_fifteen_realisations_carry_it(events, refuted):
    values = 1e-3 * np.random.default_rng(5).standard_normal((1, 3, 400))
    values[0, :, :events] = 20.0 * (-1.0) ** np.arange(events)
    sample = sample_of(THREE, values / THREE[:, None] ** 0.5, 1.0)
    assert fluctuation(sample, question(1e9)).refuted[0] == refuted


def test_a_limit_agrees_where_every_admitted_extrapolation_is_within_the_resolution_of_it():
    # the correction n**-0.75 is declared as n**-1: the declared extrapolation alone would refute the limit
    noise = 1e-3 * np.random.default_rng(8).standard_normal((1, 4, 400))
    sample = sample_of(FOUR, (1 + 0.3 * FOUR**-0.75)[:, None] + noise, 1.0)
    evidence = mean(sample, question(1.0))
    off = np.abs(evidence.estimate - 1)[0]
    assert off > evidence.critical[0] * evidence.error[0] and not evidence.refuted[0]
    assert evidence.settled[0] and off < evidence.detectable[0] < 0.05
    assert not mean(sample, question(1.0 + 0.05 + off)).settled[0]


def test_the_farthest_end_of_an_error_bar_counts_and_without_a_fit_there_is_none():
    sample = sample_of(FOUR, 1 + 1 / FOUR[:, None] + np.random.default_rng(9).standard_normal((1, 4, 100)), 1.0)
    fits, fine = admissible(sample, 1.0)
    asked = fits[:1], fine[:1], np.array([[-0.3]]), np.array([[0.1]]), np.array([[0.02]]), 0.01
    assert _farthest(*asked)[0] == pytest.approx(0.3 + 0.1 * np.max(fits[0].critical(0.01)) + 0.02)
    assert np.isinf(_farthest(asked[0], np.zeros((1, 1), bool), *asked[2:])[0])


@pytest.mark.parametrize(("events", "few"), [(1, True), (4, True), (30, False)])
def test_a_spread_that_fewer_than_six_carry_is_rare(events, few):
    values = 1 + 0.01 * np.random.default_rng(6).standard_normal((1, 3, 40))
    values.reshape(-1)[:: 120 // events][:events] = 5.0
    assert rare(sample_of(THREE, values, 1.0), 0.05)[0] == few
