"""Order and chaos: reference values, closed forms, the edge, finite widths."""

import json
from pathlib import Path

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse, thresholds
from asymptopia.laws.kernels.signal_propagation import SignalPropagation
from asymptopia.parts.activation import Erf, Ramp, Relu, Tanh

ROWS = json.loads((Path(__file__).parents[2] / "reference" / "kernels.json").read_text())
ROWS = [r for r in ROWS if r["statement"].startswith("SignalPropagation")]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r["id"])
def test_reference_values(row):
    law = parse(row["statement"])
    if row["kind"] == "threshold":
        value = thresholds(law, row["along"])[row["observable"]]
    else:
        value = float(law.limit()[row["observable"]])
    assert value == pytest.approx(row["value"], rel=1e-9)


def test_on_the_edge_chi_is_one_and_correlations_never_forget():
    weight = thresholds(SignalPropagation(), "weight_variance")["order_to_chaos"]
    limit = SignalPropagation(weight_variance=weight).limit()
    assert float(limit.chi) == pytest.approx(1, abs=1e-10)
    assert float(limit.correlation_depth) > 1e6
    bias = thresholds(SignalPropagation(weight_variance=weight), "bias_variance")["order_to_chaos"]
    assert bias == pytest.approx(0.05, rel=1e-9)
    assert np.isnan(thresholds(SignalPropagation(weight_variance=0.5), "bias_variance")["order_to_chaos"])


@pytest.mark.parametrize("activation", [Tanh(), Erf(scale=0.5)], ids=repr)
def test_without_biases_a_sigmoid_turns_chaotic_where_it_is_linear(activation):
    slope = float(activation.derivative(np.zeros(1))[0])
    transitions = thresholds(SignalPropagation(activation=activation, bias_variance=0.0), "weight_variance")
    assert transitions["order_to_chaos"] == pytest.approx(slope**-2, rel=1e-6)


def test_the_layers_tend_to_the_fixed_points():
    law = SignalPropagation(layers=120, weight_variance=3.0)
    limit = law.limit()
    assert float(limit.layer_length[-1]) == pytest.approx(float(limit.length), rel=1e-9)
    assert float(limit.layer_correlation[-1]) == pytest.approx(float(limit.correlation), rel=1e-4)
    growth = limit.layer_gradient.values[-3] / limit.layer_gradient.values[-2]
    assert growth == pytest.approx(float(limit.chi), rel=1e-6)
    error = np.abs(limit.layer_correlation.values - float(limit.correlation))
    assert np.log(error[50] / error[60]) / 10 == pytest.approx(1 / float(limit.correlation_depth), rel=1e-3)
    error = np.abs(limit.layer_length.values - float(limit.length))
    assert np.log(error[6] / error[9]) / 3 == pytest.approx(1 / float(limit.length_depth), rel=2e-2)


def test_relu_keeps_lengths_at_two_and_has_no_fixed_point_above():
    limit = SignalPropagation(activation=Relu(), weight_variance=1.5, bias_variance=0.1).limit()
    assert float(limit.length) == pytest.approx(0.1 / 0.25, rel=1e-12)
    assert float(limit.chi) == pytest.approx(0.75, rel=1e-12)
    with pytest.raises(NoLimit, match="weight_variance"):
        SignalPropagation(activation=Relu(), weight_variance=2.5, bias_variance=0.1).limit()


def test_a_wrong_factor_is_noticed():
    law = SignalPropagation(layers=5, weight_variance=4.0)
    experiment, right = law.experiment(sizes=(25, 50), seeds=1000), law.limit()
    assert confront(law, experiment, right).verdict != "disagrees"
    wrong = law.replace(bias_variance=law.bias_variance**0.5).limit()
    assert confront(law, experiment, wrong).verdict == "disagrees"
    wrong = right.assign(layer_gradient=right.layer_gradient**0.5)
    assert confront(law, experiment, wrong)["layer_gradient"].verdict == "disagrees"


def test_unknown_directions_are_refused():
    with pytest.raises(StatementError, match="bias_variance"):
        thresholds(SignalPropagation(), "layers")


def test_large_weights_make_steep_layers():
    assert SignalPropagation(weight_variance=10_000.0).predict()["chi"] == pytest.approx(53.40564, abs=1e-4)


def test_inputs_that_vanish_have_no_correlation_and_are_refused():
    with pytest.raises(NoLimit, match="layer 2"):
        SignalPropagation(activation=Ramp(low=0.0, high=0.0, start=0.0, end=0.4), bias_variance=0.0).limit()


def test_an_experiment_in_which_every_layer_is_silent_is_refused_as_the_limit_is():
    """It returned nan for the correlation of nothing with nothing."""
    with pytest.raises(NoLimit, match="All preactivations are 0 in layer 2"):
        SignalPropagation(activation=Ramp(0.0, 0.0, 0.0, 0.4), bias_variance=0.0).admit()
