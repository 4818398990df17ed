"""Extrapolation to infinite size: exact on exact data, unbiased with honest errors on noisy data."""

import numpy as np
import pytest

from asymptopia.verdict.extrapolation import DECLARED, MISFIT, SPAN, admissible
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.mean import mean
from asymptopia.verdict.richardson import ladder, resolved
from asymptopia.verdict.sample import sample_of, smooth

SIZES = np.array([50.0, 100.0, 200.0, 400.0])


def drawn(curve, noise, count=1, seeds=40, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return sample_of(sizes, curve[:, None] + noise * rng.standard_normal((count, len(sizes), seeds)), 1.0)


def question(limit=1.0, count=1, bias=1.0):
    return Question(np.full(count, limit), np.zeros(count), 0.01, 0.05, 1.0, bias)


def test_a_power_is_fitted_exactly():
    fits, fine = admissible(drawn(2.0 + 3.0 * SIZES**-0.5, 1e-9), 0.5)
    np.testing.assert_allclose(fits[0].estimate, 2.0, rtol=1e-8)
    np.testing.assert_allclose(fits[0].curve[0], 2.0 + 3.0 * SIZES**-0.5, rtol=1e-8)
    assert fine[0] and fine.sum() <= 3  # and its neighbours


def test_means_are_weighted_by_the_inverse_of_their_variance():
    draws = np.random.default_rng(1).standard_normal((1, 4, 40)) * SIZES[:, None] ** -0.5
    sample = sample_of(SIZES, 1 + 2 / SIZES[:, None] + draws, 1.0)
    assert sample.weight[0, 0] > 2 * sample.weight[0, -1]
    line = np.polyfit(1 / SIZES, sample.mean[0], 1, w=1 / sample.weight[0])
    assert admissible(sample, 1.0)[0][0].estimate[0] == pytest.approx(line[1], rel=1e-9)


def test_the_error_of_the_estimate_is_its_spread():
    sample = drawn(1 + 2 / SIZES, 0.1, count=4000, seeds=400)
    fit = admissible(sample, 1.0)[0][0]
    z = (fit.estimate - 1) / fit.error
    assert abs(z.mean()) < 4 / 4000**0.5
    assert 0.9 < z.std() < 1.0  # an error is at no size smaller than the power law of all
    assert 0.99 < (fit.probability > MISFIT).mean() < 1


def test_every_exponent_from_half_to_beyond_twice_the_declared_one_is_admitted_until_it_misfits():
    assert SPAN.min() == 0.5 and 2 < SPAN.max() < 2.4 and SPAN[DECLARED] == 1.0
    curve = 1 + 3 * SIZES**-1.0
    assert admissible(drawn(curve, 1.0), 1.0)[1].all(axis=1).sum() == len(SPAN)
    assert admissible(drawn(curve, 1e-5), 1.0)[1][: len(SPAN)].sum() <= 3


def test_two_powers_are_resolved_where_one_misfits():
    sample = drawn(1 + 2 / SIZES - 1000 / SIZES**2, 1e-4)
    assert not admissible(sample, 1.0)[1].any()
    found = resolved(sample, question(), ladder(SIZES, 1.0, sample.mean), (sample.mean, sample.error))
    assert abs(found.estimate[0] - 1) < 5 * found.error[0] and not found.refuted[0]
    assert resolved(sample, question(1.2), ladder(SIZES, 1.0, sample.mean), (sample.mean, sample.error)).refuted[0]


def test_nan_stays_in_its_component():
    values = np.ones((2, 4, 5)) + np.random.default_rng(0).normal(size=(2, 4, 5))
    values[1, 2] = np.nan
    with np.errstate(all="ignore"):
        fit = admissible(sample_of(SIZES, values, 1.0), 1.0)[0][0]
    assert np.isfinite(fit.estimate[0]) and np.isnan(fit.estimate[1])


@pytest.mark.parametrize("power", [0.25, 0.5, 1.0])
def test_errors_are_smoothed_by_the_power_law_that_they_follow(power):
    errors = 3 * SIZES**-power
    np.testing.assert_allclose(smooth(errors[None], SIZES)[0], errors, rtol=1e-12)
    noisy = errors * np.array([1.1, 0.9, 1.1, 0.9])
    slope = np.polyfit(np.log(SIZES), np.log(smooth(noisy[None], SIZES)[0]), 1)[0]
    assert abs(slope + power) < 1e-9


class TestExact:
    """Values without randomness."""

    def judged(self, curve, limit=1.0, bias=1.0):
        sample = sample_of(SIZES, np.repeat(curve[None, :, None], 3, axis=2), 1.0)
        assert sample.exact.all()
        return mean(sample, question(limit, bias=bias))

    @pytest.mark.parametrize("declared", [0.5, 1.0])
    @pytest.mark.parametrize(
        "correction",
        [5 / SIZES + 50 / SIZES**2, 1 / SIZES + 10 / SIZES**2, SIZES**-0.5, 5 * np.log(SIZES) / SIZES, 0.3 / SIZES],
    )
    def test_the_truncation_error_covers_what_is_left(self, correction, declared):
        judgement = self.judged(1 + correction, bias=declared)
        assert not judgement.refuted[0] and abs(judgement.estimate[0] - 1) <= judgement.extrapolation[0] + 1e-12

    def test_two_percent_are_refuted(self):
        assert self.judged(1.02 + 5 / SIZES).refuted[0]
        assert not self.judged(1.02 + 5 / SIZES, limit=1.02).refuted[0]
