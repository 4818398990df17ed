"""Losses that are not convex, for laws of dynamics, which do not need a unique minimum."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.record import field
from ..numerics.arrays import ArrayLike
from .loss import Loss, namespace

__all__ = ["Amplitude"]

_KNOTS = np.array([-8.0, -3.0, -1.0, 0.0, 1.0, 3.0, 8.0])


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
