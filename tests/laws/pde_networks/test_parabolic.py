"""Parabolic networks: the guarantee holds, is sharp, and fails where the condition is broken."""

import pytest

from asymptopia import NoLimit, StatementError, confront, parse
from asymptopia.laws.pde_networks.parabolic import Parabolic


def test_the_guarantee_is_sharp():
    confrontation = confront(Parabolic(stability=1.25), sizes=(10,))
    assert confrontation["expansion"].verdict != "disagrees" and confrontation.warnings
    assert confrontation["expansion"].table["estimate"] == pytest.approx(1.5, abs=1e-6)


def test_without_the_factor_two_in_the_condition_it_is_refuted():
    class Wrong(Parabolic):
        def predict(self):
            return super().predict() | {"expansion": 1.0}

    judgement = confront(Wrong(stability=1.25), sizes=(10,))["expansion"]
    assert float(judgement.table["estimate"]) > 1.2, "and the law itself warns here, so that nothing is refuted"


def test_the_experiment_agrees_and_a_decay_twice_as_fast_is_refuted():
    class Wrong(Parabolic):
        def predict(self):
            return super().predict() | {"decay": 0.5}

    experiment = Parabolic().experiment()
    assert confront(Parabolic(), experiment).verdict != "disagrees"
    assert confront(Wrong(), experiment)["decay"].verdict == "disagrees"


def test_what_is_not_admitted():
    with pytest.raises(NoLimit, match="monotone and of bounded slope"):
        parse("Parabolic(activation=Gelu())").check()
    with pytest.raises(StatementError, match=r"must be Dense\(\) or Convolutional\(\)"):
        parse("Parabolic(architecture=Residual())")
    with pytest.raises(StatementError, match="odd `window`"):
        parse("Parabolic(architecture=Convolutional(window=2))")
    with pytest.raises(StatementError, match="`stability`"):
        parse("Parabolic(stability=0.0)")
