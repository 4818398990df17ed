"""Langevin dynamics with inertia against closed forms, the quadratic potential given as a function, and wrong laws."""

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront, thresholds
from asymptopia.laws.mean_field.underdamped import BAOAB, OBABO, Underdamped
from asymptopia.laws.mean_field.underdamped.theory.kinetic import Kinetic
from asymptopia.parts.potential import DoubleWell, Normal, Quadratic


def spring(x):
    return 0.7 * x**2 / 2


def test_a_quadratic_function_is_the_quadratic_potential():
    """Two methods that share nothing: matrix exponentials, and the grid of positions and velocities."""
    fields = dict(friction=0.8, temperature=0.4, start=Normal(1.0, 0.3), start_velocity_variance=0.6, times=(0.5, 2.0))
    closed = Underdamped(potential=Quadratic(0.7), **fields).limit()
    grid = Underdamped(potential=spring, **fields).limit()
    for name in closed:
        np.testing.assert_allclose(grid[name], closed[name], atol=2e-6, err_msg=name)
        if f"{name}_error" in grid:
            assert (np.abs(grid[name] - closed[name]) <= 3 * grid[f"{name}_error"] + 1e-9).all(), name


@pytest.mark.parametrize("friction", [0.7, 3.0])
def test_the_spectrum_of_a_quadratic_potential(friction):
    gap = Kinetic.of(Quadratic(0.7), 0.5, 40, 24).gap(friction)
    assert gap == pytest.approx(friction / 2 - np.sqrt(complex(friction**2 / 4 - 0.7)).real, abs=1e-7)


def test_high_friction_is_the_overdamped_limit():
    """The gap times the friction tends to the gap of dX = -U' dt + sqrt(2 T) dB."""
    from asymptopia import parse

    slow = float(parse("FokkerPlanck(temperature=0.25)").limit()["spectral_gap"])
    gaps = [g * Kinetic.of(DoubleWell(), 0.25, 56, 30).gap(g) for g in (10.0, 40.0)]
    assert abs(gaps[1] - slow) < abs(gaps[0] - slow) / 8 and gaps[1] == pytest.approx(slow, rel=2e-2)


@pytest.mark.parametrize("scheme", [BAOAB, OBABO])
def test_chains_tend_to_the_equation_with_the_square_of_the_step(scheme):
    exact = Underdamped(times=(2.0,)).limit()
    errors = [
        [
            float(np.abs(Underdamped(times=(2.0,), integrator=scheme(h)).limit()[k] - exact[k]).max())
            for k in ("mean", "variance", "velocity_variance", "covariance")
        ]
        for h in (0.1, 0.05)
    ]
    np.testing.assert_allclose(np.array(errors[0]) / errors[1], 4, rtol=0.05)
    stable = Underdamped(potential=Quadratic(4.0), integrator=scheme(0.6)).limit()
    factor = 1 - 0.36
    position, velocity = (1, factor) if scheme is BAOAB else (1 / factor, 1)
    assert float(stable["stationary_variance"]) == pytest.approx(0.5 / 4 * position, abs=1e-12)
    assert float(stable["stationary_velocity_variance"]) == pytest.approx(0.5 * velocity, abs=1e-12)


def test_statements_are_checked():
    with pytest.raises(NoLimit, match="Quadratic"):
        Underdamped(potential=DoubleWell(), integrator=BAOAB()).limit()
    with pytest.raises(NoLimit, match="unstable"):
        Underdamped(potential=Quadratic(4.0), integrator=OBABO(1.0)).limit()
    with pytest.raises(NoLimit, match="confining"):
        Underdamped(potential=np.sin).limit()
    with pytest.raises(NoLimit, match="positive variances"):
        Underdamped(potential=DoubleWell(), start=Normal(0.0, 0.0)).limit()
    with pytest.raises(StatementError, match="'friction'"):
        thresholds(Underdamped(), along="temperature")


class Overdamped(Underdamped):
    """Velocities that are forgotten at once."""

    def predict(self):
        prediction, t = super().predict(), np.array(self.times)
        return prediction | {"mean": self.start.mean * np.exp(-t / self.friction)}


class NoiseOfTheOverdamped(Underdamped):
    """Noise sqrt(2 T) where it is sqrt(2 friction T)."""

    def predict(self):
        colder = Underdamped(
            friction=self.friction,
            temperature=self.temperature / self.friction,
            start=self.start,
            start_velocity_variance=self.temperature,
        )
        return colder.predict()


def test_the_experiment_agrees_and_wrong_laws_are_refuted():
    law = Underdamped(friction=2.0)
    experiment = law.experiment()
    confrontation = confront(law, experiment)
    assert confrontation.verdict != "disagrees"
    assert {confrontation[k].verdict for k in ("mean", "variance", "velocity_variance")} == {"agrees"}
    for wrong in (Overdamped(friction=2.0), NoiseOfTheOverdamped(friction=2.0)):
        assert confront(wrong, experiment).verdict == "disagrees"
    chain = Underdamped(potential=Quadratic(2.0), integrator=OBABO(1.0), times=(1.0, 4.0))
    assert confront(chain, sizes=(50, 100), seeds=600, resolution=0.1).verdict == "agrees"


def test_the_double_well_agrees():
    law = Underdamped(potential=DoubleWell(), start=Normal(-1.0, 0.1), temperature=0.3, times=(0.5, 2.0))
    assert confront(law, seeds=400).verdict != "disagrees"
