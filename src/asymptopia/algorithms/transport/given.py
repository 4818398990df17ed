"""Checks of clouds, masses and costs for optimal transport."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real

ROUNDING = 1e-9


def checked_masses(weights: Real[ArrayLike, " n"] | None, count: int, name: str) -> Float[np.ndarray, " n"]:
    """The masses (count,), equal by default. Raises `ValueError` unless they are >= 0 and sum to 1."""
    if weights is None:
        return np.full(count, 1 / count)
    masses = np.asarray(weights, float)
    if masses.shape != (count,):
        raise ValueError(f"`{name}` must have shape {(count,)}, one mass a point, but has shape {masses.shape}.")
    if not np.isfinite(masses).all() or masses.min() < 0:
        wrong = masses[~(np.isfinite(masses) & (masses >= 0))][0]
        raise ValueError(f"`{name}` must be finite masses >= 0, but has an entry {wrong:g}.")
    if abs(masses.sum() - 1) > ROUNDING * max(1, count**0.5):
        raise ValueError(f"`{name}` must add up to 1, but adds up to {masses.sum():.9g}: divide by its sum.")
    return masses


def checked_cost(cost: Real[ArrayLike, "n m"], forbidden: bool = False) -> Float[np.ndarray, "n m"]:
    """The cost matrix; only `forbidden` pairs may cost inf. Raises `ValueError` otherwise."""
    costs = np.asarray(cost)
    if costs.ndim != 2 or not costs.size or np.iscomplexobj(costs):
        raise ValueError(f"`cost` must be a matrix of real numbers, but is {costs.dtype} of shape {costs.shape}.")
    costs = costs if np.issubdtype(costs.dtype, np.floating) else costs.astype(float)
    if not (np.isfinite(costs) | (forbidden & (costs == np.inf))).all():
        raise ValueError("`cost` must be a matrix of finite numbers.")
    return costs


def checked_clouds(
    x: Real[ArrayLike, "n ..."], y: Real[ArrayLike, "m ..."]
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, "m d"]]:
    """Two clouds as arrays (points, d) with the same d. Raises `ValueError` otherwise."""
    clouds = []
    for name, given in (("x", x), ("y", y)):
        points = np.asarray(given)
        if points.ndim not in (1, 2) or not points.size or np.iscomplexobj(points):
            raise ValueError(
                f"`{name}` must be real numbers of shape (points, dimensions) or (points,), at least one point, but "
                f"is {points.dtype} of shape {points.shape}."
            )
        points = points.astype(float).reshape(len(points), -1)
        if not np.isfinite(points).all():
            raise ValueError(f"The points of `{name}` must be finite numbers.")
        clouds.append(points)
    one, other = clouds
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"`x` and `y` must be points of equally many numbers, but have shapes {np.shape(x)} and {np.shape(y)}."
        )
    return one, other
