"""Layers against closed forms of linear ones, integrals on grids, sampled networks; and wrong laws."""

import numpy as np
import pytest
from scipy.optimize import brentq

from asymptopia import StatementError, confront, parse, thresholds
from asymptopia.algorithms.amp import multi_layer_amp
from asymptopia.algorithms.checks import NotSolved
from asymptopia.laws.inference.multi_layer_glm import MultiLayerGLM
from asymptopia.laws.inference.multi_layer_glm.theory import HERMITE, hidden, powers, predict, solve, sweep
from asymptopia.parts.activation import Tanh
from asymptopia.parts.channel import Abs, Linear, Probit, ReLU, Sign
from asymptopia.parts.channel.between import between
from asymptopia.parts.prior import Gaussian, Rademacher

TWO_LINEAR = MultiLayerGLM(layers=((1.5, Linear(noise=0.2)), (1.2, Linear(noise=0.1))))


def linear_overlaps(first, noise1, second, noise2):
    """Two linear layers: a root in the precision of the hidden one."""

    def state(A1):
        A0 = brentq(lambda a: a - first / (1 / (1 + a) + noise1 + 1 / A1), 0, 1e6, xtol=1e-15, rtol=1e-14)
        return 1 / (1 + A0), 1 / (1 / (1 / (1 + A0) + noise1) + A1)

    A1 = brentq(lambda a: a - second / (state(a)[1] + noise2), 1e-9, 1e6, xtol=1e-15, rtol=1e-14)
    v0, v1 = state(A1)
    return 1 - v0, 1 + noise1 - v1


def by_grids(function, q, rho, A, noise=0.0):
    """Overlap and information of a layer: z on a grid for the posterior, omega and B on grids for the average."""
    v = rho - q
    z = np.linspace(-9, 9, 1201) * np.sqrt(rho) + 1e-9
    omega = np.linspace(-6.5, 6.5, 105) * np.sqrt(q)
    x = function(z)
    reach = 7 * np.sqrt(A) + A * np.abs(x[np.abs(z) < 6 * np.sqrt(rho)]).max()
    B = np.linspace(-reach, reach, 241)
    bell = np.exp(-((z - omega[:, None]) ** 2) / (2 * v)) / np.sqrt(2 * np.pi * v) * (z[1] - z[0])
    tilt = np.exp(B[:, None] * x - A * x**2 / 2 - B[:, None] ** 2 / (2 * A)) / np.sqrt(2 * np.pi * A)
    Z = bell @ tilt.T
    mean, score = (bell * x) @ tilt.T / Z, (bell * (z - omega[:, None]) / v) @ tilt.T / Z
    outer = np.exp(-(omega**2) / (2 * q)) / np.sqrt(2 * np.pi * q) * (omega[1] - omega[0]) * (B[1] - B[0])
    return outer @ (Z * mean**2).sum(axis=1), outer @ (Z * score**2).sum(axis=1)


def test_two_linear_layers_solve_scalar_equations_and_are_posteriors_of_sampled_networks():
    limit = TWO_LINEAR.limit()
    np.testing.assert_allclose(limit["overlap"], linear_overlaps(1.5, 0.2, 1.2, 0.1), rtol=1e-8)
    rng, n = np.random.default_rng(0), 200
    W1, W2 = rng.standard_normal((300, n)) / np.sqrt(n), rng.standard_normal((360, 300)) / np.sqrt(300)
    C = W1 @ W1.T + 0.2 * np.eye(300)
    S = W2 @ C @ W2.T + 0.1 * np.eye(360)
    G, K = W2 @ W1, W2 @ C
    found = [np.trace(M.T @ np.linalg.solve(S, M)) / M.shape[1] for M in (G, K)]
    entropy = -0.5 * (np.linalg.slogdet(S)[1] + 360 * (1 + np.log(2 * np.pi))) / n
    np.testing.assert_allclose(found, limit["overlap"], atol=0.01)
    assert entropy == pytest.approx(float(limit["free_entropy"]), abs=0.01)


@pytest.mark.parametrize(("channel", "A"), [(Sign(), 1.7), (ReLU(), 3.0), (Abs(), 2.0)])
def test_a_layer_is_what_integrals_on_grids_say(channel, A):
    layer = hidden(channel, 0.4, 1.3, A, HERMITE)
    overlap, information = by_grids(channel.function, 0.4, 1.3, A)
    assert layer.overlap == pytest.approx(overlap, rel=2e-4)
    assert layer.information == pytest.approx(information, rel=2e-3)


def test_the_default_is_a_fixed_point_of_equations_on_grids():
    law = MultiLayerGLM()
    A = solve(law, HERMITE, np.full(2, 1e-6))
    q = sweep(law, A, HERMITE)[0]
    overlap, information = by_grids(ReLU().function, q[0], 1.0, A[1])
    assert overlap == pytest.approx(q[1], rel=2e-4)
    assert 2 * information == pytest.approx(A[0], rel=2e-3)


