"""Optimal transport on the line, where the monotone coupling is the best."""

from __future__ import annotations

import numpy as np


def wasserstein_line(
    x: np.ndarray, y: np.ndarray, power: float = 2.0, a: np.ndarray | None = None, b: np.ndarray | None = None
) -> float:
    r"""The distance $W_p = (\inf E |X - Y|^p)^{1/p}$, p >= 1, between points x of masses a and y of masses b.

    Equal masses unless given; both add up to 1. By sorting, exactly. Raises `ValueError` for points that are not
    finite numbers.
    """
    x, y = np.asarray(x, float).ravel(), np.asarray(y, float).ravel()
    if not (len(x) and len(y) and np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("The points must be finite numbers, at least one on each side.")
    if a is None and b is None and len(x) == len(y):
        apart, weights = np.abs(np.sort(x) - np.sort(y)), None
    else:
        i, j = np.argsort(x), np.argsort(y)
        below = [np.cumsum(_masses(w, k)[o]) for w, k, o in ((a, len(x), i), (b, len(y), j))]
        levels = np.union1d(*below)
        weights = np.diff(levels, prepend=0.0)
        middle = levels - weights / 2
        p, q = (o[np.minimum(np.searchsorted(c, middle), len(o) - 1)] for o, c in zip((i, j), below, strict=True))
        apart = np.abs(x[p] - y[q])
    return float(np.average(apart**power, weights=weights) ** (1 / power))


def _masses(weights: np.ndarray | None, count: int) -> np.ndarray:
    return np.full(count, 1 / count) if weights is None else np.asarray(weights, float)
