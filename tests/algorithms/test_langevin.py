"""Langevin trajectories: the moments of the Ornstein-Uhlenbeck process, order of the step, coupling."""

import numpy as np
import pytest

from asymptopia.algorithms.langevin import langevin
from asymptopia.problem.potential import Quadratic


@pytest.mark.parametrize("coupling", [0.0, 1.5])
def test_moments(coupling):
    import jax

    n = 40_000
    x = np.full(n, 2.0)
    paths = np.asarray(langevin(Quadratic(1.0), x, 0.5, (0.3, 1.0), 0.05, jax.random.key(1), coupling))
    decay = np.exp(-np.array([0.3, 1.0]))
    spread = 0.5 / (1 + coupling) * (1 - decay ** (2 * (1 + coupling)))
    assert np.all(abs(paths.mean(axis=1) - 2 * decay) < 4 * np.sqrt(spread / n) + 5e-4)
    assert np.all(abs(paths.var(axis=1) - spread) < 4 * spread * np.sqrt(2 / n) + 5e-4)


def test_without_noise_the_error_is_of_second_order():
    import jax

    errors = [
        float(langevin(Quadratic(1.0), np.ones(1), 0.0, (1.0,), step, jax.random.key(0))[0, 0]) - np.exp(-1)
        for step in (0.2, 0.1, 0.05)
    ]
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.15) and errors[1] / errors[2] == pytest.approx(4, rel=0.1)
