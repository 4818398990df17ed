"""Extrapolated sweeps of coordinate descent for the LASSO, compiled; `lasso` holds what to call."""

from __future__ import annotations

import numpy as np
from numba import njit

from .coordinate_sweeps import SUMS

SWEEPS = 4
"""Sweeps of coordinate descent between two looks at the gap; so many iterates are extrapolated."""

NEAR = 0.9
"""Coefficients are swept that are not zero, or whose pull is above so much of the penalty."""

FAR = 30.0
"""Estimated gaps above so many times the target are not worth a look."""

fast = njit(cache=True, fastmath=SUMS, error_model="numpy")


@fast
def coefficient_rounds(columns, squares, residual, w, pull, ridge, l1, least, target, gaps):  # type: ignore[no-untyped-def]
    """Rounds on |residual|^2/2 + ridge/2 |w|^2 + l1 |w|_1, in place, to a relative gap of `target`: their number.

    columns (d, n) are those of X, with their squared norms; residual (n,) = y - X w and pull (d,) = X^T residual
    follow.
    `gaps` takes the gap after each round, and its length is the largest number of rounds; `least` is as in `gap_of`.
    Every other round that leaves what it sweeps over far from its minimum does without the pull, which costs as much
    as a sweep over all: its entry is an estimate.
    """
    d = len(columns)
    rounds, known = 0, False
    while rounds < len(gaps):
        count = 0
        members = np.empty(d, np.int64)
        for j in range(d):
            if squares[j] > 0.0 and (w[j] != 0.0 or abs(pull[j]) > NEAR * l1):
                members[count] = j
                count += 1
        violation = _round(columns, squares, members[:count], residual, w, ridge, l1)
        rounds += 1
        if known and rounds < len(gaps):
            size = _penalty(w, 0.0, 1.0)
            gaps[rounds - 1] = violation * size / (0.5 * _dot(residual, residual) + l1 * size)
            known = gaps[rounds - 1] < FAR * target
            if not known:
                continue
        for j in range(d):
            pull[j] = _dot(columns[j], residual)
        gaps[rounds - 1] = gap_of(residual, w, pull, ridge, l1, least)[0]
        known = True
        if gaps[rounds - 1] <= target:
            break
    return rounds


@fast
def gap_of(residual, w, pull, ridge, l1, least):  # type: ignore[no-untyped-def]
    """The duality gap relative to the objective or to `least`, and the multiple of the residual that is the dual point.

    The dual point is feasible where there is no ridge: the residual, scaled so that no pull exceeds l1.
    """
    square, size, linear, outside, largest = _dot(residual, residual), 0.0, 0.0, 0.0, l1
    for j in range(len(w)):
        size += l1 * abs(w[j])
        within = min(max(pull[j], -l1), l1)
        outside += (ridge * w[j] - (pull[j] - within)) ** 2
        linear += w[j] * (pull[j] if ridge == 0.0 else within)
        largest = max(largest, abs(pull[j]))
    value = 0.5 * square + 0.5 * ridge * _dot(w, w) + size
    if ridge == 0.0:
        scaling = l1 / largest
        gap = 0.5 * square * (1.0 - scaling) ** 2 + size - scaling * linear
    else:
        scaling = 1.0
        gap = size - linear + outside / (2.0 * ridge)
    return min(gap, value) / max(value, least), scaling


@fast
def _round(columns, squares, members, residual, w, ridge, l1):  # type: ignore[no-untyped-def]
    """Sweeps over the members, then the extrapolation of w if its objective is lower.

    Returns the largest violation of optimality that the last sweep found.
    """
    m, n, violation = len(members), columns.shape[1], 0.0
    pasts, residuals = np.empty((SWEEPS + 1, m)), np.empty((SWEEPS + 1, n))
    for k in range(SWEEPS + 1):
        moved, violation = k == 0, 0.0
        if k > 0:
            for j in members:
                x, old = columns[j], w[j]
                new = _minimum(_dot(x, residual), squares[j], old, ridge, l1)
                change = new - old
                if change != 0.0:
                    for i in range(n):
                        residual[i] -= change * x[i]
                    w[j], moved = new, True
                    violation = max(violation, squares[j] * abs(change))
        if not moved:
            return 0.0
        for a in range(m):
            pasts[k, a] = w[members[a]]
        _copy(residual, residuals[k])
    weights = _weights(pasts)
    combined, left = _combined(weights, pasts), _combined(weights, residuals)
    last = pasts[SWEEPS]
    gain = (
        0.5 * (_dot(residual, residual) - _dot(left, left)) + _penalty(last, ridge, l1) - _penalty(combined, ridge, l1)
    )
    if gain > 0.0:
        _copy(left, residual)
        for a in range(m):
            w[members[a]] = combined[a]
    return violation


