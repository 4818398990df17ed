"""Cluster and local moves of a ferromagnet against exact sums over the configurations of a small graph."""

import itertools
import math

import numpy as np
import pytest
from scipy import sparse

from asymptopia.algorithms.spins import metropolis, swendsen_wang, wolff
from asymptopia.contract.record import StatementError

# a square with a diagonal, a triangle hanging on it, and a site of its own
EDGES = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2], [3, 4], [4, 5], [5, 3]])


def exact(edges, n, beta):
    """Mean energy per spin, its square, mean squared and fourth power of the magnetisation."""
    S = np.array(list(itertools.product([-1, 1], repeat=n)))
    e, m = -(S[:, edges[:, 0]] * S[:, edges[:, 1]]).sum(axis=1) / n, S.mean(axis=1)
    w = np.exp(-beta * n * (e - e.min()))
    w /= w.sum()
    return w @ e, w @ e**2, w @ m**2, w @ m**4


@pytest.mark.parametrize("move", [swendsen_wang, wolff, metropolis], ids=lambda f: f.__name__)
@pytest.mark.parametrize("beta", [0.2, 0.6])
def test_means_are_those_of_the_exact_sum(move, beta):
    rng = np.random.default_rng(1)
    runs = [move(EDGES, beta, 2000, rng) for _ in range(30)]
    parts = [[np.mean(f(r)) for f in (_e, _e2, _m2, _m4)] for r in runs]
    z = (np.mean(parts, axis=0) - exact(EDGES, 6, beta)) / (np.std(parts, axis=0, ddof=1) / math.sqrt(len(runs)))
    assert np.abs(z).max() < 3.5, z
    assert len(runs[0].energies) == 2000 - 666


def _e(run):
    return run.energies


def _e2(run):
    return run.energies**2


def _m2(run):
    return run.magnetisations**2


def _m4(run):
    return run.magnetisations**4


def test_an_antiferromagnet_spin_by_spin():
    rng = np.random.default_rng(2)
    runs = [metropolis(EDGES, -0.7, 2000, rng) for _ in range(30)]
    measured = [r.energies.mean() for r in runs]
    # H there is that of the ferromagnet: its mean at a negative beta
    assert abs(np.mean(measured) - exact(EDGES, 6, -0.7)[0]) < 4 * np.std(measured, ddof=1) / math.sqrt(30)
    assert np.mean(measured) > 0


def test_what_is_measured_is_read_off_the_spins():
    run = swendsen_wang(EDGES, 0.4, 3, np.random.default_rng(3), burn=2)
    s = run.spins.astype(int)
    assert run.energies[-1] == pytest.approx(-(s[EDGES[:, 0]] * s[EDGES[:, 1]]).mean() * 8 / 6)
    assert run.magnetisations[-1] == pytest.approx(s.mean())


def test_clusters_are_those_of_the_random_cluster_model():
    """Sums over all sets of open bonds, each weighted by 2**clusters."""
    beta, total, weight = 0.6, np.zeros(2), 0.0
    p = 1 - math.exp(-2 * beta)
    for opened in itertools.product([False, True], repeat=len(EDGES)):
        group = list(range(6))
        for (a, b), there in zip(EDGES, opened, strict=True):
            if there:
                group = [group[a] if g == group[b] else g for g in group]
        w = p ** sum(opened) * (1 - p) ** (len(EDGES) - sum(opened)) * 2 ** len(set(group))
        shares = np.array([group.count(g) for g in set(group)]) / 6
        total += w * np.array([np.sum(shares**2), np.sum(shares**3)])
        weight += w
    rng = np.random.default_rng(6)
    runs = [swendsen_wang(EDGES, beta, 2000, rng) for _ in range(30)]
    measured = [r.cluster_moments.mean(axis=0) for r in runs]
    assert (
        np.abs(np.mean(measured, axis=0) - total / weight) < 4 * np.std(measured, axis=0, ddof=1) / math.sqrt(30)
    ).all()
    assert np.mean([r.cluster_share for r in runs]) == pytest.approx(total[1] / total[0], abs=0.01)
    with pytest.raises(StatementError, match="`swendsen_wang` alone"):
        wolff(EDGES, beta, 20, rng).cluster_share  # noqa: B018


def test_a_seed_repeats_the_run():
    for move in (swendsen_wang, wolff, metropolis):
        a, b, c = (move(EDGES, 0.4, 50, np.random.default_rng(s)).energies for s in (4, 4, 5))
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_bad_input_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(StatementError, match="`beta` must be finite, and >= 0 for clusters, but is -1"):
        wolff(EDGES, -1.0, 10, rng)
    with pytest.raises(StatementError, match="`beta`"):
        metropolis(EDGES, math.nan, 10, rng)
    with pytest.raises(StatementError, match="`burn` must be below"):
        swendsen_wang(EDGES, 1.0, 10, rng, burn=10)
    with pytest.raises(StatementError, match="no loops"):
        swendsen_wang(np.array([[0, 0], [0, 1]]), 1.0, 10, rng)


@pytest.mark.parametrize("sampler", [swendsen_wang, wolff, metropolis])
def test_couplings_are_not_taken_for_a_ferromagnet(sampler):
    ring = sparse.csr_array((np.full(6, -1.0), ([0, 1, 1, 2, 2, 0], [1, 0, 2, 1, 0, 2])), shape=(3, 3))
    for weights in (ring, -2 * ring):
        with pytest.raises(StatementError, match="weight"):
            sampler(weights, 0.4, 10, np.random.default_rng(0))
    sampler(-ring, 0.4, 10, np.random.default_rng(0))
