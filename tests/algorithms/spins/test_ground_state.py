"""Ground states against enumeration, exact mappings, and planted ones."""

import itertools

import numpy as np
import pytest

from asymptopia.algorithms import NotSolved
from asymptopia.algorithms.spins import ground_state
from asymptopia.algorithms.spins.dense_moves import descend
from asymptopia.contract.record import StatementError


def sherrington_kirkpatrick(n, rng):
    upper = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    return upper + upper.T


def energy(J, h, s):
    return -(s @ J @ s / 2 + np.sum(h * s)) / len(J)


@pytest.mark.parametrize("h", [0.0, 0.4])
def test_few_spins_are_enumerated(h):
    rng = np.random.default_rng(1)
    J = sherrington_kirkpatrick(12, rng)
    ground = ground_state(J, h, rng)
    everything = min(energy(J, h, np.array(s)) for s in itertools.product([-1, 1], repeat=12))
    assert ground.exact and ground.energy == pytest.approx(everything, abs=1e-14)
    assert energy(J, h, ground.spins) == pytest.approx(ground.energy, abs=1e-14)


def test_the_search_finds_what_enumeration_finds():
    rng = np.random.default_rng(2)
    for _ in range(5):
        J = sherrington_kirkpatrick(18, rng)
        s = descend(J, np.full(18, 0.1), 1 / np.array([0.15, 0.3, 0.6, 1.2]), 50, rng)
        assert energy(J, 0.1, s) == pytest.approx(ground_state(J, 0.1, rng).energy, abs=1e-12)


def test_independent_searches_of_a_glass_agree():
    rng = np.random.default_rng(3)
    J = sherrington_kirkpatrick(128, rng)
    one, other = ground_state(J, 0.0, rng, sweeps=300), ground_state(J, 0.0, np.random.default_rng(4), agree=3)
    assert not one.exact and one.agreeing == 5 and other.agreeing == 3
    assert one.energy == pytest.approx(other.energy, abs=1e-12)
    assert abs(np.mean(one.spins * other.spins)) == 1
    assert (one.spins * (J @ one.spins) > 0).all(), "a ground state is stable against every flip"


def test_a_random_field_chain_by_transfer_of_minima():
    rng = np.random.default_rng(5)
    n, h = 60, rng.standard_normal(60)
    J = np.eye(n, k=1) + np.eye(n, k=-1)
    best = np.array([h[0], -h[0]])  # least energy of the spins so far, by the last one: -1, +1
    for i in range(1, n):
        best = np.minimum(best - 1, best[::-1] + 1) + np.array([h[i], -h[i]])
    assert ground_state(J, h, rng).energy == pytest.approx(best.min() / n, abs=1e-12)


def test_no_interaction_at_all():
    assert ground_state(np.zeros((30, 30)), 0.0, np.random.default_rng(0)).energy == 0
    h = np.random.default_rng(1).standard_normal(30)
    assert ground_state(np.zeros((30, 30)), h, np.random.default_rng(0)).energy == pytest.approx(-np.abs(h).mean())


def test_searches_that_do_not_agree_are_an_error():
    rng = np.random.default_rng(6)
    with pytest.raises(NotSolved, match="2 searches reached"):
        ground_state(sherrington_kirkpatrick(60, rng), 0.0, rng, agree=3, most=2)


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(StatementError, match="symmetric"):
        ground_state(np.triu(np.ones((5, 5)), 1), 0.0, rng)
    with pytest.raises(StatementError, match="`agree` must be a whole number >= 1, but is 0"):
        ground_state(np.zeros((5, 5)), 0.0, rng, agree=0)
