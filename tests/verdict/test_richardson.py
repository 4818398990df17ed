"""Where noise does not hide the next order: exact values, and noise far below the corrections."""

import numpy as np
import pytest

from asymptopia.verdict.exponent import exponent
from asymptopia.verdict.judgement import Question
from asymptopia.verdict.mean import mean
from asymptopia.verdict.richardson import ladder
from asymptopia.verdict.sample import sample_of

THREE, FOUR = np.array([100.0, 200, 400]), np.array([100.0, 200, 400, 800])
CORRECTIONS = {
    "1/n": lambda n: 5 / n,
    "1/n and 1/n2": lambda n: 5 / n + 50 / n**2,
    "1/n and ten 1/n2": lambda n: 1 / n + 10 / n**2,
    "n^-1/2": lambda n: n**-0.5,
    "minus n^-1/2": lambda n: -2 * n**-0.5,
    "n^-1/2 and 1/n": lambda n: n**-0.5 + 5 / n,
    "log n/n": lambda n: 5 * np.log(n) / n,
}
TESTS = {"mean": (mean, 0.0, 1.0), "exponent": (exponent, -0.5, -0.5)}


def judged(statistic, correction, sizes, declared, noise=0.0, off=0.0, count=1, seeds=40):
    """The evidence for 1 + correction, or its product with n**-1/2, against a limit that is `off`."""
    test, power, limit = TESTS[statistic]
    draws = np.random.default_rng(0).standard_normal((count, len(sizes), seeds))
    values = (1 + correction(sizes))[:, None] * (1 + noise * draws) * (sizes**power)[:, None]
    question = Question(np.full(count, limit + off), np.zeros(count), 0.01, 0.05, 1.0, declared, 1.5e-8)
    with np.errstate(all="ignore"):
        return test(sample_of(sizes, values, 1.0), question)


def test_a_polynomial_in_the_declared_power_is_extrapolated_exactly():
    weights = ladder(FOUR, 0.5, np.zeros((1, 4)))[0]
    assert weights @ (2 - FOUR**-0.5 + 7 / FOUR - 9 * FOUR**-1.5) == pytest.approx(2, abs=1e-10)


@pytest.mark.parametrize("statistic", TESTS)
@pytest.mark.parametrize("correction", CORRECTIONS.values(), ids=CORRECTIONS.keys())
def test_a_true_limit_is_not_refuted_whatever_exponent_is_declared(statistic, correction):
    for sizes in (THREE, FOUR):
        for declared in (0.5, 1.0):
            assert not judged(statistic, correction, sizes, declared).refuted.any()
            for noise in (1e-6, 1e-3, 1e-2):
                assert judged(statistic, correction, sizes, declared, noise, count=300).refuted.sum() <= 11


@pytest.mark.parametrize("statistic", TESTS)
def test_a_wrong_limit_is_refuted(statistic):
    for noise in (0.0, 1e-6, 1e-3):
        # fewer of constant spread could have missed events that bring their mean to the limit
        assert judged(statistic, CORRECTIONS["1/n"], FOUR, 1.0, noise, off=0.05, count=50, seeds=80).refuted.all()


def test_two_percent_are_seen_at_three_sizes():
    assert judged("mean", lambda n: -5 / n, THREE, 1.0, off=0.02).refuted.all()
