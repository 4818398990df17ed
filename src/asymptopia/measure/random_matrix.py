"""Is a spectrum that of a sample covariance matrix of independent coordinates, and which eigenvalues are outliers?

The distribution of Marchenko and Pastur has two parameters, fitted by two moments. Then the fit is tested: matrices of
independent coordinates are drawn, of the same shape and seen in the same way, and the p-value is the share of those
whose spectrum differs at least as much from their own fit. For a spectrum seen by probes, the errors of the probes are
included. Draws end early where many differ (Besag and Clifford, Biometrika 78 (1991) 301).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..numerics.gaussian import legendre
from .covariance_samples import all_of, probed
from .spectra import Quadrature

if TYPE_CHECKING:
    from jaxtyping import Float

LEVEL = 0.005
DRAWS, ENOUGH = 199, 10
FEWEST = 30  # eigenvalues of a bulk: fewer are like those of many laws
BINS = 24
ZERO = 1e-9  # of the largest eigenvalue


@dataclass(frozen=True)
class CovarianceLaw:
    """The distribution of Marchenko and Pastur, fitted to a spectrum.

    ratio:         dimensions per sample.
    variance:      variance of a coordinate.
    outliers:      eigenvalues above the upper edge, ascending.
    population:    the population variance of each outlier's direction, by Baik, Ben Arous and Peche; nan if no variance
                   gives this outlier.
    p_value:       the probability that a matrix of independent coordinates differs from its own fit by as much as this
                   spectrum does; a small value refutes the distribution.
    outlier_count: the smallest and the largest number of outliers: eigenvalues above the 99 % quantile, and above the
                   median, of the largest eigenvalue of such matrices.
    """

    ratio: float
    variance: float
    outliers: Float[np.ndarray, " k"]
    population: Float[np.ndarray, " k"]
    p_value: float = np.nan
    outlier_count: tuple[int, int] = (0, 0)

    def edges(self) -> tuple[float, float]:
        """The edges of the bulk, without the mass at zero."""
        low, high = _edges(self.ratio)
        return self.variance * low, self.variance * high

    def density(self, x: Float[np.ndarray, " *shape"]) -> Float[np.ndarray, " *shape"]:
        """The density at each x > 0, without the mass at zero."""
        return _density(self.ratio, np.asarray(x, float) / self.variance) / self.variance


class _Fit(NamedTuple):
    """The law of the bulk of a spectrum: its parameters, how many values are above, and how much the laws differ."""

    ratio: float
    variance: float
    beyond: int
    distance: float


def covariance_law(seen: Quadrature, eigenvalues: Float[np.ndarray, " k"]) -> CovarianceLaw | None:
    """The distribution of Marchenko and Pastur if it describes a spectrum, else None.

    It describes the spectrum unless the test of `fitted_law` refutes it at the level 0.005, or all given eigenvalues
    are outliers.
    """
    law = fitted_law(seen, eigenvalues)
    return law if law is not None and law.p_value > LEVEL and len(law.outliers) < len(eigenvalues) else None


def fitted_law(seen: Quadrature, eigenvalues: Float[np.ndarray, " k"], seed: int = 0) -> CovarianceLaw | None:
    """The distribution of Marchenko and Pastur fitted to the moments of a spectrum, with a test of the fit.

    seen:        the spectrum, exact or seen by probes.
    eigenvalues: its largest ones; those above the upper edge are outliers and do not enter the moments.

    Returns None if nothing can be fitted: eigenvalues are negative, all equal, or fewer than 30 in the bulk.
    """
    fit = _fit(seen, np.asarray(eigenvalues, float))
    if fit is None:
        return None
    samples, size = seen.size / fit.ratio, seen.size - fit.beyond
    rng = np.random.default_rng((seed, DRAWS))
    worse, tops = 0, []
    for _ in range(DRAWS):
        drawn = [_fit(one, np.empty(0)) for one in ([] if seen.exact else [probed(rng, samples, size, seen)])]
        whole = all_of(rng, samples, size)
        drawn.append(_fit(whole, np.empty(0)))
        worse += sum(np.inf if null is None else null.distance for null in drawn) >= fit.distance
        top, rank = whole.ends()[1], int((whole.eigenvalues > 0).sum())
        tops.append((top / _edges(size / samples)[1] - 1) * rank ** (2 / 3))
        if worse >= ENOUGH and len(tops) >= 5 * ENOUGH:
            break
    p_value = worse / len(tops) if len(tops) < DRAWS else (1 + worse) / (1 + DRAWS)
    values = np.sort(np.asarray(eigenvalues, float))
    outliers = values[len(values) - fit.beyond :]
    law = CovarianceLaw(fit.ratio, fit.variance, outliers, _populations(fit.ratio, fit.variance, outliers))
    edge, unit = law.edges()[1], min(samples, size) ** (-2 / 3)
    sure, most = (edge * (1 + unit * np.quantile(tops, q)) for q in (0.99, 0.5))
    count = int((values > sure).sum()), _at_most(seen, values, most)
    return replace(law, p_value=p_value, outlier_count=count)


def _at_most(seen: Quadrature, values: Float[np.ndarray, " k"], above: float) -> int:
    """How many eigenvalues lie above; where not all of them are given, as the probes see them."""
    count = int((values > above).sum())
    if count < len(values):
        return count
    return max(count, int(np.ceil(seen.size * seen.interval(lambda x: x > above)[1])))


def _fit(seen: Quadrature, eigenvalues: Float[np.ndarray, " k"]) -> _Fit | None:
    """Moments below the edge until no more of the eigenvalues lie above it."""
    low, high = seen.ends()
    if low < -1e-6 * high or not high > 0:
        return None
    values, count, cut = np.sort(eigenvalues) / high, 0, np.inf
    while True:
        share, first, second = (_moment(seen, k, high, cut) for k in range(3))
        if not share > 0 or not first > 0:
            return None
        mean = first / share
        ratio = second / share / mean**2 - 1
        if not 1e-6 < ratio < 1e6:
            return None
        cut = mean * _edges(ratio)[1] * (1 + 4 * seen.size ** (-2 / 3))
        if (beyond := int((values > cut).sum())) <= count:
            break
        count = beyond
    if min(1.0, 1 / ratio) * (seen.size - count) < FEWEST:
        return None
    distance = _distance(seen, ratio, mean * high, count / seen.size)
    return _Fit(ratio, mean * high, count, distance)


def _moment(seen: Quadrature, power: int, unit: float, cut: float) -> float:
    """The mean of a power of the eigenvalues, in this unit, of those up to the cut."""
    return seen.mean(lambda x: (x / unit) ** power * (x <= cut * unit))[0]


def _distance(seen: Quadrature, ratio: float, variance: float, beyond: float) -> float:
    """The largest difference of the distribution functions of the eigenvalues that are not zero, outliers apart."""
    ends = np.linspace(*_edges(ratio), BINS + 1)
    zero = seen.distribution(np.array([ZERO * seen.ends()[1]]))[0]
    below = seen.distribution(variance * ends[1:-1])[0]
    expected = np.cumsum(_shares(ratio, ends))[:-1] * min(1.0, 1 / ratio)
    atom = max(0.0, 1 - 1 / ratio)
    gap = np.abs(below - (atom + expected) * (1 - beyond)).max()
    return float(max(gap, abs(zero[0] - atom * (1 - beyond))) / (min(1.0, 1 / ratio) * (1 - beyond)))


def _edges(ratio: float) -> tuple[float, float]:
    return (1 - ratio**0.5) ** 2, (1 + ratio**0.5) ** 2


def _density(ratio: float, x: Float[np.ndarray, " *shape"]) -> Float[np.ndarray, " *shape"]:
    low, high = _edges(ratio)
    inside = np.maximum((x - low) * (high - x), 0.0)
    return np.asarray(np.sqrt(inside) / (2 * np.pi * ratio * np.where(x > 0, x, 1.0)))


def _shares(ratio: float, ends: Float[np.ndarray, " E"]) -> Float[np.ndarray, " E-1"]:
    """The part in each bin of what is not at zero."""
    low, high = _edges(ratio)
    angles = np.arccos(np.clip(1 - 2 * (ends - low) / (high - low), -1, 1))
    nodes, weights = legendre(24)
    width = np.diff(angles)[:, None]
    theta = angles[:-1, None] + width * nodes
    x = low + (high - low) * (1 - np.cos(theta)) / 2
    masses = (width * weights * _density(ratio, x) * np.sin(theta)).sum(axis=1)
    return np.asarray(masses / masses.sum())


def _populations(ratio: float, variance: float, outliers: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    """The variances t of directions whose eigenvalue t (1 + ratio s / (t - s)), s = variance, is the outlier."""
    half: np.ndarray = (outliers + variance * (1 - ratio)) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(half + np.sqrt(half**2 - variance * outliers))
