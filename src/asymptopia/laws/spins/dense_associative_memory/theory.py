r"""The noise of exponentially many patterns in an associative memory: a random energy model.

The overlaps m = xi.s/n of random patterns with a state have the rate function I, and
$\zeta(\lambda) = \max_m (\lambda m - I(m))$, reached at $m(\lambda)$. Among $e^{\alpha n}$ patterns,
$\phi(\lambda) = \lim \frac1n \log \sum_\mu e^{\lambda \xi^\mu \cdot s}$ is $\alpha + \zeta(\lambda)$ as long as
$I(m(\lambda)) \le \alpha$, that is as long as there are patterns of that overlap; beyond, the sum is owed to the few of
largest overlap, $\lambda m$ with $I(m) = \alpha$.
"""

from __future__ import annotations

import math
from typing import NamedTuple, Protocol

import numpy as np


class Patterns(Protocol):
    """Random patterns: the rate function of their overlap, its inverse for m > 0, and the tilted overlap."""

    def rate(self, m: float) -> float: ...

    def overlap(self, rate: float) -> float: ...

    def tilted(self, slope: float) -> float: ...


class Spins(NamedTuple):
    """Patterns of independent signs."""

    def rate(self, m: float) -> float:
        from scipy.special import xlogy

        return float(xlogy(1 + m, 1 + m) + xlogy(1 - m, 1 - m)) / 2

    def overlap(self, rate: float) -> float:
        from scipy.optimize import brentq

        return 1.0 if rate >= math.log(2) else float(brentq(lambda m: self.rate(m) - rate, 0.0, 1.0, xtol=1e-15))

    def tilted(self, slope: float) -> float:
        return math.tanh(slope)


class Spherical(NamedTuple):
    """Patterns uniform on the sphere of radius sqrt(n)."""

    def rate(self, m: float) -> float:
        return -math.log1p(-(m**2)) / 2 if m < 1 else math.inf

    def overlap(self, rate: float) -> float:
        return math.sqrt(-math.expm1(-2 * rate))

    def tilted(self, slope: float) -> float:
        return 2 * slope / (1 + math.sqrt(1 + 4 * slope**2))


class Gaussian(NamedTuple):
    """Patterns of independent standard normal entries, seen from a state of norm sqrt(n)."""

    def rate(self, m: float) -> float:
        return m**2 / 2

    def overlap(self, rate: float) -> float:
        return math.sqrt(2 * rate)

    def tilted(self, slope: float) -> float:
        return slope


ENSEMBLES: dict[str, Patterns] = {"spins": Spins(), "spherical": Spherical(), "gaussian": Gaussian()}


def free_entropy(patterns: Patterns, slope: float, load: float) -> float:
    """phi, the exponential rate of the sum of exp(slope xi.s) over exp(load n) random patterns."""
    m = patterns.tilted(slope)
    if patterns.rate(m) <= load:
        return load + slope * m - patterns.rate(m)
    return slope * patterns.overlap(load)


def condensation(patterns: Patterns, slope: float) -> float:
    """The load below which the sum is owed to the few patterns of largest overlap."""
    return patterns.rate(patterns.tilted(slope))


def capacity(patterns: Patterns, slope: float, start: float) -> float:
    """The load at which the noise phi(slope) equals the signal slope * start."""
    m = patterns.tilted(slope)
    return slope * start - slope * m + patterns.rate(m) if m < start else patterns.rate(start)


def one_step(degree: int, load: float, start: float) -> float:
    """The overlap after one step from the overlap `start`, for a polynomial energy."""
    moment = float(np.prod(np.arange(1, 2 * degree - 2, 2, dtype=float)))  # (2 p - 3)!!
    return math.erf(start ** (degree - 1) / math.sqrt(2 * load * moment))
