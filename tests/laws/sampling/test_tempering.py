"""Tempering: the ordering of samplers, limits of the rate, closed forms, and the experiment."""

import itertools

import numpy as np
import pytest

from asymptopia import NoLimit, StatementError, confront
from asymptopia.laws.sampling.tempering import Magnet, Tempering, WellSites
from asymptopia.laws.sampling.tempering.theory import asymptotic_variance, generator, stationary
from asymptopia.parts.sampler import Exchange, Infinite

SYSTEMS = (WellSites(), WellSites(tilt=0.0, sites=12), Magnet())


def variance(swapping, **fields):
    return Tempering(swapping=swapping, temperature=0.4, **fields).predict()["asymptotic_variance"]


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.short())
def test_more_exchanges_are_never_worse_and_infinite_swapping_is_best(system):
    rates = (0.0, 0.01, 0.1, 1.0, 10.0, 1000.0, 1e6)
    values = [variance(Exchange(rate=a), system=system) for a in rates]
    best = variance(Infinite(), system=system)
    assert all(b < a for a, b in itertools.pairwise(values)) and best < values[-1]
    assert values[-1] == pytest.approx(best, rel=1e-5)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda s: s.short())
def test_without_exchanges_it_is_a_birth_and_death_chain(system):
    """The variance is a sum over edges; no linear system is solved."""
    law = Tempering(system=system, temperature=0.4)
    cold, f = law.log_weights()[0], law.right_well()
    p = stationary(cold)
    flow = p[:-1] * np.exp(np.minimum(np.diff(cold), 0))
    exact = 2 * np.sum(np.cumsum(p * (f - p @ f))[:-1] ** 2 / flow)
    assert variance(Exchange(rate=0.0), system=system) == pytest.approx(exact, rel=1e-8)
    assert law.predict()["occupation"] == pytest.approx(p @ f, rel=1e-12)


def test_two_states():
    """Rates a, b: variance 2 a b / (a + b)**3."""
    weights = np.log([0.7, 0.3])
    a, b = 0.3 / 0.7, 1.0
    exact = 2 * a * b / (a + b) ** 3
    assert asymptotic_variance(generator(weights), np.array([0.7, 0.3]), np.array([0.0, 1.0])) == pytest.approx(exact)


def test_the_magnet_is_that_of_curie_and_weiss():
    """Occupation by enumeration of all 2^6 spins."""
    law = Tempering(system=Magnet(spins=6, h=-0.1), temperature=1.5, hot=2.0)
    total = np.array([sum(s) for s in itertools.product((-1, 1), repeat=6)])
    weight = np.exp((total**2 / 12 - 0.1 * total) / 1.5)
    assert law.predict()["occupation"] == pytest.approx(weight[total > 0].sum() / weight.sum(), rel=1e-12)


def test_a_frozen_pair_and_a_ladder_upside_down_are_refused():
    with pytest.raises(NoLimit, match="stuck"):
        Tempering(temperature=0.02, swapping=Exchange(rate=0.0)).predict()
    with pytest.raises(StatementError, match="`hot`"):
        Tempering(hot=0.1)


@pytest.mark.parametrize("swapping", [Exchange(rate=1.0), Infinite()], ids=lambda s: s.short())
def test_limit_and_experiment_agree(swapping):
    confrontation = confront(Tempering(swapping=swapping), sizes=(100, 200), seeds=1200)
    assert confrontation.verdict != "disagrees"
    assert confrontation["round_trips"].largest_z < 4


def test_a_wrong_law_is_refuted():
    class Wrong(Tempering):
        def predict(self):
            return super().predict() | {"occupation": 0.26, "round_trips": 0.40}

    confrontation = confront(Wrong(), sizes=(100, 200, 400), seeds=1200)
    assert confrontation["occupation"].verdict == confrontation["round_trips"].verdict == "disagrees"
