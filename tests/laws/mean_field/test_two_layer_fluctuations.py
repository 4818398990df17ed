"""The central limit theorem of two-layer networks: closed forms, differences of the flow, bad statements, faults."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.mean_field.two_layer_fluctuations import TwoLayerFluctuations
from asymptopia.parts.activation import Erf, Identity, Power, Tanh
from asymptopia.parts.inputs import Curve, IsotropicGaussians, QuadraticForm
from asymptopia.parts.neurons import Complete, StudentWeights, Weights
from asymptopia.theory.two_layer import Nodes, Setting, _run

REFERENCE = json.loads((Path(__file__).parents[2] / "reference" / "other.json").read_text())
QUADRATIC = [r for r in REFERENCE if r["id"].startswith("G_extra.quadnet.clt")]


@pytest.mark.parametrize("row", QUADRATIC, ids=lambda row: row["id"])
def test_quadratic_units_against_the_reference(row):
    given = row["params"]
    form, start = QuadraticForm((given["a_star"],)), Weights(variance=given["a0"])
    limit = TwoLayerFluctuations(Power(), form, start, batch=0, times=(given["t"],)).limit()
    assert float(limit["fluctuation"][0, 0]) == pytest.approx(row["value"]["clt_var"], abs=2e-7)


@pytest.mark.parametrize("batch", [1, 4])
def test_linear_units_are_an_ornstein_uhlenbeck_process(batch):
    a, target, noise, v, times = 0.8, 1.5, 0.25, 0.6, np.array([0.0, 0.5, 2.0])
    law = TwoLayerFluctuations(
        Identity(), Curve(scale=target), Weights(0.2, v), a, noise, batch, tuple(times), probes=(1.0, -0.5)
    )
    gone = np.exp(-2 * a * times)
    drawn = 2 * a**2 * (target - 0.2) ** 2 * times * gone + a * noise / 2 * (1 - gone)
    exact = np.outer(v * gone + drawn / batch, [1.0, 0.25])
    np.testing.assert_allclose(law.limit()["fluctuation"], exact, atol=3e-7)


def test_influence_against_differences_of_the_flow():
    """The adjoint's variance, against that of finite differences in each neuron's weight and each sample's share."""
    rng = np.random.default_rng(0)
    K, n = 7, 5
    X = rng.standard_normal((n, 1))
    nodes = Nodes(rng.standard_normal((K, 3)), np.full(K, 1 / K), X, np.sin(X[:, 0]), np.full(n, 1 / n))
    setting = Setting(Tanh(), Complete(), None, np.array([[0.3], [-1.0]]), (0.6, 1.5), 1.2)
    steps = [40, 60]

    def outputs(changed):
        return _run(setting, changed, steps, False, 1)["output"]

    eps = 1e-5
    influence = np.empty((2, 2, K))
    for k in range(K):
        up, down = (nodes._replace(w=nodes.w + s * eps * np.eye(K)[k]) for s in (1, -1))
        influence[..., k] = (outputs(up) - outputs(down)) / (2 * eps)
    fluctuation = _run(setting, nodes, steps, True, 1)["fluctuation"]
    np.testing.assert_allclose(fluctuation, influence.var(axis=-1), rtol=1e-6)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(data=IsotropicGaussians()), StatementError, "cannot be IsotropicGaussians"),
        (dict(activation=Power(2), start=StudentWeights(degrees=4.0)), NoLimit, "must have more than 4 moments"),
        (dict(start=StudentWeights(degrees=1.5)), NoLimit, "must have a second moment"),
        (dict(times=()), StatementError, "`times` of TwoLayerFluctuations must be numbers"),
        (dict(batch=-1), StatementError, "`batch` of TwoLayerFluctuations must be >= 0"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        TwoLayerFluctuations(**fields).limit()


@pytest.mark.runs_long
def test_limit_and_experiment_agree():
    confrontation = confront(TwoLayerFluctuations(), sizes=(100, 200, 400), seeds=400)
    assert confrontation.verdict != "disagrees" and confrontation["fluctuation"].largest_z < 4


def test_a_wrong_law_is_refuted():
    class WithoutGradientNoise(TwoLayerFluctuations):
        def predict(self):
            prediction = super().predict()
            quiet = self.replace(batch=0)
            return prediction | {"fluctuation": TwoLayerFluctuations.predict(quiet)["fluctuation"]}

    law = WithoutGradientNoise(Identity(), Curve(Erf()), noise=1.0, times=(1.0,), probes=(1.0,))
    assert confront(law, sizes=(50, 100), seeds=400)["fluctuation"].verdict == "disagrees"
