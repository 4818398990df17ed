"""Channels with labels +-1."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.record import field
from ...numerics.arrays import ArrayLike
from ...numerics.tails import hazard, log_density
from .channel import Channel


class _Smoothed(Channel):
    """sign of the field after Gaussian smoothing: P(y = 1) = flip + (1 - 2 flip) Phi(mean / sqrt(variance + noise))."""

    symmetric = True

    def _parameters(self) -> tuple[Any, Any]:
        raise NotImplementedError

    def partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        from scipy.special import ndtr

        flip, noise = self._parameters()
        return flip + (1 - 2 * np.asarray(flip)) * ndtr(y * mean / np.sqrt(variance + noise))

    def slope(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        flip, noise = self._parameters()
        width = np.sqrt(variance + noise)
        return (1 - 2 * np.asarray(flip)) * y * np.exp(-((mean / width) ** 2) / 2) / (np.sqrt(2 * np.pi) * width)

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        from scipy.special import log_ndtr

        flip, noise = self._parameters()
        right = log_ndtr(y * np.asarray(mean) / np.sqrt(variance + noise))
        if not np.any(flip):
            return np.asarray(right)
        with np.errstate(divide="ignore"):
            return np.logaddexp(np.log(flip), np.log1p(-2 * np.asarray(flip)) + right)

    def score(self, y: Any, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        flip, noise = self._parameters()
        width = np.sqrt(variance + noise)
        t = y * np.asarray(mean) / width
        r, excess, _ = hazard(t)
        if np.any(flip):
            with np.errstate(divide="ignore"):
                share = np.exp(np.log1p(-2 * np.asarray(flip)) + log_density(t) - self.log_partition(y, mean, variance))
            r, excess = share, share + t
        return y * r / width, -r * excess / width**2

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return (0.0,), np.sqrt(self._parameters()[1])

    def function(self, z: ArrayLike) -> Any:
        return np.where(np.asarray(z) >= 0, 1.0, -1.0)

    def error(self, m: ArrayLike, q: ArrayLike, rho: ArrayLike) -> np.ndarray:
        """The probability of a label unlike the sign of the student's field z: E z z0 = m, E z**2 = q."""
        flip, noise = (np.ravel(v) for v in self._parameters())
        across = np.sqrt(np.maximum((rho + noise) * q - m**2, 0.0))
        return np.asarray(flip + (1 - 2 * flip) * np.arctan2(across, m) / np.pi)


