"""Quantile regression: Gordon's saddle, the median as absolute errors, another solver, wrong laws."""

import jax
import numpy as np
import pytest
from scipy import integrate, optimize
from scipy.stats import norm

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.algorithms.erm.fit import fit
from asymptopia.contract.batching import generator, whole
from asymptopia.laws import ERM, QuantileRegression
from asymptopia.laws.inference.quantile_regression import Pinball
from asymptopia.parts import Absolute, Linear

STATEMENTS = [
    QuantileRegression(),
    QuantileRegression(alpha=1.2, loss=Pinball(0.6), noise=0.3),
    QuantileRegression(alpha=30.0, loss=Pinball(0.02), noise=4.0),
]


def envelope(loss, residual, V):
    """min over z of the loss of a residual z plus (z - residual)**2 / 2 V, by search."""
    z = np.linspace(-12, 12, 2401)
    return np.min(loss(z, 0.0) + (z - residual[:, None]) ** 2 / (2 * V), axis=1)


@pytest.mark.parametrize("law", STATEMENTS, ids=range(3))
def test_the_limit_is_the_saddle_of_gordons_problem(law):
    """min over s, b, max over V of alpha E e_V(noise + s g - b) - s**2 / 2 V, s the distance: flat at the limit."""
    limit = {k: float(v) for k, v in law.limit().items()}

    def value(s, b, V):
        spread = np.hypot(np.sqrt(law.noise), s)
        grid = np.linspace(-6, 6, 241)
        inner = envelope(law.loss, spread * grid - b, V)
        return law.alpha * integrate.trapezoid(inner * norm.pdf(grid), grid) - s**2 / (2 * V)

    s, b = np.sqrt(limit["distance"]), limit["intercept"]
    best = optimize.minimize_scalar(lambda V: -value(s, b, V), bounds=(1e-3, 40), method="bounded")
    slopes = [(value(s + h, b + k, best.x) - value(s - h, b - k, best.x)) / 0.02 for h, k in ((0.01, 0), (0, 0.01))]
    assert np.abs(slopes) == pytest.approx(0, abs=2e-3 * law.alpha)


@pytest.mark.parametrize("alpha", [1.5, 5.0, 40.0])
def test_the_median_is_the_minimum_of_absolute_errors(alpha):
    law = QuantileRegression(alpha=alpha, loss=Pinball(0.5), noise=2.0)
    other = ERM(alpha=alpha, loss=Absolute(), teacher=Linear(noise=2.0), ridge=0.0).limit()
    limit = law.limit()
    assert float(limit.distance) == pytest.approx(float(other.norm - 2 * other.overlap + 1), rel=1e-8)
    assert float(limit.train_loss) == pytest.approx(float(other.train_loss) / 2, rel=1e-8)
    assert float(limit.intercept) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.8, 0.99])
def test_many_samples_cover_too_little_whatever_the_noise(level):
    """Coverage level - (level - 1/2) / alpha; the distance is the classical variance of a quantile."""
    one, other = (QuantileRegression(alpha=1e4, loss=Pinball(level), noise=s).limit() for s in (0.1, 10.0))
    assert float(one.coverage) == pytest.approx(level - (level - 0.5) / 1e4, abs=1e-7)
    assert float(one.coverage) == pytest.approx(float(other.coverage), abs=1e-12)
    density = norm.pdf(norm.ppf(level))
    assert float(one.distance) * 1e4 == pytest.approx(0.1 * level * (1 - level) / density**2, rel=3e-3)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_distance_keeps_its_digits_where_it_is_small(level):
    alpha = 1e12
    distance = float(QuantileRegression(alpha=alpha, loss=Pinball(level)).limit().distance)
    assert distance * alpha == pytest.approx(level * (1 - level) / norm.pdf(norm.ppf(level)) ** 2, rel=1e-9)


