"""The TAP equations on given couplings: solutions, their free energy, and what is refused."""

import itertools
import math

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms import NotSolved
from asymptopia.algorithms.spins.tap import bolthausen, free_energy, tap


def couplings(n, seed):
    J = np.triu(np.random.default_rng(seed).standard_normal((n, n)), 1) / math.sqrt(n)
    return J + J.T


@pytest.fixture
def J():
    return couplings(60, 0)


def test_a_solution_makes_the_free_energy_stationary(J):
    solution = tap(J, 0.3, 0.8)
    assert solution.residual <= 1e-10 and solution.replicon < 1
    d = 1e-5
    for i in (0, 7, 31):
        step = d * (np.arange(60) == i)
        up, down = (free_energy(J, 0.3, 0.8, solution.means + sign * step) for sign in (1, -1))
        assert (up - down) / (2 * d) == pytest.approx(0, abs=1e-9)
    away = solution.means + 0.01
    assert abs(free_energy(J, 0.3, 0.8, away) - solution.free_energy) > 1e-6


def test_fewer_reactions_are_refuted_by_enumeration():
    """Magnetisations of weakly coupled spins, to the third order in beta J."""
    n, beta = 8, 0.3
    J, h = couplings(n, 1), np.linspace(-1, 1, n)
    s = np.array(list(itertools.product((-1, 1), repeat=n)))
    weight = np.exp(beta * (np.einsum("ci,ij,cj->c", s, J, s) / 2 + s @ h))
    exact = weight @ s / weight.sum()
    solution = tap(J, h, beta)
    naive = solution.means
    for _ in range(200):
        naive = np.tanh(beta * (h + J @ naive))
    assert np.abs(solution.means - exact).max() < 0.2 * np.abs(naive - exact).max()
    assert solution.free_energy == pytest.approx(-np.log(weight.sum()) / (beta * n), abs=2e-3)


def test_the_damping_changes_the_way_and_not_the_end(J):
    ends = [tap(J, 0.3, 0.8, damping=damping).means for damping in (0.0, 0.2, 0.6)]
    assert np.abs(np.diff(ends, axis=0)).max() < 1e-8
    steps = [m for m, _ in itertools.islice(bolthausen(J, 0.3, 0.8), 3)]
    assert (steps[0] == 0).all()
    np.testing.assert_allclose(steps[1], math.tanh(0.8 * 0.3))
    distances = tap(J, 0.3, 0.8, damping=0.0).distances
    assert distances[0] == pytest.approx(math.tanh(0.24) ** 2) and distances[-1] < 1e-18


def test_without_a_field_above_the_transition_spins_are_free(J):
    solution = tap(J, 0.0, 0.5)
    assert solution.overlap == 0
    assert solution.free_energy == pytest.approx(-2 * math.log(2) - 0.5 * (J**2).sum() / (4 * 60), abs=1e-12)


def test_what_has_no_solution_or_no_meaning_is_refused(J):
    with pytest.raises(NotSolved, match="de Almeida"):
        tap(couplings(200, 3), 0.1, 3.0, iterations=200)
    asymmetric = J.copy()
    asymmetric[0, 1] += 1
    for bad, words in (
        (lambda: tap(asymmetric, 0.1, 0.5), "symmetric"),
        (lambda: tap(J + np.eye(60), 0.1, 0.5), "diagonal"),
        (lambda: tap(J, [0.1, 0.2], 0.5), "field"),
        (lambda: tap(J, 0.1, -1.0), "beta"),
        (lambda: tap(J, 0.1, 0.5, damping=1.0), "damping"),
        (lambda: tap(J, 0.1, 0.5, start=np.full(60, 2.0)), "start"),
        (lambda: tap(J, 0.1, 0.5, iterations=0), "iterations"),
    ):
        with pytest.raises(StatementError, match=words):
            bad()
