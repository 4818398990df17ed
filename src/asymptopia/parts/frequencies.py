"""Distributions of the natural frequencies of oscillators, symmetric around their mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import Record, field
from ..numerics.gaussian import legendre

if TYPE_CHECKING:
    import jax

__all__ = ["Frequencies", "GaussianFrequencies", "Lorentzian", "UniformFrequencies"]


class Frequencies(Record):
    """A distribution of natural frequencies, symmetric around 0, with its highest density there.

    A distribution of your own defines these five methods.
    """

    def spread(self) -> float:
        """The scale of the frequencies, which sets the step of the experiment."""
        raise NotImplementedError(f"{type(self).__name__} defines no `spread(self)`.")

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        """n independent frequencies."""
        raise NotImplementedError(f"{type(self).__name__} defines no `draw(self, key, n)`.")

    def transform(self, t: np.ndarray) -> np.ndarray:
        """The characteristic function at times t >= 0."""
        raise NotImplementedError(f"{type(self).__name__} defines no `transform(self, t)`.")

    def critical(self, noise: float) -> float:
        """The critical coupling: 2 over the integral of `transform(t) exp(-noise t)`."""
        raise NotImplementedError(f"{type(self).__name__} defines no `critical(self, noise)`.")

    def nodes(self, count: int, split: float = math.inf) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies >= 0 and weights, so that an even function f has the mean `weights @ f(nodes)`.

        `count` says how many, and `split` where f may have a square root: oscillators lock below the drive. For a law
        whose f is analytic above the real line they may be complex.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no `nodes(self, count, split)`.")


class Lorentzian(Frequencies):
    r"""The density $\frac1\pi \frac{w}{w^2 + \omega^2}$ of width w; all alike if w = 0."""

    width: float = field(0.5, "half of the width at half of the height", at_least=0, unit="1/time")

    def spread(self) -> float:
        return self.width

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        import jax

        return self.width * jax.random.cauchy(key, (n,))

    def transform(self, t: np.ndarray) -> np.ndarray:
        return np.exp(-self.width * t)

    def critical(self, noise: float) -> float:
        return 2 * (self.width + noise)

    def nodes(self, count: int, split: float = math.inf) -> tuple[np.ndarray, np.ndarray]:
        """The pole of the density: what is analytic above the real line has its mean there."""
        return np.array([1j * self.width]), np.ones(1)


class GaussianFrequencies(Frequencies):
    """Normal frequencies."""

    deviation: float = field(0.5, "standard deviation", above=0, unit="1/time")

    def spread(self) -> float:
        return self.deviation

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        import jax

        return self.deviation * jax.random.normal(key, (n,))

    def transform(self, t: np.ndarray) -> np.ndarray:
        return np.exp(-((self.deviation * t) ** 2) / 2)

    def critical(self, noise: float) -> float:
        from scipy.special import erfcx

        return float(2 * self.deviation * math.sqrt(2 / math.pi) / erfcx(noise / (self.deviation * math.sqrt(2))))

    def nodes(self, count: int, split: float = math.inf) -> tuple[np.ndarray, np.ndarray]:
        omega, weight = _panels(9 * self.deviation, count, split)
        density = np.exp(-((omega / self.deviation) ** 2) / 2) / (self.deviation * math.sqrt(2 * math.pi))
        return omega, 2 * weight * density


class UniformFrequencies(Frequencies):
    """Frequencies uniform between -width and width."""

    width: float = field(0.5, "largest frequency", above=0, unit="1/time")

    def spread(self) -> float:
        return self.width

    def draw(self, key: jax.Array, n: int) -> jax.Array:
        import jax

        return jax.random.uniform(key, (n,), minval=-self.width, maxval=self.width)

    def transform(self, t: np.ndarray) -> np.ndarray:
        return np.sinc(self.width * t / math.pi)

    def critical(self, noise: float) -> float:
        return 2 * self.width / math.atan2(self.width, noise)

    def nodes(self, count: int, split: float = math.inf) -> tuple[np.ndarray, np.ndarray]:
        omega, weight = _panels(self.width, count, split)
        return omega, weight / self.width


def _panels(reach: float, count: int, split: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, reach], dense on both sides of `split`, where an integrand has a square root."""
    u, w = legendre(count)
    inner = min(reach, split)
    omega, weight = inner * np.sin(math.pi / 2 * u), inner * math.pi / 2 * np.cos(math.pi / 2 * u) * w
    if inner == reach:
        return omega, weight
    return np.r_[omega, inner + (reach - inner) * u**2], np.r_[weight, (reach - inner) * 2 * u * w]
