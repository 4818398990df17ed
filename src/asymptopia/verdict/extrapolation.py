"""Extrapolation to infinite size by limit + coefficient * n**-exponent, with all its uncertainties."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, stdtrit

from .sample import Sample

MISFIT = 0.002  # a fit less probable than this is not admissible
FEW_SEEDS = 1.5  # few realisations of a skewed law look less spread than they are: 15 % at ten
SKEWED = 2.5  # few realisations show less skewness than there is
GRANTED = 2.0  # what lies off by fewer of its errors means nothing
SQUARES = 2.0  # the largest coefficient of the square of a correction
SPAN = 2.0 ** np.linspace(-1, 1.25, 19)
"""Exponents that are admitted, over the declared one: what is proved of the decay is seldom the decay itself."""
DECLARED = int(np.argmin(np.abs(SPAN - 1)))


@dataclass(frozen=True)
class Fit:
    """One extrapolation to infinite size, for K components: the estimate is linear in the means.

    linear:      the weights (K, S) of the means in the estimate.
    estimate:    at infinite size, with its standard error `error`, degrees of freedom and skewness, each (K,).
    curve:       the fitted value at each size, (K, S).
    caution:     a factor of the critical value: few realisations of a skewed distribution underestimate its spread.
    chi2:        the sum of squared residuals over their errors, with its probability (1 if nothing is left to test).
    """

    linear: np.ndarray
    estimate: np.ndarray
    error: np.ndarray
    degrees: np.ndarray
    skewness: np.ndarray
    curve: np.ndarray
    caution: np.ndarray
    chi2: np.ndarray
    probability: np.ndarray

    def critical(self, share: float) -> tuple[np.ndarray, np.ndarray]:
        """How many standard errors refute a limit above and one below the estimate, at the two-sided level `share`.

        The quantile of Student's t, increased on the side of the longer tail by the first term of the expansion of
        Cornish and Fisher (1938) for the studentised mean; it is never decreased.
        """
        t = np.asarray(stdtrit(np.maximum(self.degrees, 1), 1 - share / 2)) * self.caution
        longer = SKEWED * np.abs(self.skewness) * (2 * t**2 + 1) / 6
        return t + np.where(self.skewness > 0, longer, 0), t + np.where(self.skewness < 0, longer, 0)


def admissible(sample: Sample, bias: float) -> tuple[list[Fit], np.ndarray]:
    """The extrapolations, that with exponent `bias` first, and which of them fit each component, (models, K)."""
    count = len(sample.sizes)
    if count == 1 or np.isinf(bias):
        fits = [_fit(sample, 0, ())]
        return fits, np.ones((1, len(sample.mean)), bool)
    fits = [_fit(sample, 0, (bias * f,)) for f in SPAN]
    return declared_first(fits, fitting(np.stack([f.chi2 for f in fits]), count - 2))


def beyond(sample: Sample, bias: float, fits: list[Fit], scale: float) -> np.ndarray:
    """What the next order may do to the estimates of `admissible`, (models, K).

    The coefficient of n**-(2 b) is of the size of the square of that of n**-b, both relative to the values or to
    `scale`, whichever is larger; or it is what its own fit finds significant.
    """
    if len(fits) == 1:
        return np.zeros((1, len(sample.mean)))
    exponents = sorted(bias * SPAN, key=lambda b: b != bias)
    size = np.fmax(np.abs(sample.mean).max(axis=1), scale)
    left = [next_order(f, f.curve - f.estimate[:, None], size) for f in fits]
    if len(sample.sizes) > 2:
        for k, (b, f) in enumerate(zip(exponents, fits, strict=True)):
            second = _fit(sample, 0, (b, 2 * b))
            left[k] = left[k] + np.maximum(np.abs(second.estimate - f.estimate) - GRANTED * second.error, 0)
    return np.stack(left)


def next_order(fit: Fit, correction: np.ndarray, size: np.ndarray | float) -> np.ndarray:
    """What the square of the fitted correction (K, S), relative to values of some size (K,), does to the estimate."""
    return np.abs(SQUARES / size * (fit.linear * correction**2).sum(axis=1))


def declared_first(fits: list[Fit], fine: np.ndarray) -> tuple[list[Fit], np.ndarray]:
    """The fits of all exponents of `SPAN` and which of them fit, reordered with the declared exponent first."""
    order = sorted(range(len(fits)), key=lambda i: i != DECLARED)
    return [fits[i] for i in order], fine[order]


def decay(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """The exponent b of a correction n**-b, fitted freely between 1/10 and 4, and its standard error, each (K,).

    The error is half the width over which chi-square grows by one; nan where the sizes do not tell the exponent.
    """
    tried = np.geomspace(0.1, 4, 240)
    chi2 = np.stack([_fit(sample, 0, (b,)).chi2 for b in tried])
    chi2 = np.where(np.isfinite(chi2), chi2, np.inf)
    best = chi2.argmin(axis=0)
    inside = chi2 <= chi2.min(axis=0) + 1
    low, high = inside.argmax(axis=0), len(tried) - 1 - inside[::-1].argmax(axis=0)
    told = (low > 0) & (high < len(tried) - 1) & (len(sample.sizes) > 2)
    step = tried[best] * (tried[1] / tried[0] - 1)
    return np.where(told, tried[best], np.nan), np.where(told, np.maximum((tried[high] - tried[low]) / 2, step), np.nan)


def fitting(chi2: np.ndarray, left: int) -> np.ndarray:
    """Which exponents fit, (models, K): those without a misfit, and the neighbours of what fits.

    Between two exponents chi2 is nearly a parabola, so that one which fits may lie between two that do not.
    """
    if not left:
        return np.ones(chi2.shape, bool)
    fine: np.ndarray = np.asarray(chdtrc(left, chi2)) > MISFIT
    below, here, above = chi2[:-2], chi2[1:-1], chi2[2:]
    with np.errstate(divide="ignore", invalid="ignore"):
        lowest = here - (above - below) ** 2 / (8 * (above - 2 * here + below))
    valley = (here <= below) & (here <= above) & (np.asarray(chdtrc(left, np.maximum(lowest, 0))) > MISFIT)
    fine[1:-1] |= valley
    wide = fine.copy()
    wide[:-1] |= fine[1:]
    wide[1:] |= fine[:-1]
    return wide


def _fit(sample: Sample, first: int, exponents: tuple[float, ...]) -> Fit:
    """Weighted least squares on the sizes from the `first` on."""
    sizes = sample.sizes[first:]
    design = np.stack([np.ones_like(sizes), *((sizes / sizes[0]) ** -e for e in exponents)], 1)
    whole = np.stack([np.ones_like(sample.sizes), *((sample.sizes / sizes[0]) ** -e for e in exponents)], 1)
    y, e, w = (a[:, first:] for a in (sample.mean, sample.error, sample.weight))
    return linear_fit(design, whole, y, e, w, sample, first)


def linear_fit(
    design: np.ndarray, whole: np.ndarray, y: np.ndarray, e: np.ndarray, w: np.ndarray, sample: Sample, first: int
) -> Fit:
    """The estimate is the coefficient of the first column of the design (S, terms)."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse = 1 / np.where(w > 0, w, np.nan) ** 2
        inverse = inverse / inverse.max(axis=1, keepdims=True)
        gram = np.einsum("ks,si,sj->kij", inverse, design, design)
        usable = np.isfinite(gram).all(axis=(1, 2)) & np.isfinite(y).all(axis=1) & np.isfinite(e).all(axis=1)
        gram[~usable] = np.eye(design.shape[1])
        solver = np.linalg.solve(gram, np.einsum("si,ks->kis", design, inverse))
        solver[~usable] = np.nan
        solution = np.einsum("kis,ks->ki", solver, y)
        linear = np.zeros_like(sample.mean)
        linear[:, first:] = solver[:, 0]
        chi2 = (((y - solution @ design.T) / e) ** 2).sum(axis=1)
    left = design.shape[0] - design.shape[1]
    probability = np.asarray(chdtrc(left, chi2)) if left else np.ones(len(y))
    return replace(
        fit_of(linear, sample), estimate=solution[:, 0], curve=solution @ whole.T, chi2=chi2, probability=probability
    )


