"""Heat-bath dynamics: its equilibrium by enumeration, zero temperature, and what is refused."""

import itertools

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.spins.glauber import glauber


def couplings(n):
    J = np.triu(np.random.default_rng(5).standard_normal((n, n)), 1) / n**0.5
    return J + J.T


def test_it_samples_the_law_of_gibbs():
    n, T = 6, 1.2
    J, h = couplings(n), np.linspace(-0.5, 0.8, n)
    s = np.array(list(itertools.product((-1, 1), repeat=n)))
    H = -np.einsum("ci,ij,cj->c", s, J, s) / 2 - s @ h
    weight = np.exp(-H / T) / np.exp(-H / T).sum()
    path = glauber(J, h, T, np.ones(n), 40_000, np.random.default_rng(0), burn=100)
    assert np.abs(path.means - weight @ s).max() < 0.03
    assert path.energy == pytest.approx(weight @ H / n, abs=0.01)


def test_at_temperature_zero_it_ends_where_no_spin_gains():
    J = couplings(50)
    path = glauber(J, 0.1, 0.0, np.ones(50), 100, np.random.default_rng(0), burn=99)
    s = path.spins.astype(float)
    assert (s * (J @ s + 0.1) >= 0).all()
    assert (np.diff(path.history) <= 1e-12).all()
    assert path.energy == pytest.approx(-(s @ J @ s / 2 + 0.1 * s.sum()) / 50)


def test_bad_input_is_named():
    J, rng = couplings(4), np.random.default_rng(0)
    for arguments, options, words in (
        ((J, 0.0, 1.0, np.zeros(4), 10), {}, "start"),
        ((J, 0.0, -1.0, np.ones(4), 10), {}, "temperature"),
        ((J, 0.0, 1.0, np.ones(4), 10), {"burn": 10}, "burn"),
        ((J + np.triu(J), 0.0, 1.0, np.ones(4), 10), {}, "symmetric"),
    ):
        with pytest.raises(StatementError, match=words):
            glauber(*arguments, rng, **options)
