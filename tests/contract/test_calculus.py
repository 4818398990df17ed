"""Derivatives and minima of limits, against closed forms and known optima."""

import math

import numpy as np
import pytest

from asymptopia import StatementError, derivative, minimise, parse
from asymptopia.laws.inference.erm import ERM
from asymptopia.laws.spins.curie_weiss import CurieWeiss
from asymptopia.parts.loss import Hinge, Square


def test_the_derivative_of_a_traced_law_is_exact():
    law = CurieWeiss(beta=1.3, h=0.2)
    slope = derivative(law, "h")
    limit = law.limit()
    assert float(slope["magnetisation"]) == pytest.approx(1.3 * float(limit["susceptibility"]), rel=1e-12)
    assert float(slope["free_energy"]) == pytest.approx(-float(limit["magnetisation"]), rel=1e-12)


@pytest.mark.parametrize("loss", [Square(), Hinge()])
def test_the_derivative_of_a_numerical_law_is_that_of_its_limit(loss):
    law = ERM(loss=loss, ridge=0.3)
    steps = np.array([-1e-4, 1e-4])
    ends = [law.replace(alpha=2.0 + h).limit() for h in steps]
    slope = derivative(law, "alpha")
    for name in slope:
        expected = float(ends[1][name] - ends[0][name]) / 2e-4
        assert float(slope[name]) == pytest.approx(expected, rel=1e-5, abs=1e-8), name


def test_the_best_ridge_of_least_squares_on_signs():
    for alpha in (0.7, 3.0):
        law = ERM(loss=Square(), alpha=alpha)
        ridge, error = minimise(law, "test_error", "ridge", 1e-3, 1e2)
        assert ridge == pytest.approx(math.pi / 2 - 1, rel=1e-4)
        assert error == pytest.approx(float(law.replace(ridge=math.pi / 2 - 1).limit()["test_error"]), rel=1e-10)
        assert abs(float(derivative(law.replace(ridge=ridge), "ridge")["test_error"])) < 1e-5


def test_a_minimum_at_the_end_of_the_range_is_found():
    ridge, _ = minimise(ERM(loss=Square()), "norm", "ridge", 1e-2, 10.0)
    assert ridge == pytest.approx(10.0, rel=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: derivative(ERM(), "alfa"), "no field 'alfa'. Did you mean 'alpha'"),
        (lambda: derivative(ERM(), "loss"), "`loss` of ERM must be a number"),
        (
            lambda: minimise(ERM(), "test_eror", "ridge", 0.1, 1.0),
            "no observable 'test_eror'. Did you mean 'test_error'",
        ),
        (lambda: minimise(ERM(), "test_error", "ridge", 0.0, 1.0), "0 < low < high"),
        (lambda: derivative(parse("ERM(ridge=0.0)"), "alpha"), "only if alpha > inf"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(StatementError, match=message):
        call()
