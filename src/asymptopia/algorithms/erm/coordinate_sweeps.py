"""Sweeps over the slopes at kinks, compiled; `coordinates` holds what to call."""

from __future__ import annotations

from numba import njit

SUMS = {"reassoc", "contract", "nsz"}  # sums in any order; nan and infinities stay what they are


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
