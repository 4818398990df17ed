r"""Asymptotic variances of reversible jump processes on finitely many states, and those of two tempered replicas.

With generator $L$, stationary distribution $\pi$ and a function f, the time average of f over [0, t] has a variance of
$\sigma^2/t$ for large t with $\sigma^2 = 2 \langle f - \bar f, g\rangle_\pi$, where $-L g = f - \bar f$.

Two replicas of a birth-and-death chain are at the temperatures $T_1 < T_2$, with generators $L_1, L_2$. Parallel
tempering at rate a adds exchanges (x, y) to (y, x), accepted with probability min(1, r). For a to infinity the process
of the unordered pair has the rates of a mixture: with weight $\rho(x, y) = \pi_1(x)\pi_2(y) /
(\pi_1(x)\pi_2(y) + \pi_1(y)\pi_2(x))$ the first replica is the cold one, and the estimate is $\rho f(x) + (1 - \rho)
f(y)$ (Dupuis, Liu, Plattner and Doll 2012, equations 3.6 to 3.8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.law import NoLimit
from ....parts.sampler import Exchange

if TYPE_CHECKING:
    from . import Tempering


def generator(log_weight: np.ndarray) -> np.ndarray:
    """Steps to either neighbour, each proposed at rate 1 and accepted by Metropolis' rule."""
    up = np.exp(np.minimum(np.diff(log_weight), 0))
    down = np.exp(np.minimum(-np.diff(log_weight), 0))
    L = np.diag(up, 1) + np.diag(down, -1)
    return L - np.diag(L.sum(axis=1))


def stationary(log_weight: np.ndarray) -> np.ndarray:
    """The distribution of these logarithmic weights."""
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def asymptotic_variance(L: np.ndarray, law: np.ndarray, f: np.ndarray) -> float:
    """The asymptotic variance of the time average of f; `NoLimit` if the process is too slow for its digits."""
    centred = f - law @ f
    matrix = np.outer(np.ones(len(law)), law) - L
    if np.linalg.cond(matrix, 1) > 1e11:
        raise NoLimit(
            "The replicas are stuck: times between crossings of the barrier exceed 1e10. Raise `temperature`, lower "
            "`hot` towards it, or exchange more often."
        )
    return float(2 * (law * centred) @ np.linalg.solve(matrix, centred))


def exchanging(cold: np.ndarray, hot: np.ndarray, f: np.ndarray, rate: float) -> dict[str, Any]:
    """Parallel tempering at this rate: occupation, asymptotic variance, and the acceptance of an exchange."""
    m = len(cold)
    law = np.outer(stationary(cold), stationary(hot))
    accepted = np.exp(np.minimum(cold[None] + hot[:, None] - cold[:, None] - hot[None], 0))
    L = np.kron(generator(cold), np.eye(m)) + np.kron(np.eye(m), generator(hot))
    here = np.arange(m * m)
    L[here, here.reshape(m, m).T.ravel()] += rate * accepted.ravel()
    L[here, here] -= rate * accepted.ravel()
    return {
        "occupation": float(stationary(cold) @ f),
        "asymptotic_variance": asymptotic_variance(L, law.ravel(), np.repeat(f, m)),
        "round_trips": float((law * accepted).sum()),
    }


def swapping_infinitely(cold: np.ndarray, hot: np.ndarray, f: np.ndarray) -> dict[str, Any]:
    """Infinite swapping: the same, with the probability that an assignment drawn anew is another one."""
    m, eye = len(cold), np.eye(len(cold))
    law = np.outer(stationary(cold), stationary(hot))
    share = (law / (law + law.T)).ravel()[:, None]
    as_is = np.kron(generator(cold), eye) + np.kron(eye, generator(hot))
    reversed_ = np.kron(generator(hot), eye) + np.kron(eye, generator(cold))
    both = ((law + law.T) / 2).ravel()
    estimate = share[:, 0] * np.repeat(f, m) + (1 - share[:, 0]) * np.tile(f, m)
    return {
        "occupation": float(both @ estimate),
        "asymptotic_variance": asymptotic_variance(share * as_is + (1 - share) * reversed_, both, estimate),
        "round_trips": float(both @ (2 * share * (1 - share))[:, 0]),
    }


def predict(law: Tempering) -> dict[str, Any]:
    """The observables in the limit."""

    cold, hot = law.log_weights()
    if isinstance(law.swapping, Exchange):
        return exchanging(cold, hot, law.right_well(), law.swapping.rate)
    return swapping_infinitely(cold, hot, law.right_well())
