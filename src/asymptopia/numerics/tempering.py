"""Posterior samples and evidence by sequential Monte Carlo, from the prior to the posterior.

Sequential Monte Carlo with tempering (Del Moral, Doucet and Jasra, J. R. Stat. Soc. B 68 (2006) 411): the likelihood is
raised to powers from 0 to 1; each power is chosen such that half of the points keep their weight, and Metropolis steps
with the population's own covariance spread them again. The product of the mean weights is the evidence.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

_KEPT = 0.5
_STEPS = 10
_LAST = 16
_LEVELS = 400
_PARTS = 8
_WIDER, _TAIL = 1.2, 6.0


@dataclasses.dataclass(frozen=True)
class Posterior:
    """Equally weighted points of the unit cube (N, k), their log likelihoods (N,), and the log evidence."""

    points: Float[np.ndarray, "N dimension"]
    log_likelihood: Float[np.ndarray, " N"]
    log_evidence: float


def posterior(
    log_likelihood: Callable[[Float[np.ndarray, "N dimension"]], Float[np.ndarray, " N"]],
    dimension: int,
    count: int,
    rng: np.random.Generator,
) -> Posterior:
    """Samples of the posterior of `dimension` parameters with a uniform prior on the unit cube.

    log_likelihood: of points (N, dimension) in the cube, to (N,); -inf where they are impossible. count: the number N
    of points. Raises `ArithmeticError` if no point of the prior is possible, or the likelihood is too narrow to be
    reached.
    """
    from scipy.special import ndtr

    def value(z: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            log_likelihoods = log_likelihood(ndtr(z))
        return np.where(np.isfinite(log_likelihoods), log_likelihoods, -1e300)

    z = rng.standard_normal((count, dimension))
    current = value(z)
    if (current <= -1e300).all():
        raise ArithmeticError("No parameters of the prior have a likelihood.")
    power, evidence = 0.0, 0.0
    for _ in range(_LEVELS):
        step = _next_step(current, 1 - power)
        weights = step * (current - current.max())
        total = np.exp(weights)
        evidence += step * current.max() + np.log(total.mean())
        chosen = _systematic(total / total.sum(), rng)
        z, current, power = z[chosen], current[chosen], min(power + step, 1.0)
        z, current = _moved(z, current, power, value, _LAST if power == 1 else _STEPS, rng)
        if power == 1:
            return Posterior(ndtr(z), current, float(evidence))
    raise ArithmeticError(f"The posterior was not reached in {_LEVELS} levels of tempering.")


def _next_step(log_likelihood: Float[np.ndarray, " N"], left: float) -> float:
    """The largest step of the power for which the effective number of points is at least half of all."""
    centred = log_likelihood - log_likelihood.max()

    def effective(step: float) -> float:
        w = np.exp(step * centred)
        return float(w.sum() ** 2 / (w**2).sum() / len(w))

    if effective(left) >= _KEPT:
        return left
    low, high = 0.0, left
    for _ in range(60):
        middle = 0.5 * (low + high) if low > 0 else high / 4
        low, high = (middle, high) if effective(middle) >= _KEPT else (low, middle)
        if low > 0 and high - low < 1e-3 * high:
            break
    return low or high


def _systematic(weights: Float[np.ndarray, " N"], rng: np.random.Generator) -> Int[np.ndarray, " N"]:
    places = (np.arange(len(weights)) + rng.random()) / len(weights)
    return np.minimum(np.searchsorted(np.cumsum(weights), places), len(weights) - 1)


def _moved(
    z: Float[np.ndarray, "N dimension"],
    current: Float[np.ndarray, " N"],
    power: float,
    value: Callable[[Float[np.ndarray, "N dimension"]], Float[np.ndarray, " N"]],
    steps: int,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, "N dimension"], Float[np.ndarray, " N"]]:
    """Metropolis steps that leave prior times likelihood**power as it is.

    A curved population is taken as a mixture of normal ones. Every other step proposes a point of that mixture, which
    crosses the population at once; the others a small step along one of its parts, which follows its bends.
    """
    count, k = z.shape
    parts = _Parts.of(z, rng)
    near = parts.log_density(z)
    scale = 1.5 / np.sqrt(k)
    for step in range(steps):
        across = step % 2 == 0
        if across:
            trial = parts.draw(count, rng)
        else:
            trial = z + scale * np.exp(0.7 * rng.standard_normal((count, 1))) * parts.steps(count, rng)
        new, there = value(trial), parts.log_density(trial)
        gain = power * (new - current) + 0.5 * ((z**2).sum(axis=1) - (trial**2).sum(axis=1))
        taken = np.log(rng.random(count)) < (gain + near - there if across else gain)
        z = np.where(taken[:, None], trial, z)
        current, near = np.where(taken, new, current), np.where(taken, there, near)
        if not across:
            scale *= np.exp(taken.mean() - 0.25)
    return z, current


@dataclasses.dataclass(frozen=True)
class _Parts:
    """A population as a mixture of Student laws: shares (K,), centres (K, k), roots of their covariances (K, k, k)."""

    shares: Float[np.ndarray, " parts"]
    centres: Float[np.ndarray, "parts dimension"]
    roots: Float[np.ndarray, "parts dimension dimension"]

    @classmethod
    def of(cls, z: Float[np.ndarray, "N dimension"], rng: np.random.Generator) -> _Parts:
        count, k = z.shape
        whole = np.atleast_2d(np.cov(z.T)) + 1e-12 * np.eye(k)
        white = np.linalg.solve(np.linalg.cholesky(whole), (z - z.mean(axis=0)).T).T
        label = _clusters(white, max(1, min(_PARTS, count // (8 * (k + 1)))), rng)
        shares, centres, roots = [], [], []
        for j in np.unique(label):
            inside = z[label == j]
            weight = len(inside) / (len(inside) + k + 1)
            own = np.cov(inside.T, ddof=0) if len(inside) > 1 else np.zeros((k, k))
            shares.append(len(inside) / count)
            centres.append(inside.mean(axis=0))
            roots.append(np.linalg.cholesky(_WIDER * (weight * np.atleast_2d(own) + (1 - weight) * 0.1 * whole)))
        return cls(np.array(shares), np.array(centres), np.array(roots))

    def steps(self, count: int, rng: np.random.Generator) -> Float[np.ndarray, "count dimension"]:
        """Normal steps along parts chosen by chance, whatever the point that they start from."""
        chosen = rng.choice(len(self.shares), count, p=self.shares)
        return np.einsum("nij,nj->ni", self.roots[chosen], rng.standard_normal((count, self.centres.shape[1])))

    def draw(self, count: int, rng: np.random.Generator) -> Float[np.ndarray, "count dimension"]:
        chosen = rng.choice(len(self.shares), count, p=self.shares)
        normal = np.einsum("nij,nj->ni", self.roots[chosen], rng.standard_normal((count, self.centres.shape[1])))
        return np.asarray(self.centres[chosen] + normal / np.sqrt(rng.chisquare(_TAIL, (count, 1)) / _TAIL))

    @functools.cached_property
    def _whitening(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The roots inverted, one below the other (K k, k); the centres in their units (K k, 1); constants (K, 1)."""
        inverses = np.linalg.inv(self.roots)
        centres = np.einsum("kij,kj->ki", inverses, self.centres).reshape(-1, 1)
        volumes = np.log(np.diagonal(self.roots, axis1=1, axis2=2)).sum(axis=1)
        return inverses.reshape(-1, self.centres.shape[1]), centres, (np.log(self.shares) - volumes)[:, None]

    def log_density(self, z: Float[np.ndarray, "N dimension"]) -> Float[np.ndarray, " N"]:
        """Up to a constant."""
        count, k = z.shape
        inverses, centres, constants = self._whitening
        inside = inverses @ z.T - centres
        inside *= inside
        size = np.log1p(inside.reshape(-1, k, count).sum(axis=1) / _TAIL)
        logs = constants - 0.5 * (_TAIL + k) * size
        top = logs.max(axis=0)
        return np.asarray(top + np.log(np.exp(logs - top).sum(axis=0)))


def _clusters(white: Float[np.ndarray, "N dimension"], parts: int, rng: np.random.Generator) -> Int[np.ndarray, " N"]:
    """The part that each point belongs to, by a few rounds of Lloyd's algorithm."""
    centres = white[rng.choice(len(white), parts, replace=False)]
    label = np.zeros(len(white), int)
    for _ in range(5):
        label = ((white[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([white[label == j].mean(axis=0) if (label == j).any() else centres[j] for j in range(parts)])
    return label
