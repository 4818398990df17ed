"""Derived limits against laws derived by hand, which share no code with them."""

from pathlib import Path

import numpy as np
import pytest

from asymptopia.contract.statement import laws_of_file
from asymptopia.derive import precision
from asymptopia.laws import (
    AMP,
    DeepLinear,
    EquiangularAttention,
    GraphConvolution,
    Hopfield,
    MultiLayerGLM,
    RidgeFlow,
    SequenceIndex,
    SGDDynamics,
    SignalPropagation,
    TAPEquations,
    TwoLayer,
    WideNetworkKernel,
)
from asymptopia.parts.channel import Linear
from asymptopia.parts.prior import Rademacher

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "derived"
TIMES = (0.1, 0.2, 0.3, 0.4, 0.5)

# the derived law, the law by hand, which entries of its observables are compared, how far steps of time are off
JUDGES = {
    "stochastic_descent": (lambda: SGDDynamics(steps=6), {}, 0.0),
    "message_passing": (lambda: AMP(alpha=1.5, prior=Rademacher(), channel=Linear(0.25), iterations=6), {}, 0.0),
    "spin_glass": (TAPEquations, {}, 0.0),
    "tangent_kernel": (lambda: WideNetworkKernel(bias_variance=0.1), {}, 0.0),
    "signals": (lambda: SignalPropagation(layers=5), {}, 0.0),
    "ridge_descent": (lambda: RidgeFlow(times=TIMES), {}, 1e-4),
    "particles": (TwoLayer, {"output": -1}, 5e-4),
    "deep_linear": (lambda: DeepLinear(times=tuple(0.015 * k for k in range(1, 21))), {}, 5e-4),
    "hopfield_mean": (Hopfield, {}, 0.0),
    "equal_angles": (lambda: EquiangularAttention(tokens=8, times=(0.5, 1.0, 1.5)), {}, 1e-6),
    "graph_convolution": (GraphConvolution, {}, 0.0),
    "attention_weights": (lambda: SequenceIndex(alpha=0.25, noise=0.0, tokens=3), {}, 0.0),
    "layers": (lambda: MultiLayerGLM(layers=((1.5, Linear(0.5)), (1.2, Linear(0.5)))), {}, 0.0),
}


def judged(name):
    """Derived values, their errors, values by hand and the error of steps, over all observables."""
    derived = next(iter(laws_of_file(EXAMPLES / f"{name}.py").values()))()
    by_hand, entries, steps = JUDGES[name]
    with precision(2048, 8):
        limits = derived.limit()
    exact = by_hand().limit()
    for observable in derived.observables:
        values = np.asarray(exact[observable])
        yield (
            limits[observable].values,
            limits[f"{observable}_error"].values,
            values[entries.get(observable, ...)],
            steps,
        )


@pytest.mark.parametrize("name", JUDGES)
def test_a_program_has_the_limit_that_was_derived_by_hand(name):
    for value, error, exact, steps in judged(name):
        assert value.shape == exact.shape
        assert np.all(np.abs(value - exact) <= np.maximum(4 * error, 1e-5) + steps), (value, exact, error)
