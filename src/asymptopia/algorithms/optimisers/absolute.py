"""Least absolute deviations with a ridge penalty, by an interior-point method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..checks import NotSolved

if TYPE_CHECKING:
    from jaxtyping import Float

ITERATIONS = 100


def least_absolute(
    J: Float[np.ndarray, "m d"], r: Float[np.ndarray, " m"], ridge: float, tolerance: float = 1e-12
) -> Float[np.ndarray, " d"]:
    r"""The p that minimises $\sum_i |r_i - (J p)_i| + \frac\rho2 |p|^2$, shape (d,).

    Primal-dual path following in p, the signs s in [-1, 1] and the two parts u, v >= 0 of the residual: one d x d
    system an iteration. Ends where the duality gap, to the dual $s \cdot r - |J^T s|^2 / 2 \rho$, is `tolerance` times
    $|r|_1$; raises `NotSolved` if it does not get there.
    """
    p, s = np.zeros(J.shape[1]), np.zeros(len(r))
    size = float(np.abs(r).sum())
    if size == 0:
        return p
    u, v = np.maximum(r, 0) + size / len(r), np.maximum(-r, 0) + size / len(r)
    for _ in range(ITERATIONS):
        pull = J.T @ s
        rest = r - J @ p
        gap = np.abs(rest).sum() + ridge / 2 * (p @ p) - s @ r + (pull @ pull) / (2 * ridge)
        if gap <= tolerance * size:
            return p
        mu = 0.1 * float(u @ (1 - s) + v @ (1 + s)) / (2 * len(r))
        up, down = 1 - s, 1 + s
        D = u / up + v / down
        q = rest - u + v - (mu / up - u) + (mu / down - v)
        matrix = (J / D[:, None]).T @ J
        matrix[np.diag_indices(len(p))] += ridge
        dp = np.linalg.solve(matrix, pull - ridge * p + J.T @ (q / D))
        ds = (q - J @ dp) / D
        du = mu / up - u + u / up * ds
        dv = mu / down - v - v / down * ds
        t = _within([(u, du), (v, dv), (up, -ds), (down, ds)])
        p, s, u, v = p + t * dp, s + t * ds, u + t * du, v + t * dv
    raise NotSolved(
        f"Least absolute deviations of {len(r)} numbers: the duality gap is {gap / size:.1e} of the start's value "
        f"after {ITERATIONS} iterations, but must be at most {tolerance:g}."
    )


def _within(pairs: list[tuple[Float[np.ndarray, " _n"], Float[np.ndarray, " _n"]]]) -> float:
    """The longest step up to 1 that keeps a hundredth of every positive number that it lowers."""
    t = 1.0
    for x, dx in pairs:
        falling = dx < 0
        if falling.any():
            t = min(t, 0.99 * float((x[falling] / -dx[falling]).min()))
    return t
