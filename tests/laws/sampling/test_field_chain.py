"""A field on a ring: the identity by parts, a second route for the wells, another action refuted, what is refused."""

import numpy as np
import pytest

from asymptopia import NoLimit, confront
from asymptopia.laws.sampling.field_chain import FieldChain

LAWS = (FieldChain(), FieldChain(coupling=2.0, quadratic=0.5, quartic=0.3), FieldChain(quadratic=-2.0))


@pytest.mark.parametrize("law", LAWS, ids=repr)
def test_the_action_by_parts_is_one(law):
    limit = law.predict()
    action = law.quadratic * limit["square"] + law.quartic * limit["fourth"] + law.coupling * limit["squared_step"]
    assert action == pytest.approx(1.0, abs=1e-10)


def test_weak_wells_follow_perturbation_theory():
    # to first order in b the quartic term is 3 b E phi^2 of the normal chain, a shift of a
    quartic = 1e-5
    law = FieldChain(coupling=2.0, quadratic=1.0, quartic=quartic)
    shifted = 1.0 + 3 * quartic / 3
    assert law.predict()["square"] == pytest.approx((shifted * (shifted + 8)) ** -0.5, abs=1e-9)


def test_units_can_be_changed():
    law, scale = FieldChain(coupling=0.7, quadratic=-1.2, quartic=0.9), 1.7
    other = FieldChain(coupling=0.7 / scale**2, quadratic=-1.2 / scale**2, quartic=0.9 / scale**4)
    for name, power in {"square": 2, "fourth": 4, "correlation": 2, "susceptibility": 2, "turning_rate": -1}.items():
        assert other.predict()[name] == pytest.approx(law.predict()[name] * scale**power, rel=1e-8)


def test_other_numbers_are_refuted():
    law = FieldChain(coupling=0.8, quadratic=-1.0, quartic=1.2, distances=(1, 2))
    experiment = law.experiment((24, 48, 96), 60)
    assert not [j for j in confront(law, experiment).judgements if j.verdict == "disagrees"]
    for wrong in (dict(coupling=0.9), dict(quadratic=-0.8), dict(quartic=1.35)):
        assert confront(law.replace(**wrong), experiment).verdict == "disagrees"


def test_what_is_outside_is_said():
    assert "rings of fewer than" in FieldChain(coupling=50.0).reason_to_doubt()
    with pytest.raises(NoLimit, match="no distribution"):
        FieldChain(quadratic=-1.0, quartic=0.0).limit()
    with pytest.raises(NoLimit, match="too sharp"):
        FieldChain(quadratic=1e-3, quartic=0.0).limit()
    with pytest.raises(NoLimit, match="`coupling` of FieldChain must be at most 200000"):
        FieldChain(coupling=1e12).limit()
    with pytest.raises(NoLimit, match="more than twice as many sites"):
        FieldChain().experiment((16,), 2)
    assert np.isfinite(FieldChain(coupling=1e-6, quadratic=-6.0, quartic=1.0).predict()["square"])
