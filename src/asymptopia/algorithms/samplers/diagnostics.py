"""Diagnostics of Markov chains: effective sample size, R-hat, asymptotic variance, round trips.

Draws are arrays with axes (chain, draw, ...), as `run` gives them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real


class Estimate(NamedTuple):
    """A number and its standard error, or arrays of them."""

    value: Any
    error: Any


def effective_sample_size(draws: Real[ArrayLike, "chains draws ..."]) -> Float[np.ndarray, "..."]:
    """The number of independent draws with the same error of the mean: blackjax's, of all chains together."""
    from blackjax.diagnostics import effective_sample_size as ess

    return np.asarray(ess(_checked(draws), 0, 1))


def r_hat(draws: Real[ArrayLike, "chains draws ..."]) -> Float[np.ndarray, "..."]:
    """Rank-normalised split R-hat, by blackjax; at most 1.01 if chains have forgotten their starts.

    Vehtari, Gelman, Simpson, Carpenter and Buerkner, Bayesian Analysis 16 (2021) 667.
    """
    from blackjax.diagnostics import rhat

    return np.asarray(rhat(_checked(draws, chains=2), 0, 1))


def asymptotic_variance(draws: Real[ArrayLike, "chains draws ..."], batches: int | None = None) -> Estimate:
    r"""$\lim_n n \mathrm{Var}(\text{mean of n draws})$ from batch means, with the error of the estimate.

    Each chain is cut into batches, by default the cube root of its length in number, and the variance of their means
    about the mean of all draws is multiplied by their length. The error is that of a variance of normal means. The
    batches must be much longer than draws are correlated: the estimate is biased by about their correlation time over
    their length. Chains must have forgotten their start.
    """
    x = _checked(draws)
    chains, length = x.shape[:2]
    batches = max(2 if chains == 1 else 1, round(length ** (1 / 3))) if batches is None else batches
    if batches != int(batches) or not 1 <= batches <= length // 2 or batches * chains < 2:
        raise StatementError(
            f"`batches` must be a whole number from {2 if chains == 1 else 1} to {length // 2}, half the length of a "
            f"chain, but is {batches}."
        )
    size = length // batches
    means = x[:, : size * batches].reshape(chains * batches, size, *x.shape[2:]).mean(axis=1)
    value = size * means.var(axis=0, ddof=1)
    return Estimate(value, value * math.sqrt(2 / (len(means) - 1)))


def spectral_variance(draws: Real[ArrayLike, "chains draws ..."]) -> Estimate:
    r"""The asymptotic variance from autocovariances, $\gamma_0 + 2 \sum_t \gamma_t$, cut where pair sums turn negative.

    Geyer's initial monotone sequence, for each chain (Statistical Science 7 (1992) 473, section 3.3); the value is the
    mean over chains and the error their spread, so that at least two are needed. It converges faster than batch means
    for reversible chains.
    """
    x = _checked(draws, chains=2)
    flat = x.reshape(*x.shape[:2], -1)
    each = np.array([[_initial_monotone(flat[c, :, k]) for k in range(flat.shape[2])] for c in range(len(flat))])
    value, error = each.mean(axis=0), each.std(axis=0, ddof=1) / math.sqrt(len(each))
    return Estimate(value.reshape(x.shape[2:]), error.reshape(x.shape[2:]))


def round_trips(walkers: Real[ArrayLike, "chains draws K"]) -> Int[np.ndarray, " chains"]:
    """The number of round trips, lowest temperature to highest and back, in each chain, of all walkers.

    walkers: (chain, draw, K), which walker is at each temperature: `TemperingState.walkers`.
    """
    w = np.asarray(walkers)
    if w.ndim != 3 or w.shape[2] < 2:
        raise StatementError(f"`walkers` must have axes (chain, draw, temperature), but has shape {w.shape}.")
    return np.array([sum(_trips(chain, k) for k in range(w.shape[2])) for chain in w])


def _trips(chain: Int[np.ndarray, "draws K"], walker: int) -> int:
    """Journeys of one walker: visits to the bottom that follow a visit to the top that followed one to the bottom."""
    visits = np.where(chain[:, 0] == walker, 1, np.where(chain[:, -1] == walker, 2, 0))
    visits = visits[visits > 0]
    ends = visits[np.r_[True, visits[1:] != visits[:-1]]] if len(visits) else visits
    return max(0, int((ends == 1).sum()) - 1)


def _initial_monotone(x: Float[np.ndarray, " draws"]) -> float:
    n = len(x)
    centred = np.fft.rfft(x - x.mean(), 2 * n)
    covariance = np.fft.irfft(np.abs(centred) ** 2)[:n] / n
    pairs = covariance[: n - n % 2].reshape(-1, 2).sum(axis=1)
    negative = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: negative[0] if len(negative) else None])
    return float(2 * kept.sum() - covariance[0]) if len(kept) else float(covariance[0])


def _checked(draws: Real[ArrayLike, "chains draws ..."], chains: int = 1) -> Float[np.ndarray, "chains draws ..."]:
    x = np.asarray(draws, float)
    if x.ndim < 2 or x.shape[0] < chains or x.shape[1] < 4:
        raise StatementError(
            f"`draws` must have axes (chain, draw, ...), at least {chains} and 4, but has shape {x.shape}."
        )
    if not np.isfinite(x).all():
        raise StatementError(f"`draws` must be finite, but has {np.sum(~np.isfinite(x))} entries that are not.")
    return x
