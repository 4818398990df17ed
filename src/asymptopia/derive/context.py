"""What the rules of one run share: the points, the random matrices, the draws, the record of magnitudes."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from .draws import Entries, NarrowNet
from .layout import Layout
from .matrix import World
from .points import Space


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run starts from: layouts, seed of its net, its place among all runs, and what earlier runs used.

    `shift` is added to every largest value along a wide axis, on which nothing may depend; in `noisy` runs sums over
    wide axes have fluctuations as at finite size, on which nothing may depend either; `quiet` runs take readouts to be
    zero, for programs whose limit does not depend on them.
    """

    layouts: dict[int, Layout]
    seed: tuple[int, ...]
    run: int
    narrow: NarrowNet
    expected: dict[int, int] = dataclasses.field(default_factory=dict)
    shift: float = 0.0
    quiet: bool = False
    noisy: bool = False


class Context:
    """The state of one run."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.space = Space(settings.layouts, settings.seed, settings.expected)
        self.world = World(self.space, Entries(settings.seed))
        self.narrow = settings.narrow
        self.rng = np.random.default_rng([*settings.seed, 5])
        self.noise = np.random.default_rng([*settings.seed, 13])
        self.seen: dict[Hashable, tuple[int, ...]] = {}
        self.drawn: dict[Hashable, Any] = {}
        self.drew = False
        self.used: set[Hashable] = set()
        self.readouts: dict[Hashable, Any] = {}
        self.maxima: list[Any] = []

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape of the program with points in place of coordinates."""
        return self.space.shape(shape)

    def fluctuating(self, total: np.ndarray, squares: np.ndarray, length: int) -> np.ndarray:
        """A sum over a wide axis with a fluctuation as at finite size, given the sum of the squares of its terms."""
        variance = np.maximum(squares - np.square(total) / length, 0.0)
        return total + np.sqrt(variance) * self.noise.standard_normal(np.shape(total))
