"""Training near the linearisation: the joint flow of all outputs, limits in time, networks, and bad statements."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from asymptopia import StatementError, confront, parse
from asymptopia.contract.law import NoNumber
from asymptopia.laws.kernels.lazy_training import LazyTraining, followed
from asymptopia.laws.kernels.wide_network_kernel import WideNetworkKernel
from asymptopia.parts.activation import Sign, Tanh

LAW = LazyTraining(depth=3, activation=Tanh(), times=(0.0, 0.4, 2.0))
SHARED = {k: getattr(LAW, k) for k in ("depth", "activation", "weight_variance", "bias_variance")}
KERNELS = WideNetworkKernel(inputs=(*LAW.inputs, LAW.probe), **SHARED).limit()


def test_training_that_would_take_hours_ends_with_a_sentence():
    with pytest.raises(NoNumber, match="more than 10000 steps"):
        LazyTraining(times=(1e6,)).realized(10, (0,))


def test_mean_and_covariance_flow_as_those_of_one_linear_system():
    """All outputs, the probe's among them, obey f' = -M (f - y) with M = (Theta(all, samples), 0)."""
    M = np.array(KERNELS.ntk)
    M[:, -1] = 0.0
    target = np.r_[LAW.labels, 0.0]
    limit = LAW.limit()
    for k, t in enumerate(LAW.times):
        kept = expm(-M * t)
        mean = target - kept @ target
        second = np.outer(mean - target, mean - target) + kept @ KERNELS.nngp.values @ kept.T
        assert float(limit.outputs[k]) == pytest.approx(mean[-1], abs=1e-12)
        assert float(limit.squared_outputs[k]) == pytest.approx(
            mean[-1] ** 2 + (kept @ KERNELS.nngp.values @ kept.T)[-1, -1], abs=1e-12
        )
        assert float(limit.train_loss[k]) == pytest.approx(np.trace(second[:-1, :-1]) / 6, abs=1e-12)


def test_in_the_end_the_mean_interpolates_with_the_tangent_kernel():
    late = LAW.replace(times=(1e6,)).limit()
    theta = KERNELS.ntk.values
    assert float(late.outputs[0]) == pytest.approx(theta[-1, :-1] @ np.linalg.solve(theta[:-1, :-1], LAW.labels))
    assert float(late.train_loss[0]) == pytest.approx(0, abs=1e-12)


def test_steps_are_of_fourth_order():
    def turn(state):
        (x,), linear = state
        return (jnp.stack([x[1], -x[0]]),), -linear

    state = ((jnp.array([0.0, 1.0]),), jnp.ones(1))
    errors = []
    for rate in (8.0, 16.0):
        seen, linear = followed(turn, state, (0.0, 1.0, 2.0), rate, lambda w: w[0])
        np.testing.assert_allclose(seen[0], [0, 1])
        errors.append(abs(float(seen[2, 0]) - np.sin(2)) + abs(float(linear[2, 0]) - np.exp(-2)))
    assert 14 < errors[0] / errors[1] < 18


def test_networks_and_wrong_theories():
    law = LazyTraining(times=(0.1, 0.5))
    experiment = law.experiment(sizes=(64, 128, 256, 512), seeds=400)
    limit = law.limit()
    confrontation = confront(law, experiment, limit)
    assert all(confrontation[k].verdict != "disagrees" for k in ("outputs", "squared_outputs", "train_loss", "rate")), (
        str(confrontation)
    )
    silent = limit.assign(squared_outputs=limit.outputs**2)  # networks that all start at zero
    assert confront(law, experiment, silent)["squared_outputs"].verdict == "disagrees"
    late = law.replace(times=(0.2, 1.0)).limit()
    wrong = limit.assign(train_loss=("time", late.train_loss.values), rate=1.0)
    for name in ("train_loss", "rate"):
        assert confront(law, experiment, wrong)[name].verdict == "disagrees"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("LazyTraining(depth=0)", "depth"),
        ("LazyTraining(inputs=())", "inputs"),
        ("LazyTraining(inputs=((1.0,), (1.0, 2.0), (0.0, 0.0)))", "inputs"),
        ("LazyTraining(labels=(1.0,))", "labels"),
        ("LazyTraining(probe=(1.0,))", "probe"),
        ("LazyTraining(times=(1.0, 0.5))", "times"),
        ("LazyTraining(weight_variance=0.0)", "weight_variance"),
    ],
)
def test_bad_statements_are_refused(text, told):
    with pytest.raises(StatementError, match=f"`{told}`"):
        parse(text)


def test_an_activation_without_the_moments_is_refused():
    with pytest.raises(StatementError, match="derivative"):
        LazyTraining(activation=Sign()).limit()
