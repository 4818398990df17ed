"""The rounded perceptron: its derivatives, and what it is without rounding."""

import numpy as np
import pytest

from asymptopia.numerics.proximal import derivatives
from asymptopia.parts.loss import Hinge
from asymptopia.parts.perceptron import Perceptron


@pytest.mark.parametrize("loss", [Perceptron(), Perceptron(kappa=1.0, width=0.2)])
def test_derivatives_are_those_of_the_loss(loss):
    y, z = np.meshgrid([-1.0, 1.0], np.linspace(-3, 3, 42) + 0.0123)
    for exact, value in zip(derivatives(loss), (loss.gradient, loss.curvature), strict=True):
        np.testing.assert_allclose(value(y, z), np.asarray(exact(y, z)), rtol=1e-10, atol=1e-10)
    assert loss.convex()


def test_outside_the_rounding_it_is_the_hinge():
    y, z = np.meshgrid([-1.0, 1.0], np.linspace(-3, 3, 31))
    loss = Perceptron(kappa=1.0, width=1e-9)
    np.testing.assert_allclose(loss(y, z), Hinge()(y, z), atol=1e-9)


def test_the_proximal_map_is_stationary():
    loss, omega = Perceptron(), np.linspace(-3, 3, 21)
    z = loss.proximal(np.ones_like(omega), omega, np.full_like(omega, 0.7))
    np.testing.assert_allclose(z - omega + 0.7 * loss.gradient(1.0, z), 0, atol=1e-10)
