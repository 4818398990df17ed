"""Bayes-optimal estimation of one coordinate in Gaussian noise, on average."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ..numerics.adaptive import adaptive
from ..numerics.arrays import ArrayLike
from ..numerics.gaussian import PANELS, legendre
from ..parts.prior import Prior

if TYPE_CHECKING:
    from jaxtyping import Float, Real

ORDER = 12
LOGITS = np.array([-60.0, -30.0, -14.0, -6.0, -2.0, 0.0, 2.0, 6.0, 14.0, 30.0, 60.0])
REACH = 9.0 * 1.5 ** np.arange(1, 80)
FEW = 12  # components for which panels are laid by hand


@dataclasses.dataclass(frozen=True)
class Coordinate:
    """Averages for a coordinate w observed as x = sqrt(A) w + z, with z standard normal; arrays (K,).

    mse:         E Var(w | x), to full relative accuracy.
    overlap:     E E[w | x]**2.
    information: the mutual information of w and x, in nats: dI/dA = mse / 2.
    mass:        the integral of the density of x, 1 unless the quadrature failed.
    """

    mse: Float[np.ndarray, " K"]
    overlap: Float[np.ndarray, " K"]
    information: Float[np.ndarray, " K"]
    mass: Float[np.ndarray, " K"]


def coordinate(prior: Prior, A: Real[ArrayLike, "..."]) -> Coordinate:
    """The averages for a coordinate from the prior, observed at the signal-to-noise ratios A > 0, (K,)."""

    def values(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, log_p: np.ndarray, owner: np.ndarray) -> Any:
        return np.stack([variance, mean**2, -np.maximum(log_p, -1e300), np.ones_like(x)])

    mse, overlap, entropy, mass = observation_averages(prior, A, values)
    return Coordinate(mse, overlap, entropy - 0.5 * np.log(2 * np.pi * math.e), mass)


def observation_averages(
    prior: Prior,
    A: Real[ArrayLike, "..."],
    function: Callable[..., Any],
    breaks: Float[np.ndarray, "K B"] | None = None,
) -> Float[np.ndarray, "C K"]:
    """Expectations of C functions of the observation x = sqrt(A) w + z, for A > 0, (K,): an array (C, K).

    function(x, mean, variance, log_p, owner): the values (C, N, M) at x (N, M), given mean and variance of w, the
    log-density of x, and the problem of each row. breaks: where the functions are not smooth in x, (K, B).
    """
    A = np.atleast_1d(np.asarray(A, float))
    ends, by_hand = _panels(prior, A)
    if breaks is not None:
        ends = np.sort(np.concatenate([ends, np.clip(breaks, ends[:, :1], ends[:, -1:])], axis=1), axis=1)

    def values(x: np.ndarray, owner: np.ndarray) -> np.ndarray:
        a = A[owner][:, None]
        log_p = prior.log_evidence(a, x)
        mean, variance = prior.posterior(a, np.sqrt(a) * x)
        return np.asarray(np.exp(log_p) * function(x, mean, variance, log_p, owner))

    if not by_hand:
        return adaptive(values, ends)
    t, w = legendre(ORDER)
    length = np.diff(ends)[..., None]
    x = (ends[:, :-1, None] + length * t).reshape(len(A), -1)
    return np.asarray((values(x, np.arange(len(A))) * (length * w).reshape(x.shape)).sum(axis=-1))


def _panels(prior: Prior, A: Float[np.ndarray, " K"]) -> tuple[Float[np.ndarray, "K P"], bool]:
    """Ends of panels (K, P) for x, and whether they resolve the posterior everywhere as they are."""
    root, mixture = np.sqrt(A)[:, None], prior.components()
    if mixture is None or len(mixture[0]) > FEW:
        reach = np.r_[PANELS[PANELS > 0], REACH]
        grid = np.r_[-reach[::-1], 0.0, reach]
        limit = _reach(prior, A)[:, None]
        return np.clip(grid, -limit, limit) + root * prior.mean, False
    weights, means, variances = (np.asarray(c, float) for c in mixture)
    alive = weights > 0
    weights, means, variances = weights[alive], means[alive], variances[alive]
    widths = np.sqrt(1 + A[:, None] * variances)
    ends = [root * means[k] + widths[:, k : k + 1] * PANELS for k in range(len(means))]
    for i in range(len(means)):
        for j in range(i):
            if means[i] != means[j]:
                slope = root * (means[i] - means[j])
                crossing = root * (means[i] + means[j]) / 2 + np.log(weights[j] / weights[i]) / slope
                ends.append(crossing + LOGITS / slope)
            else:
                ends.append(_switch(widths[:, i], widths[:, j], weights[i] / weights[j]) + root * means[i])
    low, high = (root * means - 9 * widths).min(axis=1), (root * means + 9 * widths).max(axis=1)
    every = np.sort(np.clip(np.concatenate(ends, axis=1), low[:, None], high[:, None]), axis=1)
    return every, bool(np.all(variances == 0) or np.all(means == means[0]))


def _reach(prior: Prior, A: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """The distance from the mean beyond which the density of the observation is negligible."""
    spread = np.sqrt(A * (prior.second_moment - prior.mean**2))
    reach, centre, floor = 9 + 40 * spread, np.sqrt(A) * prior.mean, -44 - np.log1p(spread)
    for _ in range(60):
        far = [prior.log_evidence(A, centre + side * reach) > floor for side in (-1, 1)]
        if not np.any(far):
            break
        reach = np.where(far[0] | far[1], 1.5 * reach, reach)
    return reach


def _switch(wide: Float[np.ndarray, " K"], narrow: Float[np.ndarray, " K"], odds: float) -> Float[np.ndarray, "K P"]:
    """Panels (K, P) around the places where two normal distributions of one centre are equally likely."""
    wide, narrow = np.maximum(wide, narrow), np.minimum(wide, narrow)
    precision = np.maximum(1 / narrow**2 - 1 / wide**2, 1e-12)
    at = np.sqrt(2 * np.abs(np.log(wide / narrow) + np.abs(np.log(odds))) / precision)
    around = at[:, None] + LOGITS[2:-2] / np.maximum(at * precision, 1e-6)[:, None]
    return np.concatenate([-around, around], axis=1)
