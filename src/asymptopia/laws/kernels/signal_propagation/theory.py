"""Propagation of lengths and correlations through wide random layers: maps, fixed points, order and chaos."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.law import NoLimit
from ....numerics.arrays import ArrayLike
from ....parts.activation import Activation
from ....parts.dual import dual, field_nodes

if TYPE_CHECKING:
    from . import SignalPropagation


SPAN = np.geomspace(1e-12, 1e12, 97)


def layer(
    activation: Activation, weight: float, bias: float, lengths: np.ndarray, apart: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """One layer: the lengths (2,) of two inputs and the squared length of their difference, and the slopes (3,).

    Slopes are `weight` times E phi'(x)^2, E phi'(x) phi'(y) and E phi'(y)^2.
    """
    u = np.array([lengths[0], lengths[0], lengths[1]])
    v = np.array([lengths[0], lengths[1], lengths[1]])
    product, slopes, distance = dual(activation, u, v, np.array([0.0, apart, 0.0]))
    return bias + weight * product[[0, 2]], float(weight * distance[1]), weight * slopes


def averages(activation: Activation, q: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E phi^2, E phi'^2 and E x phi' phi / q at lengths q (K,)."""
    q = np.atleast_1d(np.asarray(q, float))
    x, weight = field_nodes(activation, q)
    f, slope = np.asarray(activation(x)), np.asarray(activation.derivative(x))
    square, squared_slope, across = ((weight * g).sum(axis=1) for g in (f * f, slope * slope, x * slope * f))
    return square, squared_slope, across / q


def length(activation: Activation, weight: float, bias: float) -> float:
    """The stable fixed point of the length map that a layer reaches from a length of 1; raises `NoLimit` if none."""

    def excess(q: float) -> float:
        return bias + weight * float(averages(activation, q)[0][0]) - q

    every = bias + weight * averages(activation, SPAN)[0] - SPAN
    here = len(SPAN) // 2
    if every[here] == 0:
        return float(SPAN[here])
    rising = every[here] > 0
    beyond = np.flatnonzero(every[here:] <= 0) + here if rising else np.flatnonzero(every[: here + 1] >= 0)
    if not len(beyond):
        if not rising and bias == 0 and float(activation(np.zeros(1))[0]) == 0:
            return 0.0
        raise NoLimit(
            f"Lengths grow without bound from layer to layer for {activation!r} with `weight_variance` {weight:g} and "
            f"`bias_variance` {bias:g}: there is no fixed point. Lower `weight_variance`."
        )
    edge = beyond[0] if rising else beyond[-1]
    ends = sorted((SPAN[edge], SPAN[edge - 1 if rising else edge + 1]))
    return _root(excess, *ends)


def correlation(activation: Activation, weight: float, q: float, chi: float) -> tuple[float, float]:
    """The stable fixed point of the correlation map at length q, and the slope of the map there."""
    if q == 0 or chi <= 1:
        return 1.0, chi

    def passed(loss: float) -> tuple[float, float]:
        _, slope, distance = dual(activation, *(np.array([a]) for a in (q, q, 2 * q * loss)))
        return float(weight * distance[0] / (2 * q)), float(weight * slope[0])

    losses = 1 - np.cos(np.geomspace(1e-6, np.pi / 2, 40))
    ratio = np.array([passed(s)[0] / s - 1 for s in losses])
    below = np.flatnonzero(ratio <= 0)
    if not len(below) or below[0] == 0:
        loss = losses[-1] if not len(below) else losses[0]
    else:
        k = below[0]
        loss = _root(lambda s: passed(s)[0] / s - 1, losses[k - 1], losses[k])
    return 1 - loss, passed(loss)[1]


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-300, rtol=1e-14))


def depth_of(slope: float) -> float:
    """The number of layers over which a deviation from a fixed point falls by e."""
    slope = abs(slope)
    return 0.0 if slope == 0 else float(np.inf) if slope == 1 else float(-1 / np.log(slope))


def critical_weight(activation: Activation, bias: float) -> float:
    """The weight variance at which chi = 1, the lengths being at their fixed point."""
    _, slope, _ = averages(activation, SPAN)
    if np.ptp(slope) <= 1e-12 * slope.max():
        return float(1 / slope[0])

    def excess(q: float) -> float:
        square, slope, _ = averages(activation, q)
        return float((q - bias) * slope[0] / square[0] - 1)

    span = bias + np.geomspace(1e-10, 1e8, 200)
    values = np.array([excess(q) for q in span])
    cross = np.flatnonzero((values[:-1] < 0) & (values[1:] >= 0))
    if not len(cross):
        return _critical_at_zero(activation, bias)
    q = _root(excess, span[cross[0]], span[cross[0] + 1])
    return float((q - bias) / averages(activation, q)[0][0])


def _critical_at_zero(activation: Activation, bias: float) -> float:
    """Without biases the transition of a sigmoid is where lengths start to grow: at w phi'(0)^2 = 1."""
    slope = float(averages(activation, 1e-12)[1][0])
    return 1 / slope if bias == 0 and slope > 0 else float("nan")


def critical_bias(activation: Activation, weight: float) -> float:
    """The bias variance at which chi = 1, the lengths being at their fixed point; nan if there is none."""

    def excess(log_q: float) -> float:
        return weight * float(averages(activation, np.exp(log_q))[1][0]) - 1

    grid = np.log(SPAN)
    values = np.array([excess(x) for x in grid])
    cross = np.flatnonzero((values[:-1] > 0) & (values[1:] <= 0))
    if not len(cross):
        return float("nan")
    q = np.exp(_root(excess, grid[cross[0]], grid[cross[0] + 1]))
    bias = float(q - weight * averages(activation, q)[0][0])
    return bias if bias >= 0 else float("nan")


def predict(law: SignalPropagation) -> dict[str, Any]:
    """The observables in the limit."""
    weight, bias = law.weight_variance, law.bias_variance
    q = length(law.activation, weight, bias)
    at = max(q, 1e-12)
    _, slope, across = (weight * float(a[0]) for a in averages(law.activation, at))
    c, rate = correlation(law.activation, weight, q, slope)
    table, slopes = by_layers(law)
    return {
        "length": q,
        "correlation": c,
        "chi": slope,
        "correlation_depth": depth_of(rate),
        "length_depth": depth_of(across),
        "layer_length": table[:, 0],
        "layer_correlation": table[:, 1],
        "layer_gradient": np.append(np.cumprod(slopes[-2::-1])[::-1], 1.0),
    }


def by_layers(law: SignalPropagation) -> tuple[np.ndarray, list[float]]:
    """Length and correlation of each layer, (layers, 2), and the growth of gradients; `NoLimit` if all become 0."""
    lengths = np.full(2, law.start_length)
    apart = 2 * law.start_length * (1 - law.start_correlation)
    by_layer, slopes = [], []
    for number in range(law.layers):
        if not lengths.all():
            raise NoLimit(
                f"All preactivations are 0 in layer {number + 1}, where inputs have no correlation: {law.activation!r} "
                "is 0 at what reaches it, and `bias_variance` is 0."
            )
        by_layer.append((lengths.mean(), (lengths.sum() - apart) / (2 * np.sqrt(lengths.prod()))))
        lengths, apart, every = layer(law.activation, law.weight_variance, law.bias_variance, lengths, apart)
        slopes.append(every[[0, 2]].mean())
    return np.array(by_layer), slopes
