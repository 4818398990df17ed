"""Kernels of infinitely wide networks, layer by layer, on pairs of variances and distances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...problem.activation import Activation
from ...problem.architecture import Architecture, Convolutional, Residual
from ...problem.dual import dual, pair_nodes

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
    differences = points[:, None] - points
    first = mix(points @ points.T / points.shape[1])
    covariance = bias_variance + weight_variance * first
    fields = Fields(covariance, weight_variance * mix(np.square(differences).mean(axis=-1)), covariance)
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


def spread(
    inputs: np.ndarray, depth: int, activation: Activation, weight_variance: float, bias_variance: float
) -> np.ndarray:
    """The limit of width times the variance of the output's covariance given the hidden layers, dense, (P, P).

    The kernels of a pair fluctuate by what each layer's finite number of units adds, and by what the next layer makes
    of the fluctuations below (Yaida, Proc. Machine Learning Research 107 (2020) 165).
    """
    i, j = np.triu_indices(len(inputs))
    k = bias_variance + weight_variance * (inputs @ inputs.T) / inputs.shape[1]
    pair = np.stack([k[i, i], k[i, j], k[j, j]], axis=-1)
    apart = weight_variance * np.square(inputs[i] - inputs[j]).mean(axis=-1)
    covariance = np.zeros((len(i), 3, 3))
    for _ in range(depth):
        mean, distance, noise, response = _moments(activation, pair, apart)
        passed = np.einsum("kab,kbc,kdc->kad", response, covariance, response)
        covariance = weight_variance**2 * (noise + passed)
        pair, apart = bias_variance + weight_variance * mean, weight_variance * distance
    out = np.empty_like(k)
    out[i, j] = out[j, i] = covariance[:, 1, 1]
    return out


def _moments(
    activation: Activation, pair: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of the products of activations (xx, xy, yy), K pairs at a time: mean (K, 3), E (phi(x) - phi(y))^2, covariance
    (K, 3, 3), and the derivatives of the mean in the covariance of the fields (K, 3, 3)."""
    parts = [_moments_of(activation, pair[s : s + 16], apart[s : s + 16]) for s in range(0, len(pair), 16)]
    mean, distance, noise, response = (np.concatenate(p) for p in zip(*parts, strict=True))
    return mean, distance, noise, response


def _moments_of(
    activation: Activation, pair: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    x, y, weight = pair_nodes(activation, pair[:, 0], pair[:, 2], apart)
    f, g = np.asarray(activation(x)), np.asarray(activation(y))
    df, dg = np.asarray(activation.derivative(x)), np.asarray(activation.derivative(y))

    def average(value: np.ndarray) -> np.ndarray:
        return (weight * value).sum(axis=(1, 2))

    products = (f * f, f * g, g * g)
    mean = np.stack([average(p) for p in products], axis=-1)
    square = np.stack([np.stack([average(a * b) for b in products], axis=-1) for a in products], axis=-2)
    slopes, u, between, v = average(df * dg), pair[:, 0], pair[:, 1], pair[:, 2]
    # d/du E f(x)g(y) = E f''(x) g(y) / 2, with f'' removed by E x f'(x) g(y) = u E f'' g + E[xy] E f' g'
    with np.errstate(divide="ignore", invalid="ignore"):
        by_u = np.where(u > 0, (average(x * df * g) - between * slopes) / (2 * u), 0.0)
        by_v = np.where(v > 0, (average(y * dg * f) - between * slopes) / (2 * v), 0.0)
        own = [np.where(s > 0, average(a) / s, 0.0) for s, a in ((u, x * df * f), (v, y * dg * g))]
    none = np.zeros_like(u)
    rows = [[own[0], none, none], [by_u, slopes, by_v], [none, none, own[1]]]
    response = np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
    return mean, average(np.square(f - g)), square - mean[:, :, None] * mean[:, None, :], response
