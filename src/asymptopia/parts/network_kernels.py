"""The recursion of the kernels of infinitely wide networks over their layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .activation import Activation
from .architecture import Architecture, Convolutional, Residual
from .dual import dual

Mix = Callable[[np.ndarray], np.ndarray]
BLOCK, CHUNK, NEAR = 32, 65536, 0.02


@dataclass(frozen=True)
class Fields:
    """Preactivations of N inputs at one layer: covariance, variances of differences, tangent kernel, each (N, N)."""

    covariance: np.ndarray
    apart: np.ndarray
    tangent: np.ndarray


def kernels(
    inputs: np.ndarray,
    depth: int,
    activation: Activation,
    weight_variance: float,
    bias_variance: float,
    architecture: Architecture,
) -> tuple[np.ndarray, np.ndarray]:
    """The covariance of the outputs and the tangent kernel of an infinitely wide network, (P, P) each.

    inputs: (P, d). depth: the number of hidden layers. Diagonals and nearly equal inputs keep all their digits.
    """
    scales = float(weight_variance), float(bias_variance)
    if isinstance(architecture, Convolutional):
        return _convolutional(inputs, depth, activation, *scales, architecture)
    layers = _Layers(depth, activation, *scales, isinstance(architecture, Residual))
    squares = np.square(inputs).mean(axis=1)
    lengths = layers.lengths(squares)
    out = np.empty((2, len(inputs), len(inputs)))
    for start in range(0, len(inputs), BLOCK):
        rows, columns = slice(start, start + BLOCK), slice(start, None)
        inner, apart = _products(inputs[rows], inputs[columns])
        blocks = layers.climb([a[rows, None] for a in lengths], [a[None, columns] for a in lengths], inner, apart)
        for table, values in zip(out, blocks, strict=True):
            table[rows, columns] = values
            table[columns, rows] = values.T
    return out[0], out[1]


@dataclass(frozen=True)
class _Layers:
    """The layers of a network whose units see all units below: each pair of inputs climbs by itself."""

    depth: int
    activation: Activation
    weight: float
    bias: float
    residual: bool = False

    def lengths(self, squares: np.ndarray) -> list[np.ndarray]:
        """Variances of the preactivations of each hidden layer, from |x|**2 / d."""
        out = [self.bias + self.weight * squares]
        for _ in range(self.depth - 1):
            above = self.bias + self.weight * dual(self.activation, out[-1], out[-1], np.zeros_like(out[-1]))[0]
            out.append(out[-1] + above if self.residual else above)
        return out

    def climb(
        self, rows: list[np.ndarray], columns: list[np.ndarray], inner: np.ndarray, apart: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Covariance and tangent kernel of the outputs, from x.y / d and |x - y|**2 / d."""
        covariance = self.bias + self.weight * inner
        apart, tangent = self.weight * apart, covariance
        for layer, (u, v) in enumerate(zip(rows, columns, strict=True)):
            product, slopes, distance = dual(self.activation, u, v, apart)
            above = self.bias + self.weight * product
            slopes *= self.weight
            slopes *= tangent
            slopes += above
            distance *= self.weight
            if self.residual and layer < self.depth - 1:
                above, distance, slopes = covariance + above, apart + distance, tangent + slopes
            covariance, apart, tangent = above, distance, slopes
        return covariance, tangent


def on_sphere(
    angle: np.ndarray, depth: int, activation: Activation, weight_variance: float, bias_variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """`kernels` of a dense network for inputs of squared length d at these angles; two arrays of the angles' shape."""
    layers = _Layers(depth, activation, float(weight_variance), float(bias_variance))
    lengths = layers.lengths(np.ones(1))
    return layers.climb(lengths, lengths, np.cos(angle), 4 * np.sin(angle / 2) ** 2)


def squared_distances(points: np.ndarray) -> np.ndarray:
    """|x - y|**2 between all rows (N, N), accurate also between nearly equal rows; the diagonal is exactly 0."""
    return _products(points, points)[1] * points.shape[1]


def _products(X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """x.y / d and |x - y|**2 / d of all rows, the latter from the differences where they are small."""
    d = X.shape[1]
    inner = X @ Y.T / d
    lengths = np.square(X).mean(axis=1)[:, None] + np.square(Y).mean(axis=1)
    apart = lengths - 2 * inner
    i, j = np.nonzero(apart <= NEAR * lengths)
    for s in range(0, len(i), CHUNK):
        here = i[s : s + CHUNK], j[s : s + CHUNK]
        apart[here] = np.square(X[here[0]] - Y[here[1]]).mean(axis=1)
    return inner, apart


def _convolutional(
    inputs: np.ndarray,
    depth: int,
    activation: Activation,
    weight_variance: float,
    bias_variance: float,
    architecture: Convolutional,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of all inputs as one set of points, whose kernels are mixed over windows between layers."""
    mix, read, points = _wiring(inputs, architecture)
    inner, apart = _products(points, points)
    covariance = bias_variance + weight_variance * mix(inner)
    fields = Fields(covariance, weight_variance * mix(apart), covariance)
    for layer in range(depth):
        last = layer == depth - 1
        fields = _through(fields, activation, weight_variance, bias_variance, read if last else mix)
    return fields.covariance, fields.tangent


def _through(fields: Fields, activation: Activation, weight: float, bias: float, mix: Mix) -> Fields:
    """One activation and one layer of weights."""
    product, slopes, apart = _pairs(activation, fields)
    covariance = bias + weight * mix(product)
    return Fields(covariance, weight * mix(apart), covariance + weight * mix(slopes * fields.tangent))


def _pairs(activation: Activation, fields: Fields) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`dual` of all pairs, each once."""
    i, j = np.triu_indices(len(fields.covariance))
    variance = np.diag(fields.covariance)
    out = []
    for values in dual(activation, variance[i], variance[j], fields.apart[i, j]):
        full = np.empty_like(fields.covariance)
        full[i, j] = full[j, i] = values
        out.append(full)
    return out[0], out[1], out[2]


def _wiring(inputs: np.ndarray, architecture: Convolutional) -> tuple[Mix, Mix, np.ndarray]:
    """How a kernel passes a layer of weights, how it passes the last one, and the points that it is between."""
    count, positions = len(inputs), inputs.shape[1] // architecture.channels
    shape = (count, positions, count, positions)
    shifts = range(architecture.window)

    def mix(k: np.ndarray) -> np.ndarray:
        windows = [np.roll(k.reshape(shape), (-s, -s), (1, 3)) for s in shifts]
        return np.mean(windows, axis=0).reshape(k.shape)

    def read(k: np.ndarray) -> np.ndarray:
        every = k.reshape(shape)
        return every.mean(axis=(1, 3)) if architecture.pooling else np.einsum("aibi->ab", every) / positions

    return mix, read, inputs.reshape(count * positions, architecture.channels)
