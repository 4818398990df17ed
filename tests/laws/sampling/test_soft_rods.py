"""Rods with soft shells: three ways to the pressure, the response to it, other numbers refuted, what is refused."""

import numpy as np
import pytest
from scipy.integrate import simpson

from asymptopia import NoLimit, confront
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


def test_what_is_outside_is_said():
    with pytest.raises(NoLimit, match="too high for these shells"):
        SoftRods(density=0.95, power=40.0).limit()
    with pytest.raises(NoLimit, match="needs 4 rods or more, but n is 3"):
        SoftRods().experiment((3,), 2)
    with pytest.raises(NoLimit, match="at gaps below 1e-290 only"):
        SoftRods(density=0.98, strength=0.0143, power=7e-4, shell=6e-4).limit()
    with pytest.raises(NoLimit, match="too weak to be run"):
        SoftRods(strength=1e-4, power=1.0).experiment((16,), 2)
