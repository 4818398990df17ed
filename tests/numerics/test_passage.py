"""Passages of a point and distances of laws: closed forms, rare events, reflection."""

import numpy as np
import pytest

from asymptopia.numerics.passage import averaging, distance, mean_passage, normal_nodes, quantiles, survival


def test_brownian_motion_between_walls():
    """With a reflecting wall at 0 and the point at 1: a time of (1 - x**2) / 2 T from the left, and the like beyond."""
    x = np.linspace(0.0, 1.5, 301)
    time = mean_passage(np.zeros(301), x[1] - x[0], 0.3, 200)
    np.testing.assert_allclose(time[:201], (1 - x[:201] ** 2) / 0.6, atol=0.01)
    np.testing.assert_allclose(time[200:], (0.25 - (1.5 - x[200:]) ** 2) / 0.6, atol=0.01)


def test_a_rare_passage_by_nested_quadrature():
    from scipy.integrate import quad

    T = 0.02

    def potential(y):
        return y**4 / 4 - y**2 / 2

    def waits(y):
        return quad(lambda z: np.exp((potential(y) - potential(z)) / T), -3, y, points=[-1.0], epsrel=1e-11)[0] / T

    exact = quad(waits, -1.0, 0.0, epsrel=1e-9)[0]
    values = []
    for cells in (400, 800):
        x = np.linspace(-3.0, 3.0, cells + 1)
        times = mean_passage(potential(x), x[1] - x[0], T, cells // 2)
        values.append(times[np.searchsorted(x, -1.0 - 1e-9)])
    assert values[1] + (values[1] - values[0]) / 3 == pytest.approx(exact, rel=1e-5)
    with pytest.raises(ArithmeticError, match="too high"):
        mean_passage(potential(np.linspace(-3, 3, 401)), 0.015, 1e-4, 200)


def test_survival_of_an_ornstein_uhlenbeck_process_by_reflection():
    """At its centre it is symmetric, so that it has passed it with twice the probability of being beyond."""
    from scipy.special import ndtr

    T, t, x = 0.4, 0.7, np.linspace(-6.0, 6.0, 1201)
    starts = np.arange(0, 1201, 40)
    alive = [survival(x**2 / 2, x[1] - x[0], T, 600, (t,), np.eye(1201)[i])[0] for i in starts]
    spread = np.sqrt(T * (1 - np.exp(-2 * t)))
    np.testing.assert_allclose(alive, 2 * ndtr(np.abs(x[starts]) * np.exp(-t) / spread) - 1, atol=1e-4)


def test_the_mean_time_is_the_integral_of_survival():
    x = np.linspace(-4.0, 4.0, 201)
    v, h = x**4 / 4 - x**2 / 2, 0.04
    times = np.linspace(0, 40, 481)
    alive = np.append(1.0, survival(v, h, 0.5, 100, times[1:], np.eye(201)[70]))
    from scipy.integrate import simpson

    assert simpson(alive, x=times) == pytest.approx(mean_passage(v, h, 0.5, 100)[70], rel=1e-4)


@pytest.mark.parametrize("deviation", [0.0, 0.2, 2.0])
def test_means_over_a_normal_law_with_a_kink(deviation):
    from scipy.special import ndtr

    x = np.linspace(-25.0, 25.0, 1001)
    mean = averaging(x, 500, 0.3, deviation) @ np.abs(x)
    z = 0.3 / deviation if deviation else np.inf
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    assert mean == pytest.approx(2 * deviation * density + 0.3 * (2 * ndtr(z) - 1), abs=1e-12)


def test_distances_of_normal_laws():
    x, z = np.linspace(-12.0, 12.0, 961), normal_nodes(1001)
    masses = [np.exp(-((x - m) ** 2) / (2 * s**2)) for m, s in ((0.5, 1.0), (-1.0, 0.6))]
    maps = [quantiles(x, m / m.sum(), z) for m in masses]
    np.testing.assert_allclose(maps[0], 0.5 + z, atol=1e-3)
    assert distance(*maps, z) == pytest.approx(np.hypot(1.5, 0.4), rel=1e-4)
