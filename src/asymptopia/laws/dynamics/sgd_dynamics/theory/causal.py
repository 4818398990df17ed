"""Gaussian processes and linear responses that grow by one time at a time, as causal equations need them."""

from __future__ import annotations

import numpy as np

BLOCK = 16
SINGULAR = 1e-12  # a pivot below this share of its variance is round-off: the past determines the new value


class GrowingFactor:
    """The Cholesky factor L of a covariance L L^T that becomes known row by row, singular or not.

    Where a value is determined by those before it the pivot is zero, and so is the column below it. Attribute `rows`:
    the factor, shape (size, size), of which the first `count` rows are known.
    """

    def __init__(self, size: int) -> None:
        self.rows = np.zeros((size, size))
        self.count = 0
        self._free: list[int] = []  # where the pivot is not zero

    def append(self, covariances: np.ndarray) -> np.ndarray:
        """The new row of L, shape (t + 1,), for covariances with the t values before and, last, the variance."""
        from scipy.linalg import solve_triangular

        t, free = self.count, self._free
        row = self.rows[t, : t + 1]
        if free:
            square = self.rows[:t, :t] if len(free) == t else self.rows[np.ix_(free, free)]
            row[free] = solve_triangular(square, covariances[free], lower=True, check_finite=False)
        left = covariances[t] - row @ row
        if left > SINGULAR * abs(covariances[t]):
            row[t] = np.sqrt(left)
            free.append(t)
        self.count += 1
        return row


def volterra_row(kernel: np.ndarray, gains: np.ndarray, last: np.ndarray) -> np.ndarray:
    r"""The response of the last process to earlier kicks: `last` times the last row of (1 + kernel diag(g))^-1.

    kernel: (t, t), of which the part strictly below the diagonal counts: entry (tau, s) is what s does to tau.
    gains:  (t, N), the gain of each of N processes at each time; the last row is not used.
    last:   (N,).
    Returns (t, N): row s is $y_s = -g_s \sum_{\tau > s} y_\tau k_{\tau s}$, with $y_{t-1}$ = `last`.

    The backward substitution works in blocks of times, so that most of it is products of matrices: N t^2 operations.
    """
    t = len(kernel)
    y = np.empty((t, len(last)))
    y[t - 1] = last
    for end in range(t - 1, 0, -BLOCK):
        begin = max(end - BLOCK, 0)
        y[begin:end] = kernel[end:t, begin:end].T @ y[end:t]
        for s in range(end - 1, begin - 1, -1):
            if s + 1 < end:
                y[s] += kernel[s + 1 : end, s] @ y[s + 1 : end]
            y[s] *= -gains[s]
    return y
