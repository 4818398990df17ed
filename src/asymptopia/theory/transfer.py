"""Transfer operators of chains with neighbour interactions: averages and correlations of an infinite chain."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..contract.record import NoLimit

if TYPE_CHECKING:
    from jaxtyping import Float


ORDERED = 1e-12
"""Where the two largest eigenvalues differ by less, relatively, round-off hides how fast correlations fall."""


class TransferOperator(NamedTuple):
    """A symmetric transfer operator on points, by its eigenvectors.

    points: where the kernel is known (N,).
    ratios: eigenvalues over the largest one, which comes first and is 1; (N,).
    modes:  eigenvectors in the columns (N, N), each of norm 1; the first one is positive.
    bonds:  probabilities (N, N) of the two ends of a bond.
    """

    points: Float[np.ndarray, " N"]
    ratios: Float[np.ndarray, " modes"]
    modes: Float[np.ndarray, "N modes"]
    bonds: Float[np.ndarray, "N N"]

    @classmethod
    def of(cls, points: Float[np.ndarray, " N"], log_kernel: Float[np.ndarray, "N N"]) -> TransferOperator:
        """The operator of a positive symmetric kernel, given by its logarithm at equally spaced points."""
        from scipy.linalg import eigh

        kernel = np.exp(log_kernel - log_kernel.max())
        values, modes = eigh(kernel)
        values, modes = values[::-1], modes[:, ::-1].copy()
        modes[:, 0] = np.abs(modes[:, 0])
        return cls(points, values / values[0], modes, modes[:, :1] * kernel * modes[:, 0] / values[0])

    def too_short(self, n: int) -> str | None:
        """The reason why a ring of n sites is not long: its slowest correlation has not fallen by e**-8 around it."""
        if self._ordered():
            return f"correlations do not fall within {1 / ORDERED:.0e} sites: no ring is like the infinite chain"
        length = float(-1 / np.log(max(self.ratios[1], 1e-300)))
        if 8 * length <= n:
            return None
        return (
            f"correlations fall by the factor e over {length:.3g} sites: rings of fewer than {math.ceil(8 * length)} "
            "differ from the infinite chain"
        )

    def mean(self, values: Float[np.ndarray, " N"]) -> float:
        """The mean of a function of one site, given at the points."""
        return float(self.modes[:, 0] ** 2 @ values)

    def bond_mean(self, values: Float[np.ndarray, "N N"]) -> float:
        """The mean of a function of two neighbours, given at all pairs of points."""
        return float(np.sum(self.bonds * values))

    def correlation(self, values: Float[np.ndarray, " N"], distances: tuple[int, ...]) -> Float[np.ndarray, " r"]:
        """The mean product of a function at two sites, for each distance between them."""
        weights = (self.modes.T @ (self.modes[:, 0] * values)) ** 2
        return np.array([weights @ self.ratios**r for r in distances])

    def susceptibility(self, values: Float[np.ndarray, " N"]) -> float:
        """n times the variance of the mean of a function over n sites, as n grows.

        Raises `NoLimit` where correlations do not fall.
        """
        if self._ordered():
            raise NoLimit(f"Correlations do not fall within {1 / ORDERED:.0e} sites: they have no finite sum.")
        weights = (self.modes.T @ (self.modes[:, 0] * values)) ** 2
        return float(np.sum(weights[1:] * (1 + self.ratios[1:]) / (1 - self.ratios[1:])))

    def _ordered(self) -> bool:
        return bool(self.ratios[1] > 1 - ORDERED)


def smoothed(
    function: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]], points: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """A function with kinks, without its Fourier modes that N equally spaced points cannot carry.

    The sum of these values times a smooth density is the integral of the function, to about nine digits; the density
    must be periodic on the points, or vanish at both ends.
    """
    count, finer = len(points), 2**18
    spacing = points[1] - points[0]
    modes = np.fft.rfft(function(points[0] + spacing * count / finer * np.arange(finer)))[: count // 2 + 1]
    modes[-1] = modes[-1].real
    return np.asarray(np.fft.irfft(modes, count)) * count / finer


def refined(
    averages: Callable[[int], dict[str, np.ndarray | float]], what: str, *, first: int = 64, last: int = 1024
) -> dict[str, np.ndarray | float]:
    """Averages on twice as many points until they agree to ten digits.

    averages: from a number of points to numbers by name.
    what:     the subject of the sentence that `NoLimit` says beyond `last` points.
    """
    before = averages(first)
    points = first
    while (points := 2 * points) <= last:
        now = averages(points)
        if all(np.allclose(now[k], before[k], rtol=1e-10, atol=1e-12) for k in now):
            return now
        before = now
    raise NoLimit(f"{what} is not resolved by {last} points of the transfer operator: the interaction is too sharp.")
