"""Deep linear networks against integrals over the spectrum, sampled weights, and wrong laws."""

import numpy as np
import pytest
from scipy.special import gammaln

from asymptopia import NoLimit, confront
from asymptopia.laws.inference.bayes_deep_linear import BayesDeepLinear
from asymptopia.laws.inference.bayes_deep_linear.experiment import SPACING, scale_law
from asymptopia.laws.inference.bayes_deep_linear.theory import _exponent, _slope, _spectrum


def spectrum(alpha, count=200_000):
    """Points and weights of the law of the eigenvalues of X'X/d, with its mass at 0."""
    low, high = (1 - alpha**0.5) ** 2, (1 + alpha**0.5) ** 2
    angle = (np.arange(count) + 0.5) * np.pi / count
    c = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
    weight = ((high - low) / 2 * np.sin(angle)) ** 2 / (2 * np.pi * c) * np.pi / count
    return np.append(c, 0.0), np.append(weight, max(0.0, 1 - alpha))


@pytest.mark.parametrize("alpha", [0.4, 1.0, 2.5])
@pytest.mark.parametrize("log_q", [-1.0, 0.3])
def test_the_exponent_is_the_integral(alpha, log_q):
    law = BayesDeepLinear(alpha=alpha, width=0.7, layers=2, weight_variance=1.3, temperature=0.2, noise=0.3)
    c, w = spectrum(alpha)
    S = 1.3**3 * np.exp(2 * log_q)
    total = S * c + 0.2
    fit = w @ np.log(total) + (alpha - 1) * np.log(0.2) + w @ (c / total)
    fit += 0.3 * (w @ (1 / total) + (alpha - 1) / 0.2) + alpha * np.log(2 * np.pi)
    exact = -fit / 2 + 0.7 * (log_q - np.exp(log_q) + 1)
    assert _exponent(law, log_q) == pytest.approx(exact, abs=1e-4 if alpha == 1 else 1e-8)
    d = 1e-5
    slope = (_exponent(law, log_q + d) - _exponent(law, log_q - d)) / (2 * d)
    assert slope == pytest.approx(_slope(law, log_q), abs=1e-7)  # L / 2 = 1
    at = _spectrum(alpha, 0.2 / S)
    assert at.p == pytest.approx(w @ (at.penalty / (c + at.penalty)), abs=1e-4 if alpha == 1 else 1e-9)
    assert at.slope == pytest.approx(w @ (c / (c + at.penalty) ** 2), rel=1e-3 if alpha == 1 else 1e-8)


@pytest.mark.parametrize("layers", [1, 2, 5])
def test_nishimoris_identities(layers):
    limit = BayesDeepLinear(alpha=0.8, layers=layers, temperature=0.3, noise=0.3).limit()
    assert float(limit["scale"]) == pytest.approx(1, abs=1e-12)
    assert float(limit["test_error"]) == pytest.approx(float(limit["variance"]), abs=1e-12)


def test_zero_temperature_is_its_limit_and_is_li_and_sompolinskys():
    law = BayesDeepLinear(alpha=0.6, width=0.4, layers=3, weight_variance=1.2, temperature=0.0, noise=0.2)
    cold, almost = law.limit(), law.replace(temperature=1e-10).limit()
    for name in law.observables:
        assert float(cold[name]) == pytest.approx(float(almost[name]), abs=1e-7)
    q = float(cold["scale"]) ** (1 / 3)
    assert 1 - q == pytest.approx(0.6 / 0.4 * (1 - (1 + 0.2 / 0.4) / (1.2**4 * q**3)), abs=1e-10)
    with pytest.raises(NoLimit, match="alpha"):
        BayesDeepLinear(alpha=1.5, temperature=0.0).limit()


def test_the_law_of_the_scale_is_that_of_a_product():
    logs, one = scale_law(20, 1)
    exact = 10 * np.log(10) + 10 * logs - 10 * np.exp(logs) - gammaln(10)
    np.testing.assert_allclose(one, exact, rtol=1e-12, atol=1e-12)
    logs, three = scale_law(20, 3)
    density = np.exp(three)
    assert density.sum() * SPACING == pytest.approx(1, abs=1e-9)
    for power in (1, 2):  # E (chi2_N / N)^2 = 1 + 2 / N
        moment = (density * np.exp(power * logs)).sum() * SPACING
        assert moment == pytest.approx(((1 + 2 / 20) ** (power - 1)) ** 3, rel=1e-6)


def test_a_network_given_its_scale_is_a_ridge_regression():
    """Second and fourth moments of the coefficients of sampled networks are those of the mixture."""
    rng, d, N, runs = np.random.default_rng(1), 4, 6, 40_000
    first, second = rng.standard_normal((runs, N, d)), rng.standard_normal((runs, N, N))
    a = rng.standard_normal((runs, N))
    theta = np.einsum("ri,rij,rjk->rk", a, second, first) / N
    squares = np.sum(theta**2, axis=1)
    for values, exact in ((squares, d), (squares**2, d * (d + 2) * (1 + 2 / N) ** 2)):
        assert abs(values.mean() - exact) < 4 * values.std() / np.sqrt(runs)


class KernelOfInfiniteWidth(BayesDeepLinear):
    """The scale of the prior: 1."""

    def predict(self):
        return super().predict() | {"scale": 1.0}


class OneFactorLess(BayesDeepLinear):
    """Weights of the hidden layers only: v**L instead of v**(L + 1)."""

    def predict(self):
        v = self.weight_variance ** (self.layers / (self.layers + 1))
        return BayesDeepLinear(self.alpha, self.width, self.layers, v, self.temperature, self.noise).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(alpha=0.8, width=0.5, layers=2, weight_variance=1.6, temperature=0.1, noise=0.3)
    law = BayesDeepLinear(**fields)
    experiment = law.experiment(sizes=(20, 40, 80), seeds=250)
    confrontation = confront(law, experiment)
    assert confrontation.verdict != "disagrees", str(confrontation)
    for wrong in (KernelOfInfiniteWidth(**fields), OneFactorLess(**fields)):
        assert confront(wrong, experiment)["scale"].verdict == "disagrees"
