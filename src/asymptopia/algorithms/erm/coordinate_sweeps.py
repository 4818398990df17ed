"""Sweeps of coordinate descent, compiled; `coordinates` holds what to call."""

from __future__ import annotations

import numpy as np
from numba import njit

SUMS = {"reassoc", "contract", "nsz"}  # sums in any order; nan and infinities stay what they are


@njit(cache=True, fastmath=SUMS, error_model="numpy")
def coefficient_sweeps(columns, squares, residual, w, ridge, l1, most):  # type: ignore[no-untyped-def]
    """At most `most` sweeps of |residual|^2/2 + ridge/2 |w|^2 + l1 |w|_1 over the entries of w, in place.

    residual (n,) = y - X w follows; columns (d, n) are those of X, with their squared norms. A sweep over all entries
    is followed by sweeps over those that are not zero, until these no longer move.
    """
    d, n = columns.shape
    whole = True
    for _ in range(most):
        largest, moved = 0.0, 0.0
        for j in range(d):
            old = w[j]
            if squares[j] == 0.0 or (old == 0.0 and not whole):
                continue
            x = columns[j]
            pull = 0.0
            for i in range(n):
                pull += x[i] * residual[i]
            pull += squares[j] * old
            new = np.sign(pull) * max(abs(pull) - l1, 0.0) / (squares[j] + ridge)
            change = new - old
            if change != 0.0:
                for i in range(n):
                    residual[i] -= change * x[i]
                w[j] = new
            largest, moved = max(largest, abs(new)), max(moved, abs(change))
        still = moved <= 1e-12 * largest
        if still and whole:
            break
        whole = still


@njit(cache=True, fastmath=SUMS, error_model="numpy")
def slope_sweeps(X, squares, kinks, low, high, s, w, ridge, order, most):  # type: ignore[no-untyped-def]
    """At most `most` sweeps over the slopes s (n,) at the kinks, each moved to the maximum of the dual, in place.

    The dual is -s.kinks - |X^T s|^2 / (2 ridge) over low <= s <= high, up to a constant; w = -X^T s / ridge follows. A
    sweep over all samples, in the given order, is followed by sweeps over those between their bounds.
    """
    d = X.shape[1]
    whole = True
    for _ in range(most):
        moved = 0.0
        for i in order:
            old = s[i]
            if squares[i] == 0.0 or (not whole and (old == low[i] or old == high[i])):
                continue
            x = X[i]
            z = 0.0
            for j in range(d):
                z += x[j] * w[j]
            new = min(max(old + ridge * (z - kinks[i]) / squares[i], low[i]), high[i])
            change = new - old
            if change != 0.0:
                step = change / ridge
                for j in range(d):
                    w[j] -= step * x[j]
                s[i] = new
            moved = max(moved, abs(change))
        still = moved <= 1e-12
        if still and whole:
            break
        whole = still
