"""Channels with real labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.record import field
from ...numerics.arrays import ArrayLike
from ...numerics.tails import hazard, log_density
from .channel import Channel


class Linear(Channel):
    """The field plus Gaussian noise of variance `noise`."""

    noise: float = field(0.0, "variance of the label's noise", at_least=0)

    binary = False

    def function(self, z: ArrayLike) -> Any:
        return z

    def noiseless(self) -> Channel:
        return Linear(noise=0.0)

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return (), 1.0

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        return _log_normal(y, mean, variance + self.noise)

    def score(self, y: ArrayLike, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        width = variance + np.asarray(self.noise)
        g = (y - np.asarray(mean)) / width
        return g, np.broadcast_to(-1 / width, g.shape)


class Abs(Channel):
    """The absolute value of the field, as in real phase retrieval. The loss |y - z| is `Absolute`."""

    binary = False

    def function(self, z: ArrayLike) -> Any:
        return np.abs(z)

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return (0.0,), 0.0

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        size = np.abs(mean)
        both = _log_normal(y, size, variance) + np.log1p(np.exp(-2 * np.abs(y) * size / variance))
        return np.where(np.asarray(y) >= 0, both, -np.inf)

    def score(self, y: ArrayLike, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        t = np.asarray(y) * mean / variance
        small = np.exp(-2 * np.abs(t))
        g = (y * np.tanh(t) - mean) / variance
        return g, (np.square(y) / variance * 4 * small / (1 + small) ** 2 - 1) / variance


class ReLU(Channel):
    """The rectified field, max(0, z), as a label. The activation of a network is `Relu`."""

    binary = False

    @property
    def labels(self) -> tuple[float, ...]:
        return (0.0,)

    def function(self, z: ArrayLike) -> Any:
        return np.maximum(z, 0.0)

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return (0.0,), 0.0

    def log_partition(self, y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
        from scipy.special import log_ndtr

        y = np.asarray(y, float)
        dark = np.where(y == 0, log_ndtr(-np.asarray(mean) / np.sqrt(variance)), -np.inf)
        return np.where(y > 0, _log_normal(y, mean, variance), dark)

    def score(self, y: ArrayLike, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        y, s = np.asarray(y, float), np.sqrt(variance)
        r, _, left = hazard(-np.asarray(mean) / s)
        return np.where(y > 0, (y - mean) / variance, -r / s), np.where(y > 0, -1 / variance, (left - 1) / variance)


def _log_normal(y: ArrayLike, mean: ArrayLike, variance: ArrayLike) -> np.ndarray:
    s = np.sqrt(variance)
    return np.asarray(log_density((y - mean) / s) - np.log(s))
