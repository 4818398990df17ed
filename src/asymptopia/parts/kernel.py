"""Kernels for regression: of networks of infinite width, and those of the textbooks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..contract.record import Record, StatementError, field
from .activation import Activation, Relu

__all__ = ["NNGP", "NTK", "RBF", "Kernel", "Polynomial", "Powers"]

_KNOTS = 501


class Kernel(Record):
    """A kernel of inputs in d dimensions that depends on their lengths and the angle between them."""

    def matrix(self, X: np.ndarray) -> np.ndarray:
        """The kernel matrix (N, N) of the rows of X (N, d)."""
        raise NotImplementedError(f"{type(self).__name__} defines no `matrix(self, X)`.")

    def at(self, angle: np.ndarray) -> np.ndarray:
        """The kernel of two inputs of squared length d at these angles, in radians; an array of the same shape."""
        raise NotImplementedError(f"{type(self).__name__} defines no `at(self, angle)`.")

    def between(self, X: np.ndarray, Y: np.ndarray) -> np.ndarray:
        """The kernel matrix (N, M) of rows of X (N, d) and Y (M, d), all of squared length d, to about 1e-9."""
        return _spline(self)(_angles(X, Y))

    def powers(self, degree: int) -> np.ndarray:
        """The Taylor coefficients a_k of the kernel in the cosine of the angle, k = 0..degree.

        In high dimension a_k is the part of the kernel's diagonal that all harmonics of degree k have together.
        """
        from numpy.polynomial import Chebyshev

        # singular at cosines of modulus 1 at the nearest: an interpolant on half of that converges as 3.7**-order
        interpolant = Chebyshev.interpolate(lambda t: self.at(np.arccos(t)), 30, domain=[-0.5, 0.5])
        out, factorial = [], 1.0
        for k in range(degree + 1):
            out.append(float(interpolant(0.0)) / factorial)
            interpolant, factorial = interpolant.deriv(), factorial * (k + 1)
        return np.array(out)


def _angles(X: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """The angles between rows of X (N, d) and Y (M, d) of squared length d, (N, M).

    Near 0 and pi from the difference or the sum of the rows: the cosine knows only half the digits there.
    """
    cosine = np.clip(X @ Y.T / X.shape[1], -1.0, 1.0)
    angles = np.arccos(cosine)
    for sign, end in ((1.0, 0.0), (-1.0, np.pi)):
        i, j = np.nonzero(sign * cosine > 1 - 1e-6)
        apart = np.linalg.norm(X[i] - sign * Y[j], axis=1) / np.sqrt(X.shape[1])
        angles[i, j] = end + sign * 2 * np.arcsin(apart / 2)
    return angles


def _spline(kernel: Kernel) -> Callable[[np.ndarray], np.ndarray]:
    from scipy.interpolate import CubicSpline

    angles = np.linspace(0.0, np.pi, _KNOTS)
    return CubicSpline(angles, kernel.at(angles))


class _Network(Kernel):
    """A dense network with `depth` hidden layers, in the normalisation of `WideNetworkKernel`."""

    depth: int = field(2, "number of hidden layers", at_least=1)
    activation: Activation = field(Relu(), "what a hidden unit makes of its preactivation")
    weight_variance: float = field(2.0, "variance of the weights, times their number", above=0)
    bias_variance: float = field(0.0, "variance of the biases", at_least=0)

    def _chosen(self, both: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        raise NotImplementedError

    def matrix(self, X: np.ndarray) -> np.ndarray:
        from .architecture import Dense
        from .network_kernels import kernels

        given = (self.depth, self.activation, float(self.weight_variance), float(self.bias_variance))
        return self._chosen(kernels(X, *given, Dense()))

    def at(self, angle: np.ndarray) -> np.ndarray:
        from .network_kernels import on_sphere

        given = (self.depth, self.activation, float(self.weight_variance), float(self.bias_variance))
        return self._chosen(on_sphere(np.asarray(angle, float), *given))


class NNGP(_Network):
    """The covariance of the outputs of an infinitely wide random network: the kernel of training its last layer."""

    def _chosen(self, both: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return both[0]


class NTK(_Network):
    """The tangent kernel of an infinitely wide random network: the kernel of training all layers."""

    def _chosen(self, both: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        if not np.isfinite(both[1]).all():
            raise StatementError(
                f"{self.activation!r} has no tangent kernel: the derivative is not bounded, or has no second moment. "
                "`activation` of NTK must be differentiable almost everywhere, with a bounded derivative there."
            )
        return both[1]


class RBF(Kernel):
    r"""$\exp(-|x - y|^2 / 2 w^2 d)$ with the width w."""

    width: float = field(1.0, "distance over which it falls, in units of the typical length of an input", above=0)

    def matrix(self, X: np.ndarray) -> np.ndarray:
        from .network_kernels import squared_distances

        return np.exp(-squared_distances(X) / (2 * self.width**2 * X.shape[1]))

    def at(self, angle: np.ndarray) -> np.ndarray:
        return np.exp(-2 * np.sin(angle / 2) ** 2 / self.width**2)


class Polynomial(Kernel):
    r"""$(c + x \cdot y / d)^p$ with the offset c and the degree p."""

    degree: int = field(2, "degree", at_least=1, at_most=20)
    offset: float = field(1.0, "what is added to the inner product", at_least=0)

    def matrix(self, X: np.ndarray) -> np.ndarray:
        return (self.offset + X @ X.T / X.shape[1]) ** self.degree

    def at(self, angle: np.ndarray) -> np.ndarray:
        return (self.offset + np.cos(angle)) ** self.degree


class Powers(Kernel):
    r"""$\sum_k a_k (x \cdot y / d)^k$: a kernel whose coefficients you choose."""

    coefficients: tuple[float, ...] = field((1.0, 1.0, 0.5), "a_0, a_1, ..., all >= 0")

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            given = tuple(map(float, self.coefficients))
        except (TypeError, ValueError):
            given = ()
        if not given or not np.isfinite(given).all() or min(given) < 0 or not any(given):
            raise StatementError(
                f"`coefficients` of Powers must be numbers >= 0, not all 0, but is {self.coefficients!r}."
            )
        object.__setattr__(self, "coefficients", given)

    def matrix(self, X: np.ndarray) -> np.ndarray:
        return np.polynomial.polynomial.polyval(X @ X.T / X.shape[1], self.coefficients)

    def at(self, angle: np.ndarray) -> np.ndarray:
        return np.polynomial.polynomial.polyval(np.cos(angle), self.coefficients)
