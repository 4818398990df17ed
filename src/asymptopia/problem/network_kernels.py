"""Kernels of networks of infinite width, layer by layer, on pairs of variances and distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .activation import Activation
from .architecture import Architecture, Convolutional, Residual
from .dual import dual

Mix = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Fields:
    """Preactivations of N points: their covariance, the variances of their differences, the tangent kernel (N, N)."""

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
    """The covariance of the outputs and the tangent kernel of a network with `depth` hidden layers, (P, P) each.

    inputs: (P, d). Diagonals and nearly equal inputs keep all their digits.
    """
    mix, read, points = _wiring(inputs, architecture)
    first = mix(points @ points.T / points.shape[1])
    covariance = bias_variance + weight_variance * first
    fields = Fields(covariance, weight_variance * mix(squared_distances(points) / points.shape[1]), covariance)
    for layer in range(depth):
        last = layer == depth - 1
        above = _through(fields, activation, weight_variance, bias_variance, read if last else mix)
        if isinstance(architecture, Residual) and not last:
            above = Fields(
                fields.covariance + above.covariance, fields.apart + above.apart, fields.tangent + above.tangent
            )
        fields = above
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


def _wiring(inputs: np.ndarray, architecture: Architecture) -> tuple[Mix, Mix, np.ndarray]:
    """How a kernel passes a layer of weights, how it passes the last one, and the points that it is between."""
    if not isinstance(architecture, Convolutional):
        return (lambda k: k), (lambda k: k), inputs
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


def on_sphere(
    angle: np.ndarray, depth: int, activation: Activation, weight_variance: float, bias_variance: float
) -> tuple[np.ndarray, np.ndarray]:
    """`kernels` of a dense network for pairs of inputs of squared length d at these angles, one number each."""
    length = weight_variance + bias_variance
    covariance = bias_variance + weight_variance * np.cos(angle)
    apart, tangent = 4 * weight_variance * np.sin(angle / 2) ** 2, covariance
    for _ in range(depth):
        alone = np.full(1, length)
        own = dual(activation, alone, alone, np.zeros(1))[0]
        every = np.full(np.shape(angle), length)
        product, slopes, distance = dual(activation, every, every, apart)
        covariance = bias_variance + weight_variance * product
        apart, tangent = weight_variance * distance, covariance + weight_variance * slopes * tangent
        length = bias_variance + weight_variance * float(own[0])
    return covariance, tangent


def squared_distances(points: np.ndarray) -> np.ndarray:
    """|x - y|**2 of all rows, from their differences: those of near ones keep their digits, and the diagonal is 0."""
    from scipy.spatial.distance import cdist

    return cdist(points, points, "sqeuclidean")
