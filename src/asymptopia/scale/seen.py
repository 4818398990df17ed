"""What is seen of one training run, whatever it was written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

MASKED = 1e9  # scores beyond are those of a mask


class LayerSeen(NamedTuple):
    """A layer with weights W on inputs x, at the start (0), after the first step that moves it (1), and at the end (T).

    Sizes are root mean squares, of all samples and units.

    shape:          (outputs, inputs) of its weights.
    initial_gain:   |W_0 x_0| / |x_0|.
    gain_of_change: |W_0 (x_1 - x_0)| / |x_1 - x_0|; 0 where inputs do not change.
    update:         |(W_1 - W_0) x_0| / |x_0|; 0 where weights do not change.
    preactivation, change: of the layer's output, at the start, and from there to the end.
    gradient:       of the loss in the layer's output, at the start.
    """

    shape: tuple[int, ...]
    initial_gain: float
    gain_of_change: float
    update: float
    preactivation: float
    change: float
    gradient: float


class Seen(NamedTuple):
    """One run: its layers, (size, change) of what enters each softmax, (size of the change that it makes, size of its
    input) of each repeated block, (size, change) of the output, the loss before and after, and the weights that were
    not seen.
    """

    layers: dict[str, LayerSeen]
    scores: dict[str, tuple[float, float]]
    blocks: dict[str, tuple[float, float]]
    output: tuple[float, float] | None
    losses: tuple[float, float]
    unseen: list[str]


def layer_seen(
    product: Callable[[Any, Any], Any], start: tuple[Any, Any], stages: Sequence[tuple[Any, Any]],
    rms: Callable[[Any], float], shape: tuple[int, ...], factor: float, seen: tuple[float, float, float],
) -> LayerSeen:  # fmt: skip
    """The gains of a layer that is `product(x, weights)`, times a factor that belongs to it.

    start, stages: (x, weights) at the start, and after some steps. seen: sizes of the output without the factor, of its
    change, and of the gradient in it.
    """
    x, weights = start
    size = max(rms(x), 1e-300)
    gains = []
    for later, moved in stages:
        change = later - x
        of_change = rms(product(change, weights)) / rms(change) if rms(change) > 1e-9 * size else 0.0
        gains.append((of_change, rms(product(x, moved - weights)) / size))
    of_change, update = (next(filter(None, values), 0.0) for values in zip(*gains, strict=True))
    initial = rms(product(x, weights)) / size
    output, moves, gradient = seen
    return LayerSeen(
        shape, factor * initial, factor * of_change, factor * update, factor * output, factor * moves, gradient / factor
    )
