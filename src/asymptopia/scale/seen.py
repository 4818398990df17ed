"""What is seen of one training run, whatever it was written with."""

from __future__ import annotations

from typing import NamedTuple


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
