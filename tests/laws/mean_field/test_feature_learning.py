"""Feature learning: units as particles for one hidden layer, the field theory by hand for two, and wrong laws."""

import numpy as np
import pytest

from asymptopia import StatementError, confront, parse
from asymptopia.laws.mean_field.feature_learning import DATA, FeatureLearning
from asymptopia.parts.activation import Identity, Relu, Tanh

X, Y = np.array(DATA)[:, :2], np.array(DATA)[:, 2]


def observed(kernels, losses):
    K = np.array(kernels)
    norm = np.sqrt((K**2).sum(axis=(1, 2)))
    change = np.sqrt(((K - K[0]) ** 2).sum(axis=(1, 2))) / norm[0]
    return {"loss": np.array(losses), "kernel_change": change, "alignment": (Y @ (K @ Y).T) / (Y @ Y) / norm}


def by_particles(phi, slope, steps, rate):
    """One hidden layer: weights (u, v) of the units on a grid of Gauss and Hermite."""
    t, w = np.polynomial.hermite_e.hermegauss(40)
    u = np.stack([a.ravel() for a in np.meshgrid(t, t, t, indexing="ij")], axis=1)
    p = (w[:, None, None] * w[:, None] * w).ravel() / w.sum() ** 3
    u, v = u[:, :2], u[:, 2]
    kernels, losses = [], []
    for _ in range(steps + 1):
        h = u @ X.T
        f = phi(h)
        error = Y - (p * v) @ f
        kernels.append(f.T @ (p[:, None] * f))
        losses.append(np.mean(error**2) / 2)
        u, v = u + rate * (error / 3 * v[:, None] * slope(h)) @ X, v + rate * f @ error / 3
    return observed(kernels, losses)


class Sampled:
    """A Gaussian process in steps, sampled unit by unit, whose covariance becomes known step by step."""

    def __init__(self, units, rng):
        self.values, self.rng = np.zeros((units, 0)), rng

    def extend(self, source):
        """The next values, those of a random matrix times `source`, all of it until now, (units, 3 steps)."""
        K = source.T @ source / len(source)
        old = self.values.shape[1]
        gain = np.linalg.solve(K[:old, :old], K[:old, old:]) if old else np.zeros((0, 3))
        left = K[old:, old:] - K[old:, :old] @ gain
        fresh = self.rng.standard_normal((len(self.values), 3)) @ np.linalg.cholesky(left).T
        self.values = np.hstack([self.values, self.values @ gain + fresh])
        return self.values[:, old:]

    def response(self, to):
        """E of the derivatives of `to`, (units, 3), in the values, by Stein's lemma; (3, 3 steps)."""
        g = self.values
        return np.linalg.solve(g.T @ g / len(g), g.T @ to / len(g)).T


def by_hand(steps, rate, units, seed):
    """Two hidden layers of tanh: the equations of the docstring, with averages over sampled units."""
    rng = np.random.default_rng(seed)
    u, v = rng.standard_normal((units, 2)), rng.standard_normal(units)
    chi, xi = Sampled(units, rng), Sampled(units, rng)
    one = backward = np.zeros((units, 0))
    kernels, losses, weights = [], [], np.zeros(0)
    for _ in range(steps + 1):
        f = np.tanh(u @ X.T)
        one = np.hstack([one, f])
        seen = one[:, :-3]
        h = (
            chi.extend(one)
            + backward
            @ ((xi.response(f) if seen.shape[1] else np.zeros((3, 0))) + rate * weights * (f.T @ seen / units)).T
        )
        top = np.tanh(h)
        error = Y - v @ top / units
        kernels.append(top.T @ top / units)
        losses.append(np.mean(error**2) / 2)
        g = v[:, None] * (1 - top**2)
        z = seen @ (rate * weights * (g.T @ backward / units)).T + one @ chi.response(g).T
        backward = np.hstack([backward, g])
        z = z + xi.extend(backward)
        weights = np.r_[weights, error / 3]
        u, v = u + rate * (error / 3 * z * (1 - f**2)) @ X, v + rate * top @ error / 3
    return observed(kernels, losses)


@pytest.mark.parametrize(
    ("activation", "phi", "slope"),
    [(Tanh(), np.tanh, lambda h: 1 - np.tanh(h) ** 2), (Identity(), lambda h: h, np.ones_like)],
)
def test_one_hidden_layer_is_a_cloud_of_particles(activation, phi, slope):
    limit = FeatureLearning(depth=1, activation=activation, steps=3).limit()
    for name, values in by_particles(phi, slope, 3, 0.5).items():
        np.testing.assert_allclose(limit[name], values, atol=2e-4, rtol=1e-3, err_msg=name)


def test_two_hidden_layers_obey_the_field_theory_by_hand():
    limit = FeatureLearning(steps=3).limit()
    runs = [by_hand(3, 0.5, 20_000, seed) for seed in range(6)]
    for name in limit.data_vars:
        if not name.endswith("_error"):
            values = np.array([run[name] for run in runs])
            error = values.std(axis=0) / np.sqrt(len(runs) - 1)
            assert (np.abs(values.mean(axis=0) - limit[name].values) <= 5 * error + 2e-4).all(), name


def test_statements_are_read_and_checked():
    law = FeatureLearning(data=((1.0, 2.0), (3.0, 4.0)), activation=Relu())
    assert parse(repr(law)) == law
    for wrong in ((), ((1.0,),), ((1.0, 2.0), (1.0, 2.0, 3.0)), (1.0, 2.0)):
        with pytest.raises(StatementError, match="rows"):
            FeatureLearning(data=wrong)
    with pytest.raises(StatementError, match="label"):
        FeatureLearning(data=((1.0, 0.0),))


class Lazy(FeatureLearning):
    """Features that stay as they are."""

    def predict(self):
        found = FeatureLearning(steps=2).predict()
        return found | {"kernel_change": 0 * found["kernel_change"], "alignment": found["alignment"][[0, 0, 0]]}


class Slower(FeatureLearning):
    """The second layer does not move: rate of a network of one hidden layer."""

    def predict(self):
        return FeatureLearning(depth=1, steps=2).predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = FeatureLearning(steps=2)
    experiment = law.experiment(sizes=(32, 64, 128), seeds=128)
    assert confront(law, experiment).verdict != "disagrees"
    for wrong in (Lazy, Slower):
        assert confront(wrong(steps=2), experiment).verdict == "disagrees"
