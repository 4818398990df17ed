"""Every fixed point of the state evolution of Bayes-optimal vector message passing, from one scan of a precision."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.roots import bracketed_roots, with_turns
from ....theory.scalar import coordinate

if TYPE_CHECKING:
    from jaxtyping import Float

    from . import RotationInvariantBayes

STEP, BEYOND = 0.08, 6.0  # of the scan in log gamma, and how far it goes on where the largest precision is reached
LEAST = 1e-290  # variance of a coordinate that is taken for none
MASS = 1e-7


@dataclasses.dataclass(frozen=True)
class Point:
    """A fixed point: signal-to-noise ratio A of a coordinate, overlap q, variance v, mutual information."""

    A: float
    q: float
    v: float
    information: float
    stable: bool


def predict(law: RotationInvariantBayes) -> dict[str, Any]:
    """The observables in the limit, at the fixed point that the start leads to."""
    points = fixed_points(law)
    stable = [p for p in points if p.stable]
    here = stable[0] if law.start == "uninformative" else stable[-1]
    return {
        "overlap": here.q,
        "mse": here.v,
        "field_error": law.noise * here.A * here.v / law.alpha,
        "mutual_information": min(p.information for p in stable),
    }


def fixed_points(law: RotationInvariantBayes) -> list[Point]:
    """All fixed points, ordered by overlap."""
    return list(_fixed_points(law))


@lru_cache(maxsize=256)
def _fixed_points(law: RotationInvariantBayes) -> tuple[Point, ...]:
    """All roots of `_excess` between the least precision that there can be and the largest.

    No estimate is better than that from A = alpha / noise, none is worse than the best linear one, at gamma = 1 /
    variance: at half of it the excess is positive, at the upper end it is negative.
    """
    t = _grid(law)
    t, excess = with_turns(lambda s: _excess(law, s), t, _excess(law, t))
    up = excess > 0
    at = np.flatnonzero(up[1:] != up[:-1])
    gamma = np.exp(bracketed_roots(lambda s, _: _excess(law, s), t[at], t[at + 1]))
    A, _ = _seen(law, gamma)
    c = coordinate(law.prior, A)
    log_ratio = law.singular_values.shrinkage(law.alpha, law.noise * gamma).log_ratio
    information = c.information + (log_ratio - np.log1p(A / gamma)) / 2
    rows = zip(A, c.overlap, c.mse, information, up[at], strict=True)
    return tuple(Point(float(a), float(q), float(v), float(i), bool(s)) for a, q, v, i, s in rows)


def _grid(law: RotationInvariantBayes) -> Float[np.ndarray, " T"]:
    """The scan of log gamma: dense until gamma exceeds what the labels can tell, from where on A is constant."""
    variance = float(law.prior.second_moment - law.prior.mean**2)
    best = float(coordinate(law.prior, law.alpha / law.noise).mse[0])
    first, last = np.log(0.5 / variance), -np.log(max(best, LEAST))
    dense = min(last, np.log((1 + law.alpha) / law.noise) + BEYOND)
    count = 2 + int(max(dense - first, 0) / STEP)
    return np.append(np.linspace(first, dense, count), last) if dense < last else np.linspace(first, last, count)


def _excess(law: RotationInvariantBayes, t: Float[np.ndarray, " T"]) -> Float[np.ndarray, " T"]:
    """The log of the variance left at gamma = exp(t) over that of a coordinate: positive where it falls next."""
    A, v = _seen(law, np.exp(t))
    c = coordinate(law.prior, A)
    if not np.all(np.abs(c.mass - 1) < MASS):
        raise ArithmeticError(f"The averages over {law.prior!r} could not be computed.")
    return np.asarray(np.log(v) - np.log(np.maximum(c.mse, LEAST)))


def _seen(law: RotationInvariantBayes, gamma: Float[np.ndarray, " T"]) -> tuple[np.ndarray, np.ndarray]:
    """What the labels tell a coordinate of which the precision gamma is known, and the variance that is left."""
    seen = law.singular_values.shrinkage(law.alpha, law.noise * gamma)
    return seen.information / (law.noise * seen.left), seen.left / gamma
