"""The functional dimension against counting with one unit, a bound for deep networks, and wrong laws."""

import jax
import numpy as np
import pytest

from asymptopia import StatementError, confront
from asymptopia.laws.landscape.functional_dimension import FunctionalDimension


@pytest.mark.parametrize(("d", "n"), [(1, 3), (2, 5)])
def test_one_unit_by_counting_the_inputs_on_which_it_is_on(d, n):
    """It is on for k of n inputs with probability 1/(n + 1): rank min(k, d + 1), and 1 for the bias if k < n."""
    law = FunctionalDimension(layers=(d, 1, 1))
    ranks = np.array([law.realize(n, key)["rank"] for key in jax.random.split(jax.random.key(0), 600)])
    expected = np.mean([min(k, d + 1) + (k < n) for k in range(n + 1)])
    assert abs(ranks.mean() - expected) < 4 * ranks.std() / len(ranks) ** 0.5


def test_the_deep_limit_is_a_bound_that_some_networks_attain():
    law = FunctionalDimension(layers=(3, 4, 3, 1))
    assert "more than one hidden layer" in law.valid()
    most = float(law.limit()["rank"])
    ranks = [law.realize(200, key)["rank"] for key in jax.random.split(jax.random.key(1), 30)]
    assert max(ranks) == most == 35 - 7 and np.mean(ranks) < most


def test_statements_are_checked():
    for wrong in ((3, 2), (3, 0, 1), (3, 2.5, 1)):
        with pytest.raises(StatementError, match="layers"):
            FunctionalDimension(layers=wrong)


class WithoutScalings(FunctionalDimension):
    """All parameters count."""

    def predict(self):
        found = super().predict()
        return found | {"rank": found["rank"] + found["deficit"], "deficit": 0.0}


class WithoutBiases(FunctionalDimension):
    """The biases of hidden units are not counted."""

    def predict(self):
        found = super().predict()
        return found | {"rank": found["rank"] - self.layers[1]}


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = FunctionalDimension()
    experiment = law.experiment(sizes=(32, 64, 128), seeds=80)
    assert confront(law, experiment, resolution=0.1).verdict != "disagrees"
    for wrong in (WithoutScalings(), WithoutBiases()):
        assert confront(wrong, experiment).verdict == "disagrees"