@fast
def covariance_rounds(matrix, pull, v, ridge, l1, most):  # type: ignore[no-untyped-def]
    """At most `most` rounds on v.matrix.v/2 - b.v + ridge/2 |v|^2 + l1 |v|_1 over v (m,), in place.

    matrix: shape (m, m), the covariances; pull = b - matrix v follows.
    """
    m = len(v)
    pasts, pulls = np.empty((SWEEPS + 1, m)), np.empty((SWEEPS + 1, m))
    constant = pull.copy()
    for j in range(m):
        constant[j] += _dot(matrix[j], v)
    for _ in range(most):
        for k in range(SWEEPS + 1):
            moved = k == 0
            if k > 0:
                for j in range(m):
                    old = v[j]
                    new = old if matrix[j, j] == 0.0 else _minimum(pull[j], matrix[j, j], old, ridge, l1)
                    change = new - old
                    if change != 0.0:
                        row = matrix[j]
                        for i in range(m):
                            pull[i] -= change * row[i]
                        v[j] = new
                        moved = moved or abs(change) > 1e-14 * abs(new)
            if not moved:
                return
            _copy(v, pasts[k])
            _copy(pull, pulls[k])
        weights = _weights(pasts)
        combined, left = _combined(weights, pasts), _combined(weights, pulls)
        gain = 0.5 * (_dot(combined, constant) - _dot(v, constant) + _dot(combined, left) - _dot(v, pull))
        if gain + _penalty(v, ridge, l1) - _penalty(combined, ridge, l1) > 0.0:
            _copy(left, pull)
            _copy(combined, v)


@fast
def _minimum(pull, square, old, ridge, l1):  # type: ignore[no-untyped-def]
    """Where one coefficient minimises, from the pull on it at its old value."""
    pull += square * old
    return np.sign(pull) * max(abs(pull) - l1, 0.0) / (square + ridge)


@fast
def _copy(source, target):  # type: ignore[no-untyped-def]
    for i in range(len(source)):
        target[i] = source[i]


@fast
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@fast
def _penalty(v, ridge, l1):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(len(v)):
        total += l1 * abs(v[i]) + 0.5 * ridge * v[i] ** 2
    return total


@fast
def _combined(weights, pasts):  # type: ignore[no-untyped-def]
    """The combination of the iterates after the first."""
    total = np.zeros(pasts.shape[1])
    for k in range(len(weights)):
        for i in range(len(total)):
            total[i] += weights[k] * pasts[k + 1, i]
    return total


@fast
def _weights(pasts):  # type: ignore[no-untyped-def]
    """Weights (K,) of sum one that make the combination of the changes between K + 1 iterates (K + 1, m) smallest."""
    matrix, weights, shift, total = np.empty((SWEEPS, SWEEPS)), np.ones(SWEEPS), 1e-300, 0.0
    for a in range(SWEEPS):
        for b in range(a + 1):
            product = 0.0
            for i in range(pasts.shape[1]):
                product += (pasts[a + 1, i] - pasts[a, i]) * (pasts[b + 1, i] - pasts[b, i])
            matrix[a, b] = matrix[b, a] = product
        shift += 1e-12 * matrix[a, a]
    for a in range(SWEEPS):  # elimination; the matrix is positive
        matrix[a, a] += shift
    for a in range(SWEEPS):
        for b in range(a + 1, SWEEPS):
            factor = matrix[b, a] / matrix[a, a]
            for c in range(a, SWEEPS):
                matrix[b, c] -= factor * matrix[a, c]
            weights[b] -= factor * weights[a]
    for a in range(SWEEPS - 1, -1, -1):
        for c in range(a + 1, SWEEPS):
            weights[a] -= matrix[a, c] * weights[c]
        weights[a] /= matrix[a, a]
        total += weights[a]
    for a in range(SWEEPS):
        weights[a] /= total
    return weights
