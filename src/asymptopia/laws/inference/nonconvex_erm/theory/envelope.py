"""The proximal map of a smooth loss that need not be convex: the pieces on which it is continuous."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....numerics.gaussian import legendre
from .....parts.loss import Loss

if TYPE_CHECKING:
    from jaxtyping import Float

GRID = 1201  # proximal points among which jumps are sought
DENSE = 24  # of them between two neighbouring knots of the loss
ORDER = 12
ZOOMS, FINE = 3, 41  # of the grid around a jump, before Newton's steps


class Envelope(NamedTuple):
    """A quadrature over cavity fields h, in the proximal point z of each; arrays (N,), in increasing order of h.

    h: cavity fields. weight: dh. value: the Moreau envelope min_z loss(z) + (z - h)**2 / 2V. f: (z - h) / V, its
    derivative with the sign turned. z: proximal points. slope: df/dh. jump: whether the proximal map jumps.
    """

    h: np.ndarray
    weight: np.ndarray
    value: np.ndarray
    f: np.ndarray
    z: np.ndarray
    slope: np.ndarray
    jump: bool


def envelope(loss: Loss, y: float, V: float, low: float, high: float, width: float) -> Envelope:
    """The envelope of `loss` at the label y for cavity fields from low to high, on panels of at most this width.

    A field h of the proximal point z is z + V loss'(z). Proximal points are those where V loss(z) + z**2 / 2 touches
    its convex hull; each gap of the hull is a jump, at the field that is the slope of the hull there.
    """
    starts, ends = _pieces(loss, y, V, low, high)
    t, w = legendre(ORDER)
    z, rise = [], []
    knots = np.sort(np.ravel(loss.knots(np.array([y]))))
    for start, end in zip(starts, ends, strict=True):
        inside = knots[(knots > start) & (knots < end)]
        coarse = np.concatenate([[start], inside, [end]])
        lengths = np.diff(coarse + V * _slope(loss, y, coarse))
        for a, b, length in zip(coarse[:-1], coarse[1:], lengths, strict=True):
            cuts = _even(loss, y, V, a, b, max(int(np.ceil(length / width)), 1))
            z.append((cuts[:-1, None] + np.diff(cuts)[:, None] * t).ravel())
            rise.append((np.diff(cuts)[:, None] * w).ravel())
    at, step = np.concatenate(z), np.concatenate(rise)
    gradient, curvature = _slope(loss, y, at), np.asarray(loss.curvature(np.full_like(at, y), at))
    stretch = 1 + V * curvature
    return Envelope(
        h=at + V * gradient,
        weight=stretch * step,
        value=np.asarray(loss(np.full_like(at, y), at)) + V * gradient**2 / 2,
        f=-gradient,
        z=at,
        slope=-curvature / stretch,
        jump=len(starts) > 1,
    )


def _slope(loss: Loss, y: float, z: np.ndarray) -> np.ndarray:
    return np.asarray(loss.gradient(np.full_like(z, y), z))


def _even(loss: Loss, y: float, V: float, a: float, b: float, count: int) -> Float[np.ndarray, " P"]:
    """Proximal points from a to b whose fields are about equally far from each other, (count + 1,)."""
    if count == 1:
        return np.array([a, b])
    fine = np.linspace(a, b, 8 * count + 1)
    h = np.maximum.accumulate(fine + V * _slope(loss, y, fine))
    cuts = np.interp(np.linspace(h[0], h[-1], count + 1), h, fine)
    cuts[0], cuts[-1] = a, b
    return np.asarray(cuts)


def _pieces(
    loss: Loss, y: float, V: float, low: float, high: float
) -> tuple[Float[np.ndarray, " P"], Float[np.ndarray, " P"]]:
    """The ends of the intervals of proximal points of the fields from low to high."""
    z = _grid(loss, y, V, low, high)
    starts, ends, kept = np.array([]), np.array([]), np.arange(len(z))
    falls = np.flatnonzero(np.diff(z + V * _slope(loss, y, z)) < 0)
    if len(falls):
        kept = _touching(z, _raised(loss, y, V, z))
        gaps = np.unique(np.searchsorted(kept, falls, side="right") - 1)
        tangents = np.array([_tangent(loss, y, V, z[max(kept[k] - 1, 0) : kept[k + 1] + 2]) for k in gaps])
        ends, starts = tangents.reshape(-1, 2).T
    first, last = _of_field(loss, y, V, z[kept], low), _of_field(loss, y, V, z[kept], high)
    inside = (ends > first) & (starts < last)
    return np.append(first, starts[inside]), np.append(ends[inside], last)


def _raised(loss: Loss, y: float, V: float, z: np.ndarray) -> np.ndarray:
    return V * np.asarray(loss(np.full_like(z, y), z)) + z**2 / 2


def _touching(z: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The places of the points (z, u) on their lower convex hull: all above a chord of their neighbours go."""
    kept = np.arange(len(z))
    while True:
        above = np.flatnonzero(np.diff(np.diff(u[kept]) / np.diff(z[kept])) < 0) + 1
        if not len(above):
            return kept
        kept = np.delete(kept, above)


