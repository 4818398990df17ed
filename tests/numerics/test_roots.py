"""Roots and peaks of many functions at once."""

import numpy as np

from asymptopia.numerics.roots import bracketed_roots, peaks, secant


def test_roots_of_cubics():
    c = np.array([1e-9, 0.3, 2.0, 50.0, 1e9])
    roots = bracketed_roots(lambda x, k: x**3 - c[k], np.zeros(5), np.full(5, 1e4))
    assert np.allclose(roots, np.cbrt(c), rtol=1e-12, atol=1e-12)


def test_steps_infinities_and_ends():
    def function(x, k):
        with np.errstate(divide="ignore"):
            return np.choose(k, [np.where(x < 0.3, -1.0, 1.0), np.log(np.maximum(x, 0)), x - 1.0, x + 1.0])

    roots = bracketed_roots(function, np.array([0.0, 0.0, 1.0, 0.0]), np.array([1.0, 7.0, 2.0, 1.0]))
    assert np.allclose(roots[:3], [0.3, 1.0, 1.0], atol=1e-12)
    assert np.isnan(roots[3]), "ends of one sign hold no root that is known"


def test_few_evaluations_are_needed():
    count = []

    def function(x, k):
        count.append(len(x))
        return np.tanh(x) - 0.3 - 0.1 * k

    bracketed_roots(function, np.full(4, -5.0), np.full(4, 5.0))
    assert len(count) < 25


def test_peaks():
    at = np.array([-0.7, 0.01, 2.5])
    places = peaks(lambda x, k: -np.cosh(x - at[k]), at - 1.0, at + 0.3, at + 2.0)
    assert np.allclose(places, at, atol=3e-8)
    assert peaks(lambda x, k: x, *(np.zeros(0),) * 3).size == 0


def test_secants_lead_to_a_near_root_and_say_where_they_do_not():
    taken = []
    root = secant(lambda x: taken.append(x) or np.cos(x) - x, 0.7, 1e-12)
    assert abs(np.cos(root) - root) < 1e-12 and root in taken and len(taken) <= 8
    assert secant(lambda x: x * x + 1 + 0 * x, 0.5, 1e-12) is None
