"""Losses that are not convex."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.record import field
from ..numerics.arrays import ArrayLike
from ..numerics.proximal import increasing_root
from .loss import Loss, namespace

__all__ = ["Amplitude", "Cauchy", "Mistakes"]

_KNOTS = np.array([-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0])
_STEP_KNOTS = np.array([-30.0, -12.0, -6.0, -3.0, -1.3, 0.0, 1.3, 3.0, 6.0, 12.0, 30.0])


class Amplitude(Loss):
    """The amplitude loss of phase retrieval, (y - sqrt(z**2 + width**2))**2 / 2 for a modulus y; smooth at z = 0."""

    width: float = field(0.5, "fields below which the modulus is smoothed", above=0)

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return (y - namespace(y, z).sqrt(z**2 + self.width**2)) ** 2 / 2

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.asarray(z - np.multiply(y, z) / self._modulus(z))

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.asarray(1 - np.asarray(y) * self.width**2 / self._modulus(z) ** 3)

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.broadcast_to(self.width * _KNOTS, (*np.shape(y), len(_KNOTS)))

    def _modulus(self, z: ArrayLike) -> np.ndarray:
        return np.sqrt(np.square(z) + self.width**2)


class Cauchy(Loss):
    """scale**2 log(1 + (y - z)**2 / (2 scale**2)): a robust loss that forgives outliers; convex up to sqrt(2) scale."""

    scale: float = field(1.0, "residual about which the loss stops to be a parabola", above=0)

    location = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return self.scale**2 * namespace(y, z).log1p((y - z) ** 2 / (2 * self.scale**2))

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        r = np.subtract(z, y)
        return np.asarray(r / (1 + r**2 / (2 * self.scale**2)))

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        u = np.subtract(z, y) ** 2 / (2 * self.scale**2)
        return np.asarray((1 - u) / (1 + u) ** 2)

    def proximal(self, y: ArrayLike, omega: ArrayLike, V: ArrayLike) -> np.ndarray:
        """Unique as long as V < 8: the curvature is at least -1/8."""
        y, omega, V, scale = np.broadcast_arrays(*(np.asarray(a, float) for a in (y, omega, V, self.scale)))
        r = omega - y

        def slope(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            u = x**2 / (2 * scale**2)
            return x + V * x / (1 + u) - r, 1 + V * (1 - u) / (1 + u) ** 2

        return np.asarray(y + increasing_root(slope, np.minimum(r, 0.0), np.maximum(r, 0.0)))

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.asarray(y, float)[..., None] + self.scale * _KNOTS


class Mistakes(Loss):
    """1 / (1 + exp((y z - kappa) / width)): the number of labels +-1 that are missed, with a rounded step at kappa."""

    kappa: float = field(0.5, "margin at which a sample pays half")
    width: float = field(0.3, "width over which the step is rounded", above=0)

    margin = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return 0.5 - namespace(y, z).tanh((y * z - self.kappa) / (2 * self.width)) / 2

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        p = np.asarray(self(y, z))
        return np.asarray(-np.asarray(y) * p * (1 - p) / self.width)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        p = np.asarray(self(y, z))
        return np.asarray(np.square(y) * p * (1 - p) * (1 - 2 * p) / self.width**2)

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.asarray(y, float)[..., None] * (self.kappa + self.width * _STEP_KNOTS)
