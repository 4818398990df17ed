"""Event chains of rods: the equation of state against quadrature and the virial theorem, and its failures."""

import numpy as np
import pytest
from scipy import integrate

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.sampling.event_chain import EventChain

LAWS = (EventChain(), EventChain(step=-1.5, density=0.7, width=0.3), EventChain(step=3.0, density=0.3, width=1.0))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_pressure_is_that_of_the_gaps_by_quadrature(law):
    prediction = law.predict()

    def integral(f):
        def weighted(g):
            return f(g) * np.exp(-law.step * (g < law.width) - prediction["pressure"] * g)

        pieces = [
            (0, law.width),
            (law.width, law.width + 5 / prediction["pressure"]),
            (law.width + 5 / prediction["pressure"], 200),
        ]
        return sum(integrate.quad(weighted, *piece, epsabs=1e-13, epsrel=1e-12, limit=200)[0] for piece in pieces)

    total = integral(lambda g: 1.0)

    def mean(f):
        return integral(f) / total

    assert mean(lambda g: g) == pytest.approx(1 / law.density - 1, rel=1e-8)
    assert mean(lambda g: g < law.width) == pytest.approx(prediction["contacts"], rel=1e-8)
    q = 2 * np.pi * law.density * law.waves[1]
    f = mean(lambda g: np.cos(q * (1 + g))) + 1j * mean(lambda g: np.sin(q * (1 + g)))
    assert ((1 + f) / (1 - f)).real == pytest.approx(prediction["structure_factor"][1], rel=1e-8)
    # the residual of g**2 on g, independent gaps
    slope = (mean(lambda g: g**3) - mean(lambda g: g**2) * mean(lambda g: g)) / (
        mean(lambda g: g**2) - mean(lambda g: g) ** 2
    )
    rest = mean(lambda g: (g**2 - slope * g) ** 2) - mean(lambda g: g**2 - slope * g) ** 2
    assert rest == pytest.approx(prediction["squared_gap_fluctuation"], rel=1e-7)


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_virial_theorem_gives_the_same_pressure(law):
    prediction = law.predict()
    at_width = np.exp(-prediction["pressure"] * law.width)
    total = np.exp(-law.step) * (1 - at_width) + at_width
    contact = prediction["pressure"] * np.exp(-law.step) / total
    jump = prediction["pressure"] * at_width * (1 - np.exp(-law.step)) / total
    virial = law.density * (1 + contact + (1 + law.width) * jump)
    assert virial == pytest.approx(prediction["pressure"], rel=1e-10)
    assert prediction["turning_rate"] == pytest.approx(contact + abs(jump), rel=1e-10)


def test_attractive_rods_agree_and_another_energy_is_refuted():
    law = EventChain(step=-1.0, density=0.6)
    experiment = law.experiment((16, 32, 64), 300)
    assert not [j for j in confront(law, experiment).judgements if j.verdict == "disagrees"]
    wrong = confront(law.replace(step=-0.9), experiment)
    assert wrong["pressure"].verdict == wrong["contacts"].verdict == "disagrees"


def test_its_fields_are_checked():
    with pytest.raises(NoLimit, match="step"):
        EventChain(step=50.0).limit()
    with pytest.raises(StatementError, match="density"):
        EventChain(density=1.0)
    with pytest.raises(StatementError, match="width"):
        EventChain(width=1.5)
