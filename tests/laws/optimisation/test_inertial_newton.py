"""Inertial Newton dynamics: its law, the energy's balance, a wrong law, and INNA as an optax transformation."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from asymptopia import StatementError, confront
from asymptopia.algorithms.optimisers import from_optax, run
from asymptopia.algorithms.optimisers.inertial_newton import inertial_newton, largest_step, lyapunov
from asymptopia.laws.optimisation.inertial_newton import InertialNewton, _marchenko_pastur, _mode


def test_the_experiment_agrees_and_a_wrong_law_is_refuted():
    class Wrong(InertialNewton):
        def predict(self):
            return InertialNewton(newtonian=1.2 * self.newtonian).predict()

    experiment = InertialNewton().experiment()
    assert confront(InertialNewton(), experiment).verdict != "disagrees"
    assert confront(Wrong(), experiment)["lyapunov"].verdict == "disagrees"


def test_the_energy_falls_at_the_rate_of_friction():
    a, b, h = 0.7, 0.3, 1e-5
    curvature = np.array([0.1, 1.0, 4.0])
    theta, psi = _mode(curvature, a, b, np.array([1.0 - h, 1.0, 1.0 + h]))
    energy = (1 + a * b) * curvature * theta**2 + ((a - 1 / b) * theta + psi / b) ** 2
    velocity, other = (theta[2] - theta[0]) / (2 * h), (psi[2] - psi[0]) / (2 * h)
    rate = -2 * a * velocity**2 - 2 / b * (velocity - other) ** 2
    np.testing.assert_allclose((energy[2] - energy[0]) / (2 * h), rate, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("ratio", [0.5, 1.0, 3.0])
def test_the_spectrum_has_the_moments_of_marchenko_and_pastur(ratio):
    nodes, weights = _marchenko_pastur(ratio)
    moments = [weights @ nodes**k for k in range(3)]
    np.testing.assert_allclose(moments, [1, 1, 1 + 1 / ratio], rtol=5e-3 if ratio == 1 else 1e-10)


def test_on_a_network_the_energy_falls_by_what_is_granted():
    def objective(x):
        return jnp.sum(jnp.logaddexp(0.0, x["a"] * 3)) + jnp.sum(jnp.cos(x["b"]))

    a, b, smoothness = 0.5, 0.4, 2.25
    step = 0.9 * largest_step(a, b, smoothness)
    method = inertial_newton(step, a, b, smoothness)
    x = {"a": jnp.array([0.3, -2.0]), "b": jnp.array([0.1])}
    state = method.init(x)
    energies, granted = [float(lyapunov(objective(x), x, state.psi, a, b))], []
    for _ in range(60):
        update, state = method.update(jax.grad(objective)(x), state, x)
        x = optax.apply_updates(x, update)
        energies.append(float(lyapunov(objective(x), x, state.psi, a, b)))
        granted.append(float(state.lyapunov_descent))
    assert (np.array(granted) > 0).all()
    assert (np.diff(energies) + granted <= 1e-12).all()


def test_it_is_an_optax_transformation():
    told = run(from_optax(inertial_newton(0.1, 0.5, 0.5), lambda x: jnp.sum(x**2)), jnp.ones(3), 100)[1]
    assert told.value[-1] < 1e-3 * told.value[0]
    with pytest.raises(StatementError, match="`step` must be finite and > 0, but is -0.1"):
        inertial_newton(-0.1)
    with pytest.raises(StatementError, match="parameters must be finite"):
        run(from_optax(inertial_newton(0.1), lambda x: jnp.sum(x**2)), jnp.array([jnp.nan]), 3)
