"""From several sizes to infinite size: limit + coefficient * n**-exponent, with the error of the limit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import fdtrc

MISFIT = 0.002  # a fit less probable than this is replaced by one with fewer sizes or one more term


@dataclass(frozen=True)
class Extrapolation:
    """A fit for each of K components; arrays of shape (K,) unless said otherwise.

    intercept:   the value at infinite size, with its standard error `error` and the number of
                 degrees of freedom of that error: Welch and Satterthwaite's, which few realisations
                 overestimate, at most 1.5 times those of the size with fewest.
    coefficient: of n**-exponent and n**-(2 exponent), shape (K, 2).
    probability: of a misfit at least as large, by Fisher's F (1 if nothing is left to test).
    smallest:    the smallest size that the fit uses.
    exponent:    of the correction, which was given.
    """

    intercept: np.ndarray
    error: np.ndarray
    degrees: np.ndarray
    coefficient: np.ndarray
    probability: np.ndarray
    smallest: np.ndarray
    exponent: float = 0.0

    def curve(self, sizes: np.ndarray) -> np.ndarray:
        """The fitted value at each size, (K, S)."""
        x = np.asarray(sizes, float) ** -self.exponent
        return self.intercept[:, None] + self.coefficient[:, :1] * x + self.coefficient[:, 1:] * x**2


def extrapolate(
    sizes: np.ndarray, values: np.ndarray, errors: np.ndarray, counts: np.ndarray, exponent: float
) -> Extrapolation:
    """Fit values (K, S) with standard errors (K, S), each from `counts` (K, S) realisations, at S sizes.

    One correction term and all sizes are tried first; where that misfits, the smallest sizes are left out as long as
    three remain, then a second term n**-(2 exponent) is added, then only the two largest sizes are kept. One size is
    taken as it is. A misfit must be improbable (`MISFIT`), so that the choice hardly changes the level of a test of
    the intercept.
    """
    sizes = np.asarray(sizes, float)
    found = _first_that_fits(_fit(sizes, values, errors, counts, exponent, *model) for model in _models(len(sizes)))
    return replace(found, exponent=exponent)


def slope(sizes: np.ndarray, values: np.ndarray, errors: np.ndarray, counts: np.ndarray) -> Extrapolation:
    """The exponent b of values (K, S) ~ n**b: the intercept of the result is b, without a correction to it."""
    logs = np.log(np.asarray(sizes, float))
    with np.errstate(divide="ignore", invalid="ignore"):
        y, e = np.log(np.abs(values)), errors / np.abs(values)
    ones = np.ones_like(logs)
    return _first_that_fits(
        _linear(np.stack([logs, ones], 1)[k:], y, e, counts, k, sizes, 1) for k in range(max(1, len(logs) - 2))
    )


def _first_that_fits(fits: Iterable[Extrapolation]) -> Extrapolation:
    """For each component the first fit without a misfit, or the last one."""
    first, *others = fits
    best = {k: v for k, v in vars(first).items() if k != "exponent"}
    for fit in others:
        misfit = best["probability"] < MISFIT
        best = {k: np.where(misfit if v.ndim == 1 else misfit[:, None], vars(fit)[k], v) for k, v in best.items()}
    return Extrapolation(**best)


def _models(count: int) -> list[tuple[int, int]]:
    """(number of smallest sizes left out, number of correction terms), in the order in which they are tried."""
    if count == 1:
        return [(0, 0)]
    drops = [(k, 1) for k in range(max(1, count - 2))]
    return drops + ([(0, 2)] if count >= 4 else []) + ([(count - 2, 1)] if count >= 3 else [])


def _fit(
    sizes: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
    counts: np.ndarray,
    exponent: float,
    first: int,
    terms: int,
) -> Extrapolation:
    design = np.stack([sizes[first:] ** (-exponent * k) for k in range(terms + 1)], 1)
    return _linear(design, values, errors, counts, first, sizes, terms)


def _linear(
    design: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
    counts: np.ndarray,
    first: int,
    sizes: np.ndarray,
    terms: int,
) -> Extrapolation:
    y, e, m = values[:, first:], errors[:, first:], counts[:, first:]
    scale = np.abs(design).max(axis=0)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weights = 1 / _smooth(e, np.log(sizes[first:]))
        columns = design / scale
        gram = np.einsum("ks,si,sj->kij", weights**2, columns, columns)
        usable = np.isfinite(gram).all(axis=(1, 2)) & np.isfinite(y).all(axis=1)
        gram[~usable] = np.eye(design.shape[1])
        linear = np.linalg.solve(gram, np.einsum("si,ks->kis", columns, weights**2)) / scale[:, None]
        linear[~usable] = np.nan
        solution = np.einsum("kis,ks->ki", linear, y)
        variance = linear[:, 0] ** 2 * e**2
        error = np.sqrt(variance.sum(axis=1))
        welch = variance.sum(axis=1) ** 2 / (variance**2 / np.maximum(m - 1, 1)).sum(axis=1)
        chi2 = (((y - solution @ design.T) / e) ** 2).sum(axis=1)
    left = design.shape[0] - design.shape[1]
    coefficient = np.zeros((len(y), 2))
    coefficient[:, :terms] = solution[:, 1 : terms + 1]
    return Extrapolation(
        intercept=solution[:, 0],
        error=error,
        degrees=np.minimum(welch, 1.5 * np.maximum(m - 1, 1).min(axis=1)),
        coefficient=coefficient,
        probability=fdtrc(left, np.maximum(m.mean(axis=1) - 1, 1), chi2 / left) if left else np.ones(len(y)),
        smallest=np.full(len(y), float(sizes[first])),
    )


def _smooth(errors: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """Errors as a power law of the size, its exponent a multiple of 1/4: weights blind to the noise in the errors."""
    if errors.shape[1] < 3:
        return errors
    x = logs - logs.mean()
    y = np.log(errors)
    exponent = np.round(4 * (y - y.mean(axis=1, keepdims=True)) @ x / (x @ x)) / 4
    return np.exp(exponent[:, None] * x)