def fit_of(linear: np.ndarray, sample: Sample) -> Fit:
    """The extrapolation with given weights (K, S) of the means; nothing is left to test."""
    with np.errstate(invalid="ignore"):
        estimate, error = (linear * sample.mean).sum(axis=1), np.sqrt((linear**2 * sample.error**2).sum(axis=1))
    degrees, skewness = _normality(linear, error, sample)
    caution = 1 + FEW_SEEDS / sample.count.min(axis=1).clip(1)
    nothing, zero = np.full_like(sample.mean, np.nan), np.zeros_like(estimate)
    return Fit(linear, estimate, error, degrees, skewness, nothing, caution, zero, zero + 1.0)


def _normality(linear: np.ndarray, error: np.ndarray, sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of freedom of the error (Welch and Satterthwaite, with the kurtosis), and skewness of the estimate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = (linear * sample.error / error[:, None]) ** 2
        freedom = 2 * (sample.count - 1) / np.maximum(sample.kurtosis - 1, 2.0)[:, None]
        degrees = 1 / (share**2 / np.maximum(freedom, 1)).sum(axis=1)
        cubes = (linear * sample.error / error[:, None]) ** 3 / np.sqrt(sample.count)
    return np.minimum(degrees, 1.5 * np.maximum(sample.count - 1, 1).min(axis=1)), sample.skewness * cubes.sum(axis=1)