@pytest.mark.parametrize("channel", [Sign(flip=0.1), Probit(noise=0.5), Linear(noise=0.3), ReLU(), Abs()], ids=repr)
def test_means_variances_and_scores_are_derivatives_of_one_function(channel):
    omega, V, A, B, h = np.array([-1.1, 0.2, 2.0]), 0.7, 1.3, np.array([0.4, -2.0, 1.5]), 1e-4

    def f(shift=0.0, tilt=0.0):
        return between(channel, omega + shift, V, A, B + tilt)

    at = f()
    up, down = f(shift=h), f(shift=-h)
    np.testing.assert_allclose(at.score, (up.log_partition - down.log_partition) / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(at.slope, (up.score - down.score) / (2 * h), rtol=1e-6, atol=1e-8)
    up, down = f(tilt=h), f(tilt=-h)
    np.testing.assert_allclose(at.mean, (up.log_partition - down.log_partition) / (2 * h), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(at.variance, (up.mean - down.mean) / (2 * h), rtol=1e-6, atol=1e-8)


def test_the_free_entropy_is_stationary_so_that_its_slope_is_that_of_the_last_layer():
    """d phi / d ratio of the last layer is the mean log-likelihood of a label, times the units it looks at."""
    h = 1e-3
    law, up, down = (MultiLayerGLM(layers=((2.0, ReLU()), (0.8 + s, Linear(noise=0.1)))) for s in (0, h, -h))
    slope = (float(predict(up)["free_entropy"]) - float(predict(down)["free_entropy"])) / (2 * h)
    terms = sweep(law, solve(law, HERMITE, np.full(2, 1e-6)), HERMITE)[2]
    assert slope == pytest.approx(2.0 * terms[-1], rel=1e-5)


def test_powers_of_layers():
    law = MultiLayerGLM(layers=((1.0, Linear(noise=0.5)), (1.0, ReLU()), (1.0, Sign()), (1.0, Linear())))
    np.testing.assert_allclose(powers(law), [1.0, 1.5, 0.75, 1.0])


def test_knowing_nothing_is_unstable_just_above_weak_recovery():
    layers = ((1.0, Linear()), (1.0, Abs()))
    at = thresholds(MultiLayerGLM(layers=layers), "alpha")["weak_recovery"]
    below, above = (MultiLayerGLM(layers=(layers[0], (f * at, Abs()))) for f in (0.7, 1.5))
    assert float(below.limit()["overlap"][1]) < 1e-6
    assert float(above.limit()["overlap"][1]) > 0.1
    assert thresholds(MultiLayerGLM(layers=((1.0, ReLU()), (1.0, Abs()))), "alpha") == {"weak_recovery": 0.0}
    assert thresholds(MultiLayerGLM(), "alpha") == {"weak_recovery": 0.0}


def test_statements_are_read_and_checked():
    law = MultiLayerGLM(layers=((2, Sign), (1.0, ReLU())), prior=Rademacher())
    assert parse(repr(law)) == law
    for wrong, said in (
        ((), "at least one"),
        (((0.0, Sign()),), "ratio > 0"),
        (((1.0, Tanh()),), "channel"),
        (((1.0, lambda z: z**3), (1.0, Sign())), "channel"),
    ):
        with pytest.raises(StatementError, match=said):
            MultiLayerGLM(layers=wrong)
    with pytest.raises(StatementError, match="along"):
        thresholds(MultiLayerGLM(), "start")


def test_message_passing_says_when_it_has_not_settled():
    rng = np.random.default_rng(0)
    W = [rng.standard_normal((80, 60)) / 60**0.5, rng.standard_normal((50, 80)) / 80**0.5]
    y = W[1] @ np.sign(W[0] @ rng.standard_normal(60))
    with pytest.raises(NotSolved, match="did not settle"):
        multi_layer_amp(W, y, Gaussian(), [Sign(), Linear(noise=0.1)], iterations=2)


class Factorised(MultiLayerGLM):
    """The hidden layer taken for independent coordinates of the right second moment: no network below."""

    def predict(self):
        found = predict(self)
        flat = predict(self.replace(layers=((1e-3, self.layers[0][1]), self.layers[1])))
        q = np.array([flat["overlap"][0], flat["overlap"][1]])
        return found | {"overlap": q, "mse": np.array(powers(self)) - q}


class Noisier(MultiLayerGLM):
    """Labels with twice the noise."""

    def predict(self):
        (first, (ratio, channel)) = self.layers
        return predict(self.replace(layers=(first, (ratio, Linear(noise=6 * channel.noise)))))


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    fields = dict(layers=((3.0, ReLU()), (0.8, Linear(noise=0.1))))
    law = MultiLayerGLM(**fields)
    experiment = law.experiment(sizes=(40, 80, 160), seeds=24)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (Factorised, Noisier):
        assert confront(wrong(**fields), experiment).verdict == "disagrees"
