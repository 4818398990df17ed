"""A user's plain function of the field as a teacher."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.breaks import resolve
from ...numerics.tails import log_density
from ..own_function import OwnFunction
from .channel import FAR, Channel


class _Own(OwnFunction, Channel):
    """A plain function of the field as a teacher; its labels are binary if all its values are +-1."""

    teacher: Callable[[Any], Any] = np.abs

    @property
    def binary(self) -> bool:  # type: ignore[override]
        return _traits(self.teacher)[0]

    def function(self, z: Any) -> Any:
        z = np.asarray(z, float)
        return np.broadcast_to(np.asarray(self.teacher(z), float), z.shape)

    def breaks(self) -> tuple[tuple[float, ...], Any]:
        return _traits(self.teacher)[1], 0.0

    def log_partition(self, y: Any, mean: Any, variance: Any) -> np.ndarray:
        self.check()
        with np.errstate(divide="ignore"):
            return np.log(self.partition(y, mean, variance))

    def score(self, y: Any, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        p, (first, second) = self.partition(y, mean, variance), self._bells(y, mean, variance)
        with np.errstate(invalid="ignore", divide="ignore"):
            g = first / p
            return g, second / p - g**2

    def partition(self, y: Any, mean: Any, variance: Any) -> np.ndarray:
        """The probability of the label y: half-lines and intervals of the field on which the function is y."""
        from scipy.special import ndtr

        _, places, values = _traits(self.teacher)
        y, mean, s = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float), np.sqrt(variance))
        ends = np.r_[-np.inf, places, np.inf]
        total = np.zeros(mean.shape)
        for low, high, label in zip(ends[:-1], ends[1:], values, strict=True):
            a, b = (low - mean) / s, (high - mean) / s
            total += (y == label) * np.where(a > 0, ndtr(-a) - ndtr(-b), ndtr(b) - ndtr(a))
        return total

    def slope(self, y: Any, mean: Any, variance: Any) -> np.ndarray:
        return self._bells(y, mean, variance)[0]

    def _bells(self, y: Any, mean: Any, variance: Any) -> tuple[np.ndarray, np.ndarray]:
        """First and second derivative of `partition` in the mean."""
        _, places, values = _traits(self.teacher)
        y, mean, s = np.broadcast_arrays(np.asarray(y, float), np.asarray(mean, float), np.sqrt(variance))
        first, second = np.zeros(mean.shape), np.zeros(mean.shape)
        for place, rise in zip(places, np.diff(values), strict=True):
            t = (place - mean) / s
            bell = y * rise / 2 * np.exp(log_density(t)) / s
            first, second = first + bell, second + bell * t / s
        return first, second

    def check(self) -> None:
        if not self.binary:
            raise StatementError(
                f"The density of the real labels of {self!r} is not known from the function alone: state a Channel "
                "with `sample(self, z, rng)` and `log_partition(self, y, mean, variance)`."
            )


@lru_cache(maxsize=64)
def _traits(function: Callable[[Any], Any]) -> tuple[bool, tuple[float, ...], tuple[float, ...]]:
    """Whether a function of the field makes labels +-1, where it is not smooth, and its values between those places."""

    def values(z: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.asarray(function(z), float), z.shape)

    places = [float(z) for z in resolve(values, FAR)[0]]
    between = np.convolve([-(2.0**FAR), *places, 2.0**FAR], [0.5, 0.5], "valid")
    probes = np.concatenate([between, np.linspace(-12.0, 12.0, 4801) + 1.234e-5])
    binary = bool(np.all(np.abs(values(probes)) == 1.0))
    return binary, tuple(places), tuple(float(v) for v in values(between))
