r"""Fixed points of the state evolution of a spiked matrix, on one curve.

With $F(A)$ the overlap of a coordinate seen at signal-to-noise ratio A, a symmetric matrix has the fixed points
$q = F(snr\, q)$. Each is a point of the curve $A \mapsto snr(A) = A / F(A)$; it is stable where the curve rises, and
spinodals are its extrema. A rectangular one has such a curve too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.transitions import FixedPoint
from ....numerics.fixed_points import NotConverged
from ....numerics.roots import bracketed_roots, peaks
from ....parts.prior import Prior
from ....theory.scalar import coordinate

if TYPE_CHECKING:
    from . import SpikedMatrix


GRID = np.geomspace(1e-7, 1e7, 701)


@dataclass(frozen=True)
class Spike:
    """The problem: columns' prior, rows' prior and rows per column; the last two None for a symmetric matrix."""

    prior: Prior
    rows: Prior | None
    aspect: float | None

    @property
    def onset(self) -> float:
        """The snr above which principal components, and priors of mean zero, tell something."""
        power = self.prior.second_moment * (self.prior if self.rows is None else self.rows).second_moment
        return 1 / (power * np.sqrt(self.aspect or 1.0))

    @property
    def blind(self) -> bool:
        """Whether knowing nothing is a fixed point."""
        priors = (self.prior,) if self.rows is None else (self.prior, self.rows)
        return all(abs(p.mean) <= 1e-12 * np.sqrt(p.second_moment) for p in priors)

    def snr(self, A: np.ndarray) -> np.ndarray:
        """The snr at which the columns' fixed point has the precision A, (K,)."""
        q = coordinate(self.prior, A).overlap
        if self.rows is None or self.aspect is None:
            return A / q
        return _inverse(self.rows, np.log(A / self.aspect * q)) / q

    def values(self, A: np.ndarray, snr: np.ndarray) -> dict[str, np.ndarray]:
        """Overlap, matrix mean square error and free entropy of fixed points, (K,); A = 0 knows nothing."""
        scalar = coordinate(self.prior, np.where(A > 0, A, 1.0))
        q, r = np.where(A > 0, scalar.overlap, self.prior.mean**2), self.prior.second_moment
        entropy = A * r / 2 - np.where(A > 0, scalar.information, 0.0)
        if self.rows is None or self.aspect is None:
            return {"overlap": q, "mse": r**2 - q**2, "free_entropy": entropy - snr * q**2 / 4}
        other = coordinate(self.rows, np.where(q > 0, snr * q, 1.0))
        p, s = np.where(q > 0, other.overlap, self.rows.mean**2), self.rows.second_moment
        entropy = entropy + self.aspect * (snr * q * s / 2 - np.where(q > 0, other.information, 0.0))
        return {"overlap": q, "mse": r * s - q * p, "free_entropy": entropy - snr * self.aspect * q * p / 2}


def _inverse(prior: Prior, wanted: np.ndarray) -> np.ndarray:
    """t with log(t F(t)) = wanted, (K,), by Newton's method with slopes of the table."""
    table = _table(prior)
    log_t, slope = table(wanted), table.derivative()(wanted)
    for _ in range(20):
        t = np.exp(log_t)
        gap = np.log(t * coordinate(prior, t).overlap) - wanted
        if np.abs(gap).max() <= 1e-13 * max(1.0, np.abs(wanted).max()):
            return t
        log_t = log_t - gap * slope
    raise NotConverged(f"The precision of the rows was not found: its residual is {np.abs(gap).max():.1e}.")


@lru_cache(maxsize=64)
def _table(prior: Prior) -> Any:
    from scipy.interpolate import PchipInterpolator

    t = np.geomspace(1e-9, 1e9, 601)
    return PchipInterpolator(np.log(t * coordinate(prior, t).overlap), np.log(t))


@lru_cache(maxsize=64)
def curve(spike: Spike) -> tuple[np.ndarray, np.ndarray]:
    """Precisions A, the extrema of snr(A) among them, and snr(A)."""
    t, values = np.log(GRID), spike.snr(GRID)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(values)))) + 1
    real = [k for k in turns if abs(values[k] - values[k - 1 : k + 2]).max() > 1e-12 * values[k]]
    if not real:
        return GRID, values
    k = np.array(real)
    sign = np.sign(values[k] - values[k - 1])
    top = peaks(lambda x, i: sign[i] * spike.snr(np.exp(x)), t[k - 1], t[k], t[k + 1])
    A = np.append(GRID, np.exp(top))
    order = np.argsort(A)
    return A[order], np.append(values, spike.snr(np.exp(top)))[order]


def points(spike: Spike, snr: float) -> list[FixedPoint]:
    """All fixed points at this snr, by overlap. Raises `NotConverged` if none is found."""
    grid, onsets = curve(spike)
    below = onsets < snr
    k = np.flatnonzero(below[:-1] != below[1:])
    low, high = np.log(grid[k]), np.log(grid[k + 1])
    A = np.zeros(0)
    if len(k):
        A = np.exp(bracketed_roots(lambda t, _: np.log(spike.snr(np.exp(t)) / snr), low, high))
        A = np.where(np.isnan(A), grid[k], A)  # that end is the root to rounding
    rising = below[k]
    if spike.blind:
        near = grid[0] * (snr - spike.onset) / (onsets[0] - spike.onset)  # next to A = 0 the curve is straight
        small = [near] if 0 < near < grid[0] else []
        A = np.array([0.0, *small, *A])
        rising = np.array([snr <= spike.onset, *[snr > spike.onset] * len(small), *rising])
    if not rising.any():
        raise NotConverged(f"No stable fixed point was found for `snr` {snr:g}: it is too close to a transition.")
    values = spike.values(A, np.full(len(A), snr))
    entropy = values.pop("free_entropy")
    return [
        FixedPoint({name: float(v[i]) for name, v in values.items()}, float(entropy[i]), bool(rising[i]))
        for i in range(len(A))
    ]


def principal(spike: Spike, snr: float) -> dict[str, float]:
    """The leading eigenvalue of Y / sqrt(N), or of Y^T Y / M, and the squared cosine of its eigenvector with x."""
    signal = max(snr / spike.onset, 1.0)
    if spike.aspect is None:
        return {"pca_overlap": 1 - 1 / signal, "top_eigenvalue": float(np.sqrt(signal) + 1 / np.sqrt(signal))}
    root = 1 / np.sqrt(spike.aspect)
    return {
        "pca_overlap": (1 - 1 / signal**2) / (1 + root / signal),
        "top_eigenvalue": (1 + signal * root) * (1 + root / signal),
    }


def predict(law: SpikedMatrix) -> dict[str, Any]:
    """The observables in the limit."""

    return {**law._state().values, **principal(law.spike(), law.snr)}