@pytest.mark.parametrize("alpha", [1.1, 2.0, 10.0])
def test_a_level_near_0_still_covers(alpha):
    """With X below a = s + beta met, as s = v level stays finite: P(X < s) = 1 / alpha and E min(X, s) = 0."""
    low, high = (QuantileRegression(alpha=alpha, loss=Pinball(x)).limit().coverage for x in (1e-8, 1 - 1e-8))
    q = norm.ppf(1 / alpha)
    exact = norm.cdf(q * (1 - 1 / alpha) - norm.pdf(q))
    assert float(low) == pytest.approx(exact, rel=1e-6) and 1 - float(high) == pytest.approx(exact, rel=1e-6)


def test_levels_that_mirror_each_other():
    low, high = (QuantileRegression(loss=Pinball(level)).limit() for level in (0.2, 0.8))
    assert float(low.coverage) == pytest.approx(1 - float(high.coverage), abs=1e-12)
    assert float(low.intercept) == pytest.approx(-float(high.intercept), abs=1e-11)
    assert float(low.distance) == pytest.approx(float(high.distance), rel=1e-10)


@pytest.mark.parametrize("level", [0.5, 0.9])
def test_a_realisation_minimises_the_loss(level):
    """The linear programme of the experiment against the general solver, with the proximal map of the loss."""
    law, key = QuantileRegression(alpha=3.0, loss=Pinball(level)), jax.random.key(7)
    seen, rng = law.realize(20, key), generator(key)
    assert whole(60.0, rng, least=22) == 60
    X = np.column_stack([rng.standard_normal((60, 20)) / np.sqrt(20), np.ones(60)])
    fitted = fit(X, rng.standard_normal(60), law.loss, tolerance=1e-6)
    assert seen["train_loss"] == pytest.approx(fitted.objective / 60, rel=1e-6)
    assert seen["intercept"] == pytest.approx(fitted.w[20], abs=1e-3)
    assert seen["distance"] == pytest.approx(fitted.w[:20] @ fitted.w[:20] / 20, rel=1e-3)


def test_the_proximal_map_of_the_loss_is_a_minimum():
    loss, rng = Pinball(0.8), np.random.default_rng(0)
    y, omega, V = rng.normal(size=50), 3 * rng.normal(size=50), rng.uniform(0.1, 3, 50)
    z = np.linspace(-12, 12, 48001)
    search = z[np.argmin(loss(y[:, None], z) + (z - omega[:, None]) ** 2 / (2 * V[:, None]), axis=1)]
    np.testing.assert_allclose(loss.proximal(y, omega, V), search, atol=5e-4)
    np.testing.assert_allclose(loss.gradient(y, omega), np.where(omega > y, 0.2, -0.8))


class Naive(QuantileRegression):
    """The quantile covers what it is asked to."""

    def predict(self):
        return super().predict() | {"coverage": self.loss.level}


class Linearised(QuantileRegression):
    """The first correction alone, at few samples per dimension."""

    def predict(self):
        return super().predict() | {"coverage": self.loss.level - (self.loss.level - 0.5) / self.alpha}


@pytest.mark.parametrize(("wrong", "seeds"), [(Naive(), 40), (Linearised(alpha=2.0), 200)])
def test_wrong_laws_are_refuted(wrong, seeds):
    judged = confront(wrong, sizes=(15, 30, 60), seeds=seeds)["coverage"]
    assert judged.verdict == "disagrees"


def test_statements():
    law = parse("QuantileRegression(loss=Pinball(level=0.75))")
    assert law == QuantileRegression(loss=Pinball(0.75)) and parse(repr(law)) == law
    with pytest.raises(NoLimit, match="`alpha` of QuantileRegression must be > 1"):
        QuantileRegression(alpha=1.0).limit()
    with pytest.raises(NoLimit, match="`loss.level` of QuantileRegression must be between 1e-12"):
        QuantileRegression(loss=Pinball(1e-14)).limit()
    with pytest.raises(StatementError, match="level"):
        Pinball(1.0)
    with pytest.raises(StatementError, match="Pinball"):
        parse("QuantileRegression(loss=Pinbal(0.5))")
