"""The interval and the correction of the noise scale, over repetitions of samples whose scale is known."""

import math

import numpy as np

from asymptopia.measure.gradient_noise import _ratio


def repeated(signal, n, d=5, repetitions=600):
    """Noise scales of n normal gradients of unit variance about (signal, 0, 0, ...)."""
    rng = np.random.default_rng(1)
    for _ in range(repetitions):
        g = rng.standard_normal((n, d)) + signal * np.eye(1, d)
        mean = g.mean(axis=0)
        yield _ratio(np.sum(g**2, axis=1), g @ mean, float(mean @ mean))


def test_the_interval_holds_the_scale_as_often_as_it_says():
    for signal, n in ((1.0, 100), (0.3, 100)):
        held = np.mean([one.low <= 5 / signal**2 <= one.high for one in repeated(signal, n)])
        assert abs(held - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 600) + 0.015, held


def test_the_correction_takes_the_bias_away():
    seen = list(repeated(1.0, 40))
    plain, corrected = (np.array([getattr(one, name) for one in seen]) for name in ("value", "corrected"))
    error = corrected.std() / len(seen) ** 0.5
    assert abs(corrected.mean() - 5.0) < 4 * error < abs(plain.mean() - 5.0)


def test_without_a_mean_the_scale_may_be_anything():
    highs = [one.high for one in repeated(0.0, 50, repetitions=60)]
    assert np.mean(np.isinf(highs)) > 0.8
