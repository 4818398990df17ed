"""Local entropy: the equation it solves, normal distributions, branches and their transition, valleys, faults."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, thresholds
from asymptopia.laws.mean_field.local_entropy import LocalEntropy
from asymptopia.laws.mean_field.mckean_vlasov import McKeanVlasov
from asymptopia.parts.potential import DoubleWell, Quadratic


def valleys(x):
    """A narrow valley at -1 that is the deeper one, and a wide one at 1."""
    import jax.numpy as jnp

    return x**4 / 100 - jnp.exp(-((x + 1) ** 2) / 0.005) - 0.8 * jnp.exp(-((x - 1) ** 2) / 0.5)


def test_a_quadratic_loss_stays_quadratic():
    k, gamma, T = 1.7, 0.6, 0.3
    law = LocalEntropy(Quadratic(k), gamma, T, start=1.0, rate=0.4, steps=5)
    limit, x = law.limit(), np.array(law.positions)
    soft = k * gamma / (k + gamma)
    np.testing.assert_allclose(limit["smoothed_loss"], soft * x**2 / 2 + T / 2 * np.log1p(k / gamma), rtol=1e-11)
    np.testing.assert_allclose(limit["drift"], -soft * x, atol=1e-11)
    np.testing.assert_allclose(limit["curvature"], soft, rtol=1e-11)
    np.testing.assert_allclose(limit["iterates"], (1 - 0.4 * soft) ** np.arange(6), rtol=1e-11)


def test_it_solves_the_viscous_hamilton_jacobi_equation():
    """By finite differences on a wide grid, without the substitution of Cole and Hopf."""
    from scipy.integrate import solve_ivp

    gamma, T = 1.5, 0.2

    def solved(count):
        x, h = np.linspace(-3.0, 3.0, count, retstep=True)

        def change(t, u):
            slope = np.gradient(u, h, edge_order=2)
            bend = np.gradient(slope, h, edge_order=2)
            bend[1:-1] = np.diff(u, 2) / h**2
            return T / 2 * bend - slope**2 / 2

        u = solve_ivp(change, (0, 1 / gamma), DoubleWell()(x), method="LSODA", rtol=1e-8, atol=1e-8, uband=3, lband=3)
        return u.y[:, -1][np.searchsorted(x, np.array([-1.0, -0.5, 0.0, 0.5]) - 1e-9)]

    coarse, fine = solved(121), solved(241)
    smoothed_loss = LocalEntropy(gamma=gamma, temperature=T, positions=(-1.0, -0.5, 0.0, 0.5)).limit()["smoothed_loss"]
    np.testing.assert_allclose(smoothed_loss, fine + (fine - coarse) / 3, atol=1e-4)


def test_slope_and_curvature_are_derivatives():
    x, e = 0.37, 1e-4
    near = LocalEntropy(landscape=valleys, positions=(x - e, x, x + e)).limit()
    loss, drift = near["smoothed_loss"].values, near["drift"].values
    assert (loss[0] - loss[2]) / (2 * e) == pytest.approx(drift[1], abs=1e-7)
    assert (drift[0] - drift[2]) / (2 * e) == pytest.approx(float(near["curvature"][1]), abs=1e-6)


def test_cold_and_stiff_it_is_the_loss_and_hot_and_soft_it_is_flat():
    x = np.array(LocalEntropy().positions)
    stiff = LocalEntropy(gamma=1e6).limit()["smoothed_loss"]
    np.testing.assert_allclose(stiff, DoubleWell()(x), atol=1e-5)
    assert float(abs(LocalEntropy(gamma=1e-3).limit()["drift"]).max()) < 2e-3
    cold = LocalEntropy(landscape=Quadratic(), gamma=1.0, temperature=1e-4).limit()["smoothed_loss"]
    np.testing.assert_allclose(cold, x**2 / 4, atol=1e-4), "the envelope of Moreau"


def test_minima_are_the_stationary_laws_of_particles_drawn_to_their_mean():
    solutions = LocalEntropy(gamma=0.5, temperature=0.2).fixed_points()
    branches = McKeanVlasov(coupling=0.5, temperature=0.2).fixed_points()
    assert [p.stable for p in solutions] == [p.stable for p in branches] == [True, False, True]
    np.testing.assert_allclose([p.overlap for p in solutions], [p.overlap for p in branches], atol=1e-9)


def test_the_maximum_turns_at_the_transition():
    critical = thresholds(LocalEntropy(temperature=0.3), along="gamma")["transition"]
    bend = [
        LocalEntropy(gamma=critical * f, temperature=0.3, positions=(0.0,)).limit()["curvature"] for f in (0.99, 1.01)
    ]
    assert float(bend[0][0]) > 0 > float(bend[1][0])
    assert thresholds(LocalEntropy(Quadratic()), along="gamma") == {}
    with pytest.raises(StatementError, match="in a symmetric loss"):
        thresholds(LocalEntropy(valleys), along="gamma")


def test_the_wide_valley_becomes_the_deeper_one():
    lowest = [
        max(LocalEntropy(valleys, gamma=g, temperature=0.2).fixed_points(), key=lambda p: p.free_entropy).overlap
        for g in (1e4, 5.0)
    ]
    assert lowest[0] == pytest.approx(-1, abs=0.05) and lowest[1] == pytest.approx(1, abs=0.15)


def test_a_loss_that_is_not_confining_can_be_smoothed():
    limit = LocalEntropy(lambda x: 0.7 * x, gamma=2.0, temperature=0.5).limit()
    x = np.array(LocalEntropy().positions)
    np.testing.assert_allclose(limit["smoothed_loss"], 0.7 * x - 0.49 / 4, atol=1e-12)
    np.testing.assert_allclose(limit["drift"], -0.7, atol=1e-12)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (dict(temperature=-0.1), StatementError, "`temperature` of LocalEntropy must be > 0, but is -0.1"),
        (dict(gamma=0.0), StatementError, "`gamma` of LocalEntropy must be > 0"),
        (dict(positions=(1.0, 0.5)), StatementError, "`positions` of LocalEntropy must be numbers that increase"),
        (dict(rate=3.0, start=9.0, steps=40), NoLimit, "`rate` of LocalEntropy must be so small"),
        (dict(landscape=lambda x: -(x**2)), NoLimit, "`landscape` of LocalEntropy must, with gamma"),
    ],
)
def test_bad_statements_are_refused(fields, error, message):
    with pytest.raises(error, match=message):
        LocalEntropy(**fields).limit()


@pytest.mark.runs_long
def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    class Softer(LocalEntropy):
        def predict(self):
            return LocalEntropy(gamma=0.7 * self.gamma).predict()

    class Steeper(LocalEntropy):
        def predict(self):
            confrontation = super().predict()
            return confrontation | {"iterates": LocalEntropy(rate=2 * self.rate).predict()["iterates"]}

    experiment = LocalEntropy().experiment(sizes=(250, 500, 1000), seeds=800)
    assert confront(LocalEntropy(), experiment).verdict != "disagrees"
    softer = confront(Softer(), experiment)
    assert softer["smoothed_loss"].verdict == softer["drift"].verdict == "disagrees"
    assert confront(Steeper(), experiment)["iterates"].verdict == "disagrees"


def test_inner_steps_that_diverge_are_said_in_a_sentence():
    law = LocalEntropy(temperature=64.0, start=1.0, rate=66.0, steps=7)
    with pytest.raises(FloatingPointError, match="^The inner steps of Entropy-SGD diverged.*shorter `rate`.$"):
        law.experiment((law.defaults.sizes[0],), 2)
