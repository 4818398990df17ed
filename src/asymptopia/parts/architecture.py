"""Architectures of networks whose hidden layers all have one width and one activation."""

from __future__ import annotations

from ..contract.record import Record, field

__all__ = ["Architecture", "Convolutional", "Dense", "Residual"]


class Architecture(Record):
    """How the layers of a network are connected."""


class Dense(Architecture):
    """Fully connected layers: each unit sees all units of the layer below."""


class Residual(Architecture):
    """A residual network: each hidden layer after the first adds a dense layer of the layer below to that layer."""


class Convolutional(Architecture):
    """A convolutional network in one dimension with periodic boundaries: a unit sees a window of the layer below.

    An input is read as positions of `channels` numbers each. With `pooling` the last layer averages over the positions;
    without, it has a weight for each of them.
    """

    window: int = field(3, "positions that a unit sees", at_least=1)
    channels: int = field(1, "numbers per position of an input", at_least=1)
    pooling: bool = field(False, "whether the last layer sees the mean over the positions")
