"""First-passage times of diffusions on the line, and distances between distributions on the line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .drift_diffusion import evolved, rates

if TYPE_CHECKING:
    from jaxtyping import Float

FARTHEST = 6.5  # deviations of a standard normal variable, beyond which masses are lost in rounding


def mean_passage(v: Float[np.ndarray, " N"], h: float, temperature: float, level: int) -> Float[np.ndarray, " N"]:
    r"""The mean time until the point `level` is first reached, from each of the N points: an array (N,).

    v: the potential at equidistant points. With the jumps of `drift_diffusion` it is a sum of positive terms,
    $\sum_{k=i}^{j-1} \sum_{l \le k} \pi_l / (\pi_k q_k)$ from the left, so that it has full relative precision however
    rare the passage.
    """
    up, down = rates(v, h, temperature)
    left = _climb(v[: level + 1] / temperature, up[:level])
    right = _climb(v[level:][::-1] / temperature, down[level:][::-1])[::-1]
    return np.concatenate([left, right[1:]])


def _climb(v: Float[np.ndarray, " N"], onward: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k+1"]:
    below, waits = 0.0, np.zeros(len(onward))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for k, rate in enumerate(onward):  # below is the mass up to here over that of the point
            below = 1 + (below * np.exp(v[k] - v[k - 1]) if k else 0.0)
            waits[k] = below / rate
    if not np.isfinite(waits).all():
        raise ArithmeticError(
            "The barriers of the potential are too high, in temperatures, for a mean time of passage."
        )
    return np.append(np.cumsum(waits[::-1])[::-1], 0.0)


def survival(
    v: Float[np.ndarray, " N"],
    h: float,
    temperature: float,
    level: int,
    times: Sequence[float],
    begun: Float[np.ndarray, " N"],
) -> Float[np.ndarray, " T"]:
    """The share of the masses `begun` that have not reached the point `level`, for each time: an array (T,)."""
    up, down = rates(v, h, temperature)
    # the point is made absorbing on either side
    left = evolved(up[:level], np.append(down[: level - 1], 0.0), begun[: level + 1], times)
    right = evolved(np.append(0.0, up[level + 1 :]), down[level:], begun[level:], times)
    return np.array([a[:-1].sum() + b[1:].sum() for a, b in zip(left, right, strict=True)])


def averaging(x: Float[np.ndarray, " N"], level: int, mean: float, deviation: float) -> Float[np.ndarray, " N"]:
    """Weights, (N,), of the mean over a normal distribution of a function that is smooth on either side of a point.

    x: equidistant points, of which `level` is that point. Between them the function is a polynomial of degree 5
    through its neighbours on the same side.
    """
    places, masses = np.array([mean]), np.array([1.0])
    if deviation > 0:
        nodes, weights = np.polynomial.legendre.leggauss(16)
        kink = (x[level] - mean) / deviation
        ends = np.sort(np.append(np.arange(-9.0, 9.5), np.clip(kink, -9, 9)))
        z = ends[:-1, None] + np.diff(ends)[:, None] * (nodes + 1) / 2
        places = (mean + deviation * z).ravel()
        masses = (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) * weights * np.diff(ends)[:, None] / 2).ravel()
    before, total = places < x[level], np.zeros(len(x))
    for side, points in ((before, slice(0, level + 1)), (~before, slice(level, len(x)))):
        total[points] += _interpolating(x[points], places[side]).T @ masses[side]
    return total


def _interpolating(x: Float[np.ndarray, " N"], places: Float[np.ndarray, " M"]) -> Any:
    """The sparse matrix that takes values at equidistant points to the values between them, by their neighbours."""
    from scipy.sparse import coo_array

    count = min(6, len(x))
    u = (places - x[0]) / (x[1] - x[0]) if count > 1 else 0 * places
    first = np.clip(np.floor(u).astype(int) - 2, 0, len(x) - count)
    k = np.arange(count)
    others = [np.delete(k, j) for j in k]
    values = np.stack([np.prod((u - first)[:, None] - o, axis=1) / np.prod(j - o) for j, o in enumerate(others)], 1)
    rows = np.repeat(np.arange(len(places)), count)
    return coo_array((values.ravel(), (rows, (first[:, None] + k).ravel())), (len(places), len(x)))


def quantiles(
    x: Float[np.ndarray, " N"], mass: Float[np.ndarray, " N"], z: Float[np.ndarray, " M"]
) -> Float[np.ndarray, " M"]:
    """The increasing map, at z, from a standard normal variable to the distribution with these masses on points x."""
    from scipy.interpolate import PchipInterpolator
    from scipy.special import ndtri

    below, above = np.cumsum(mass), np.cumsum(mass[::-1])[::-1]
    faces = (x[1:] + x[:-1]) / 2
    lower, upper = below[:-1], above[1:]
    inside = np.minimum(lower, upper) > 1e-11
    if inside.sum() < 2:
        raise ArithmeticError("All mass is on one of the points: temperature and start are too narrow for their span.")
    lower, upper, faces = lower[inside], upper[inside], faces[inside]
    normal = np.where(lower < upper, ndtri(lower), -ndtri(upper))
    rising = np.append(True, np.diff(np.maximum.accumulate(normal)) > 0)  # there may be no mass between two wells
    return np.asarray(PchipInterpolator(normal[rising], faces[rising])(z))


def distance(first: Float[np.ndarray, " M"], second: Float[np.ndarray, " M"], z: Float[np.ndarray, " M"]) -> float:
    """The Wasserstein distance W2 of two distributions, from their `quantiles` at the equidistant points z."""
    weight = np.exp(-(z**2) / 2)
    return float(np.sqrt(weight @ (first - second) ** 2 / weight.sum()))


def normal_nodes(count: int) -> Float[np.ndarray, " M"]:
    """Equidistant points of the standard normal variable, for `quantiles` and `distance`."""
    return np.linspace(-FARTHEST, FARTHEST, count)
