"""Sums over the jumps of a particle between neighbouring points, compiled; `drift_diffusion.evolve` is what to call."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, error_model="numpy")
def after_jumps(before, stay, after, rows, weights):  # type: ignore[no-untyped-def]
    """The sum over k of `weights[k]` times each of the rows (K, N) after k jumps: an array (K, N).

    A jump makes `before[i] row[i - 1] + stay[i] row[i] + after[i] row[i + 1]` of `row[i]`; `before[0]` and `after[-1]`
    are not read. The arrays are (N,), with N of at least 2.
    """
    count, size = rows.shape
    total = np.zeros((count, size))
    for r in range(count):
        now, then, mean = rows[r].copy(), np.empty(size), total[r]
        for weight in weights:
            if weight > 0:
                for i in range(size):
                    mean[i] += weight * now[i]
            then[0] = stay[0] * now[0] + after[0] * now[1]
            for i in range(1, size - 1):
                then[i] = before[i] * now[i - 1] + stay[i] * now[i] + after[i] * now[i + 1]
            then[size - 1] = before[size - 1] * now[size - 2] + stay[size - 1] * now[size - 1]
            now, then = then, now
    return total
