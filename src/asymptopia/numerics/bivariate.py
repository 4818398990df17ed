"""The bivariate normal distribution function, and its logarithm in the tails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import ArrayLike
from .gaussian import legendre
from .tails import hazard

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Real

RARE = 1e-10
WIDEST = 12.0  # the integrand falls off at least as fast as a normal density
FAINT = -30.0
HALVINGS, NEWTON = 8, 6  # of the interval that holds the peak, which need not be known well


def quadrant(
    h: Real[ArrayLike, "..."], k: Real[ArrayLike, "..."], r: Real[ArrayLike, "..."], s: Real[ArrayLike, "..."]
) -> Float[np.ndarray, "..."]:
    """P(X < h, Y < k) for standard normal X and Y of correlation r, elementwise, to 1e-15 absolutely.

    s: sqrt(1 - r**2), passed separately because r near 1 does not determine it accurately. Source: Owen, Ann. Math.
    Stat. 27 (1956) 1075, equation 2.1.
    """
    from scipy.special import ndtr

    h, k, across, opposite = _owen(h, k, r, s)
    return np.maximum((ndtr(h) + ndtr(k)) / 2 - across - opposite / 2, 0.0)


def quadrants(
    h: Real[ArrayLike, "..."], k: Real[ArrayLike, "..."], r: Real[ArrayLike, "..."], s: Real[ArrayLike, "..."]
) -> Float[np.ndarray, "4 ..."]:
    """P of X < h, Y < k; X < h, Y > k; X > h, Y < k; and X > h, Y > k, stacked (4, ...), at the cost of `quadrant`."""
    from scipy.special import ndtr

    h, k, across, opposite = _owen(h, k, r, s)
    low, high, left, right = ndtr(h), ndtr(-h), ndtr(k), ndtr(-k)
    same, other = across + opposite / 2, across + opposite / 2 - 0.5
    four = (low + left) / 2 - same, (low + right) / 2 + other, (high + left) / 2 + other, (high + right) / 2 - same
    return np.maximum(np.stack(four), 0.0)


def log_quadrant(
    h: Real[ArrayLike, "..."], k: Real[ArrayLike, "..."], r: Real[ArrayLike, "..."], s: Real[ArrayLike, "..."]
) -> Float[np.ndarray, "..."]:
    """log P(X < h, Y < k), with a relative error of the probability of 1e-6 however small it is; see `quadrant`."""
    whole = np.broadcast_arrays(*(np.asarray(a, float) for a in (h, k, r, s)))
    h, k, r, s = (np.atleast_1d(a) for a in whole)
    p = quadrant(h, k, r, s)
    return log_rare(p, h, k, r, s, p < RARE).reshape(whole[0].shape)


def log_rare(
    p: Float[np.ndarray, "..."],
    h: Float[np.ndarray, "..."],
    k: Float[np.ndarray, "..."],
    r: Float[np.ndarray, "..."],
    s: Float[np.ndarray, "..."],
    rare: Bool[np.ndarray, "..."],
) -> Float[np.ndarray, "..."]:
    """The logarithms of probabilities p = `quadrant`(h, k, r, s), by an integral of their own where they are `rare`."""
    logs = np.log(np.maximum(p, RARE))
    if rare.any():
        logs[rare] = _log_integral(h[rare], k[rare], r[rare], s[rare])
    return logs


def _owen(
    h: Real[ArrayLike, "..."], k: Real[ArrayLike, "..."], r: Real[ArrayLike, "..."], s: Real[ArrayLike, "..."]
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], Float[np.ndarray, "..."], Bool[np.ndarray, "..."]]:
    """h and k off zero, the sum of Owen's two functions, and whether h and k have opposite signs."""
    from scipy.special import owens_t

    h, k, r, s = np.broadcast_arrays(*(np.asarray(a, float) for a in (h, k, r, s)))
    h, k = (np.where(np.abs(a) < 1e-290, 1e-290, a) for a in (h, k))
    with np.errstate(over="ignore"):
        across = owens_t(h, (k - r * h) / (h * s)) + owens_t(k, (h - r * k) / (k * s))
    return h, k, across, np.sign(h) != np.sign(k)


def _log_integral(
    h: Float[np.ndarray, "..."],
    k: Float[np.ndarray, "..."],
    r: Float[np.ndarray, "..."],
    s: Float[np.ndarray, "..."],
) -> Float[np.ndarray, "..."]:
    """log of the integral over t > 0 of phi(h - t) Phi((k - r (h - t)) / s), which is log-concave, about its peak."""
    from scipy.special import log_ndtr

    def slope(t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ratio, excess, _ = hazard((k - r * (h - t)) / s)
        return h - t + r / s * ratio, 1 + (r / s) ** 2 * ratio * excess

    low, high = np.zeros(h.shape), 2 * (np.abs(h) + np.abs(k) + 1) / s
    peak = (low + high) / 2
    for step in range(HALVINGS + NEWTON):
        first, second = slope(peak)
        low, high = np.where(first > 0, peak, low), np.where(first > 0, high, peak)
        peak = (low + high) / 2 if step < HALVINGS else np.clip(peak + first / second, low, high)
    first, second = slope(peak)
    width = 1 / (np.abs(first) + np.sqrt(second)) + 1e-13 * (1 + peak)

    def log_integrand(t: np.ndarray, i: Any) -> np.ndarray:
        return -((h[i] - t) ** 2) / 2 + log_ndtr((k[i] - r[i] * (h[i] - t)) / s[i])

    everywhere = np.arange(len(h))[:, None]
    away = width[:, None] * 2.0 ** np.arange(np.ceil(np.log2(WIDEST / width.min())) + 1)
    ends = np.concatenate([-away[:, ::-1], np.zeros((len(h), 1)), away], axis=1) + peak[:, None]
    ends = np.clip(ends, 0.0, peak[:, None] + WIDEST)
    at = log_integrand(ends, everywhere)
    top = at.max(axis=1)
    height = np.maximum(at[:, 1:], at[:, :-1]) - top[:, None]
    row, panel = np.nonzero((height > FAINT) & (np.diff(ends, axis=1) > 0))
    node, weight = legendre(10)
    start, length = ends[row, panel, None], np.diff(ends, axis=1)[row, panel, None]
    mass = length * weight * np.exp(log_integrand(start + length * node, row[:, None]) - top[row, None])
    total = np.bincount(row, mass.sum(axis=1), len(h))
    return np.asarray(top + np.log(np.maximum(total, 1e-300) / np.sqrt(2 * np.pi)))
