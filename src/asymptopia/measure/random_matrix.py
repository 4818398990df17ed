"""Whether a spectrum is that of a sample covariance matrix of independent coordinates, and what sticks out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..numerics.sample_covariance import SampleCovariance
from .spectra import Quadrature

TOLERANCE = 0.02  # of a distribution function, which a quadrature knows to about one in its order
BINS = 12


@dataclass(frozen=True)
class CovarianceLaw:
    """Marchenko and Pastur's law as it was found in a spectrum.

    ratio:      dimensions per sample.
    variance:   of a coordinate.
    outliers:   eigenvalues above its edge, ascending.
    population: the variance of the direction that each of them belongs to, by Baik, Ben Arous and Peche; nan for one
                that no direction can have.
    """

    ratio: float
    variance: float
    outliers: np.ndarray
    population: np.ndarray

    def edges(self) -> tuple[float, float]:
        """The ends of the spectrum, without the outliers and the mass at zero."""
        low, high = SampleCovariance(self.ratio).edges()
        return self.variance * low, self.variance * high

    def density(self, x: np.ndarray) -> np.ndarray:
        """The density at each x > 0, without the mass at zero."""
        return SampleCovariance(self.ratio).density(np.asarray(x, float) / self.variance) / self.variance


def covariance_law(seen: Quadrature, eigenvalues: np.ndarray) -> CovarianceLaw | None:
    """Marchenko and Pastur's law where it describes a spectrum, or None.

    Its two parameters are those of the first two moments of what lies below its edge; the `eigenvalues`, the largest
    ones, that lie above it are outliers. It describes the spectrum if the distribution functions differ nowhere in the
    bulk by more than 0.02 and four standard errors, and if not all of the eigenvalues given are outliers.
    """
    size, largest = seen.size, max(abs(end) for end in seen.ends())
    values = np.sort(np.asarray(eigenvalues, float)) / largest
    if seen.ends()[0] < -1e-6 * largest or not seen.ends()[1] > 0:
        return None
    count, cut = 0, np.inf
    while True:
        share, first, second = (_moment(seen, k, largest, cut) for k in range(3))
        mean = first / share
        ratio = second / share / mean**2 - 1
        if not 1e-3 < ratio < 1e3:
            return None
        cut = mean * SampleCovariance(ratio).edges()[1] * (1 + 4 * size ** (-2 / 3))
        if (beyond := int((values > cut).sum())) <= count:
            break
        count = beyond
    if count == len(values):
        return None
    outliers = values[len(values) - count :]
    found = CovarianceLaw(ratio, mean * largest, outliers * largest, largest * _populations(ratio, mean, outliers))
    return found if _describes(found, seen) else None


def _moment(seen: Quadrature, power: int, unit: float, cut: float) -> float:
    """The mean of a power of the eigenvalues, in this unit, of those up to the cut."""
    return seen.mean(lambda x: (x / unit) ** power * (x <= cut * unit))[0]


def _describes(law: CovarianceLaw, seen: Quadrature) -> bool:
    """Whether the distribution functions agree; the outliers are a share of the spectrum too."""
    low, high = law.edges()
    ends = np.linspace(low, high, BINS + 1)
    below, error = seen.distribution(ends[1:-1])
    shares = SampleCovariance(law.ratio).shares(ends / law.variance)
    expected = (max(0.0, 1 - 1 / law.ratio) + np.cumsum(shares)[:-1]) * (1 - len(law.outliers) / seen.size)
    return bool((np.abs(below - expected) <= TOLERANCE + 4 * error).all())


def _populations(ratio: float, variance: float, outliers: np.ndarray) -> np.ndarray:
    """The variances t of directions whose eigenvalue t (1 + ratio s / (t - s)), s = variance, is the outlier."""
    half: Any = (outliers + variance * (1 - ratio)) / 2
    with np.errstate(invalid="ignore"):
        return np.asarray(half + np.sqrt(half**2 - variance * outliers))
