r"""Integrals over the line of laws $\propto e^{-E(y)}$ whose mass lies in a known interval."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

FEWEST, MOST = 512, 1 << 17


def gibbs(
    energy: Callable[[np.ndarray], np.ndarray],
    ends: tuple[float, float],
    observe: Callable[[np.ndarray], np.ndarray] = lambda y: np.stack([y, y**2]),
) -> tuple[np.ndarray, np.ndarray, float]:
    r"""$\log \int e^{-E}$, (K,), and the means of functions of y under these laws, (C, K); and their largest error.

    `energy(y)` gives K energies at M points, an array (K, M), and `observe(y)` the functions, (C, M): by default y and
    its square. Sums over equidistant points between the ends, beyond which there must be no mass, converge
    exponentially for smooth energies; the points are doubled until the results stand still to 1e-12 or are 2**17. The
    error is what the last doubling changed.
    """
    cells, before = FEWEST, None
    while True:
        y, h = np.linspace(*ends, cells + 1, retstep=True)
        values = energy(y)
        least = values.min(axis=1)
        weight = np.exp(-(values - least[:, None]))
        total = weight.sum(axis=1)
        now = np.concatenate([[np.log(total * float(h)) - least], observe(y) @ weight.T / total])
        if before is not None:
            change = float(np.abs(now - before).max())
            if change <= 1e-12 * max(float(np.abs(now).max()), 1.0) or cells >= MOST:
                return now[0], now[1:], change
        cells, before = 2 * cells, now
