"""Regression in context against integrals over the spectrum, the moments of its features, and wrong laws."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, sweep, thresholds
from asymptopia.laws.inference.in_context_regression import InContextRegression


def spectrum(kappa, count=4000):
    """Points and weights of Marchenko and Pastur's law of ratio 1/kappa and mean 1, with its mass at 0."""
    c = 1 / kappa
    low, high = (1 - c**0.5) ** 2, (1 + c**0.5) ** 2
    angle = (np.arange(count) + 0.5) * np.pi / count
    r = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
    weight = ((high - low) / 2 * np.sin(angle)) ** 2 / (2 * np.pi * c * r) * np.pi / count
    return np.append(r, 0.0), np.append(weight, max(0.0, 1 - kappa))


@pytest.mark.parametrize("kappa", [0.4, 1.0, 3.0])
@pytest.mark.parametrize(("tau", "ridge"), [(4.0, 0.1), (0.6, 0.0), (0.6, 0.3), (2.5, 0.0)])
def test_the_errors_are_the_moments_of_the_spectrum(kappa, tau, ridge):
    law = InContextRegression(alpha=1.7, kappa=kappa, tau=tau, noise=0.3, ridge=ridge)
    r, w = spectrum(kappa)
    x = 1.3 / 1.7
    b = r + x
    nus = np.geomspace(1e-9, 1e3, 200_001) if ridge or tau < 1 else np.zeros(1)
    excess = [nu * (1 - w @ (b / (b + nu)) / tau) - ridge for nu in nus[::1000]]
    if len(nus) > 1:
        low, high = nus[::1000][np.flatnonzero(np.diff(np.sign(excess)) > 0)[-1] + np.array([0, 1])]
        for _ in range(80):
            nu = (low + high) / 2
            low, high = (nu, high) if nu * (1 - w @ (b / (b + nu)) / tau) < ridge else (low, nu)
    else:
        nu = 0.0
    seen = 0.3 + w @ (x * r / b) + nu**2 * w @ (r**2 / (b * (b + nu) ** 2))
    seen /= 1 - w @ (b**2 / (b + nu) ** 2) / tau
    new = 1.3 - 2 * w @ (r / (b + nu)) + (1 + x) * (w @ (r**2 / (b + nu) ** 2) + seen / tau * (w @ (b / (b + nu) ** 2)))
    limit = law.limit()
    close = dict(rel=2e-4 if kappa == 1 else 1e-9)  # the density of kappa = 1 is singular at 0
    assert float(limit["test_error"]) == pytest.approx(new - 0.3, **close)
    assert float(limit["seen_task_error"]) == pytest.approx(seen - 0.3, **close)
    assert float(limit["train_loss"]) == pytest.approx((1 - w @ (b / (b + nu)) / tau) ** 2 * seen, **close)


def test_the_stated_errors_of_the_system_are_those_on_fresh_prompts():
    law, rng = InContextRegression(noise=0.2), np.random.default_rng(0)
    d, length = 6, 12
    gamma = rng.standard_normal((d, d + 1)) / 4
    tasks = rng.standard_normal((3, d))
    tasks *= np.sqrt(d) / np.linalg.norm(tasks, axis=1, keepdims=True)
    features, answers = law._prompts(tasks, 300_000, length, rng)
    squares = (answers - features @ gamma.ravel()) ** 2
    stated = law._error(gamma, length, tasks.T @ tasks / 3, tasks.mean(axis=0)) + law.noise
    assert abs(squares.mean() - stated) < 4 * squares.std() / np.sqrt(len(squares))


def test_double_descent_peaks_where_prompts_are_as_many_as_weights():
    taus = np.append(np.linspace(0.5, 0.95, 10), np.linspace(1.05, 3, 20))
    errors = sweep(InContextRegression(ridge=1e-6), tau=taus.tolist()).limit()["test_error"].values
    assert abs(taus[np.argmax(errors)] - 1) < 0.06 and errors.max() > 3 * errors[-1]
    with pytest.raises(NoLimit, match="tau"):
        InContextRegression(ridge=0.0, tau=1.0).limit()
    assert thresholds(InContextRegression(ridge=0.0), along="tau") == {"interpolation": 1.0}
    assert thresholds(InContextRegression(), along="tau") == {}
    with pytest.raises(StatementError, match="'tau'"):
        thresholds(InContextRegression(), along="alpha")
    assert "interpolation" in InContextRegression(ridge=1e-3, tau=1.05).valid()


class NoNoiseInTheFeatures(InContextRegression):
    """Without the noise that the answers bring into the features."""

    def predict(self):
        return InContextRegression(
            self.alpha * (1 + self.noise), self.kappa, self.tau, self.noise, self.ridge
        ).predict()


class TasksWithoutLimit(InContextRegression):
    """As if there were ever new tasks."""

    def predict(self):
        return InContextRegression(self.alpha, 1e6, self.tau, self.noise, self.ridge).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(alpha=1.0, kappa=0.5, tau=3.0, noise=1.0, ridge=1.0)
    experiment = InContextRegression(**fields).experiment(sizes=(8, 12, 18), seeds=100)
    right = confront(InContextRegression(**fields), experiment, resolution=0.1)
    assert right["seen_task_error"].verdict == right["train_loss"].verdict == "agrees"
    assert right["test_error"].verdict != "disagrees"
    for wrong in (NoNoiseInTheFeatures, TasksWithoutLimit):
        assert confront(wrong(**fields), experiment).verdict == "disagrees"
