"""Rotors on a ring: identities by parts, another field refuted, and what is refused."""

import numpy as np
import pytest
from scipy.special import ive

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.sampling.rotor_chain import RotorChain


@pytest.mark.parametrize(
    "law", [RotorChain(), RotorChain(coupling=2.5, h=0.3), RotorChain(coupling=0.2, h=5.0)], ids=repr
)
def test_the_susceptibility_is_the_response_to_the_field(law):
    step = 1e-4
    up, down = (law.replace(h=law.h + s).predict()["magnetisation"] for s in (step, -step))
    assert law.predict()["susceptibility"] == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_without_a_field_it_is_in_closed_form():
    law = RotorChain(coupling=3.0, h=0.0, distances=(0, 5))
    u = ive(1, 3.0) / ive(0, 3.0)
    assert law.predict()["correlation"] == pytest.approx([1.0, u**5], abs=1e-12)
    assert law.predict()["susceptibility"] == pytest.approx((1 + u) / (1 - u) / 2, rel=1e-10)
    assert law.predict()["magnetisation"] == pytest.approx(0.0, abs=1e-10)


def test_other_numbers_are_refuted():
    law = RotorChain(coupling=1.5, h=0.4, distances=(1, 3))
    experiment = law.experiment((24, 48, 96), 60)
    assert not [j for j in confront(law, experiment).judgements if j.verdict == "disagrees"]
    stiffer = confront(law.replace(coupling=1.7), experiment)
    assert stiffer["alignment"].verdict == stiffer["turning_rate"].verdict == "disagrees"
    assert confront(law.replace(h=0.45), experiment)["magnetisation"].verdict == "disagrees"


def test_what_is_outside_is_said():
    assert "rings of fewer than" in RotorChain(coupling=10.0, h=0.0).reason_to_doubt()
    assert RotorChain(coupling=10.0, h=0.0).reason_to_doubt((160, 320)) is None
    with pytest.raises(NoLimit, match="at most 100"):
        RotorChain(coupling=1000.0).limit()
    with pytest.raises(StatementError, match="coupling"):
        RotorChain(coupling=0.0)
    with pytest.raises(NoLimit, match="more than twice as many rotors"):
        RotorChain().experiment((16,), 2)
    assert np.isfinite(RotorChain(coupling=100.0, h=100.0).predict()["susceptibility"])
