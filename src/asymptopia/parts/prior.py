"""Priors: the distribution of the independent coordinates of a teacher or signal."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import ArrayLike
from ..numerics.gaussian import legendre
from ..numerics.tails import hazard, log_density, log_mills
from .log_partition import derivatives, value

__all__ = ["GaussBernoulli", "Gaussian", "Laplace", "Prior", "Rademacher", "SparseRademacher"]

Mixture = tuple[Any, Any, Any]
TINY = 1e-12


class Prior(Record):
    """The distribution of one coordinate w of a teacher or signal; the coordinates are independent.

    A prior of your own defines `sample(self, size, rng)` and `log_partition(self, A, B)`, the latter elementwise with
    `jax.numpy`; or, if it is a mixture of Gaussians, `sample` and `components(self)`. Everything else follows. The mean
    need not be zero.
    """

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Independent coordinates in an array of shape `size`."""
        raise NotImplementedError(f"{type(self).__name__} defines no `sample(self, size, rng)`.")

    def signal(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """A random vector (n,) of coordinates; continuous priors are scaled to the expected norm.

        The norm of one vector is noise that all observables of a realisation share, and that the limit does not have.
        """
        w = self.sample(n, rng)
        some = w[w != 0]
        if len(some) and len(np.unique(some)) == len(some):
            w = w * np.sqrt(float(self.second_moment) * n / (w @ w))
        return w

    def components(self) -> Mixture | None:
        """The prior as a mixture of Gaussians (weights, means and variances in tuples), or None if it is none."""
        return None

    def log_partition(self, A: ArrayLike, B: ArrayLike) -> Any:
        """log E exp(B w - A w**2 / 2), elementwise; its derivatives in B are the cumulants of the posterior."""
        return _normaliser(_posteriors(_mixture(self), A, B)[0])

    def posterior(self, A: ArrayLike, B: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of w when the prior is tilted by exp(B w - A w**2 / 2), elementwise.

        This is the posterior of w given B / A = w + z / sqrt(A) with z standard normal. Under the model, B has the
        density exp(-B**2 / (2 A) + log_partition(A, B)) / sqrt(2 pi A).
        """
        if type(self).log_partition is not Prior.log_partition:
            return derivatives(self, 1, A, B)
        log_weights, means, variances = _posteriors(_mixture(self), A, B)
        share = np.exp(log_weights - _normaliser(log_weights))
        mean = (share * means).sum(axis=0)
        return mean, (share * (variances + (means - mean) ** 2)).sum(axis=0)

    def log_evidence(self, A: ArrayLike, x: ArrayLike) -> np.ndarray:
        """The log-density at x of the observation sqrt(A) w + z, with z standard normal, elementwise."""
        own = type(self).log_partition is not Prior.log_partition
        mixture = None if own else self.components()
        if mixture is None:
            return value(self, A, np.sqrt(A) * x) + log_density(x)
        rows = []
        for w, m, v in zip(*mixture, strict=True):
            deviation = np.sqrt(1.0 + A * v)
            with np.errstate(divide="ignore"):
                rows.append(np.log(w) - np.log(deviation) + log_density((x - np.sqrt(A) * m) / deviation))
        return _normaliser(np.stack(np.broadcast_arrays(*rows)))

    @property
    def mean(self) -> Any:
        """The mean of a coordinate."""
        return _moments(self)[0]

    @property
    def second_moment(self) -> Any:
        """The mean square of a coordinate."""
        return _moments(self)[1]

    @property
    def symmetric(self) -> bool:
        """Whether w and -w have the same distribution."""
        B = np.array([0.4, 1.9])
        return bool(np.allclose(self.log_partition(0.7, B), self.log_partition(0.7, -B), rtol=1e-9, atol=1e-12))

    def check(self) -> None:
        """Raise `StatementError` unless the log-partition is one, has a finite variance, and agrees with `sample`."""
        _check(self)


class Gaussian(Prior):
    """Standard normal coordinates."""

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal(size)

    def components(self) -> Mixture:
        return (1.0,), (0.0,), (1.0,)


class Rademacher(Prior):
    """Coordinates +1 or -1 with equal probability."""

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.choice((-1.0, 1.0), size)

    def components(self) -> Mixture:
        return (0.5, 0.5), (-1.0, 1.0), (0.0, 0.0)

    def posterior(self, A: ArrayLike, B: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        if type(self) is not Rademacher:
            return super().posterior(A, B)
        B = np.broadcast_arrays(np.asarray(B, float), A)[0]
        less_likely = np.exp(-2 * np.abs(B))  # than the other sign
        return np.tanh(B), 4 * less_likely / (1 + less_likely) ** 2


class GaussBernoulli(Prior):
    """Zero with probability 1 - rho, else standard normal: second moment rho."""

    rho: float = field(0.2, "fraction of coordinates that are not zero", above=0, at_most=1)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal(size) * (rng.random(size) < self.rho)

    def components(self) -> Mixture:
        return (1.0 - self.rho, self.rho), (0.0, 0.0), (0.0, 1.0)


class SparseRademacher(Prior):
    """Zero with probability 1 - rho, else +-1/sqrt(rho) with equal probability: second moment 1."""

    rho: float = field(0.1, "fraction of coordinates that are not zero", above=0, at_most=1)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.choice((-1.0, 1.0), size) * (rng.random(size) < self.rho) / np.sqrt(self.rho)

    def components(self) -> Mixture:
        height = 1.0 / np.sqrt(self.rho)
        return (1.0 - self.rho, 0.5 * self.rho, 0.5 * self.rho), (0.0, -height, height), (0.0, 0.0, 0.0)


class Laplace(Prior):
    """Density exp(-|w| sqrt 2) / sqrt 2: second moment 1."""

    _panels: ClassVar[tuple[float, ...]] = (
        *(0.0, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.15, 0.4, 0.9, 1.6, 2.5, 3.6, 5.0, 6.5, 8.6),
    )

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.laplace(0.0, np.sqrt(0.5), size)

    def components(self) -> Mixture:
        """A Gaussian scale mixture, accurate to 1e-12; its variance is exponentially distributed with mean 1."""
        edges = np.asarray(self._panels)
        nodes, weights = legendre(12)
        width = np.diff(edges)[:, None]
        scale = (edges[:-1, None] + width * nodes).ravel()
        mass = (width * weights).ravel() * 2.0 * scale * np.exp(-(scale**2))
        mass /= mass.sum()
        return tuple(mass), (0.0,) * len(mass), tuple(scale**2)

    def log_partition(self, A: ArrayLike, B: ArrayLike) -> np.ndarray:
        """The logarithm of two integrals, one for each half of the density: each is a normal integral cut at zero."""
        root, up, down = self._halves(A, B)
        return np.logaddexp(log_mills(up), log_mills(down)) - np.log(root) + 0.5 * np.log(np.pi)

    def posterior(self, A: ArrayLike, B: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        root, up, down = self._halves(A, B)
        share = np.exp(-np.logaddexp(0.0, log_mills(down) - log_mills(up)))
        (_, right, v_right), (_, left, v_left) = hazard(up), hazard(down)
        mean = share * right - (1 - share) * left
        variance = share * (v_right + (right - mean) ** 2) + (1 - share) * (v_left + (left + mean) ** 2)
        return mean / root, variance / root**2

    def log_evidence(self, A: ArrayLike, x: ArrayLike) -> np.ndarray:
        shift = np.sqrt(2 / np.asarray(A, float))
        return np.logaddexp(_cut(x, shift), _cut(-x, shift)) + np.log(shift / 2)

    def _halves(self, A: ArrayLike, B: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        A, B = np.broadcast_arrays(np.asarray(A, float), np.asarray(B, float))
        root = np.sqrt(np.maximum(A, 1e-24))
        return root, (B - np.sqrt(2)) / root, (-B - np.sqrt(2)) / root

    @property
    def mean(self) -> Any:
        return 0.0

    @property
    def second_moment(self) -> Any:
        return 1.0


def _cut(x: ArrayLike, shift: ArrayLike) -> np.ndarray:
    """log Phi(x - shift) - x shift + shift**2 / 2, without cancellation."""
    from scipy.special import log_ndtr

    t = x - shift
    return np.where(
        t < 0, log_mills(np.minimum(t, 0)) - np.square(x) / 2, log_ndtr(t) - x * shift + np.square(shift) / 2
    )


def _mixture(prior: Prior) -> Mixture:
    mixture = prior.components()
    if mixture is None:
        raise NotImplementedError(f"{type(prior).__name__} defines no `log_partition(self, A, B)`.")
    return mixture


def _posteriors(mixture: Mixture, A: ArrayLike, B: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-weight, mean and variance of each component of a mixture after the tilt by exp(B w - A w**2 / 2)."""
    ranks = max(np.ndim(A), np.ndim(B), *(np.ndim(x) for row in mixture for x in row))
    w, m, v = (_stacked(row, ranks) for row in mixture)
    spread = 1.0 + A * v
    with np.errstate(divide="ignore"):
        log_weights = np.log(w) - 0.5 * np.log(spread) + (B * m + 0.5 * (v * np.square(B) - A * m**2)) / spread
    log_weights, means, variances = np.broadcast_arrays(log_weights, (m + v * B) / spread, v / spread)
    return log_weights, means, variances


def _stacked(numbers: Sequence[ArrayLike], ranks: int) -> np.ndarray:
    """One number, or array, of each component along a first axis, before so many others."""
    if all(np.ndim(x) == 0 for x in numbers):
        return np.asarray(numbers, float).reshape(-1, *ranks * (1,))
    rows = np.stack(np.broadcast_arrays(*numbers))
    return rows.reshape(len(rows), *(ranks - rows.ndim + 1) * (1,), *rows.shape[1:])


def _normaliser(log_weights: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp.reduce(log_weights, axis=0))


def _moments(prior: Prior) -> tuple[Any, Any]:
    mixture = prior.components()
    if mixture is not None:
        rows = list(zip(*mixture, strict=True))
        return sum(w * m for w, m, _ in rows), sum(w * (m**2 + v) for w, m, v in rows)
    mean, variance = derivatives(prior, 1, 0.0, 0.0)
    return float(mean), float(mean**2 + variance)


@lru_cache(maxsize=256)
def _check(prior: Prior) -> None:
    mass, (mean, variance) = float(np.exp(prior.log_evidence(TINY, 0.0) - log_density(0.0))), prior.posterior(0.0, 0.0)
    if not abs(mass - 1) < 1e-8:
        raise StatementError(f"The probability of all values under {prior!r} must be 1, but is {mass:.9g}.")
    if not variance > 1e-12:
        raise StatementError(f"The variance of {prior!r} must be > 0, but is {float(variance):g}.")
    drawn = prior.sample(20_000, np.random.default_rng(0))
    for power, expected in ((drawn, float(mean)), (drawn**2, float(mean**2 + variance))):
        if abs(power.mean() - expected) > 8 * power.std() / np.sqrt(len(power)) + 1e-9 * abs(expected):
            word = "mean" if power is drawn else "mean square"
            raise StatementError(
                f"The samples and the log-partition of {prior!r} must agree, but the {word} is "
                f"{power.mean():.4g} in the samples and {expected:.4g} in the other."
            )
