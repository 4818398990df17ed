"""Realisations by size: means, standard errors, and how far their distribution is from normal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ZERO = 1e-12  # a spread below this share of the values is none
APART = 1.25  # sizes within this factor of each other are as good as one
FEW, PEAKED = 6.0, 12.0  # realisations that carry the spread, and the kurtosis from which that is asked


@dataclass(frozen=True)
class Sample:
    """Realisations (K, S, seeds) of K components at S sizes, with statistics of their means, each (K, S).

    error:     standard error of the mean; at no size below the power of the size that fits the errors of all sizes.
    weight:    the error that the fits use: that power, free of the noise in the errors.
    count:     number of realisations that gave a number.
    lost:      the largest shift of the mean by those that gave none.
    skewness, kurtosis: of a realisation, (K,), from all sizes together.
    exact:     whether a component does not depend on the seed at all, (K,).
    unanimous: whether all realisations of all sizes are one number, (K,).
    """

    sizes: np.ndarray
    values: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    weight: np.ndarray
    count: np.ndarray
    lost: np.ndarray
    skewness: np.ndarray
    kurtosis: np.ndarray
    exact: np.ndarray
    unanimous: np.ndarray

    @property
    def one_size(self) -> bool:
        """Whether there is one size, or several that are as good as one."""
        return bool(self.sizes[-1] <= APART * self.sizes[0])

    @property
    def failed(self) -> np.ndarray:
        """How many realisations of each component gave no number."""
        return (~np.isfinite(self.values)).sum(axis=(1, 2))


def sample_of(
    sizes: np.ndarray, values: np.ndarray, scale: float, self_averaging: bool = False, target: np.ndarray | None = None
) -> Sample:
    """The sample of realisations `values` (K, S, seeds); `scale` is the size of the observable.

    Unanimous seeds have the error of a rare event that none of them happened to meet: the scale over the number of
    seeds, and with `self_averaging` over the size as well. Indicators (values 0 and 1, and a limit between them where
    `target` (K,) gives it) have that of the rule of succession.
    """
    sizes = np.asarray(sizes, float)
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    filled = np.where(finite, values, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=-1) / count
        centred = np.where(finite, values - mean[..., None], 0.0)
        variance = (centred**2).sum(axis=-1) / (count - 1)
        none = np.sqrt(variance) <= ZERO * np.maximum(np.abs(mean), scale)
        exact = none.all(axis=1)
        unanimous = exact & (np.ptp(mean, axis=1) <= ZERO * np.maximum(np.abs(mean).max(axis=1), scale))
        indicator = (finite <= ((values == 0) | (values == 1))).all(axis=(1, 2)) & (not self_averaging)
        if target is not None:
            indicator &= (target >= 0) & (target <= 1)
        laplace = (filled.sum(axis=-1) + 1) / (count + 2)
        variance = np.where(indicator[:, None], laplace * (1 - laplace), np.where(none, 0.0, variance))
        own = np.sqrt(variance / count)
        unmet = (scale / sizes if self_averaging else np.full_like(sizes, scale)) / count
        own = np.where((unanimous & ~indicator)[:, None], unmet, own)
        weight = smooth(own, sizes)
        error = np.maximum(own, weight) if len(sizes) > 2 else np.where(own > 0, own, weight)
        spread = (weight * np.sqrt(count))[..., None]
        spread = np.where(spread > 0, spread, np.inf)
        skewness, kurtosis = _shape(np.where(finite, centred / spread, 0.0), count)
        lost = (1 - finite.mean(axis=-1)) * 2 * np.ptp(filled, axis=(1, 2))[:, None]
    error = np.where(count >= 2, error, np.nan)
    exact = exact & ~unanimous & ~indicator
    return Sample(sizes, values, mean, error, weight, count, lost, skewness, kurtosis, exact, unanimous & ~indicator)


def _shape(standard: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Skewness and kurtosis of standardised deviations, (K,)."""
    total = count.sum(axis=1)
    few = count.min(axis=1)
    skewness = (standard**3).sum(axis=(1, 2)) / total * few / np.maximum(few - 2, 0.5)
    kurtosis = (standard**4).sum(axis=(1, 2)) / total
    return skewness, np.maximum(kurtosis, 1.0)


def smooth(errors: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Errors (K, S) as a power law of the size, its exponent a multiple of 1/4, its square their mean square."""
    x = np.log(sizes) - np.log(sizes).mean()
    exponent = np.zeros(len(errors))
    if len(sizes) > 2:
        with np.errstate(divide="ignore", invalid="ignore"):
            y = np.log(errors)
            y = y - y.mean(axis=1, keepdims=True)
        y = np.where(np.isfinite(y).all(axis=1, keepdims=True), y, 0.0)
        exponent = np.round(4 * y @ x / (x @ x)) / 4
    law = np.exp(exponent[:, None] * x)
    return law * np.sqrt((errors**2 / law**2).mean(axis=1, keepdims=True))


def rare(sample: Sample, matters: float, few: float = FEW) -> np.ndarray:
    """Which components owe their spread to fewer than about `few` of many realisations, (K,).

    Components whose realisations all lie within `matters` of each other do not count.
    """
    kurtosis = np.fmax(sample.kurtosis, _pooled_kurtosis(sample))
    carried = (sample.count.sum(axis=1) < few * kurtosis) & (kurtosis > PEAKED)
    values = sample.values.reshape(len(carried), -1)
    with np.errstate(invalid="ignore"):
        there = np.isfinite(values)
        wide = np.where(there, values, -np.inf).max(axis=1) - np.where(there, values, np.inf).min(axis=1)
    return carried & (wide > matters)


def _pooled_kurtosis(sample: Sample) -> np.ndarray:
    """That of the deviations as they are, (K,): events at one size alone are not hidden by the errors of the others."""
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.where(np.isfinite(sample.values), sample.values - sample.mean[..., None], 0.0) ** 2
        total = sample.count.sum(axis=1)
        return total * (squares**2).sum(axis=(1, 2)) / squares.sum(axis=(1, 2)) ** 2
