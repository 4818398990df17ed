"""Directions of the parameters that matter, against their number in networks where it is known."""

import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.measure.functional_dimension import functional_dimension

RNG = np.random.default_rng(0)


def relu_network(units, inputs=3):
    return {
        "W": RNG.standard_normal((units, inputs)), "b": 0.1 * RNG.standard_normal(units),
        "v": RNG.standard_normal(units), "c": np.zeros(1),
    }  # fmt: skip


def outputs(X):
    return lambda p: jnp.maximum(X @ p["W"].T + p["b"], 0) @ p["v"] + p["c"]


def test_a_relu_network_is_known_but_for_the_scales_of_its_units():
    X = RNG.standard_normal((200, 3))
    dimension = functional_dimension(outputs(X), relu_network(5), symmetries=5)
    assert (dimension.rank, dimension.parameters) == (21, 26) and dimension.identifiable
    assert "locally identifiable" in str(dimension)


def test_a_unit_that_never_fires_and_twins_are_not_known():
    X = RNG.standard_normal((200, 3))
    dead, twins = relu_network(5), relu_network(5)
    dead["b"][0] = -100.0
    twins["W"][1], twins["b"][1] = 2 * twins["W"][0], 2 * twins["b"][0]
    assert functional_dimension(outputs(X), dead, 5).rank == 21 - 4
    assert functional_dimension(outputs(X), twins, 5).rank == 21 - 4
    assert not functional_dimension(outputs(X), dead, 5).identifiable


def test_few_inputs_determine_as_much_as_they_are():
    dimension = functional_dimension(outputs(RNG.standard_normal((7, 3))), relu_network(5), 5)
    assert dimension.rank == 7 and not dimension.identifiable and "more inputs" in str(dimension)
    with pytest.raises(StatementError, match="`symmetries` must be from 0 to 25"):
        functional_dimension(outputs(np.ones((7, 3))), relu_network(5), 26)
