"""Optimal transport to a given accuracy, by the cheaper of two methods."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike
from .entropic import sinkhorn
from .exact import exact_coupling
from .given import checked_clouds, checked_cost, checked_masses
from .line import wasserstein_line

if TYPE_CHECKING:
    from jaxtyping import Float, Real

SWEEPS = 100  # of Sinkhorn's iteration take about as long as the network simplex method, at 500 to 2000 points
EXCESS, NEEDED = 3.0, 2.5  # excess cost over relative regularisation, and sweeps times it: measured on normal clouds


@dataclasses.dataclass(frozen=True)
class Transport:
    """A coupling of two clouds, its cost, and a lower bound on the least cost.

    plan:   masses moved from each point to each, with the marginals asked for.
    cost:   what that costs; `lower` is a bound from a dual solution, equal to it if the plan is optimal.
    method: "exact" or "entropic".
    """

    plan: Float[np.ndarray, "n m"]
    cost: float
    lower: float
    method: str


def transport(
    cost: Real[ArrayLike, "n m"],
    accuracy: float = 0.0,
    a: Real[ArrayLike, " n"] | None = None,
    b: Real[ArrayLike, " m"] | None = None,
) -> Transport:
    """A coupling whose cost is within a share `accuracy` of the least, by the cheaper of two methods.

    The exact method takes as long as about a hundred of Sinkhorn's sweeps, and the number of those grows as the
    accuracy shrinks: below 7 % it is taken. Above, the entropic coupling is rounded to its marginals (Altschuler,
    Weed and Rigollet, NeurIPS 30 (2017), algorithm 2) and certified by a dual bound; where that does not reach the
    accuracy, the exact one is taken after all. Masses are equal unless given; costs must not be negative.

    cost: (n, m), >= 0. a, b: masses of the rows and of the columns. Raises `ValueError` for a negative cost, or an
    accuracy that is not at least 0 and below 1.
    """
    cost = checked_cost(cost)
    if cost.min() < 0:
        raise ValueError(f"`cost` must be a matrix of numbers >= 0, but has an entry {cost.min():g}.")
    if not 0 <= accuracy < 1:
        raise ValueError(f"`accuracy` must be >= 0 and < 1, but is {accuracy!r}.")
    a, b = (None if w is None else checked_masses(w, k, s) for w, k, s in zip((a, b), cost.shape, "ab", strict=True))
    if accuracy > 0 and EXCESS * NEEDED / accuracy < SWEEPS and cost.max() > 0:
        result = _entropic(cost, accuracy, a, b)
        if result.cost - result.lower <= accuracy * result.lower:
            return result
    plan = exact_coupling(cost, a, b)
    value = float((plan * cost).sum())
    return Transport(plan, value, value, "exact")


def wasserstein(x: Real[ArrayLike, "n ..."], y: Real[ArrayLike, "m ..."], accuracy: float = 0.0) -> float:
    """The Wasserstein distance W2 between two clouds (points, dimensions), or (points,) on the line.

    On the line by sorting, else by `transport`, where `accuracy` is that of the square. Raises `ValueError` for points
    of different dimensions, or that are not finite.

    x: (n, d) or (n,); y: (m, d) or (m,). Masses are equal.
    """
    from scipy.spatial.distance import cdist

    x, y = checked_clouds(x, y)
    if x.shape[1] == 1:
        return wasserstein_line(x, y)
    return float(np.sqrt(transport(cdist(x, y, "sqeuclidean"), accuracy).cost))


def _entropic(
    cost: Float[np.ndarray, "n m"],
    accuracy: float,
    a: Float[np.ndarray, " n"] | None,
    b: Float[np.ndarray, " m"] | None,
) -> Transport:
    n, m = cost.shape
    a, b = checked_masses(a, n, "a"), checked_masses(b, m, "b")
    regularisation = accuracy / EXCESS * _least(cost, a, b)
    plan = sinkhorn(cost, regularisation, 1e-3, a=a, b=b)
    with np.errstate(divide="ignore", invalid="ignore"):
        potential = np.where(plan > 0, cost + regularisation * np.log(plan / np.outer(a, b)), np.inf)
    # log (P / a b) = (f + g - c) / regularisation: each row gives g up to a constant, the likeliest row the best
    row = int(np.argmax((plan > 0).sum(axis=1)))
    g = np.where(np.isfinite(potential[row]), potential[row], cost[row])
    f = (cost - g).min(axis=1)
    g = (cost - f[:, None]).min(axis=0)
    rounded = _rounded(plan, a, b)
    return Transport(rounded, float((rounded * cost).sum()), float(a @ f + b @ g), "entropic")


def _least(cost: Float[np.ndarray, "n m"], a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"]) -> float:
    """A scale of the least cost: the larger of the bounds from the nearest point of each."""
    near = max(float(a @ cost.min(axis=1)), float(b @ cost.min(axis=0)))
    return max(near, 0.1 * float(a @ cost @ b))


def _rounded(
    plan: Float[np.ndarray, "n m"], a: Float[np.ndarray, " n"], b: Float[np.ndarray, " m"]
) -> Float[np.ndarray, "n m"]:
    """The plan with rows and columns made exact: shrunk where too heavy, and the rest spread independently."""
    with np.errstate(divide="ignore", invalid="ignore"):
        plan = plan * np.minimum(np.nan_to_num(a / plan.sum(axis=1), nan=1.0), 1.0)[:, None]
        plan = plan * np.minimum(np.nan_to_num(b / plan.sum(axis=0), nan=1.0), 1.0)
    rows, columns = (np.maximum(w - plan.sum(axis=k), 0.0) for w, k in ((a, 1), (b, 0)))
    missing = rows.sum()
    return plan + np.outer(rows, columns) / missing if missing > 0 else plan
