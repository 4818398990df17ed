"""Noisy two-layer networks: linear and quadratic neurons in closed form, the free energy, bad statements, faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.mean_field.noisy_two_layer import NoisyTwoLayer
from asymptopia.laws.mean_field.noisy_two_layer.theory import Noisy, stationary
from asymptopia.parts.activation import Identity, Power
from asymptopia.parts.data import Bundled
from asymptopia.parts.inputs import Curve, QuadraticForm
from asymptopia.parts.neurons import Weights

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
LANGEVIN = [r for r in REFERENCE if r["id"].startswith("G_flow.quadnet.langevin")]


def test_linear_neurons_are_ornstein_uhlenbeck_processes():
    target, T, k, m, v = 1.5, 0.3, 0.5, 0.2, 0.4
    t = np.array([0.5, 2.0])
    limit = NoisyTwoLayer(Identity(), Curve(scale=target), Weights(m, v), T, k, tuple(t), (1.0, -2.0)).limit()
    mean = target / (1 + k) + (m - target / (1 + k)) * np.exp(-(1 + k) * t)
    own = v * np.exp(-2 * k * t) + T / k * (1 - np.exp(-2 * k * t))
    np.testing.assert_allclose(limit["output"], mean[:, None] * [1.0, -2.0], atol=1e-5)
    np.testing.assert_allclose(limit["second_moment"], mean**2 + own, atol=1e-5)
    shared = v * np.exp(-2 * (1 + k) * t) + T / (1 + k) * (1 - np.exp(-2 * (1 + k) * t))
    np.testing.assert_allclose(limit["fluctuation"], shared[:, None] * [1.0, 4.0], rtol=1e-4)

    # the free energy of a normal distribution, and that of the stationary one
    def energy(mean, variance):
        return (mean - target) ** 2 / 2 + k / 2 * (mean**2 + variance) - T / 2 * np.log(2 * np.pi * np.e * variance)

    np.testing.assert_allclose(limit["free_energy"], energy(mean, own), atol=1e-5)
    bottom = energy(target / (1 + k), T / k)
    np.testing.assert_allclose(limit["free_energy_gap"], energy(mean, own) - bottom, atol=2e-5)
    bound = bottom + (energy(m, v) - bottom) * np.exp(-2 * k * t)  # a log-Sobolev constant of decay / T
    np.testing.assert_allclose(limit["free_energy_bound"], bound, atol=1e-4)


@pytest.mark.runs_long
def test_neurons_repel_each_other_through_the_output():
    """In the end N Cov(w_i, w_j) = T / (decay + 1) - T / decay, from the variances of the mean and of one weight."""
    T, k, n = 0.4, 0.5, 40
    law = NoisyTwoLayer(Identity(), Curve(), Weights(0.0, 0.8), T, k, (8.0,), (1.0,))
    seen = law.experiment(sizes=(n,), seeds=1500)
    whole = n * seen["output"].values.var(ddof=1)
    own = float((seen["second_moment"] - seen["output"].isel(probe=0) ** 2).mean()) * n / (n - 1)
    exact = T / (k + 1) - T / k
    error = whole * np.sqrt(2 / 1500) + 0.01
    # N Cov = N Var(mean) - Var(w), and the mean square around the sample's mean is Var(w) - Cov
    assert abs(whole - (own + exact / n) - exact) < 4 * error


@pytest.mark.parametrize("row", LANGEVIN, ids=lambda row: row["id"])
def test_quadratic_neurons_in_the_end_against_the_reference(row):
    given = row["params"]
    form, start = QuadraticForm((given["a_star"],)), Weights(variance=0.4)
    law = NoisyTwoLayer(Power(), form, start, given["T"], given["lam"], (6.0,), (1.0,))
    assert float(law.limit()["second_moment"][0]) == pytest.approx(row["value"], abs=1e-6)


def test_the_free_energy_falls_to_that_of_the_stationary_law_within_its_bound():
    limit = NoisyTwoLayer(times=(0.0, 1.0, 4.0, 20.0)).limit()
    gap = limit["free_energy_gap"].values
    assert (np.diff(gap) < 0).all() and 0 < gap[-1] < 1e-3 * gap[0]
    assert (limit["free_energy"][1:] < limit["free_energy_bound"][1:]).all()
    assert float(limit["free_energy"][0]) == pytest.approx(float(limit["free_energy_bound"][0]), abs=1e-12)


def test_the_stationary_law_is_a_fixed_point():
    law = NoisyTwoLayer()
    X, y, p = law.data.nodes(0)
    w = np.linspace(-6, 6, 301)
    problem = Noisy(w, np.tanh(np.outer(w, X[:, 0])), np.tanh(w)[:, None], y, p, 0.1, 0.3)
    mass = stationary(problem)
    right, left = problem.rates(mass @ problem.f)
    flux = mass[:-1] * right - mass[1:] * left
    assert np.abs(flux).max() < 1e-9


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(temperature=-0.1), StatementError, "`temperature` of NoisyTwoLayer must be > 0, but is -0.1"),
        (dict(times=(1.0, 1.0)), StatementError, "`times` of NoisyTwoLayer must be numbers >= 0 that increase"),
        (dict(probes=()), StatementError, "`probes` of NoisyTwoLayer must be finite numbers"),
        (dict(data=Bundled("diabetes")), StatementError, "`data` of NoisyTwoLayer must have one input number"),
        (dict(decay=0.0), NoLimit, "`decay` of NoisyTwoLayer must confine the neurons"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        NoisyTwoLayer(**fields).limit()


@pytest.mark.runs_long
def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Undamped(NoisyTwoLayer):
        """Neurons that fluctuate as if decay were ten times weaker, and noise twice as strong."""

        def predict(self):
            other = NoisyTwoLayer(times=self.times, probes=self.probes, decay=0.03, temperature=0.2)
            return super().predict() | {"fluctuation": other.predict()["fluctuation"]}

    experiment = NoisyTwoLayer().experiment(sizes=(50, 100), seeds=1500)
    right = confront(NoisyTwoLayer(), experiment)
    for name in ("output", "risk", "second_moment", "free_energy", "free_energy_bound", "fluctuation"):
        assert right[name].verdict != "disagrees", name
    wrong = confront(Undamped(times=(1.0,), probes=(1.0,)), experiment.sel(time=[1.0], probe=[1.0]))
    assert wrong["fluctuation"].verdict == "disagrees"


@pytest.mark.parametrize("decay", [10.0, 20.0, 60.0])
def test_under_a_strong_decay_neurons_become_linear(decay):
    """Their law is near a normal one of variance T / decay, and their output near that of tanh(w) = w."""
    prediction = NoisyTwoLayer(decay=decay, times=(0.4,), probes=(1.0,)).predict()
    rest = 0.1 / decay
    assert prediction["second_moment"][0] == pytest.approx(rest + prediction["output"][0, 0] ** 2, rel=0.25)
    assert 0 < prediction["fluctuation"][0, 0] < 1.2 * rest and 0 < prediction["risk"][0] < 0.5
    assert -1e-9 < prediction["free_energy_gap"][0] < 1e-3


def test_stiff_networks_are_stable_at_every_width():
    law = NoisyTwoLayer(decay=60.0, times=(0.25,), probes=(1.0,))
    experiment = law.experiment((50,), 100)
    limit = law.predict()["second_moment"][0]
    values = np.asarray(experiment["second_moment"].values).ravel()
    assert abs(values.mean() - limit) < 4 * values.std() / 10 + 0.1 * limit


def test_an_experiment_with_several_input_numbers_is_refused_as_the_limit_is():
    """It ended in a traceback of a product of matrices."""
    with pytest.raises(StatementError, match="one input number"):
        NoisyTwoLayer(data=QuadraticForm((2.0, 1.0))).admit()
