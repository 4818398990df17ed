"""The width that an accuracy needs: run at that width."""

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.laws.mean_field.two_layer import TwoLayer
from asymptopia.laws.mean_field.two_layer_fluctuations import TwoLayerFluctuations
from asymptopia.theory.two_layer.width import required_width


def test_networks_of_that_width_are_that_accurate():
    law, accuracy, seeds = TwoLayerFluctuations(times=(0.25, 1.0)), 0.04, 600
    width = required_width(law, accuracy)
    away = law.experiment(sizes=(width,), seeds=seeds)["output"][0] - law.limit()["output"]
    square = (away**2).mean("seed") / accuracy**2
    error = (away**2).std("seed") / accuracy**2 / np.sqrt(seeds)
    worst = int(np.argmax(square.data))
    assert abs(float(square.values.flat[worst]) - 1) < 3 * float(error.values.flat[worst])
    assert (square < 1 + 3 * error).all()


def test_half_the_accuracy_takes_a_quarter_of_the_neurons():
    law = TwoLayer(times=(0.5,))
    assert required_width(law, 0.01) == pytest.approx(4 * required_width(law, 0.02), abs=4)


@pytest.mark.parametrize("accuracy", [0.0, -1.0, float("nan")])
def test_an_accuracy_is_positive(accuracy):
    with pytest.raises(StatementError, match="`accuracy` must be a number > 0"):
        required_width(TwoLayer(), accuracy)
