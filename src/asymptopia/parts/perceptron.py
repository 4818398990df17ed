"""The loss of the perceptron with a rounded corner, for laws that need a continuous slope."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..contract.record import field
from ..numerics.arrays import ArrayLike
from .loss import Loss, namespace

__all__ = ["Perceptron"]


class Perceptron(Loss):
    """max(0, kappa - y z) for labels +-1, a parabola where |kappa - y z| < width; kappa = 1 rounds the hinge."""

    kappa: float = field(0.0, "margin below which a sample pays")
    width: float = field(0.5, "half the width over which the corner is rounded", above=0)

    margin = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        xp = namespace(y, z)
        short = self.kappa - y * z
        inside = xp.clip(short, -self.width, self.width)
        return (inside + self.width) ** 2 / (4 * self.width) + xp.maximum(short - self.width, 0.0)

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        short = self.kappa - np.multiply(y, z)
        return np.asarray(-np.asarray(y) * np.clip((short / self.width + 1) / 2, 0.0, 1.0))

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        inside = np.abs(self.kappa - np.multiply(y, z)) < self.width
        return np.asarray(np.square(y) * inside / (2 * self.width))

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        y = np.asarray(y, float)[..., None]
        return y * (self.kappa + self.width * np.array([-1.0, 1.0]))
