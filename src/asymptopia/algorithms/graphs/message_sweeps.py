"""Sweeps of belief propagation over a sparse graph, compiled; `belief_propagation` is what to call."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def sweep(start, reverse, incoming, marginals, affinity, fractions, field, damping):  # type: ignore[no-untyped-def]
    """Update all nodes in turn, in place; the largest change of a message, or nan where all its entries vanish.

    Node i has the edges start[i] .. start[i + 1]; `incoming` (2m, k) holds the message towards the node whose edge it
    is, and reverse[e] is the same edge seen from the other end. `field` (k,), which is affinity @ the mean of the
    marginals, follows them.
    """
    n, k = marginals.shape
    longest = 0
    for i in range(n):
        longest = max(longest, start[i + 1] - start[i])
    factors = np.empty((longest, k))
    before = np.empty((longest + 1, k))
    after = np.empty(k)
    largest = 0.0
    for i in range(n):
        first, degree = start[i], start[i + 1] - start[i]
        low = field.min()
        for s in range(k):
            before[0, s] = fractions[s] * np.exp(low - field[s])
            after[s] = 1.0
        for e in range(degree):
            total = 0.0
            for s in range(k):
                factor = 0.0
                for t in range(k):
                    factor += affinity[s, t] * incoming[first + e, t]
                factors[e, s] = factor
                before[e + 1, s] = before[e, s] * factor
                total += before[e + 1, s]
            for s in range(k):
                before[e + 1, s] /= total
        for e in range(degree - 1, -1, -1):
            back = reverse[first + e]
            total, remaining = 0.0, 0.0
            for s in range(k):
                total += before[e, s] * after[s]
            for s in range(k):
                message = before[e, s] * after[s] / total
                change = message - incoming[back, s]
                if not abs(change) <= largest:
                    largest = abs(change)
                incoming[back, s] += (1 - damping) * change
                after[s] *= factors[e, s]
                remaining += after[s]
            for s in range(k):
                after[s] /= remaining
        total = 0.0
        for s in range(k):
            total += before[degree, s]
        for s in range(k):
            change = before[degree, s] / total - marginals[i, s]
            marginals[i, s] += change
            for t in range(k):
                field[t] += affinity[t, s] * change / n
        if not largest < np.inf:
            return np.nan
    return largest


@njit(cache=True, error_model="numpy")
def bethe(start, reverse, incoming, affinity, fractions, field):  # type: ignore[no-untyped-def]
    """The sum over nodes of log Z_i less that over edges of log Z_ij."""
    k = len(fractions)
    value = 0.0
    weight = np.empty(k)
    for i in range(len(start) - 1):
        for s in range(k):
            weight[s] = fractions[s] * np.exp(-field[s])
        for e in range(start[i], start[i + 1]):
            total, pair = 0.0, 0.0
            for s in range(k):
                factor = 0.0
                for t in range(k):
                    factor += affinity[s, t] * incoming[e, t]
                weight[s] *= factor
                total += weight[s]
                pair += factor * incoming[reverse[e], s]
            value += np.log(total) - 0.5 * np.log(pair)
            for s in range(k):
                weight[s] /= total
        value += np.log(weight.sum())
    return value
