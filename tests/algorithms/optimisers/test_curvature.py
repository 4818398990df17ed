"""Majorisers of one variable: above the function everywhere, and not so with one per cent less."""

import numpy as np
import pytest

from asymptopia.algorithms.optimisers.curvature import logistic_curvature, unit_curvature
from asymptopia.parts.activation import Gelu, Identity, Relu, Sigmoid, Softplus, Tanh

ACTIVATIONS = [Gelu(), Identity(), Relu(), Sigmoid(), Softplus(), Tanh()]
FAR = np.concatenate([-np.geomspace(1e-3, 1e3, 300)[::-1], np.geomspace(1e-3, 1e3, 300)])


def excess(activation, h, d, z, factor=1.0):
    """The largest of q(z') - majoriser(z'), relative to the square of the distance."""
    c = factor * np.asarray(unit_curvature(activation, h, d, z))
    away = np.concatenate([np.broadcast_to(FAR, (len(z), len(FAR))), -2 * z[:, None]], axis=1)
    change = activation(z[:, None] + away) - activation(z)[:, None]
    q = h[:, None] * change + d[:, None] / 2 * change**2
    bound = (h * activation.derivative(z))[:, None] * away + c[:, None] / 2 * away**2
    return ((q - bound) / away**2).max(axis=1)


def draws(seed=0, n=400):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(n), np.abs(rng.standard_normal(n)), 2 * rng.standard_normal(n)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_it_lies_above(activation):
    h, d, z = draws()
    assert excess(activation, h, d, z).max() <= 1e-9
    assert excess(activation, h, 0 * d, z).max() <= 1e-9
    assert excess(activation, 0 * h, d, z).max() <= 1e-9


def test_of_relu_it_is_sharp_on_either_side_of_the_kink():
    h, d, z = draws(1)
    h, d = np.abs(h), d / 10
    kinked = h > d * np.abs(z)
    assert kinked.sum() > 200 and (~kinked).sum() > 5
    c = np.asarray(unit_curvature(Relu(), h, d, z))
    np.testing.assert_array_equal(c[~kinked], d[~kinked])
    a = 2 * h / np.abs(z)
    place = np.where(z > 0, -1.0, 1.0) * np.where(z > 0, 2 * (a - d) / a - 1, 1 / ((a - 2 * d) / (2 * (a - d))) - 1)
    touch = np.abs(z) * place  # where the parabola meets the function again
    change = Relu()(touch) - Relu()(z)
    q = h * change + d / 2 * change**2
    bound = h * (z > 0) * (touch - z) + c / 2 * (touch - z) ** 2
    np.testing.assert_allclose(q[kinked], bound[kinked], atol=1e-10)
    assert (q - (bound - 0.005 * c * (touch - z) ** 2))[kinked].min() > 0  # one per cent less lies below


@pytest.mark.parametrize("activation", [Gelu(), Sigmoid(), Tanh(), Softplus()], ids=str)
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_of_a_smooth_unit_one_per_cent_less_lies_below(activation, sign):
    z = np.linspace(-3, 3, 61)
    h = sign * np.ones_like(z)
    if sign > 0 or not isinstance(activation, Softplus):  # -softplus is concave: its constant is zero
        bent = np.asarray(unit_curvature(activation, h, 0 * h, z)) > 1e-5  # minus gelu lies below its tangent at 0
        fails = np.array([fine_excess(activation, h[i], z[i], 0.99) for i in np.flatnonzero(bent)]) > 0
        assert bent.sum() > 40
        assert fails.all()


def fine_excess(activation, h, z, factor):
    c = factor * float(unit_curvature(activation, np.array([h]), np.zeros(1), np.array([z]))[0])
    away = np.geomspace(1e-3, 1e4, 20_000)
    far = z + np.concatenate([-away, away])
    q = h * (activation(far) - activation(z))
    return (q - h * activation.derivative(z) * (far - z) - c / 2 * (far - z) ** 2).max()


def test_the_logistic_parabola_touches_twice():
    z = np.linspace(-6, 6, 41)
    c = np.asarray(logistic_curvature(z))
    slope = 1 / (1 + np.exp(-z))
    at_mirror = np.logaddexp(0, z) - 2 * z * slope + 2 * c * z**2
    np.testing.assert_allclose(at_mirror, np.logaddexp(0, -z), atol=1e-12)


@pytest.mark.parametrize("activation", [Gelu(), Tanh()], ids=str)
def test_between_and_beyond_the_nodes_of_the_table_it_lies_above(activation):
    z = np.concatenate([np.linspace(-11, 11, 1500), np.linspace(-2.1, -1.9, 300)])
    for h in (1.0, -1.0):
        assert excess(activation, h * np.ones_like(z), np.zeros_like(z), z).max() <= 1e-9
    assert excess(activation, np.zeros_like(z), np.ones_like(z), z).max() <= 1e-9
