"""Faults of one field each, injected into laws where every field matters: refuted; the laws themselves are not."""

import dataclasses
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from asymptopia import Law, Observable, confront, generator
from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.exercises import exercises
from asymptopia.contract.law import Defaults
from asymptopia.laws.sampling.zig_zag import ZigZag

LAWS = law_classes()
FAULTS = {
    "the square root of T for that of 2T": ("SGDDynamics", {"temperature": 0.5}, (50, 100, 200), 32),
    "half the rate of the second layer": ("OnlineSGD", {"second_layer_rate": 0.5}, (20, 40, 80), 48),
    "half the refreshment": ("BouncyParticle", {"refreshment": 0.5}, (25, 50, 100), 500),
    "temperatures exchanged twice as often": ("Tempering", {"swapping.rate": 2.0}, (100, 200, 400), 3000),
}
NEUTRAL = (0.0, 1.0)  # at these a term is absent, or looks like its square
UNSEEN = {"MultiIndex": ["noise"]}  # enters thresholds only: no curve is computed with it
ALIKE = ["LandscapeFloor", "WideNetwork"]  # p = 4 fills memory; one kind of network has a limit


def halved(law, factors):
    """The law with fields multiplied by factors; "part.field" is a field of one of its parts."""
    for name, factor in factors.items():
        outer, _, inner = name.partition(".")
        part = getattr(law, outer)
        changed = part.replace(**{inner: factor * getattr(part, inner)}) if inner else factor * part
        law = law.replace(**{outer: changed})
    return law


@pytest.mark.parametrize(("name", "factors", "sizes", "seeds"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_in_the_experiment_is_caught(name, factors, sizes, seeds):
    law = exercises(LAWS[name])[0]
    limit = law.limit()
    assert confront(law, law.experiment(sizes, seeds), limit).verdict != "disagrees"
    assert confront(law, halved(law, factors).experiment(sizes, seeds), limit).verdict == "disagrees"


def test_a_lost_squared_mean_is_caught():
    law = exercises(LAWS["TwoLayerFluctuations"])[0]
    limit, data = law.limit(), law.experiment((20, 40, 80), 400)
    assert confront(law, data, limit).verdict != "disagrees"
    wrong = limit.assign(fluctuation=limit["fluctuation"] + limit["output"] ** 2)
    assert confront(law, data, wrong)["fluctuation"].verdict == "disagrees"


def test_the_default_is_blind_to_what_it_switches_off():
    plain, exercised = ZigZag(), exercises(ZigZag)[0]
    assert halved(plain, {"refreshment": 0.5}) == plain != exercised
    assert halved(exercised, {"refreshment": 0.5}) != exercised


@pytest.mark.parametrize("name", [k for k, c in LAWS.items() if c.exercises])
def test_an_exercise_can_be_trusted_and_switches_on_what_the_default_does_not(name):
    cls, default = LAWS[name], LAWS[name]()
    for law in exercises(cls):
        law.admit()
        assert law.valid() is None and law != default
    off = [f for f, v in vars(default).items() if type(v) is float and v == 0 and f not in UNSEEN.get(name, [])]
    assert all(any(getattr(law, f) != 0 for law in exercises(cls)) for f in off)


@pytest.mark.parametrize("name", LAWS)
def test_no_number_is_neutral_in_all_statements_that_are_run(name):
    default, exercised = LAWS[name](), exercises(LAWS[name])
    assert name in ALIKE or default not in exercised
    numbers = [f.name for f in dataclasses.fields(default) if type(getattr(default, f.name)) is float]
    unseen = [f for f in numbers if all(getattr(law, f) in NEUTRAL for law in (default, *exercised))]
    assert unseen == UNSEEN.get(name, [])


def test_a_law_without_exercises_has_its_numbers_moved():
    default, (moved,) = LAWS["McKeanVlasov"](), exercises(LAWS["McKeanVlasov"])
    assert not LAWS["McKeanVlasov"].exercises
    numbers = [f for f, v in vars(default).items() if type(v) is float]
    assert numbers and np.all([getattr(moved, f) != getattr(default, f) for f in numbers])


PATH = Path(__file__).parents[2] / "studies" / "faults.py"
spec = importlib.util.spec_from_file_location("faults_study", PATH)
study = importlib.util.module_from_spec(spec)
sys.modules["faults_study"] = study
spec.loader.exec_module(study)


@pytest.mark.parametrize("name", ["CurieWeiss", "IsingMeanField"])
def test_half_of_any_number_is_caught(name):
    law = exercises(LAWS[name])[0]
    names = set(study.fields_of(law))
    assert names and study.caught(law, names, budget=20.0) == (names, set(), False)


IMMATERIAL = {
    "Butterfly": "noise",
    "ConvolutionalLinearNetwork": "noise",
    "DiffusionMemorisation": "separation",
    "Hamiltonian": "horizon",
    "SecondOrder": "horizon",
    "Parabolic": "stability",
    "ProxLinear": "distance",
    "BayesianNetwork": "sampler.step",
}


@pytest.mark.parametrize(("name", "immaterial"), IMMATERIAL.items())
def test_a_law_says_on_which_field_no_limit_depends(name, immaterial):
    law = LAWS[name]()
    assert f"o limit depends on `{immaterial.partition('.')[0]}`" in LAWS[name].__doc__
    assert law.limit().equals(study.faulty(law, immaterial))


class Idle(Law):
    """A field that moves nothing."""

    defaults = Defaults(size="n", sizes=(20, 40, 80), seeds=10)
    mean: float = 2.0
    idle: float = 0.5
    observables = {"x": Observable("x", "x")}

    def predict(self):
        return {"x": self.mean}

    def realize(self, n, key):
        return {"x": self.mean + 0.01 * generator(key).normal()}


class Said(Idle):
    """No limit depends on `idle`."""


@pytest.mark.parametrize(("law", "left_out"), [(Idle(), set()), (Said(), {"idle"})])
def test_a_field_that_moves_nothing_is_left_out_only_if_the_law_says_so(law, left_out):
    assert study.caught(law, {"mean", "idle"}, budget=5.0) == ({"mean"}, left_out, False)


def test_fields_of_parts_are_scaled_too():
    law = exercises(LAWS["Tempering"])[0]
    assert "swapping.rate" in study.fields_of(law)
    assert study.scaled(law, "swapping.rate", 0.5) == halved(law, {"swapping.rate": 0.5})
