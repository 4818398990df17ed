"""Splines with free knots: constants against closed forms, experiment, and refusals."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.laws.approximation.relu_spline import ReLUSpline, square_error
from asymptopia.parts.activation import Activation


def test_constants_of_the_exponential():
    law = ReLUSpline(target=Activation.from_callable(_exp), low=0.0, high=3.0)
    prediction = law.predict()
    assert prediction["error"] == pytest.approx(((np.exp(1.2) - 1) / 0.4) ** 2.5 / np.sqrt(720), rel=1e-10)
    assert prediction["equal_error"] == pytest.approx(9 * np.sqrt((np.exp(6) - 1) / 2 / 720), rel=1e-10)


def test_the_interval_scales_as_it_must():
    """f(x) on [a, b] has the constants of f(x / 2) on [2a, 2b], over the root of 2 in the norm."""
    one = parse("ReLUSpline(target=Erf(scale=1.0), low=0.5, high=2.0)").predict()
    two = parse("ReLUSpline(target=Erf(scale=0.5), low=1.0, high=4.0)").predict()
    for name in ("error", "equal_error"):
        assert two[name] == pytest.approx(np.sqrt(2) * one[name], rel=1e-9)


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_the_deep_network_interpolates_the_square(depth):
    assert square_error(depth, np.random.default_rng(depth)) == pytest.approx(0.25, rel=1e-9)


def test_the_experiment_agrees_and_a_wrong_constant_is_refuted():
    class Wrong(ReLUSpline):
        def predict(self):
            prediction = super().predict()
            return prediction | {"error": prediction["error"] * 1.05}  # as with 720 replaced by 653

    experiment = ReLUSpline().experiment(sizes=(6, 9, 14), seeds=110)
    assert confront(ReLUSpline(), experiment).verdict != "disagrees"
    assert confront(Wrong(), experiment)["error"].verdict == "disagrees"


def test_what_has_no_limit_is_refused_and_what_is_slow_warned_of():
    with pytest.raises(NoLimit, match="must bend"):
        parse("ReLUSpline(target=Identity())").check()
    with pytest.raises(StatementError, match="`high` of ReLUSpline must be above"):
        ReLUSpline(low=1.0, high=1.0)
    assert "inflection" in ReLUSpline(low=-1.0).valid()
    assert "kink" in ReLUSpline(target=Activation.from_callable(_bent), low=-1.0, high=1.0).valid()


def _exp(x):
    import jax.numpy as jnp

    return np.exp(x) if isinstance(x, np.ndarray) else jnp.exp(x)


def _bent(x):
    import jax.numpy as jnp

    return abs(x) + x * x if isinstance(x, np.ndarray) else jnp.abs(x) + x * x
