"""The normal distribution far in its tails, to full relative accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real

FAR = -300.0


def log_density(t: Real[ArrayLike, "..."]) -> Float[np.ndarray, "..."]:
    """log phi(t), with phi the standard normal density."""
    return -np.square(t) / 2 - 0.5 * np.log(2 * np.pi)


def log_mills(t: Real[ArrayLike, "..."]) -> Float[np.ndarray, "..."]:
    """log(Phi(t) / (sqrt(2 pi) phi(t))), finite for every finite t."""
    from scipy.special import erfcx, log_ndtr

    t = np.asarray(t, float)
    low = np.minimum(t, 0.0)
    return np.where(t < 0, np.log(erfcx(-low / np.sqrt(2)) / 2), np.square(t) / 2 + log_ndtr(np.maximum(t, 0.0)))


def hazard(
    t: Real[ArrayLike, "..."],
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """r = phi(t) / Phi(t), r + t, and 1 - r (r + t), elementwise, to a relative accuracy of 1e-10.

    r is the derivative of log Phi. The other two are the mean excess over -t and the variance of a standard normal
    variable that exceeds -t.
    """
    t = np.asarray(t, float)
    near = np.maximum(t, FAR)
    r = np.exp(-log_mills(near) - 0.5 * np.log(2 * np.pi))
    excess = np.asarray(r + near)
    variance = 1 - r * excess
    far = t < -30.0
    if np.any(far):
        s = 1 / np.square(np.where(far, t, FAR))
        tail = np.abs(np.where(far, t, FAR))
        series = (1 - s * (2 - s * (10 - s * (74 - 706 * s)))) / tail
        r, excess = np.where(far, tail + series, r), np.where(far, series, excess)
        variance = np.where(far, s * (1 - s * (6 - s * (50 - s * (518 - 6354 * s)))), variance)
    return r, excess, variance