class Sign(_Smoothed):
    """Label +1 or -1: the sign of the field, flipped with probability `flip`."""

    flip: float = field(0.0, "probability that the label is flipped", at_least=0, at_most=0.5)

    def _parameters(self) -> tuple[Any, Any]:
        return self.flip, 0.0

    def sample(self, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        y = self.function(z)
        return np.where(rng.random(np.shape(z)) < self.flip, -y, y) if np.any(self.flip) else y

    def noiseless(self) -> Channel:
        return Sign(flip=0.0)


class Probit(_Smoothed):
    """Label +1 or -1: the sign of the field plus Gaussian noise of variance `noise`."""

    noise: float = field(0.0, "variance of the noise added to the field", at_least=0)

    def _parameters(self) -> tuple[Any, Any]:
        return 0.0, self.noise

    def sample(self, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return self.function(z + np.sqrt(self.noise) * rng.standard_normal(np.shape(z)))


class Logit(Channel):
    """Label 1 with probability 1 / (1 + exp(-scale * field)), else -1."""

    scale: float = field(1.0, "signal strength", at_least=0)

    symmetric = True

    def sample(self, z: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        from scipy.special import expit

        return np.where(rng.random(np.shape(z)) < expit(self.scale * z), 1.0, -1.0)

    def partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        from scipy.special import ndtr

        return _smoothed_logistic(ndtr, y * np.asarray(self.scale) * mean, np.square(self.scale) * variance)

    def slope(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        scale = np.asarray(self.scale)
        return np.asarray(y * scale * _smoothed_logistic(_bell, y * scale * mean, scale**2 * variance, 1))

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        return self._tilted(y, mean, variance, False)[0]

    def score(self, y: Any, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        _, first, second = self._tilted(y, mean, variance, True)
        return y * self.scale * first, np.square(self.scale) * second

    def _tilted(
        self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike, slopes: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """log E expit(u), u ~ N(a, S), and its derivatives in a; far out it is a + S/2 + log E expit(-u - S)."""
        from scipy.special import log_ndtr

        S = np.square(self.scale) * variance
        a, S = np.broadcast_arrays(y * np.asarray(self.scale) * mean, S)
        far = a + S < 0
        centre = np.where(far, -a - S, a)
        log_p = np.log(_smoothed_logistic(lambda t: np.exp(log_ndtr(t)), centre, S))
        tiny = ~np.isfinite(log_p)
        if np.any(tiny):
            log_p = np.where(tiny, log_ndtr(centre / np.sqrt(S + 1.0)), log_p)
        first = second = np.zeros_like(log_p)
        if slopes:
            first = _smoothed_logistic(_bell, centre, S, 1) * np.exp(-log_p)
            second = _smoothed_logistic(_bend, centre, S, 2) * np.exp(-log_p) - first**2
        return np.where(far, a + S / 2 + log_p, log_p), np.where(far, 1 - first, first), second

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        with np.errstate(divide="ignore"):
            return (0.0,), np.minimum(2.0 / np.asarray(self.scale), 1e3)


class Door(Channel):
    """Label 1 where the absolute value of the field exceeds `width`, else -1."""

    width: float = field(0.67449, "half the width of the interval of label -1", above=0)

    def function(self, z: ArrayLike) -> Any:
        return np.where(np.abs(z) >= self.width, 1.0, -1.0)

    def partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        return np.exp(self.log_partition(y, mean, variance))

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        y, _, near, far, _ = self._edges(y, mean, variance)
        return np.where(y > 0, *self._log_chances(near, far))

    def score(self, y: Any, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of log p, where p or 1 - p is 1 - Phi(a) + Phi(b), for the edges a and b."""
        y, size, a, b, s = self._edges(y, mean, variance)
        log_p = np.where(y > 0, *self._log_chances(a, b))
        bell = np.exp(log_density(a) - log_p)
        fade = 2 * self.width * size / s**2
        first = -y * bell * np.expm1(-fade) / s
        second = y * bell * (a - b * np.exp(-fade)) / s**2
        return np.where(np.asarray(mean) < 0, -first, first), second - first**2

    def _edges(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> tuple[Any, Any, Any, Any, Any]:
        y, mean, s = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float), np.sqrt(variance))
        size = np.abs(mean)
        return y, size, (self.width - size) / s, (-self.width - size) / s, s

    def _log_chances(self, a: ArrayLike, b: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """log P of the label 1 and of -1: the field is outside of (b, a) or inside, for a > b and a + b <= 0."""
        from scipy.special import log_ndtr

        below = log_ndtr(b)
        with np.errstate(divide="ignore"):
            return np.logaddexp(log_ndtr(-a), below), log_ndtr(a) + np.log1p(-np.exp(below - log_ndtr(a)))

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return (self.width, -self.width), 0.0


def _bell(t: ArrayLike) -> np.ndarray:
    return np.exp(log_density(t))


def _bend(t: ArrayLike) -> np.ndarray:
    return np.asarray(-t * np.exp(log_density(t)))


def _smoothed_logistic(function: Any, a: ArrayLike, S: Any, order: int = 0) -> np.ndarray:
    """The mean of expit over N(a, S), as a mixture of `function` at scaled a: Phi, or its derivative of this order.

    The logistic distribution is that of a normal variable times 2 K, with K of Kolmogorov's distribution (Andrews and
    Mallows, J. Roy. Stat. Soc. B 36 (1974) 99), so that a sum over K of normal distribution functions is exact.
    """
    a, S = np.broadcast_arrays(np.asarray(a, float), np.asarray(S, float))
    total = np.zeros(a.shape)
    for k, weight in zip(*_KOLMOGOROV, strict=True):
        width = np.sqrt(S + 4 * k**2)
        total += weight * function(a / width) / width**order
    return total


def _kolmogorov() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for Kolmogorov's law: the trapezoidal rule in log k, exact to 2e-14 for logistic averages."""
    u = np.linspace(np.log(0.2), np.log(4.2), 24)
    k, j = np.exp(u), np.arange(1, 30)[:, None]
    many = 8 * k * ((-1.0) ** (j + 1) * j**2 * np.exp(-2 * (j * k) ** 2)).sum(axis=0)
    a = (2 * j - 1) ** 2 * np.pi**2 / 8
    few = np.sqrt(2 * np.pi) * (np.exp(-a / k**2) * (2 * a / k**4 - 1 / k**2)).sum(axis=0)
    weight = np.where(k > 0.8, many, few) * k * (u[1] - u[0])
    return k, weight / weight.sum()


_KOLMOGOROV = _kolmogorov()
