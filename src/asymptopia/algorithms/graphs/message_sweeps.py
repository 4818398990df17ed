"""Sweeps of belief propagation over a sparse graph, compiled; `belief_propagation` is what to call."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def sweep(start, reverse, incoming, marginals, affinity, fractions, propensity, field, damping):  # type: ignore[no-untyped-def]
    """Update all nodes in turn, in place: returns the largest change of a message, nan where one vanishes.

    Node i has the edges start[i] .. start[i + 1]; `incoming` (2m, k) holds the message towards the node whose edge it
    is, and reverse[e] is the same edge seen from the other end. `field` (k,), which is affinity @ the mean of the
    marginals times the propensities (n,), follows them. Products over edges are sums of logarithms, so that they
    underflow at no degree.
    """
    n, k = marginals.shape
    longest = 0
    for i in range(n):
        longest = max(longest, start[i + 1] - start[i])
    factors = np.empty((longest, k))
    before = np.empty((longest + 1, k))
    after = np.empty(k)
    message = np.empty(k)
    largest = 0.0
    for i in range(n):
        first, degree = start[i], start[i + 1] - start[i]
        for s in range(k):
            before[0, s] = np.log(fractions[s]) - propensity[i] * field[s]
            after[s] = 0.0
        for e in range(degree):
            for s in range(k):
                factors[e, s] = _log_factor(affinity, incoming, first + e, s)
                before[e + 1, s] = before[e, s] + factors[e, s]
        for e in range(degree - 1, -1, -1):
            back = reverse[first + e]
            if not _normalised(before[e], after, message):
                return np.nan
            for s in range(k):
                change = message[s] - incoming[back, s]
                largest = max(largest, abs(change))
                incoming[back, s] += (1 - damping) * change
                after[s] += factors[e, s]
        after[:] = 0.0
        if not _normalised(before[degree], after, message):
            return np.nan
        for s in range(k):
            change = message[s] - marginals[i, s]
            marginals[i, s] += change
            for t in range(k):
                field[t] += propensity[i] * affinity[t, s] * change / n
    return largest


@njit(cache=True, error_model="numpy")
def bethe(start, reverse, incoming, affinity, fractions, propensity, field):  # type: ignore[no-untyped-def]
    """The Bethe free entropy: the sum over nodes of log Z_i minus that over edges of log Z_ij."""
    k = len(fractions)
    value = 0.0
    weight = np.empty(k)
    for i in range(len(start) - 1):
        for s in range(k):
            weight[s] = np.log(fractions[s]) - propensity[i] * field[s]
        for e in range(start[i], start[i + 1]):
            pair = 0.0
            for s in range(k):
                factor = _log_factor(affinity, incoming, e, s)
                weight[s] += factor
                pair += np.exp(factor) * incoming[reverse[e], s]
            value -= 0.5 * np.log(pair)
        top = weight.max()
        value += top + np.log(np.exp(weight - top).sum())
    return value


@njit(cache=True, error_model="numpy")
def _log_factor(affinity, incoming, edge, s):  # type: ignore[no-untyped-def]
    """The logarithm of what the message along an edge makes of the group s."""
    factor = 0.0
    for t in range(affinity.shape[0]):
        factor += affinity[s, t] * incoming[edge, t]
    return np.log(factor)


@njit(cache=True, error_model="numpy")
def _normalised(logs, more, message):  # type: ignore[no-untyped-def]
    """Write the probabilities of these logarithms; whether there are any: not all vanish, and none is no number."""
    top = -np.inf
    for s in range(len(message)):
        message[s] = logs[s] + more[s]
        if np.isnan(message[s]):
            return False
        top = max(top, message[s])
    if not (top > -np.inf and top < np.inf):
        return False
    total = 0.0
    for s in range(len(message)):
        message[s] = np.exp(message[s] - top)
        total += message[s]
    for s in range(len(message)):
        message[s] /= total
    return True
