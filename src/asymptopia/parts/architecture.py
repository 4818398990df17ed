"""Architectures of networks whose hidden layers all have one width and one activation."""

from __future__ import annotations

from ..contract.record import Record, field

__all__ = ["Architecture", "Convolutional", "Dense", "Residual"]


class Architecture(Record):
    """How a layer's preactivations arise from the activations below."""


class Dense(Architecture):
    """Each unit sees all units of the layer below."""


class Residual(Architecture):
    """Each hidden layer after the first adds a dense one to what is below it."""


class Convolutional(Architecture):
    """Each unit sees a window of the layer below; positions lie on a ring.

    An input is read as positions of `channels` numbers each. The last layer sees the mean over the positions if
    `pooling`, else all positions, with a weight of its own for each.
    """

    window: int = field(3, "positions that a unit sees", at_least=1)
    channels: int = field(1, "numbers per position of an input", at_least=1)
    pooling: bool = field(False, "whether the last layer sees the mean over the positions")
