"""Quadratic networks against free probability by iteration, sampled matrices, and wrong laws."""

import itertools

import numpy as np
import pytest

from asymptopia import StatementError, confront, thresholds
from asymptopia.algorithms.checks import NotSolved
from asymptopia.laws.inference.quadratic_network import QuadraticNetwork, experiment
from asymptopia.laws.inference.quadratic_network.experiment import _labels, _shrinkage, denoise
from asymptopia.laws.inference.quadratic_network.theory import denoising, density, edges, resolvent


@pytest.mark.parametrize(("s2", "kappa"), [(0.5, 0.5), (0.02, 0.4), (0.1, 2.0), (0.01, 3.0), (3.0, 1.0)])
def test_the_density_has_the_moments_of_the_sum(s2, kappa):
    x, rho, w = density(s2, kappa)
    moments = [w @ (rho * x**k) for k in range(4)]
    # of Wishart: 1, 1 + 1/k, 1 + 3/k + 1/k^2; of the semicircle: s2
    second, third = 1 + 1 / kappa + s2, 1 + 3 / kappa + 1 / kappa**2 + 3 * s2
    np.testing.assert_allclose(moments, [1, 1, second, third], rtol=1e-7)
    g = resolvent(x, s2, kappa)
    cubic = s2 * g**3 - (x + s2 * kappa) * g**2 + (kappa * x + 1 - kappa) * g - kappa
    assert np.abs(cubic).max() < 1e-8 * (1 + np.abs(g).max() ** 3)
    assert len(edges(s2, kappa)) == (2 if s2 < 0.03 and kappa < 1 else 1) or kappa > 1


def test_denoising_is_that_of_sampled_matrices():
    rng, d = np.random.default_rng(0), 300
    W = rng.standard_normal((150, d))
    S = W.T @ W / 150
    H = rng.standard_normal((d, d))
    R = S + np.sqrt(0.4) * (H + H.T) / np.sqrt(2 * d)
    denoised, stated = denoise(R, 0.4, 0.5)
    exact = denoising(0.4, 0.5)
    assert stated == pytest.approx(exact, rel=2e-3)
    assert np.sum((denoised - S) ** 2) / d == pytest.approx(exact, rel=0.05)
    assert _shrinkage(0.4, 0.5)[2] == pytest.approx(stated)


def test_labels_are_the_traces():
    rng = np.random.default_rng(1)
    X, S = rng.standard_normal((5, 4)), np.diag([1.0, 2.0, 0.5, 0.1])
    Z = (X[:, :, None] * X[:, None, :] - np.eye(4)) / 2
    np.testing.assert_allclose(_labels(X, S), np.einsum("nij,ij->n", Z, S), atol=1e-12)


def test_few_samples_teach_nothing_and_many_everything():
    none = QuadraticNetwork(alpha=1e-4, kappa=0.5, noise=0.3).limit()
    assert float(none["mse"]) == pytest.approx(2.0, rel=1e-2)  # the second moment 1 + 1/kappa less the mean squared
    many = QuadraticNetwork(alpha=50.0, kappa=0.5, noise=0.3).limit()
    assert float(many["mse"]) < 0.01


def test_recovery_is_perfect_above_its_threshold():
    for kappa in (0.3, 0.5, 1.0, 1.7):
        law = QuadraticNetwork(kappa=kappa, noise=0.0)
        edge = thresholds(law, along="alpha")["perfect_recovery"]
        below, above = (float(law.replace(alpha=edge * s).limit()["mse"]) for s in (0.98, 1.02))
        assert above == 0 and 0 < below < 0.05 * (1 + 1 / kappa)
    assert thresholds(QuadraticNetwork(noise=0.5), along="alpha") == {}
    with pytest.raises(StatementError, match="'alpha'"):
        thresholds(QuadraticNetwork(), along="kappa")
    assert "perfect recovery" in QuadraticNetwork(alpha=0.37, noise=0.0).valid()


class WithoutMemory(QuadraticNetwork):
    """Samples that are counted per weight of a symmetric matrix twice."""

    def predict(self):
        return QuadraticNetwork(2 * self.alpha, self.kappa, self.noise).predict()


class Linear(QuadraticNetwork):
    """The best linear estimate: a Gaussian prior of the same variance."""

    def predict(self):
        v, a, noise = 1 / self.kappa, self.alpha, self.noise
        # mse = v s2 / (v + s2) and 2 mse = 4 a s2 - noise
        s2 = max(np.roots([4 * a, 4 * a * v - noise - 2 * v, -noise * v]).real)
        mse = v * s2 / (v + s2)
        return {"mse": mse, "test_error": 2 * mse}


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    noisy = dict(alpha=0.5, noise=0.5)
    law = QuadraticNetwork(**noisy)
    experiment = law.experiment(sizes=(20, 30, 45, 65), seeds=40)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (Linear(**noisy), WithoutMemory(**noisy)):
        assert confront(wrong, experiment).verdict == "disagrees"


def test_messages_go_on_until_they_settle(monkeypatch):
    """With little noise they take hundreds of rounds, and in some small systems there is no end to them."""
    law = QuadraticNetwork(alpha=0.4, noise=0.01)
    assert law.realized(16, (0,))["mse"][0] < 2 * law.limit().mse
    monkeypatch.setattr(experiment, "ROUTES", ((0.5, 70),))
    with pytest.raises(NotSolved, match="did not settle in dimension 16"):
        law.realized(16, (0,))


def test_a_swing_that_damping_hides_is_not_settled(monkeypatch):
    """Labels that swing so that a step without damping is three times what counts as settled, with it far less."""
    X = np.array([[1.0, 2.0], [0.0, 1.0]], np.float32)
    step = np.linalg.norm(X.T @ X - 2 * np.eye(2)) / (2 * 0.5 * 2 * 2)  # per unit of the swing: alpha is 1/2, d is 2
    swing = itertools.cycle((3 * experiment.SETTLED / step, -3 * experiment.SETTLED / step))
    monkeypatch.setattr(experiment, "_labels", lambda X, S: np.full(2, next(swing)))
    monkeypatch.setattr(experiment, "denoise", lambda R, s2, kappa: (R, 1.0))
    with pytest.raises(NotSolved, match="did not settle"):
        experiment._message_passing(X, np.zeros(2), kappa=1.0, noise=100.0)
