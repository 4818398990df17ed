"""Adaptive optimisers against Volterra's equation, stationary states, one step of the definition, and wrong laws."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.laws.dynamics.adaptive_sgd import SGD, AdaGradNorm, Adam, AdaptiveSGD, ClippedSGD, SignSGD, experiment
from asymptopia.parts.covariance import Isotropic, Matrices, PowerDensity, Spectrum

TWO = Spectrum((0.5, 3.0), shares=(0.8, 0.2))
EVERY = [SGD(0.7), SignSGD(0.4), ClippedSGD(0.6, 0.8), Adam(0.4, 0.3), AdaGradNorm(0.9, 1.0)]


def test_sgd_solves_volterras_equation():
    """P(t) = E lam exp(-2 r lam t) + r^2 int E lam^2 exp(-2 r lam (t - u)) (P(u) + noise) du, by the trapezoid."""
    rate, noise, last = 0.7, 0.3, 2.0
    values, shares = np.array(TWO.values), np.array(TWO.shares)
    computed = {}
    for count in (500, 1000):
        t = np.linspace(0, last, count + 1)
        h = t[1]
        K = rate**2 * (np.exp(-2 * rate * np.outer(t, values)) * values**2) @ shares
        P = (np.exp(-2 * rate * np.outer(t, values)) * values) @ shares
        for k in range(1, count + 1):
            past = K[k] * (P[0] + noise) / 2 + K[k - 1 : 0 : -1] @ (P[1:k] + noise)
            P[k] = (P[k] + h * past + h * K[0] * noise / 2) / (1 - h * K[0] / 2)
        computed[count] = P[-1]
    richardson = (4 * computed[1000] - computed[500]) / 3
    law = AdaptiveSGD(optimiser=SGD(rate), data=TWO, noise=noise, times=(last,))
    assert float(law.limit()["test_error"][0]) == pytest.approx(richardson, abs=1e-8)


@pytest.mark.parametrize("optimiser", EVERY[:4], ids=repr)
@pytest.mark.parametrize("data", [Isotropic(), TWO, PowerDensity(0.3)], ids=repr)
def test_late_errors_are_the_stationary_ones(optimiser, data):
    limit = AdaptiveSGD(optimiser=optimiser, data=data, noise=0.4, times=(400.0,)).limit()
    assert float(limit["test_error"][0]) == pytest.approx(float(limit["stationary_error"]), rel=1e-4)


def test_a_normalised_rate_falls_to_zero():
    limit = AdaptiveSGD(optimiser=EVERY[4], noise=0.4, times=(1e2, 1e4)).limit()
    assert float(limit["stationary_error"]) == 0
    assert float(limit["test_error"][1]) < 0.02 < float(limit["test_error"][0])


def test_steps_are_those_of_the_definition():
    rng = np.random.default_rng(0)
    x, r = rng.standard_normal((2, 3)), np.array([[0.5], [-2.0]])
    g = x * r
    steps = {
        SGD(0.1): 0.1 * g,
        SignSGD(0.1): 0.1 * np.sign(g),
        ClippedSGD(0.1, 1.0): 0.1 * x * [[0.5], [-1.0]],
        Adam(0.1, 0.5): 0.1 * np.sign(g),  # after one step the average is the square of the gradient
        AdaGradNorm(0.1, 2.0): 0.1 * g / np.sqrt(4 + (g**2).sum(axis=1, keepdims=True) / 9),
    }
    for optimiser, expected in steps.items():
        np.testing.assert_allclose(experiment._update(optimiser, 2, 3)(x, r), expected, atol=1e-12)
    update = experiment._update(Adam(0.1, 0.5), 2, 3)
    update(x, r)
    kept = np.exp(-1 / 1.5)
    v = (kept * (1 - kept) * g**2 + (1 - kept) * (2 * g) ** 2) / (1 - kept**2)
    np.testing.assert_allclose(update(x, 2 * r), 0.1 * 2 * g / np.sqrt(v))


def test_the_power_density_has_its_moments():
    for exponent in (0.2, 0.45):
        pairs = PowerDensity(exponent).paired()
        moments = [pairs.shares @ pairs.values**k for k in (0, 0.5, 1, 2)]
        exact = [(1 - exponent) ** k / (1 - k * exponent) for k in (0, 0.5, 1, 2)]
        np.testing.assert_allclose(moments, exact, rtol=2e-2 if exponent > 0.4 else 1e-4)
        cells = PowerDensity(exponent).ensemble(400, np.random.default_rng(0)).factor ** 2
        assert cells.mean() == pytest.approx(1, abs=1e-12) and (np.diff(cells) < 0).all()
    assert PowerDensity(0.0).paired().values.tolist() == [1.0]


def test_stability_and_statements():
    assert thresholds(AdaptiveSGD(data=TWO), along="rate") == {"stability": pytest.approx(2.0)}
    assert thresholds(AdaptiveSGD(optimiser=SignSGD()), along="rate") == {}
    assert "diverges" in AdaptiveSGD(optimiser=SGD(2.5)).valid()
    grown = AdaptiveSGD(optimiser=SGD(2.1), noise=0.0, times=(10.0, 20.0)).limit()["test_error"].values
    fell = AdaptiveSGD(optimiser=SGD(1.9), noise=0.0, times=(10.0, 20.0)).limit()["test_error"].values
    assert grown[1] > grown[0] > 1 > fell[0] > fell[1]
    with pytest.raises(StatementError, match="'rate'"):
        thresholds(AdaptiveSGD(), along="noise")
    with pytest.raises(StatementError, match="diagonal"):
        AdaptiveSGD(data=Matrices("none.npz")).limit()
    with pytest.raises(StatementError, match="increase"):
        AdaptiveSGD(times=(1.0, 1.0))


class WithoutTheNoiseOfSteps(AdaptiveSGD):
    """Gradient flow."""

    def predict(self):
        prediction, rate = super().predict(), self.optimiser.rate
        return prediction | {"test_error": np.exp(-2 * rate * np.array(self.times))}


class SignOfTheResidualAlone(AdaptiveSGD):
    """The slope of an arcsine, 1, where it is 2 / pi."""

    def predict(self):
        faster = AdaptiveSGD(SignSGD(self.optimiser.rate * np.pi / 2), self.data, self.noise, self.times)
        return faster.predict()


@pytest.mark.parametrize("optimiser", EVERY, ids=repr)
def test_the_experiment_agrees(optimiser):
    law = AdaptiveSGD(optimiser=optimiser, data=TWO, times=(0.5, 2.0))
    assert confront(law, sizes=(50, 100, 200), seeds=64, resolution=0.1).verdict == "agrees"


def test_wrong_laws_are_refuted():
    law = AdaptiveSGD(times=(1.0, 3.0))
    wrong = WithoutTheNoiseOfSteps(times=(1.0, 3.0))
    assert confront(wrong, law.experiment(sizes=(50, 100, 200), seeds=64)).verdict == "disagrees"
    law = AdaptiveSGD(optimiser=SignSGD(), times=(1.0, 3.0))
    wrong = SignOfTheResidualAlone(optimiser=SignSGD(), times=(1.0, 3.0))
    assert confront(wrong, law.experiment(sizes=(50, 100, 200), seeds=64)).verdict == "disagrees"
