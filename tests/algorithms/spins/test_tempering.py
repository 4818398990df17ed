"""Parallel tempering against exact sums over all configurations of few spins, and the ladders it is given."""

import itertools

import numpy as np
import pytest

from asymptopia.algorithms.spins import even_ladder, spin_tempering
from asymptopia.contract.record import StatementError

TEMPERATURES = np.array([0.3, 0.5, 1.0, 2.0])


def sherrington_kirkpatrick(n, rng):
    upper = np.triu(rng.standard_normal((n, n)), 1) / np.sqrt(n)
    return upper + upper.T


def exact(J, h, T):
    """Energy, its variance, and the first two moments of the overlap, by summation."""
    n = len(J)
    S = np.array(list(itertools.product([-1, 1], repeat=n)))
    E = -(np.einsum("ai,ij,aj->a", S, J, S) / 2 + S @ h)
    w = np.exp(-(E - E.min()) / T)
    w /= w.sum()
    pairs = np.einsum("a,ai,aj->ij", w, S, S)
    return w @ E / n, (w @ E**2 - (w @ E) ** 2) / n, np.mean((w @ S) ** 2), np.mean(pairs**2)


@pytest.mark.parametrize("heat_bath", [False, True])
def test_means_are_those_of_the_exact_sum(heat_bath):
    rng = np.random.default_rng(1)
    J, h = sherrington_kirkpatrick(8, rng), 0.3 * rng.standard_normal(8)
    runs = [spin_tempering(J, h, TEMPERATURES, 3000, rng, heat_bath=heat_bath) for _ in range(24)]
    values = np.array([[r.energy, r.energy_variance, r.overlap_moment(1), r.overlap_moment(2)] for r in runs])
    truth = np.array([exact(J, h, T) for T in TEMPERATURES]).T
    z = (values.mean(axis=0) - truth) / (values.std(axis=0, ddof=1) / np.sqrt(len(runs)))
    assert np.abs(z).max() < 3.8, z
    assert np.abs(values.mean(axis=0) - truth).max() < 0.02
    assert len({r.round_trips for r in runs}) > 1 and min(r.round_trips for r in runs) > 50


@pytest.mark.parametrize("J", [np.zeros((8, 8)), np.eye(8, k=1) + np.eye(8, k=-1)], ids=["free", "chain"])
def test_spins_on_which_nothing_acts_forget_where_they_started(J):
    rng = np.random.default_rng(9)
    runs = [spin_tempering(J, 0.0, [1.0, 1.2], 20_000, rng) for _ in range(10)]
    measured = np.array([[r.energy[0], r.energy_variance[0], r.overlap_moment(2)[0]] for r in runs])
    truth = np.array(exact(J, np.zeros(8), 1.0))[[0, 1, 3]]
    assert np.abs(measured - truth).max() < 0.03


def test_the_lowest_energy_seen_is_the_least_and_is_that_of_its_configuration():
    rng = np.random.default_rng(2)
    J = sherrington_kirkpatrick(12, rng)
    S = np.array(list(itertools.product([-1, 1], repeat=12)))
    sampled = spin_tempering(J, 0.1, TEMPERATURES, 500, rng)
    energies = -(np.einsum("ai,ij,aj->a", S, J, S) / 2 + 0.1 * S.sum(axis=1)) / 12
    assert sampled.lowest_energy == pytest.approx(energies.min(), abs=1e-12)
    s = sampled.lowest_spins.astype(float)
    assert -(s @ J @ s / 2 + 0.1 * s.sum()) / 12 == pytest.approx(sampled.lowest_energy, abs=1e-12)


def test_independent_spins_in_a_field():
    T = np.array([0.5, 1.0, 2.0])
    sampled = spin_tempering(np.zeros((40, 40)), 0.7, T, 4000, np.random.default_rng(3), heat_bath=True)
    np.testing.assert_allclose(sampled.energy, -0.7 * np.tanh(0.7 / T), atol=0.005)
    np.testing.assert_allclose(sampled.heat_capacity, (0.7 / T / np.cosh(0.7 / T)) ** 2, atol=0.02)
    np.testing.assert_allclose(sampled.overlap_moment(1), np.tanh(0.7 / T) ** 2, atol=0.01)
    np.testing.assert_allclose(sampled.accepted, (1 - np.tanh(0.7 / T) ** 2) / 2, atol=0.005)
    assert np.all(sampled.overlap_counts.sum(axis=1) == 4000 - 4000 // 3)


def test_history_ends_at_the_mean_and_a_seed_repeats_the_run():
    J = sherrington_kirkpatrick(32, np.random.default_rng(4))
    a, b, c = (spin_tempering(J, 0.0, TEMPERATURES, 1000, np.random.default_rng(s)) for s in (5, 5, 6))
    assert a.history.shape == (10, 4)
    np.testing.assert_allclose(a.history[-1], a.energy, atol=0.03)
    for x, y, z in zip(vars(a).values(), vars(b).values(), vars(c).values(), strict=True):
        np.testing.assert_array_equal(x, y)
        assert np.shape(z) == np.shape(x)
    assert (a.energy != c.energy).all()


def test_a_ladder_exchanges_evenly():
    rng = np.random.default_rng(7)
    J = sherrington_kirkpatrick(100, rng)
    T = even_ladder(J, 0.0, 0.2, 1.6, rng, exchanged=0.4)
    exchanged = spin_tempering(J, 0.0, T, 3000, rng).exchanged
    assert T[0] == 0.2 and T[-1] == 1.6
    assert exchanged.min() > 0.36 and exchanged.max() < 0.56
    assert np.ptp(spin_tempering(J, 0.0, np.geomspace(0.2, 1.6, len(T)), 3000, rng).exchanged) > 2 * np.ptp(exchanged)


def broken(n=4, at=(0, 1), value=np.nan):
    J = np.ones((n, n)) - np.eye(n)
    J[at] = value
    return J


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(couplings=broken()), "finite, but the one of spins 0 and 1 is nan"),
        (dict(couplings=broken(value=2.0)), r"symmetric, but that of 0 to 1 is .*2.0.*that of 1 to 0 .*1.0"),
        (dict(couplings=broken(at=(2, 2), value=1.0)), "diagonal of zeros, but that of spin 2 is 1"),
        (dict(couplings=np.ones((3, 4))), r"shape \(n, n\) with n >= 2, but has shape \(3, 4\)"),
        (dict(field=np.ones(3)), "`field` must be a finite number or 4"),
        (dict(field=np.inf), "`field`"),
        (dict(temperatures=[1.0]), "at least two"),
        (dict(temperatures=[2.0, 1.0]), "ascending"),
        (dict(temperatures=[0.0, 1.0]), "positive"),
        (dict(sweeps=1), "`sweeps` must be a whole number >= 2, but is 1"),
        (dict(burn=10), "`burn` must be below `sweeps` = 10, but is 10"),
    ],
)
def test_bad_input_is_refused(changed, message):
    given = dict(couplings=broken(value=1.0), field=0.0, temperatures=[1.0, 2.0], sweeps=10) | changed
    with pytest.raises(StatementError, match=message):
        spin_tempering(**given, rng=np.random.default_rng(0))


def test_bad_ladders_are_refused():
    J, rng = broken(value=1.0), np.random.default_rng(0)
    with pytest.raises(StatementError, match="`lowest` must be positive and below"):
        even_ladder(J, 0.0, 2.0, 1.0, rng)
    with pytest.raises(StatementError, match="probability"):
        even_ladder(J, 0.0, 1.0, 2.0, rng, exchanged=1.0)
