"""Rods with soft shells: three ways to the pressure, the response to it, other numbers refuted, what is refused."""

import numpy as np
import pytest
from scipy.integrate import simpson

from asymptopia import NoLimit, StatementError, confront, sweep
from asymptopia.engine.cells import plan
from asymptopia.laws.sampling.soft_rods import SoftRods

LAWS = [SoftRods(), *(SoftRods(**fields) for fields in SoftRods.exercises), SoftRods(density=0.02, shell=1.0)]


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_virial_and_events_give_the_pressure_of_the_mean_gap(law):
    limit = law.predict()
    assert limit["virial_pressure"] == pytest.approx(limit["pressure"], rel=1e-11)
    assert limit["turning_rate"] == pytest.approx(limit["pressure"], rel=1e-11)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_long_waves_see_the_compressibility(law):
    """S(0) is the derivative of the density by the pressure; the gaps have the variance of that of 1/density."""
    step = 1e-5 * law.density
    up, down = (law.replace(density=law.density + s).predict()["pressure"] for s in (step, -step))
    compressibility = 2 * step / (up - down)
    long = law.replace(waves=(1e-4,)).predict()["structure_factor"][0]
    assert long == pytest.approx(compressibility, rel=1e-4)
    gap = 1 / law.density - 1
    assert (law.predict()["squared_gap"] - gap**2) * law.density**2 == pytest.approx(compressibility, rel=1e-6)


def test_the_energy_is_the_response_to_the_strength():
    """Of the free energy at a given density, the integral of the pressure over the mean gap."""
    law, step = SoftRods(), 1e-4
    gaps = np.linspace(1.0, 1.2, 21)

    def work(strength):
        pressures = [SoftRods(density=1 / (1 + g), strength=strength).predict()["pressure"] for g in gaps]
        return simpson(pressures, x=gaps)

    change = (work(law.strength + step) - work(law.strength - step)) / (2 * step)
    energies = [SoftRods(density=1 / (1 + g)).predict()["energy"] / law.strength for g in (1.0, 1.2)]
    assert energies[0] - energies[1] == pytest.approx(change, rel=1e-4)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_energy_fluctuates_as_it_responds_to_the_strength(law):
    step = 1e-4 * law.strength
    up, down = (law.replace(strength=law.strength + s).predict()["energy"] / (law.strength + s) for s in (step, -step))
    response = -(law.strength**2) * (up - down) / (2 * step)
    assert law.predict()["energy_fluctuation"] == pytest.approx(response, rel=1e-5)


def test_other_numbers_are_refuted():
    law = SoftRods(waves=(0.5,))
    experiment = law.experiment((12, 24, 48), 60)
    assert not [j for j in confront(law, experiment).judgements if j.verdict == "disagrees"]
    stiffer = confront(law.replace(strength=2.2), experiment)
    assert stiffer["pressure"].verdict == stiffer["virial_pressure"].verdict == "disagrees"
    assert confront(law.replace(density=0.53), experiment)["squared_gap"].verdict == "disagrees"


def test_no_wave_is_too_long():
    """Between 1e-9 and the compressibility nothing cancels; 0 is no wavenumber of a ring."""
    law = SoftRods(waves=(1e-9, 1e-7, 1e-5))
    variance = law.predict()["squared_gap"] - (1 / law.density - 1) ** 2
    np.testing.assert_allclose(law.predict()["structure_factor"], variance * law.density**2, rtol=1e-8)
    with pytest.raises(StatementError, match="`waves`"):
        SoftRods(waves=(0.0, 0.25))


@pytest.mark.parametrize(
    ("law", "sizes", "fit"),
    [
        (SoftRods(), (16, 32, 64), True),
        (SoftRods(density=0.9, shell=0.1, waves=(0.97,)), (16, 32, 64), False),
        (SoftRods(density=0.9, shell=0.1, waves=(0.97,)), (100, 200, 400), True),
        (SoftRods(density=0.9, shell=0.1, waves=(0.97,)), (100, 150), False),
        (SoftRods(waves=(0.01, 0.5)), (16, 32, 64), True),
    ],
)
def test_rings_that_do_not_hold_a_wave_are_too_small(law, sizes, fit):
    """By the structure factor at the nearest wavenumber, a round number of waves on the ring."""

    def structure(wave):
        return law.replace(waves=(wave,)).predict()["structure_factor"][0]

    off = max(abs(structure(max(round(n * w), 1) / n) / structure(w) - 1) for n in sizes for w in law.waves)
    assert (off < 0.02) == fit
    why = law.too_small(sizes)
    assert why is None if fit else "take sizes of which `waves` times the size is whole" in why


def test_what_is_outside_is_said():
    with pytest.raises(NoLimit, match="too high for these shells"):
        SoftRods(density=0.95, power=40.0).limit()
    with pytest.raises(NoLimit, match="`power` of SoftRods is too small"):
        SoftRods(power=0.001).limit()
    with pytest.raises(NoLimit, match="needs 4 rods or more, but n is 3"):
        SoftRods().experiment((3,), 2)
    with pytest.raises(NoLimit, match="`power` of SoftRods is too small"):
        SoftRods(density=0.98, strength=0.0143, power=7e-4, shell=6e-4).limit()


@pytest.mark.parametrize("law", [SoftRods(strength=1e-4, power=1.0), SoftRods(power=0.05)], ids=repr)
def test_what_cannot_be_run_is_said_before_work(law):
    """The limit of shells that rods dive into is known: it is that of Tonks, or close to it."""
    assert law.limit().pressure == pytest.approx(1.0, rel=0.05)
    with pytest.raises(NoLimit, match="too weak to be run"):
        plan(law, (16,), 2)
    with pytest.raises(NoLimit, match="too weak to be run"):
        sweep(law.replace(strength=3.0, power=4.0), strength=(law.strength,), power=(law.power,)).experiment((16,), 2)
