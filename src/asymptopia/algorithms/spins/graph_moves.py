"""Moves of an Ising ferromagnet on a graph, compiled; `swendsen_wang`, `wolff` and `metropolis` are what to call.

Site i has the neighbours near[start[i]], ..., near[start[i + 1] - 1].
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .dense_moves import IDLE


@njit(cache=True)
def root(parent, i):  # type: ignore[no-untyped-def]
    """The representative of i's cluster, with the path to it halved."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True)
def swendsen_wang(start, near, s, parent, sites, open_bond, rng):  # type: ignore[no-untyped-def]
    """Join like neighbours with probability `open_bond`, and give every cluster a new sign.

    Returns the sums over clusters of the squares and cubes of their shares of the sites.
    """
    n = len(s)
    for i in range(n):
        parent[i] = i
        sites[i] = 0
    for i in range(n):
        for e in range(start[i], start[i + 1]):
            j = near[e]
            if j > i and s[i] == s[j] and rng.random() < open_bond:
                a, b = root(parent, i), root(parent, j)
                parent[max(a, b)] = min(a, b)
    for i in range(n):  # a root comes before its cluster
        r = root(parent, i)
        sites[r] += 1
        if r == i:
            s[i] = 1 if rng.random() < 0.5 else -1
        else:
            s[i] = s[r]
    pairs, triples = 0.0, 0.0
    for i in range(n):
        share = sites[i] / n
        pairs += share**2
        triples += share**3
    return pairs, triples


@njit(cache=True)
def wolff(start, near, s, stack, open_bond, rng):  # type: ignore[no-untyped-def]
    """Flip the cluster of a random site; returns its size."""
    first = rng.integers(0, len(s))
    sign = s[first]
    s[first] = -sign
    stack[0] = first
    waiting, size = 1, 1
    while waiting:
        waiting -= 1
        i = stack[waiting]
        for e in range(start[i], start[i + 1]):
            j = near[e]
            if s[j] == sign and rng.random() < open_bond:
                s[j] = -sign
                stack[waiting] = j
                waiting += 1
                size += 1
    return size


@njit(cache=True)
def metropolis(start, near, s, beta, rng):  # type: ignore[no-untyped-def]
    """One sweep of Metropolis flips over all spins in order."""
    for i in range(len(s)):
        pull = 0
        for e in range(start[i], start[i + 1]):
            pull += s[near[e]]
        if max(2 * beta * s[i] * pull, 0.0) + IDLE < rng.standard_exponential():
            s[i] = -s[i]


@njit(cache=True)
def observe(start, near, s):  # type: ignore[no-untyped-def]
    """The sum of s_i s_j over edges, and of s_i over sites."""
    bonds, sites = 0, 0
    for i in range(len(s)):
        sites += s[i]
        for e in range(start[i], start[i + 1]):
            bonds += s[i] * s[near[e]]
    return bonds // 2, sites


@njit(cache=True)
def run(start, near, beta, sweeps, burn, kind, rng):  # type: ignore[no-untyped-def]
    """Sums over edges and over sites after each sweep that is measured; the sums over its clusters; the last spins.

    kind: 0 Swendsen-Wang, 1 Wolff, 2 Metropolis. A sweep of Wolff turns as many clusters as make up the system, by
    their mean size in the first half of the burn-in (a number that followed the sizes would bias what is measured).
    """
    n = len(start) - 1
    s = np.empty(n, np.int64)
    for i in range(n):
        s[i] = 1 if rng.random() < 0.5 else -1
    parent, count = np.empty(n, np.int64), np.empty(n, np.int64)
    open_bond = -np.expm1(-2 * beta)
    bonds, sites = np.empty(sweeps - burn, np.int64), np.empty(sweeps - burn, np.int64)
    moments = np.zeros((sweeps - burn, 2))
    clusters, turned, total, pairs, triples = 1, 0, 0, 0.0, 0.0
    for t in range(sweeps):
        if kind == 0:
            pairs, triples = swendsen_wang(start, near, s, parent, count, open_bond, rng)
        elif kind == 2:
            metropolis(start, near, s, beta, rng)
        elif t < burn // 2:
            size = 0
            while size < n:
                now = wolff(start, near, s, parent, open_bond, rng)
                size += now
                turned += 1
            total += size
            clusters = max(1, (turned * n + total // 2) // total)
        else:
            for _ in range(clusters):
                wolff(start, near, s, parent, open_bond, rng)
        if t >= burn:
            bonds[t - burn], sites[t - burn] = observe(start, near, s)
            moments[t - burn, 0], moments[t - burn, 1] = pairs, triples
    return bonds, sites, moments, s
