"""Diffusions drawn to their mean, on a grid: what is preserved, order in time, the fluctuations of free particles."""

import numpy as np
import pytest

from asymptopia.numerics.drift_diffusion import hats
from asymptopia.numerics.self_consistent import Problem, flow, fluctuation


@pytest.fixture
def problem():
    x = np.linspace(-4, 4, 161)
    return Problem(x, x**4 / 4 - x**2 / 2, 0.3, 0.8)


def test_mass_and_positivity_at_any_step(problem):
    for step in (5.0, 0.1):
        path = flow(problem, hats(problem.x, 0.4, 0.3), (1.0, 5.0), step)
        np.testing.assert_allclose(path.masses.sum(axis=1), 1, atol=1e-10)
        assert path.masses.min() >= 0
        assert {1.0, 5.0} <= set(path.times)


def test_the_error_is_of_second_order_in_the_step(problem):
    start = hats(problem.x, 0.4, 0.3)
    values = [problem.x @ flow(problem, start, (1.0,), h).masses[-1] for h in (0.2, 0.1, 0.05, 0.025)]
    steps = np.diff(values)
    assert steps[0] / steps[1] > 3 and steps[1] / steps[2] == pytest.approx(4, rel=0.25)


def test_without_coupling_the_mean_fluctuates_as_one_particle(problem):
    free = problem._replace(coupling=0.0)
    path = flow(free, hats(free.x, 0.4, 0.3), (0.5, 1.0), 0.01)
    for t in (0.5, 1.0):
        mass = path.masses[np.searchsorted(path.times, t - 1e-9)]
        expected = mass @ free.x**2 - (mass @ free.x) ** 2
        assert fluctuation(free, path, t) == pytest.approx(expected, rel=2e-3)
