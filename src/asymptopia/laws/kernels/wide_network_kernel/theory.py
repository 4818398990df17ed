"""Fluctuations of the kernels of wide networks, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.record import StatementError
from ....parts.activation import Activation
from ....parts.architecture import Dense
from ....parts.dual import pair_nodes

if TYPE_CHECKING:
    from . import WideNetworkKernel


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


def predict(law: WideNetworkKernel) -> dict[str, Any]:
    """The observables in the limit."""
    from ....parts.network_kernels import kernels

    points = np.asarray(law.inputs, float)
    given = (points, law.depth, law.activation, float(law.weight_variance), float(law.bias_variance))
    nngp, ntk = kernels(*given, law.architecture)
    if not np.isfinite(ntk).all():
        raise StatementError(
            f"{law.activation!r} has no tangent kernel: the derivative has no second moment. "
            "`activation` of WideNetworkKernel must be differentiable almost everywhere, and continuous."
        )
    limits = {"nngp": nngp, "ntk": ntk}
    return limits | {"kernel_variance": spread(*given)} if isinstance(law.architecture, Dense) else limits
