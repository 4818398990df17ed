"""Two replicas on a line of sites: the shares of time in equilibrium, exchanges, the order of infinite swapping."""

import itertools

import numpy as np
import pytest

from asymptopia import StatementError
from asymptopia.algorithms.samplers.replica_jumps import replica_jumps

COLD, HOT = np.array([0.0, -2.0, 0.5]), np.array([0.0, -0.5, 0.1])
MARKED = np.array([0.0, 0.0, 1.0])


def weights(logs):
    p = np.exp(logs)
    return p / p.sum()


@pytest.mark.parametrize("rate", [0.0, 2.0, None])
def test_shares_of_time_and_of_exchanges_are_those_of_equilibrium(rate):
    rng, runs = np.random.default_rng(0), 400
    jumps = [replica_jumps(np.stack([COLD, HOT]), MARKED, 50.0, rate, rng) for _ in range(runs)]
    share = np.array([j.occupied / 50 for j in jumps])
    p, q = weights(COLD), weights(HOT)
    assert abs(share.mean() - p[2]) < 4 * share.std() / np.sqrt(runs)
    pairs = list(itertools.product(range(3), repeat=2))
    other = {(i, j): np.exp(COLD[j] + HOT[i] - COLD[i] - HOT[j]) for i, j in pairs}
    rule = (lambda r: r / (1 + r)) if rate is None else (lambda r: min(r, 1))
    exact = sum(p[i] * q[j] * rule(other[i, j]) for i, j in pairs)
    tried, made = (np.array([getattr(j, k) for j in jumps], float) for k in ("tried", "exchanged"))
    if rate == 0.0:
        assert tried.sum() == made.sum() == 0
        return
    left = made - exact * tried
    assert abs(left.mean()) < 4 * left.std() / np.sqrt(runs)
    expected = 50 * rate if rate else 50 * 4 + 1
    assert abs(tried.mean() - expected) < 4 * tried.std() / np.sqrt(runs)


def test_exchanges_carry_the_cold_replica_over_a_barrier():
    steep, flat = np.array([0.0, -12.0, 0.0]), np.zeros(3)
    rng = np.random.default_rng(1)
    spread = [
        np.var([replica_jumps(np.stack([steep, flat]), MARKED, 60.0, rate, rng).occupied / 60 for _ in range(100)])
        for rate in (0.0, 5.0, None)
    ]
    assert spread[0] > 0.2 > 5 * spread[1] > 5 * spread[2] * 0.5


def test_bad_input_is_named():
    rng = np.random.default_rng(2)
    with pytest.raises(StatementError, match="`log_weights` must be finite, of shape"):
        replica_jumps(np.full((2, 3), np.inf), MARKED, 1.0, 1.0, rng)
    with pytest.raises(StatementError, match="`marked` must be finite"):
        replica_jumps(np.zeros((2, 0)), np.zeros(0), 1.0, 1.0, rng)
    for time, rate in ((0.0, 1.0), (np.inf, 1.0), (1.0, -1.0), (1.0, np.inf), (1.0, np.nan)):
        with pytest.raises(StatementError, match="`time` must be finite and > 0"):
            replica_jumps(np.stack([COLD, HOT]), MARKED, time, rate, rng)
