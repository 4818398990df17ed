"""Losses that are not convex: their derivatives, and that they say what they are."""

import numpy as np
import pytest

from asymptopia.numerics.proximal import derivatives
from asymptopia.parts.amplitude import Amplitude, Cauchy, Mistakes
from asymptopia.parts.loss import Loss


@pytest.mark.parametrize("loss", [Amplitude(), Amplitude(width=0.1), Cauchy(), Cauchy(scale=0.3), Mistakes(width=0.2)])
def test_derivatives_are_those_of_the_loss(loss):
    y, z = np.meshgrid([0.0, 0.7, 2.0], np.linspace(-3, 3, 41))
    for exact, value in zip(derivatives(loss), (loss.gradient, loss.curvature), strict=True):
        np.testing.assert_allclose(value(y, z), np.asarray(exact(y, z)), rtol=1e-10, atol=1e-10)


def test_the_amplitude_is_blind_to_the_sign_and_not_convex():
    loss, z = Amplitude(width=1e-9), np.linspace(0.1, 3, 20)
    np.testing.assert_allclose(loss(1.5, z), loss(1.5, -z), rtol=0)
    np.testing.assert_allclose(loss(1.5, z), (1.5 - z) ** 2 / 2, rtol=1e-9)
    assert not Amplitude().convex()
    assert Loss.kinks(Amplitude(), np.array([1.0])).size == 0


def test_the_proximal_map_of_the_robust_loss_is_a_minimum():
    y, omega = np.meshgrid([-1.0, 0.0, 2.0], np.linspace(-9, 9, 37))
    loss, V, grid = Cauchy(scale=0.7), 5.0, np.linspace(-12, 12, 480001)
    z = loss.proximal(y, omega, V)
    np.testing.assert_allclose(z - omega + V * loss.gradient(y, z), 0, atol=1e-12)
    for at, label, field in zip(z.ravel()[::7], y.ravel()[::7], omega.ravel()[::7], strict=True):
        assert abs(grid[np.argmin(loss(label, grid) + (grid - field) ** 2 / (2 * V))] - at) < 1e-4
    assert not loss.convex() and loss.curvature(np.zeros(1), np.array([6**0.5 * 0.7])) == pytest.approx(-1 / 8)


def test_a_narrow_step_counts_the_labels_that_are_missed():
    loss, z = Mistakes(kappa=0.5, width=1e-3), np.array([-30.0, -0.6, 0.4, 0.6, 30.0])
    np.testing.assert_allclose(loss(1.0, z), [1, 1, 1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(loss(-1.0, z), [0, 0, 1, 1, 1], atol=1e-12)
    assert loss(1.0, 0.5) == 0.5 and not Mistakes().convex()