def _grid(loss: Loss, y: float, V: float, low: float, high: float) -> np.ndarray:
    """Proximal points that reach beyond the fields from low to high, denser between the knots of the loss."""
    top = max(abs(low), abs(high))  # on both sides, as a jump may end on the other one
    bottom = -top
    for _ in range(60):
        at = np.array([bottom, top])
        h = at + V * _slope(loss, y, at)
        if h[0] <= low and h[1] >= high:
            break
        bottom, top = (bottom * 1.5 - 1.0 if h[0] > low else bottom), (top * 1.5 + 1.0 if h[1] < high else top)
    else:
        raise NotConverged(f"The proximal map of {loss!r} at V = {V:.3g} was not found up to fields of {top:.3g}.")
    knots = np.ravel(loss.knots(np.array([y])))
    knots = np.unique(knots[(knots > bottom) & (knots < top)])
    dense = [np.linspace(a, b, DENSE) for a, b in itertools.pairwise(knots)]
    return np.unique(np.concatenate([np.linspace(bottom, top, GRID), *dense]))


def _tangent(loss: Loss, y: float, V: float, z: np.ndarray) -> tuple[float, float]:
    """The two points in which one line touches V loss(z) + z**2 / 2, each next to one end of these points."""
    sides = (z[0], z[2]), (z[-3], z[-1])
    for _ in range(ZOOMS):
        fine = np.unique(np.concatenate([np.linspace(*side, FINE) for side in sides]))
        kept = _touching(fine, _raised(loss, y, V, fine))
        k = int(np.argmax(np.diff(fine[kept])))
        a, b = kept[k], kept[k + 1]
        sides = (fine[max(a - 1, 0)], fine[a + 1]), (fine[b - 1], fine[min(b + 1, len(fine) - 1)])
    return _polished(loss, y, V, float(fine[a]), float(fine[b]))


def _polished(loss: Loss, y: float, V: float, a: float, b: float) -> tuple[float, float]:
    """Newton's steps for h(a) = h(b) and u(b) - u(a) = h(a) (b - a), as long as they bring both nearer."""
    label, best, nearest = np.array([y, y]), np.inf, (a, b)
    for _ in range(20):
        at = np.array([a, b])
        h, bend = at + V * _slope(loss, y, at), 1 + V * np.asarray(loss.curvature(label, at))
        u = _raised(loss, y, V, at)
        missed = np.array([h[0] - h[1], (u[1] - u[0]) / (b - a) - h[0]])
        size = float(np.abs(missed).max())
        if not size < best or np.any(bend <= 0):
            break
        best, nearest = size, (a, b)
        jacobian = np.array([[bend[0], -bend[1]], [-bend[0], (h[1] - h[0] - missed[1]) / (b - a)]])
        jacobian[1, 0] += missed[1] / (b - a)
        a, b = at - np.linalg.solve(jacobian, missed)
    return nearest


def _of_field(loss: Loss, y: float, V: float, z: np.ndarray, field: float) -> float:
    """The proximal point of one field, between points z of a continuous piece."""
    from scipy.optimize import brentq

    h = np.maximum.accumulate(z + V * _slope(loss, y, z))
    k = int(np.clip(np.searchsorted(h, field), 1, len(z) - 1))

    def excess(x: float) -> float:
        return float(x + V * _slope(loss, y, np.array([x]))[0] - field)

    a, b = z[k - 1], z[k]
    if excess(a) * excess(b) > 0:
        return float(a if abs(excess(a)) < abs(excess(b)) else b)
    return float(brentq(excess, a, b, xtol=1e-13))
