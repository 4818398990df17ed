"""Moves of Ising spins on dense couplings, compiled; `spin_tempering` and `ground_state` are what to call.

A configuration is kept with the fields that act on its spins, `local` = J s + h, so that a proposal costs O(1) and a
flip one row of J. Random numbers are from a NumPy Generator.
"""

from __future__ import annotations

import numpy as np
from numba import njit

IDLE = 0.05  # Metropolis' rule proposes a flip with probability exp(-IDLE) only: one made with certainty, in a fixed
# order, would carry spins on which nothing acts, or the walls of a chain, around for ever


@njit(cache=True, fastmath={"contract"})
def flip(J, s, local, i):  # type: ignore[no-untyped-def]
    """Flip spin i in place; returns the change of the energy."""
    change = 2 * s[i] * local[i]
    s[i] = -s[i]
    twice, row = 2 * s[i], J[i]
    for j in range(len(s)):
        local[j] += twice * row[j]
    return change


@njit(cache=True)
def sweep(J, s, local, beta, heat_bath, rng):  # type: ignore[no-untyped-def]
    """One sweep over all spins in order; returns the change of the energy and the number of flips."""
    change, flips = 0.0, 0
    for i in range(len(s)):
        cost = 2 * beta * s[i] * local[i]
        if heat_bath:
            taken = cost < np.log(1 / (1 - rng.random()) - 1)  # a logistic variable: probability 1 / (1 + exp(cost))
        else:
            taken = max(cost, 0.0) + IDLE < rng.standard_exponential()  # probability exp(-IDLE) min(1, exp(-cost))
        if taken:
            change += flip(J, s, local, i)
            flips += 1
    return change, flips


@njit(cache=True)
def energy(J, h, s, local):  # type: ignore[no-untyped-def]
    """The energy - s J s / 2 - h s; recomputes `local` in place."""
    total = 0.0
    for i in range(len(s)):
        pull = 0.0
        for j in range(len(s)):
            pull += J[i, j] * s[j]
        local[i] = pull + h[i]
        total -= s[i] * (pull / 2 + h[i])
    return total


@njit(cache=True)
def quench(J, s, local):  # type: ignore[no-untyped-def]
    """Flip the spin that lowers the energy most until none does; returns the change of the energy."""
    total = 0.0
    while True:
        i = np.argmin(s * local)
        if not s[i] * local[i] < 0:
            return total
        total += flip(J, s, local, i)


@njit(cache=True)
def exchange(betas, H, place, parity, end, trips, swaps, rng):  # type: ignore[no-untyped-def]
    """Metropolis exchanges between neighbouring temperatures, pairs of this parity.

    place[r, k] is the configuration of replica r at temperature k. end: +1 for a configuration that was last at the
    highest temperature, -1 at the lowest, 0 if at neither yet.
    """
    last = len(betas) - 1
    for r in range(len(place)):
        for k in range(parity, last, 2):
            a, b = place[r, k], place[r, k + 1]
            if (betas[k] - betas[k + 1]) * (H[b] - H[a]) < rng.standard_exponential():
                place[r, k], place[r, k + 1] = b, a
                swaps[k] += 1
        bottom, top = place[r, 0], place[r, last]
        if end[bottom] == 1:
            trips[0] += 1
        end[bottom] = -1
        end[top] = 1


@njit(cache=True)
def scatter(J, h, copies, rng):  # type: ignore[no-untyped-def]
    """Random configurations (copies, n), their local fields and their energies."""
    s = np.empty((copies, len(h)))
    local = np.empty((copies, len(h)))
    H = np.empty(copies)
    for c in range(copies):
        for i in range(len(h)):
            s[c, i] = 1.0 if rng.random() < 0.5 else -1.0
        H[c] = energy(J, h, s[c], local[c])
    return s, local, H


@njit(cache=True)
def temper(J, h, betas, sweeps, burn, heat_bath, rng):  # type: ignore[no-untyped-def]
    """A run of parallel tempering of two replicas; see `spin_tempering` for what it measures."""
    n, count = len(h), len(betas)
    s, local, H = scatter(J, h, 2 * count, rng)
    place = np.arange(2 * count).reshape(2, count)
    end = np.zeros(2 * count, np.int64)
    trips, swaps, flips = np.zeros(1, np.int64), np.zeros(count - 1), np.zeros(count)
    first, second = np.zeros(count), np.zeros(count)
    history = np.zeros((int(np.log2(sweeps)) + 1, count))
    overlaps = np.zeros((count, n + 1), np.int64)
    best, lowest = np.inf, np.ones(n)
    for t in range(sweeps):
        for r in range(2):
            for k in range(count):
                c = place[r, k]
                change, flipped = sweep(J, s[c], local[c], betas[k], heat_bath, rng)
                H[c] += change
                flips[k] += flipped
                if H[c] < best:
                    best = H[c]
                    lowest[:] = s[c]
        exchange(betas, H, place, t % 2, end, trips, swaps, rng)
        for k in range(count):
            a, b = place[0, k], place[1, k]
            history[int(np.log2(t + 1)), k] += (H[a] + H[b]) / 2
            if t >= burn:
                first[k] += (H[a] + H[b]) / 2
                second[k] += (H[a] ** 2 + H[b] ** 2) / 2
                equal = 0
                for i in range(n):
                    equal += s[a, i] == s[b, i]
                overlaps[k, equal] += 1
    return first, second, overlaps, flips, swaps, trips[0], lowest, history


@njit(cache=True)
def descend(J, h, betas, sweeps, rng):  # type: ignore[no-untyped-def]
    """The lowest energy, and its configuration, among quenches after every sweep of parallel tempering."""
    n, count = len(h), len(betas)
    s, local, H = scatter(J, h, count, rng)
    place = np.arange(count).reshape(1, count)
    end, trips, swaps = np.zeros(count, np.int64), np.zeros(1, np.int64), np.zeros(count - 1)
    tried, pulls = np.empty(n), np.empty(n)
    best, lowest = np.inf, np.ones(n)
    for t in range(sweeps):
        for k in range(count):
            c = place[0, k]
            H[c] += sweep(J, s[c], local[c], betas[k], False, rng)[0]
            tried[:] = s[c]
            pulls[:] = local[c]
            reached = H[c] + quench(J, tried, pulls)
            if reached < best:
                best = reached
                lowest[:] = tried
        exchange(betas, H, place, t % 2, end, trips, swaps, rng)
    return lowest


@njit(cache=True)
def enumerate_all(J, h):  # type: ignore[no-untyped-def]
    """The configuration of least energy among all 2**n, enumerated in Gray code order."""
    n = len(h)
    s, local = np.ones(n), np.empty(n)
    H = energy(J, h, s, local)
    best, lowest = H, s.copy()
    for step in range(1, 2**n):
        i = 0
        while step & 1 == 0:
            step >>= 1
            i += 1
        H += flip(J, s, local, i)
        if best > H:
            best = H
            lowest[:] = s
    return lowest
