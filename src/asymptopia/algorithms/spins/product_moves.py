"""Moves of Ising spins whose couplings join several at once, compiled; `product_tempering` is what to call.

Coupling a joins the spins members[a]; spin i is in the couplings of[start[i]], ..., of[start[i + 1] - 1]. `local` is
kept: the energy is - sum over a of J[a] times the product of its spins, and local[i] what multiplies spin i in -energy.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .dense_moves import IDLE, exchange


@njit(cache=True)
def energy(members, J, s, local):  # type: ignore[no-untyped-def]
    """The energy; recomputes `local` in place."""
    local[:] = 0.0
    total = 0.0
    for a in range(len(J)):
        term = J[a]
        for i in members[a]:
            term *= s[i]
        total -= term
        for i in members[a]:
            local[i] += term * s[i]
    return total


@njit(cache=True)
def sweep(members, J, start, of, s, local, beta, rng):  # type: ignore[no-untyped-def]
    """One sweep over all spins in order; returns the change of the energy."""
    change = 0.0
    for i in range(len(s)):
        cost = 2 * s[i] * local[i]
        if max(beta * cost, 0.0) + IDLE < rng.standard_exponential():
            change += cost
            for at in range(start[i], start[i + 1]):
                a = of[at]
                term = J[a]
                for j in members[a]:
                    term *= s[j]
                for j in members[a]:
                    if j != i:
                        local[j] -= 2 * term * s[j]
            s[i] = -s[i]
    return change


@njit(cache=True)
def temper(members, J, start, of, betas, sweeps, burn, rng):  # type: ignore[no-untyped-def]
    """The sums over a run of the energy, of the squared overlap of two replicas, and of accepted exchanges."""
    n, count = len(start) - 1, len(betas)
    s, local, H = np.empty((2 * count, n)), np.empty((2 * count, n)), np.empty(2 * count)
    for c in range(2 * count):
        for i in range(n):
            s[c, i] = 1.0 if rng.random() < 0.5 else -1.0
        H[c] = energy(members, J, s[c], local[c])
    place = np.arange(2 * count).reshape(2, count)
    end, trips, swaps = np.zeros(2 * count, np.int64), np.zeros(1, np.int64), np.zeros(count - 1)
    total, squared = np.zeros(count), np.zeros(count)
    for t in range(sweeps):
        for r in range(2):
            for k in range(count):
                c = place[r, k]
                H[c] += sweep(members, J, start, of, s[c], local[c], betas[k], rng)
        exchange(betas, H, place, t % 2, end, trips, swaps, rng)
        if t >= burn:
            for k in range(count):
                a, b = place[0, k], place[1, k]
                total[k] += (H[a] + H[b]) / 2
                squared[k] += (np.sum(s[a] * s[b]) / n) ** 2
    return total, squared, swaps
