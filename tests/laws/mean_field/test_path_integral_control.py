"""Path integral control: the equation of Hamilton, Jacobi and Bellman, normal targets, weights, faults."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.laws.mean_field.path_integral_control import PathIntegralControl
from asymptopia.parts.potential import Normal, Quadratic


def test_a_normal_target_has_a_linear_drift():
    m, v, noise, horizon = 0.7, 0.4, 1.5, 2.0
    law = PathIntegralControl(Normal(m, v), horizon, noise, times=(0.0, 0.3, 0.9), positions=(-1.0, 0.2, 2.0))
    limit, free = law.limit(), noise * horizon
    a, left = 1 / v - 1 / free, free * (1 - np.array(law.times)[:, None])
    np.testing.assert_allclose(
        limit["drift"], noise * (m / v - a * np.array(law.positions)) / (1 + a * left), rtol=1e-10, atol=1e-12
    )
    assert float(limit["effort"]) == pytest.approx((v / free - 1 + m**2 / free - np.log(v / free)) / 2, abs=1e-11)
    assert float(limit["value"]) == pytest.approx(0, abs=1e-12)
    assert float(limit["variance"]) == pytest.approx(v, abs=1e-12)


def test_a_density_without_its_constant_costs_its_logarithm():
    limit = PathIntegralControl(target=Quadratic(4.0)).limit()
    exact = PathIntegralControl(target=Normal(0.0, 0.25)).limit()
    assert float(limit["value"]) == pytest.approx(-np.log(2 * np.pi / 4) / 2, abs=1e-12)
    for name in ("effort", "mean", "variance", "density", "drift"):
        np.testing.assert_allclose(limit[name], exact[name], atol=1e-11, err_msg=name)


def test_the_value_function_solves_the_equation_of_hamilton_jacobi_and_bellman():
    x, t, e, noise, horizon = 0.4, 0.6, 1e-3, 0.8, 1.3
    law = PathIntegralControl(noise=noise, horizon=horizon, times=(t - e, t, t + e), positions=(x - e, x, x + e))
    limit = law.limit()
    V = limit["value_function"].values
    rate = (V[2, 1] - V[0, 1]) / (2 * e * horizon)
    slope, bend = (V[1, 2] - V[1, 0]) / (2 * e), (V[1, 2] - 2 * V[1, 1] + V[1, 0]) / e**2
    assert rate + noise / 2 * bend - noise / 2 * slope**2 == pytest.approx(0, abs=1e-5)
    assert float(limit["drift"][1, 1]) == pytest.approx(-noise * slope, abs=1e-6)


def test_from_the_start_the_value_function_is_the_value():
    limit = PathIntegralControl(times=(0.0,), positions=(0.0,)).limit()
    assert float(limit["value_function"][0, 0]) == pytest.approx(float(limit["value"]), abs=1e-12)


def test_the_value_is_the_cost_of_the_best_control():
    """The control's cost and that of arrival, E Phi, add up."""
    from scipy.integrate import quad

    limit = PathIntegralControl().limit()
    norm = np.exp(-float(limit["value"]))

    def cost(x):
        energy = x**4 / 4 - x**2 / 2
        return np.exp(-energy) / norm * (energy - x**2 / 2 - np.log(2 * np.pi) / 2)

    arrival = quad(cost, -8, 8)[0]
    assert float(limit["effort"]) + arrival == pytest.approx(float(limit["value"]), abs=1e-9)


def test_weights_are_right_for_any_control():
    """They make the mean of exp(-value) exact at every size, although the control is not the best one."""
    law = PathIntegralControl(horizon=0.6, noise=2.0)
    cost = law.experiment((8,), 4000)["value"].values[0]
    values = np.exp(-cost)
    exact = np.exp(-float(law.limit()["value"]))
    error = values.std() / len(values) ** 0.5
    assert error < 0.02 * exact and abs(values.mean() - exact) < 4 * error


def test_a_target_that_reaches_far_is_pointed_out():
    assert "the weights of the control's estimate have no variance" in PathIntegralControl(Normal(0.0, 2.5)).valid()
    assert PathIntegralControl(Normal(0.0, 1.5)).valid() is None


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(noise=0.0), StatementError, "`noise` of PathIntegralControl must be > 0"),
        (dict(horizon=-1.0), StatementError, "`horizon` of PathIntegralControl must be > 0"),
        (dict(times=(0.5, 1.0)), StatementError, "`times` of PathIntegralControl must be numbers >= 0 and < 1"),
        (dict(target=Normal(0.0, 0.0)), NoLimit, "`target` of PathIntegralControl must have a density"),
        (dict(target=lambda x: -(x**2)), NoLimit, "`target` of PathIntegralControl must be normalisable"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        PathIntegralControl(**fields).limit()


def test_they_agree_for_a_normal_target():
    law = parse("PathIntegralControl(target=Normal(mean=0.5, variance=0.5))")
    confrontation = confront(law, sizes=(32, 64), seeds=200)
    assert all(confrontation[k].verdict != "disagrees" for k in law.observed())


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Shifted(PathIntegralControl):
        def predict(self):
            confrontation = PathIntegralControl(noise=1.2 * self.noise).predict()
            return confrontation | {"value": confrontation["value"] + 0.05, "effort": 1.4 * confrontation["effort"]}

    experiment = PathIntegralControl().experiment(sizes=(16, 32, 64), seeds=1200)
    assert confront(PathIntegralControl(), experiment).verdict != "disagrees"
    wrong = confront(Shifted(), experiment)
    assert {wrong[k].verdict for k in ("value", "effort", "drift")} == {"disagrees"}


def test_a_target_that_the_control_rarely_sees_is_said_to_be_too_far():
    """For normal ones the mean square of weights over their squared mean is r exp(m^2 / (2 r - v)) / sqrt(v (2 r - v)).

    It was silent, and a true limit was refuted.
    """
    law = PathIntegralControl(target=Normal(1.0, 0.5), noise=0.3)
    expected = np.log(0.3 / np.sqrt(0.05)) + 10
    assert f"one in exp({expected:.3g})" in law.too_small((128,)) and law.too_small((10**6,)) is None
    assert "one in exp(" in PathIntegralControl(noise=0.006).too_small((32, 64, 128))
    assert PathIntegralControl().too_small((32,)) is None
