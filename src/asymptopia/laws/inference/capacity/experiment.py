"""The exact number of random patterns that weights can satisfy, by enumeration, projection, or vertices."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....contract.record import StatementError
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import Capacity


LARGEST_CUBE = 26
LARGEST_HULL = 8


def stored(n: int, kappa: float, weights: str, constraint: str, rng: np.random.Generator) -> int:
    """The number of random constraints on n weights, added one by one, after which the next cannot be satisfied too.

    Constraints act on fields x.w / sqrt(n) with x standard normal and |w|**2 = n. Exact: binary weights by
    enumeration, `StatementError` beyond n = 26; on the sphere, half spaces with kappa >= 0 by the least squares of
    Lawson and Hanson at any n; kappa < 0 and the symmetric constraint by the vertices of a polytope, up to n = 8.
    """
    if weights == "binary":
        return _enumerated(n, kappa, constraint, rng)
    if constraint == "outside":
        raise StatementError(
            "No exact algorithm decides constraint='outside' for spherical weights; weights='binary' can be run."
        )
    convex = constraint == "halfspace" and kappa >= 0
    if not convex and n > LARGEST_HULL:
        raise StatementError(
            f"The vertices of a polytope decide this statement of Capacity, which needs sizes of at most "
            f"{LARGEST_HULL}, but a size is {n}."
        )
    patterns = np.empty((0, n))

    def fails(count: int) -> bool:
        nonlocal patterns
        if len(patterns) < count:
            patterns = np.concatenate([patterns, rng.standard_normal((count - len(patterns), n))])
        X = patterns[:count]
        if convex:
            return not _separated(X, kappa)
        return not _reaches_sphere(np.concatenate([X, -X]) if constraint == "symmetric" else -X, abs(kappa))

    return _largest(fails)


def _largest(fails: Callable[[int], bool]) -> int:
    """The largest count that does not fail, for what fails from some count on."""
    high = 1
    while not fails(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fails(middle) else (middle, high)
    return low


def _enumerated(n: int, kappa: float, constraint: str, rng: np.random.Generator) -> int:
    """Patterns are added until none of the 2**n vectors of signs is left; half of them, where the sign is free."""
    if n > LARGEST_CUBE:
        raise StatementError(
            f"All vectors of signs are enumerated, which needs sizes of at most {LARGEST_CUBE}, but a size is {n}."
        )
    free = n if constraint == "halfspace" else n - 1
    low = free // 2
    signs = [_cube(low), _cube(n - low)[: 2 ** (free - low)]]
    left = np.arange(2**free)
    for count in itertools.count():
        x = rng.standard_normal(n) / np.sqrt(n)
        near, far = signs[0] @ x[:low], signs[1] @ x[low:]
        z = (far[:, None] + near).ravel() if count == 0 else near[left & (2**low - 1)] + far[left >> low]
        if constraint == "halfspace":
            left = left[z >= kappa]
        else:
            left = left[np.abs(z) <= kappa] if constraint == "symmetric" else left[np.abs(z) >= kappa]
        if not len(left):
            return count
    raise AssertionError("unreachable")


def _cube(n: int) -> np.ndarray:
    """All vectors of n signs, (2**n, n); the last sign is 1 in the first half of them."""
    return 1.0 - 2.0 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)


def _separated(X: np.ndarray, kappa: float) -> bool:
    """Whether a unit vector w has X w >= kappa >= 0: the convex hull of the rows stays kappa away from the origin.

    The point of the hull nearest to the origin by nonnegative least squares (Lawson and Hanson, Solving Least Squares
    Problems (1974), chapter 23).
    """
    from scipy.optimize import nnls

    target = np.zeros(X.shape[1] + 1)
    target[-1] = 1.0
    r = nnls(np.vstack([X.T, np.ones(len(X))]), target)[1]
    distance = r / np.sqrt(max(1 - r**2, 1e-300))
    return bool(distance >= kappa and distance > 1e-9)


def _reaches_sphere(normals: np.ndarray, bound: float) -> bool:
    """Whether some unit vector w has normals w <= bound: an unbounded polytope, or a vertex outside the ball."""
    from scipy.spatial import ConvexHull, QhullError

    if len(normals) <= normals.shape[1] or (normals.shape[1] == 1 and np.ptp(np.sign(normals)) == 0):
        return True
    if normals.shape[1] == 1:
        return bool(np.abs(normals).max() <= bound)
    try:
        facets = ConvexHull(normals).equations
    except QhullError:  # the normals span no more than a hyperplane
        return True
    # a facet a.x + b = 0 of the hull is the vertex -a bound / b of the polytope, if the origin is inside the hull
    inside = facets[:, -1].max() < 0
    return not inside or bool(bound / np.abs(facets[:, -1]).min() >= 1)


def realize(law: Capacity, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""

    rng = generator(key)
    patterns = whole(law.alpha * n, rng, least=0)
    storage = stored(n, law.kappa, law.weights, law.constraint, rng)
    return {"capacity": storage / n, "satisfiable": float(storage >= patterns)}
