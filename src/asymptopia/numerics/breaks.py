"""Detection of kinks and jumps of a function of one variable, and panels on which it is smooth."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

DEGREE = 12
SHORT = 1e-3


def resolve(
    function: Callable[[Float[np.ndarray, "..."]], Float[np.ndarray, "..."]],
    doublings: int = 10,
    tolerance: float = 1e-11,
    finest: float = 4e-12,
) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " P"]]:
    """The singular points of a function for |z| <= 2**doublings, and the ends of panels on which it is smooth.

    function: elementwise on arrays of any shape. A panel is halved until a polynomial of degree 12 through its
    Chebyshev points predicts the function at other points to `tolerance`, relative to the largest value on the panel
    (and 1); if it is short, to 1e-9 of the function's rise on it. Panels as short as `finest` (relative to 1 and their
    place) mark a singular point. Panels on which the function is not finite are left out.

    Raises `ValueError` if there are more than a thousand singular points.
    """
    span = np.r_[0.0, 2.0 ** np.arange(doublings + 1)] * 1.0031415926
    ends = np.r_[-span[:0:-1], span] + 0.0271828182  # off the round numbers, so that no panel ends at a kink unseen
    left, right = ends[:-1], ends[1:]
    nodes = -np.cos(np.pi * (np.arange(DEGREE + 1) + 0.5) / (DEGREE + 1))
    probes = np.array([-1 + 1e-9, -0.83, -0.41, 0.07, 0.53, 0.9, 1 - 1e-9])
    at_probes_, at_nodes_ = (np.polynomial.chebyshev.chebvander(x, DEGREE) for x in (probes, nodes))
    predict = at_probes_ @ np.linalg.inv(at_nodes_)
    singular: list[float] = []
    smooth: list[float] = []
    while left.size:
        if left.size > 4000:
            raise ValueError("The function has too many singular points, more than a thousand.")
        middle, half = 0.5 * (left + right)[:, None], 0.5 * (right - left)[:, None]
        at_nodes, at_probes = function(middle + half * nodes), function(middle + half * probes)
        size = np.maximum(1.0, np.abs(at_nodes).max(axis=1))
        finite = np.isfinite(at_nodes).all(axis=1) & np.isfinite(at_probes).all(axis=1)
        error = np.abs(at_nodes @ predict.T - at_probes).max(axis=1)
        rise = np.ptp(at_nodes, axis=1)
        rounding = 1e-15 * (np.abs(at_nodes).max(axis=1) + np.abs(middle[:, 0]) * rise / (right - left))
        good = error <= np.where(right - left > SHORT, tolerance * size, 1e-9 * rise + rounding)
        tiny = finite & ~good & (right - left <= finest * (1.0 + np.abs(left)))
        smooth += [*left[good], *right[good]]
        singular += list(middle[tiny, 0])
        again = finite & ~good & ~tiny
        cut = middle[again, 0]
        left, right = np.r_[left[again], cut], np.r_[cut, right[again]]
    return _distinct(singular, 1e-11), _distinct(smooth, 1e-11)


def thinned(
    ends: Float[np.ndarray, " P"], singular: Float[np.ndarray, " S"], nearest: float = 0.03
) -> Float[np.ndarray, " Q"]:
    """The ends of panels, without the ends that lie closer than `nearest` to a singular point."""
    if not singular.size or not ends.size:
        return ends
    return ends[np.abs(ends[:, None] - singular).min(axis=1) > nearest]


def _distinct(points: list[float], apart: float) -> Float[np.ndarray, " points"]:
    ordered = np.sort(np.asarray(points, float))
    if ordered.size == 0:
        return ordered
    return ordered[np.r_[True, np.diff(ordered) > apart * (1.0 + np.abs(ordered[1:]))]]
