"""Solvers that run until they have converged: their fixed points, and those that are unstable."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special

from asymptopia import NoLimit, derive
from asymptopia.laws import ERM
from asymptopia.parts import Logistic


def magnet(beta, h, tolerance=1e-8):
    """The equations of Thouless, Anderson and Palmer for random couplings, iterated until they hold."""

    def program(n, key):
        A = jax.random.normal(key, (n, n))
        J = (A + A.T) / jnp.sqrt(2 * n)

        def step(state):
            m, old = state
            return jnp.tanh(beta * (h + J @ m - beta * (1 - jnp.mean(m**2)) * old)), m

        start = jnp.tanh(beta * h) * jnp.ones(n), jnp.zeros(n)
        m, _ = jax.lax.while_loop(lambda state: jnp.mean((state[0] - state[1]) ** 2) > tolerance, step, start)
        return {"overlap": jnp.mean(m**2), "magnetisation": jnp.mean(m)}

    return program


def replica_symmetric(beta, h):
    """The overlap, and the eigenvalue of de Almeida and Thouless, which is below one where it is stable."""
    z = special.ndtri((np.arange(20_000) + 0.5) / 20_000)

    def field(q):
        return np.tanh(beta * (h + np.sqrt(q) * z))

    q = optimize.brentq(lambda q: np.mean(field(q) ** 2) - q, 1e-9, 1)
    return q, beta**2 * np.mean((1 - field(q) ** 2) ** 2)


def test_message_passing_until_it_converges_gives_the_replica_symmetric_overlap():
    q, growth = replica_symmetric(0.6, 0.3)
    assert growth < 1
    limit = derive(magnet(0.6, 0.3), points=4096)
    assert abs(limit["overlap"] - q) < 3 * limit["overlap_error"] + 1e-5


def test_a_loop_ends_where_points_resolve_no_more():
    """A tolerance below the errors of the points: no iterate ever moves so little."""
    q, _ = replica_symmetric(0.9, 0.5)
    limit = derive(magnet(0.9, 0.5, tolerance=1e-13), points=4096)
    assert abs(limit["overlap"] - q) < 3 * limit["overlap_error"] + 1e-5
    assert limit["overlap_error"] < 3e-3


def test_beyond_the_line_of_de_almeida_and_thouless_a_solver_has_no_limit():
    assert replica_symmetric(1.8, 0.1)[1] > 1
    with pytest.raises(NoLimit, match=r"the fixed point is unstable(.|\n)*while_loop"):
        derive(magnet(1.8, 0.1))


def test_gradient_descent_until_it_converges_minimises_the_risk():
    def program(n, key):
        data, teacher = jax.random.split(key)
        X = jax.random.normal(data, (2 * n, n)) / jnp.sqrt(n)
        truth = jax.random.normal(teacher, (n,))
        y = jnp.sign(X @ truth)

        def step(state):
            w, _ = state
            gradient = 0.1 * w - X.T @ (y * jax.nn.sigmoid(-y * (X @ w)))
            return w - 0.8 * gradient, jnp.mean(gradient**2)

        w, _ = jax.lax.while_loop(lambda state: state[1] > 1e-8, step, (jnp.zeros(n), jnp.array(1.0)))
        return {"overlap": w @ truth / n, "norm": w @ w / n, "train_loss": jnp.mean(jax.nn.softplus(-y * (X @ w)))}

    limit, law = derive(program, points=4096), ERM(loss=Logistic(), alpha=2.0, ridge=0.1).predict()
    for name in ("overlap", "norm", "train_loss"):
        assert abs(limit[name] - law[name]) < 4 * limit[f"{name}_error"] + 1e-5, name


def test_a_loop_with_fresh_noise_runs_until_its_condition_says_stop():
    def program(n, key):
        def step(state):
            x, key = state
            key, draw = jax.random.split(key)
            return 0.98 * x + 0.2 * jax.random.normal(draw, (n,)), key

        x, _ = jax.lax.while_loop(lambda state: jnp.mean(state[0] ** 2) < 0.95, step, (jnp.zeros(n), key))
        return {"variance": jnp.mean(x**2)}

    steps = next(t for t in range(1000) if 0.04 * (1 - 0.98 ** (2 * t)) / (1 - 0.98**2) >= 0.95)
    exact = 0.04 * (1 - 0.98 ** (2 * steps)) / (1 - 0.98**2)
    assert derive(program)["variance"] == pytest.approx(exact, abs=1e-3)


def counting(factor, rate, most):
    """Steps towards independent normal numbers, a fixed number of them, and how far they lead."""

    def program(n, key):
        a = jax.random.normal(key, (n,))

        def step(state):
            i, x = state
            return i + 1, factor * x - rate * (x - a)

        _, x = jax.lax.while_loop(lambda state: state[0] < most, step, (0, jnp.ones(n)))
        return {"square": jnp.mean(x**2)}

    return program


@pytest.mark.parametrize(("factor", "rate", "most"), [(1.0, 2e-4, 300), (1.02, 0.0, 60)])
def test_a_loop_that_counts_takes_all_its_steps(factor, rate, most):
    x, a = 1.0, 0.0
    for _ in range(most):
        x, a = (factor - rate) * x, (factor - rate) * a + rate
    assert derive(counting(factor, rate, most))["square"] == pytest.approx(x**2 + a**2, rel=1e-4)


def test_slow_progress_is_not_convergence():
    def program(n, key):
        a = jax.random.normal(key, (n,))
        x = jax.lax.while_loop(lambda x: jnp.mean((x - a) ** 2) > 1.0, lambda x: x - 0.002 * (x - a), jnp.ones(n))
        return {"distance": jnp.mean((x - a) ** 2)}

    steps = int(np.ceil(np.log(1 / 2) / np.log(0.998**2)))
    assert derive(program)["distance"] == pytest.approx(2 * 0.998 ** (2 * steps), rel=1e-4)


def test_a_solver_beside_a_random_readout_converges():
    def program(n, key):
        k1, k2 = jax.random.split(key)
        a, v = jax.random.normal(k1, (n,)), jax.random.normal(k2, (n,))
        x = jax.lax.while_loop(lambda x: jnp.mean((x - a) ** 2) > 1e-6, lambda x: x - 0.1 * (x - a), jnp.zeros(n))
        return {"distance": jnp.mean((x - a) ** 2), "output": jnp.tanh(v @ jnp.tanh(a) / jnp.sqrt(n)) ** 2}

    assert derive(program)["distance"] < 1e-6
