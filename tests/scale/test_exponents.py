"""Exponents: their intervals, and the verdicts on them."""

import numpy as np
import pytest

from asymptopia.scale import fitted

SIZES = np.array([64, 128, 256, 512])


def values(exponent, noise, seeds, rng):
    return SIZES**exponent * np.exp(noise * rng.standard_normal((seeds, 4)) + rng.standard_normal((seeds, 1)))


def test_intervals_hold_the_exponent():
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(1000):
        fits = fitted(SIZES, values(-0.5, 0.3, 4, rng), 0.95)
        held += fits.low <= -0.5 <= fits.high
    assert abs(held / 1000 - 0.95) < 3 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.parametrize(
    ("exponent", "noise", "said"),
    [(0.0, 0.02, "order one"), (0.5, 0.02, "grows"), (-0.5, 0.02, "vanishes"), (0.0, 1.0, "inconclusive")],
)
def test_verdicts(exponent, noise, said):
    fits = fitted(SIZES, values(exponent, noise, 4, np.random.default_rng(1)), 0.95)
    assert fits.verdict.startswith(said)


def test_what_never_moves_has_no_exponent():
    assert fitted(SIZES, np.zeros((3, 4)), 0.95).verdict == "zero"
