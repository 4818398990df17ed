"""Spins joined several at a time, against exact sums."""

import itertools
import math

import numpy as np
import pytest

from asymptopia.algorithms.spins import product_tempering, spin_tempering
from asymptopia.contract.record import StatementError

TEMPERATURES = np.array([0.6, 1.0, 1.6])


@pytest.mark.parametrize("p", [2, 3, 4])
def test_means_are_those_of_the_exact_sum(p):
    n, rng = 7, np.random.default_rng(p)
    members = np.array(list(itertools.combinations(range(n), p)))
    J = rng.standard_normal(len(members)) / math.sqrt(n)
    S = np.array(list(itertools.product([-1, 1], repeat=n)))
    E = -S[:, members].prod(axis=2) @ J
    runs = [product_tempering(members, J, TEMPERATURES, 3000, rng) for _ in range(20)]
    for k, T in enumerate(TEMPERATURES):
        w = np.exp(-(E - E.min()) / T)
        w /= w.sum()
        pairs = np.einsum("a,ai,aj->ij", w, S, S)
        for name, truth in (("energy", w @ E / n), ("squared_overlap", np.mean(pairs**2))):
            measured = [r[name][k] for r in runs]
            assert abs(np.mean(measured) - truth) < 4 * np.std(measured, ddof=1) / math.sqrt(20), (name, T)
            assert np.std(measured) < 0.05


def test_pairs_are_what_parallel_tempering_knows():
    n, rng = 12, np.random.default_rng(5)
    members = np.array(list(itertools.combinations(range(n), 2)))
    J = rng.standard_normal(len(members)) / math.sqrt(n)
    dense = np.zeros((n, n))
    dense[members[:, 0], members[:, 1]] = dense[members[:, 1], members[:, 0]] = J
    one = product_tempering(members, J, TEMPERATURES, 20_000, rng)
    other = spin_tempering(dense, 0.0, TEMPERATURES, 20_000, rng)
    np.testing.assert_allclose(one["energy"], other.energy, atol=0.01)
    np.testing.assert_allclose(one["squared_overlap"], other.overlap_moment(2), atol=0.02)
    np.testing.assert_allclose(one["exchanged"], other.exchanged, atol=0.03)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(members=[[0, 0, 1]]), "join different spins"),
        (dict(members=[0, 1, 2]), r"shape \(couplings, p\)"),
        (dict(members=[[0.5, 1.0, 2.0]]), "whole numbers"),
        (dict(strengths=[np.nan]), "finite"),
        (dict(strengths=[1.0, 2.0]), "`strengths` must be 1 finite"),
        (dict(temperatures=[1.0]), "at least two"),
        (dict(burn=20), "`burn` must be below"),
    ],
)
def test_bad_input_is_refused(changed, message):
    given = dict(members=[[0, 1, 2]], strengths=[1.0], temperatures=[1.0, 2.0], sweeps=20) | changed
    with pytest.raises(StatementError, match=message):
        product_tempering(**given, rng=np.random.default_rng(0))
