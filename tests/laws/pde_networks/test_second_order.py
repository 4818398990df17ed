"""Second-order networks: rates and invariants, and the two-step recursion they stand for."""

import jax
import jax.numpy as jnp
import numpy as np

from asymptopia import confront
from asymptopia.algorithms.pde_networks import Dense
from asymptopia.algorithms.pde_networks import SecondOrder as Layer
from asymptopia.laws.pde_networks.second_order import SecondOrder

SMALL = dict(features=4, hidden=4)


def test_the_experiment_agrees_and_a_wrong_rate_is_refuted():
    class Wrong(SecondOrder):
        def predict(self):
            return super().predict() | {"rate": -3.0}

    experiment = SecondOrder(**SMALL).experiment(sizes=(8, 32, 128), seeds=240)
    assert confront(SecondOrder(**SMALL), experiment).verdict != "disagrees"
    assert confront(Wrong(**SMALL), experiment)["rate"].verdict == "disagrees"


def test_a_layer_is_the_recursion_of_two_states():
    h, layer = 0.3, Layer(Dense.random(5, 4, jax.random.key(1)), 0.3)
    state, positions = (jnp.ones(5), jnp.zeros(5)), []
    for _ in range(4):
        positions.append(state[0])
        state = layer(state)
    force = layer.operator.weight.T @ jnp.tanh(layer.operator.weight @ positions[2])
    np.testing.assert_allclose(positions[3], 2 * positions[2] - positions[1] - h**2 * force, atol=1e-14)
