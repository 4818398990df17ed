"""Paths of distributions from a reference to a target, along which replicas of parallel tempering stand.

At b in [0, 1] the distribution is proportional to $\\pi_0^{1-b} \\pi_1^b$. Of it an exchange only sees
$V = -\\log(\\pi_1/\\pi_0)$.
"""

from __future__ import annotations

import math

import numpy as np

from ..contract import record
from ..contract.record import Record, field


class AnnealingPath(Record):
    """A path from a reference to a target.

    A path of your own defines the ladder, how V is drawn, and, for the limit, its barrier and rejections.
    """

    def ladder(self, replicas: int) -> np.ndarray:
        """The places b of the replicas, from 0 to 1: equal steps of the integrated standard deviation of V."""
        raise NotImplementedError(f"{type(self).__name__} defines no `ladder(self, replicas)`.")

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """V of `count` independent states at each place of the ladder, shape (count, replicas)."""
        raise NotImplementedError(f"{type(self).__name__} defines no `draw(self, ladder, count, rng)`.")

    def barrier(self) -> float:
        """The integral over b of E |V - V'| / 2, with V' an independent copy of V."""
        raise NotImplementedError(f"{type(self).__name__} defines no `barrier(self)`.")

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        """The probability that an exchange between neighbours is rejected, shape (replicas - 1,)."""
        raise NotImplementedError(f"{type(self).__name__} defines no `rejections(self, ladder)`.")


class GaussianScale(AnnealingPath):
    """From N(0, variance I_d) to N(0, I_d)."""

    variance: float = field(100.0, "variance of the reference", above=1)
    dimension: int = field(10, "dimension d", at_least=1)

    def ladder(self, replicas: int) -> np.ndarray:
        precision = self.variance ** (np.linspace(0, 1, replicas) - 1)
        return np.asarray((precision - 1 / self.variance) / (1 - 1 / self.variance))

    def _precision(self, b: np.ndarray) -> np.ndarray:
        return (1 - b) / self.variance + b

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        square = rng.chisquare(self.dimension, (count, len(ladder))) / self._precision(ladder)
        return (1 - 1 / self.variance) * square / 2

    def barrier(self) -> float:
        from scipy.special import beta

        return float(math.log(self.variance) / beta(0.5, self.dimension / 2))

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        from scipy.special import betainc

        precision, half = self._precision(ladder), self.dimension / 2
        ratio = precision[1:] / precision[:-1]
        return 1 - 2 * betainc(half, half, 1 / (1 + ratio))


class GaussianShift(AnnealingPath):
    """From N(0, 1) to N(mean, 1)."""

    mean: float = field(3.0, "mean of the target", above=0)

    def ladder(self, replicas: int) -> np.ndarray:
        return np.linspace(0, 1, replicas)

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        return -self.mean * (ladder * self.mean + rng.standard_normal((count, len(ladder))))

    def barrier(self) -> float:
        return self.mean / math.sqrt(math.pi)

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        from scipy.special import erf

        return np.asarray(erf(self.mean * np.diff(ladder) / 2))


class FieldSpins(AnnealingPath):
    """From uniform spins to independent spins in a field, of weight exp(field sum s)."""

    field: float = record.field(1.0, "field of the target", above=0, at_most=100)
    spins: int = record.field(10, "number of spins", at_least=1, at_most=10_000)

    def ladder(self, replicas: int) -> np.ndarray:
        angle = np.linspace(0, math.asin(math.tanh(self.field)), replicas)
        return np.append(np.arctanh(np.sin(angle[:-1])) / self.field, 1.0)

    def draw(self, ladder: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        up = rng.binomial(self.spins, self._up(ladder), (count, len(ladder)))
        return -self.field * (2 * up - self.spins)

    def _up(self, b: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-2 * self.field * b))

    def _chances(self, b: np.ndarray) -> np.ndarray:
        """The law of the number of spins that are up, shape (len(b), spins + 1)."""
        from scipy.special import gammaln, xlog1py, xlogy

        k, up = np.arange(self.spins + 1), self._up(b)[:, None]
        ways = gammaln(self.spins + 1) - gammaln(k + 1) - gammaln(self.spins - k + 1)
        return np.exp(ways + xlogy(k, up) + xlog1py(self.spins - k, -up))

    def barrier(self) -> float:
        u, w = np.polynomial.legendre.leggauss(max(40, math.ceil(8 * self.field)))
        F = np.cumsum(self._chances((u + 1) / 2), axis=1)
        return float(w / 2 @ (2 * self.field * np.sum(F * (1 - F), axis=1)))

    def rejections(self, ladder: np.ndarray) -> np.ndarray:
        p = self._chances(ladder)
        below = np.cumsum(p, axis=1) - p
        return np.asarray(np.sum(p[1:] * below[:-1], axis=1) - np.sum(p[:-1] * below[1:], axis=1))
