"""One rule of the verdict at a time: each of these fails if its constant is moved."""

import numpy as np
import pytest
from scipy.special import stdtrit
from scipy.stats import norm

from asymptopia.verdict.bound import mean_bound
from asymptopia.verdict.extrapolation import _fit, admissible, beyond, next_order
from asymptopia.verdict.fluctuation import fluctuation, logarithms
from asymptopia.verdict.indicator import step
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.mean import _critical, _farthest, mean
from asymptopia.verdict.price import price
from asymptopia.verdict.sample import rare, sample_of
from asymptopia.verdict.unseen import MISSED

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


@pytest.mark.parametrize(("limit", "refuted"), [(2.2, False), (2.5, True)])
def test_an_event_that_unanimous_realisations_missed_may_be_ten_scales_high(limit, refuted):
    # 120 realisations miss a probability of log(100) / 120 once in a hundred times: 0.38 for ten scales
    evidence = mean(sample_of(THREE, np.full((1, 3, 40), 2.0), 1.0), question(limit))
    assert evidence.refuted[0] == refuted


def test_ten_more_events_at_each_size_may_come_where_few_carry_the_spread():
    values = 1 + 1e-3 * np.random.default_rng(10).standard_normal((1, 3, 400))
    values[0, 1, 0] = 4.0
    sample = sample_of(THREE, values, 1.0)
    evidence, fits = mean(sample, question(1.0)), admissible(sample, 1.0)[0]
    farthest = max(10 * 3 / 400 * np.abs(f.linear).sum() for f in fits)
    assert evidence.events[0] == pytest.approx(farthest, rel=0.01)
    assert evidence.detectable[0] > evidence.events[0] and not evidence.settled[0]


def test_exponents_beside_the_declared_one_are_tested_at_one_side():
    noise = np.random.default_rng(11).standard_normal((1, 3, 4000))
    fits = admissible(sample_of(THREE, 1 + noise, 1.0), 1.0)[0][:3]
    critical = _critical(fits, np.ones((3, 1)), 0.01)[:, 0]
    np.testing.assert_allclose(critical, norm.ppf([0.995, 0.99, 0.99]), rtol=0.02)


@pytest.mark.parametrize(("limit", "refuted"), [(1.02, False), (1.04, True)])
def test_exact_realisations_are_three_errors_of_the_theory_off_before_they_refute(limit, refuted):
    values = np.broadcast_to(1 + (1 / THREE)[:, None], (1, 3, 5))
    asked = Question(np.array([limit]), np.array([0.01]), 0.01, 0.05, 1.0, 1.0)
    assert mean(sample_of(THREE, values, 1.0), asked).refuted[0] == refuted


def test_a_bound_that_is_met_agrees_only_if_no_error_reaches_beyond_the_resolution():
    noise = np.random.default_rng(12).standard_normal((1, 3, 40))
    noise -= noise.mean(axis=-1, keepdims=True)
    wide, narrow = (mean_bound(sample_of(THREE, 1 + s * noise, 1.0), question(1.0)) for s in (0.3, 0.03))
    assert not wide.settled[0] and narrow.settled[0]


def test_the_component_that_needs_fewest_seeds_decides():
    noise = 0.01 * np.random.default_rng(13).standard_normal((1, 3, 40))
    values = np.concatenate([1 + off + noise for off in (0.06, 0.09)])
    sample, asked = sample_of(THREE, values, 1.0), question(1.0, 2)
    evidence = mean(sample, asked)
    alone = [price(mean(one := sample_of(THREE, values[k : k + 1], 1.0), question(1.0)), one, question(1.0)).seeds[0]
             for k in (0, 1)]  # fmt: skip
    assert evidence.remark == MISSED and alone[1] < 0.8 * alone[0]
    np.testing.assert_allclose(price(evidence, sample, asked).seeds, alone[1])


def test_the_next_order_may_have_twice_the_square_of_the_correction():
    x = 2 / THREE[:, None]
    sample = sample_of(THREE, 1 + x + 2 * x**2 + 1e-6 * np.random.default_rng(14).standard_normal((1, 3, 40)), 1.0)
    fit = _fit(sample, 0, (1.0,))
    allowed = next_order(fit, fit.curve - fit.estimate[:, None], 1.0)
    assert allowed[0] == pytest.approx(abs(fit.estimate[0] - 1), rel=0.2)


def test_a_limit_on_the_side_of_the_longer_tail_needs_more_to_be_refuted():
    draws = np.random.default_rng(15).exponential(size=(1, 1, 40))
    for sign in (1, -1):
        above, below = admissible(sample_of(ONE, sign * draws, 1.0), np.inf)[0][0].critical(0.01)
        assert sign * (above[0] - below[0]) > 0.5


def test_indicators_that_are_all_alike_have_the_error_of_the_rule_of_succession():
    sample = sample_of(THREE, np.zeros((1, 3, 40)), 1.0, target=np.array([0.3]))
    np.testing.assert_allclose(sample.error[0], np.sqrt(41 / 42**2 / 40))


def test_a_variance_is_given_the_tails_of_the_square_of_a_normal_variable_at_least():
    signs = np.where(np.random.default_rng(16).random((1, 3, 40)) < 0.5, 1.0, -1.0)
    logs = logarithms(sample_of(THREE, signs, 1.0))
    assert logs.skewness[0] == pytest.approx(8**0.5) and logs.kurtosis[0] == pytest.approx(15.0)
