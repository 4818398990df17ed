"""What the rules of one run share: the points, the random matrices, the draws, the record of magnitudes."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

import numpy as np

from .draws import Drawn, Entries, NarrowNet
from .layout import Layout
from .matrix import World
from .points import Space
from .refusal import Line, innermost, lines_of


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a run starts from: layouts, the seed of its net, its place among all runs, and what earlier runs used.

    layouts:     of every wide axis, by its length.
    seed, run:   of the nets of points; the place of this run among all.
    narrow:      the numbers of draws without a wide axis, of all runs.
    expected:    how many columns of each net earlier runs took, by the rank of its size.
    shift:       added to every largest value along a wide axis, on which nothing may depend.
    quiet:       readouts are zero, for programs whose limit does not depend on them.
    fluctuating: so many first sums over wide axes deviate from their mean as at finite size, in another way for every
                 `trial`, on which nothing may depend either.
    lazy:        the keys of the draws that readouts of order one are made of while they move by order 1 / sqrt(n).
    probing:     the run is a trial, and may end loops early.
    """

    layouts: dict[int, Layout]
    seed: tuple[int, ...]
    run: int
    narrow: NarrowNet
    expected: dict[int, int] = dataclasses.field(default_factory=dict)
    shift: float = 0.0
    quiet: bool = False
    fluctuating: int = 0
    trial: int = 0
    lazy: frozenset[Hashable] = frozenset()
    probing: bool = False


class Context:
    """The state of one run, which every rule is given: its points, random matrices, draws, and the equation at work.

    settings: what the run starts from. space, world: the points of wide axes, and the matrices over two of them. path:
    the equation at work, inside of those that it stands in. seen: what each key was used for. readouts: the normal
    numbers of draws that are only summed; used: the keys of draws whose points were used in other ways.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.space = Space(settings.layouts, settings.seed, settings.expected)
        self.space.shake(settings.fluctuating, settings.trial)
        self.space.paired = bool(settings.lazy)
        self.world = World(self.space, Entries(settings.seed))
        self.narrow = settings.narrow
        self.rng = np.random.default_rng([*settings.seed, 5])
        self.seen: dict[Hashable, Drawn] = {}
        self.path: list[Any] = []
        self.summed: list[Any] = []
        self.drawn: dict[Hashable, Any] = {}
        self.drew = False
        self.used: set[Hashable] = set()
        self.readouts: dict[Hashable, Any] = {}
        self.maxima: list[Any] = []
        self.steps = 0

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape of the program with points in place of coordinates: each wide length becomes its number of points."""
        return self.space.shape(shape)

    @property
    def line(self) -> Line | None:
        """The user's line of the equation that is at work."""
        return innermost([lines_of(e) for e in self.path])
