r"""Integrals over the line against Gibbs distributions $\propto e^{-E(y)}$ whose mass lies in a known interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

FEWEST, MOST = 512, 1 << 17


def gibbs(
    energy: Callable[[Float[np.ndarray, " M"]], Float[np.ndarray, "K M"]],
    ends: tuple[float, float],
    observe: Callable[[Float[np.ndarray, " M"]], Float[np.ndarray, "C M"]] = lambda y: np.stack([y, y**2]),
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, "C K"], float]:
    r"""$\log \int e^{-E}$ (K,), means of C functions under $e^{-E}$ (C, K), and the largest error, for K energies.

    energy(y): the K energies at M points, an array (K, M). observe(y): the functions, (C, M); by default y and its
    square. ends: an interval beyond which there is no mass.

    Sums over equidistant points converge exponentially for smooth energies. The points are doubled until the results
    change by less than 1e-12, or there are 2**17 of them; the error is the last change.
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
