"""Langevin trajectories: Ornstein-Uhlenbeck processes, orders of the step, coupling, contraction, passages."""

import numpy as np
import pytest

from asymptopia.algorithms.particles.langevin import langevin, langevin_exits
from asymptopia.parts.potential import DoubleWell, Quadratic


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


def test_without_noise_the_error_is_of_third_order():
    import jax

    errors = [
        float(langevin(Quadratic(1.0), np.ones(1), 0.0, (1.0,), step, jax.random.key(0))[0, 0]) - np.exp(-1)
        for step in (0.2, 0.1, 0.05)
    ]
    assert errors[0] / errors[1] == pytest.approx(8, rel=0.15) and errors[1] / errors[2] == pytest.approx(8, rel=0.1)


def test_with_noise_the_error_is_of_second_order():
    """The stationary variance of a step of 0.4 and 0.2 in a quadratic potential, by the recursion that it obeys."""
    import jax

    errors, exact = [], []
    for step in (0.4, 0.2):
        shrink = (1 - step + step**2 / 2 - step**3 / 6) ** 2
        exact.append(step / 2 * (1 + shrink) / (1 - shrink))
        paths = langevin(Quadratic(1.0), np.zeros(100_000), 0.5, (8.0,), step, jax.random.key(3))
        errors.append(float(paths.var()))
    np.testing.assert_allclose(errors, exact, rtol=4 * np.sqrt(2 / 100_000))
    assert (exact[0] - 0.5) / (exact[1] - 0.5) == pytest.approx(4, rel=0.15)


@pytest.mark.parametrize(("potential", "convexity"), [(Quadratic(1.7), 1.7), (DoubleWell(), -1.0)])
def test_clouds_contract_as_in_continuous_time(potential, convexity):
    import jax

    rng, times = np.random.default_rng(0), (0.1, 0.5, 1.0)
    clouds = rng.normal(size=(2, 400)) * 0.7
    paths = np.asarray(langevin(potential, clouds, 0.3, times, 0.2, jax.random.key(2)))
    apart = abs(paths[:, 0] - paths[:, 1]) / abs(clouds[0] - clouds[1])
    assert (apart <= np.exp(-convexity * np.array(times))[:, None] * (1 + 1e-12)).all()


def test_passages_by_reflection():
    """Of the centre, by an Ornstein-Uhlenbeck process: twice the probability of being beyond."""
    import jax
    from scipy.special import ndtr

    n, times = 40_000, np.array([0.3, 1.0])
    _, passed = langevin_exits(Quadratic(1.0), np.full(n, -1.0), 0.5, times, 0.02, jax.random.key(1), 0.0)
    expected = 2 * ndtr(-np.exp(-times) / np.sqrt(0.5 * (1 - np.exp(-2 * times))))
    mean = np.asarray(passed).mean(axis=1)
    assert np.all(abs(mean - expected) < 4 * np.sqrt(expected / n) + 2e-3)


def test_a_level_that_the_drift_carries_particles_across_is_passed():
    """Almost without noise, where all cross at log(1.05) / 5 = 0.0098, within a step; none comes back to cross."""
    import jax

    start = np.repeat([-1.05, -0.95], 8)
    _, passed = langevin_exits(Quadratic(5.0), start, 1e-8, (0.005, 0.5), 0.02, jax.random.key(2), -1.0)
    assert not passed[0].any() and passed[1, :8].all() and not passed[1, 8:].any()
