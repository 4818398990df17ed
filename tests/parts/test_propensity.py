"""Propensities: closed moments, draws, and what has none."""

import numpy as np
import pytest
from scipy.integrate import quad

from asymptopia import NoLimit, StatementError
from asymptopia.laws.inference.stochastic_block_model import StochasticBlockModel
from asymptopia.parts.propensity import (
    EqualPropensities,
    GammaPropensities,
    PowerLawPropensities,
    Propensities,
    TwoPropensities,
)


def power_law(exponent, cut):
    """The mean square of a density x**-exponent on [1, cut], over the square of its mean."""
    moments = [quad(lambda x: x ** (k - exponent), 1, cut, limit=500)[0] for k in range(3)]
    return moments[2] * moments[0] / moments[1] ** 2


@pytest.mark.parametrize(
    ("propensities", "square"),
    [
        (EqualPropensities(), 1.0),
        (GammaPropensities(shape=0.4), 3.5),
        (GammaPropensities(shape=20.0), 1.05),
        (TwoPropensities(ratio=4.0, hubs=0.2), 1.5625),
        (PowerLawPropensities(exponent=2.5, cut=20.0), power_law(2.5, 20.0)),
        (PowerLawPropensities(exponent=3.0, cut=300.0), power_law(3.0, 300.0)),
    ],
    ids=str,
)
def test_propensities_have_mean_one_and_their_mean_square(propensities, square):
    propensities.check()
    values, weights = propensities.atoms()
    assert weights.sum() == pytest.approx(1) and weights @ values == pytest.approx(1, rel=1e-12)
    assert propensities.second_moment() == pytest.approx(square, rel=1e-5)
    drawn = propensities.draw(20_000, np.random.default_rng(0))
    assert drawn.shape == (20_000,) and drawn.min() > 0
    assert drawn.mean() == pytest.approx(1, abs=1e-3)
    assert (drawn**2).mean() == pytest.approx(square, rel=0.02)
    halves = drawn[:10_000].mean(), drawn[10_000:].mean()
    assert abs(halves[0] - halves[1]) < 4 * np.sqrt((square - 1) / 5000) + 1e-12


class Endless(Propensities):
    """The mean square does not exist."""

    def quantile(self, u):
        return (1 - u) ** -0.5


class Negative(Propensities):
    def quantile(self, u):
        return u - 0.5


@pytest.mark.parametrize(("wrong", "message"), [(Endless(), "mean square"), (Negative(), "finite number > 0")])
def test_what_has_no_limit_is_refused(wrong, message):
    with pytest.raises((StatementError, NoLimit), match=message):
        StochasticBlockModel(propensities=wrong).limit()
