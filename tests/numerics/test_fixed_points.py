"""Fixed points against closed forms; acceptance, refusal and implicit derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from asymptopia.numerics.fixed_points import NotConverged, all_fixed_points, fixed_point, implicit, solve_batch

DOTTIE = 0.7390851332151607


@pytest.mark.parametrize("memory", [0, 1, 5])
@pytest.mark.parametrize("damping", [0.0, 0.5, 0.99])
def test_acceptance_is_on_the_undamped_residual(memory, damping):
    x = fixed_point(np.cos, [0.3], damping=damping, memory=memory, tolerance=1e-11)
    assert abs(np.cos(x[0]) - x[0]) <= 1e-11
    assert x[0] == pytest.approx(DOTTIE, abs=1e-11)


def test_acceleration_solves_a_linear_system_that_plain_iteration_cannot():
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((4, 4)), rng.standard_normal(4)
    assert np.abs(np.linalg.eigvals(A)).max() > 1
    x = fixed_point(lambda v: A @ v + b, np.zeros(4), memory=5, iterations=50)
    assert np.allclose(x, np.linalg.solve(np.eye(4) - A, b), atol=1e-8)
    with pytest.raises(NotConverged):
        fixed_point(lambda v: A @ v + b, np.zeros(4), memory=0, iterations=50)


def test_acceleration_needs_fewer_steps():
    counts = []
    for memory in (0, 3):
        calls = []

        def step(v, calls=calls):
            calls.append(1)
            return 0.99 * np.tanh(v) + 0.01

        fixed_point(step, [0.5], memory=memory)
        counts.append(len(calls))
    assert counts[1] < 0.2 * counts[0]


@pytest.mark.parametrize(
    "step", [lambda x: x + 1, lambda x: x * np.nan, lambda x: np.sqrt(x - 10), lambda x: 2 * x + 1e-3]
)
def test_what_does_not_converge_raises(step):
    with np.errstate(invalid="ignore", over="ignore"), pytest.raises(NotConverged):
        fixed_point(step, [1.0], memory=0, iterations=60)


@pytest.mark.parametrize("damping", [-0.1, 1.0, 2.0])
def test_a_damping_that_stands_still_or_overshoots_is_refused(damping):
    with pytest.raises(ValueError, match="damping"):
        fixed_point(np.cos, [0.3], damping=damping)


def test_all_fixed_points_of_a_bistable_map():
    m = 0.9575040240772687  # of tanh(2 m) = m
    solutions = all_fixed_points(lambda x: np.tanh(2 * x), [[-1.0], [-0.2], [0.0], [0.3], [1.0]], memory=0)
    assert np.allclose(np.ravel(solutions), [-m, 0, m], atol=1e-9)
    assert len(all_fixed_points(np.cos, np.linspace(-2, 2, 9)[:, None])) == 1


def test_no_start_that_leads_anywhere():
    with pytest.raises(NotConverged):
        all_fixed_points(lambda x: x + 1, [[0.0], [1.0]], iterations=20)
    with pytest.raises(NotConverged):
        all_fixed_points(np.cos, [])


def test_a_batch_of_problems_is_the_problems_one_by_one():
    beta = np.linspace(1.05, 4.0, 60)
    x, residual = solve_batch(lambda x, k: np.tanh(beta[k, None] * x), np.ones((60, 1)), tolerance=1e-12)
    assert residual.max() <= 1e-12
    alone = [fixed_point(lambda v, b=b: np.tanh(b * v), [1.0], tolerance=1e-13)[0] for b in beta]
    assert np.allclose(x[:, 0], alone, atol=1e-9)


def test_a_batch_of_divergent_maps_is_solved_by_newton():
    slope = np.linspace(-5, 0.9, 12)
    x, _ = solve_batch(lambda x, k: slope[k, None] * x + np.array([1.0, -2.0]), np.zeros((12, 2)))
    assert np.allclose(x, np.array([1.0, -2.0]) / (1 - slope[:, None]), atol=1e-9)


def test_one_unsolvable_problem_of_a_batch_is_counted():
    with pytest.raises(NotConverged, match="1 of 3"):
        solve_batch(lambda x, k: x + (k[:, None] == 1), np.zeros((3, 1)), rounds=3)


def field_map(m, beta, h):
    return jnp.tanh(beta * (m + h))


def test_implicit_derivatives_forward_and_reverse():
    def magnetisation(beta, h):
        return implicit(field_map, jnp.ones(1), beta, h)[0]

    beta, h = 1.3, 0.2
    m = magnetisation(beta, h)
    assert m == pytest.approx(fixed_point(lambda x: np.tanh(beta * (x + h)), [1.0], tolerance=1e-14)[0], abs=1e-12)
    sech = 1 - m**2
    exact = (sech * (m + h) / (1 - beta * sech), beta * sech / (1 - beta * sech))
    assert np.allclose(jax.grad(magnetisation, (0, 1))(beta, h), exact, rtol=1e-10)
    assert np.allclose(jax.jacfwd(magnetisation, (0, 1))(beta, h), exact, rtol=1e-10)
    step = 1e-4
    second = (magnetisation(beta, h + step) - 2 * m + magnetisation(beta, h - step)) / step**2
    assert jax.grad(jax.grad(magnetisation, 1), 1)(beta, h) == pytest.approx(float(second), rel=1e-5)


def test_implicit_without_a_solution_is_nan():
    assert np.isnan(implicit(lambda x, a: x + a, jnp.ones(1), 1.0, iterations=50)).all()
