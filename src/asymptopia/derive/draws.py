"""What the program draws: keys that stay keys, and the numbers drawn from them.

A draw is known by its key and shape. Along no wide axis it is a random number of the limit, one value a run; along
one, it is a column of the net for every narrow index; along two, the entries of a random matrix.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable

import numpy as np
from scipy.special import ndtri

from .points import Basis, Net
from .refusal import Line, Refused
from .trace import wide_axes

ENTRIES = 2**15


@dataclasses.dataclass(frozen=True)
class WideKeys:
    """An array of keys along a wide axis, split from one key."""

    origin: Hashable
    shape: tuple[int, ...]


class Entries:
    """Joint values of the entries of random matrices: a column of a lattice, shifted at random, for each draw."""

    def __init__(self, seed: tuple[int, ...]) -> None:
        self.rng = np.random.default_rng([*seed, 11])
        self.columns: dict[Hashable, np.ndarray] = {}

    def uniform(self, draw: Hashable) -> np.ndarray:
        """The uniforms of the entries of a random matrix, (ENTRIES,); the same whenever that draw is asked for."""
        if draw not in self.columns:
            number = len(self.columns)
            multiplier = int(ENTRIES * (np.sqrt(_prime(number - 1)) % 1.0)) | 1 if number else 1
            places = (np.arange(ENTRIES) * multiplier + self.rng.integers(ENTRIES)) % ENTRIES
            self.columns[draw] = (places + 0.5) / ENTRIES
        return self.columns[draw]


class NarrowNet:
    """Numbers for the draws without a wide axis: one row a run, a net with matched moments for every group of runs.

    runs, groups: how many runs there are, and how many groups they make; runs of a group share a net.
    seed:         of the nets. expected: how many columns will be asked for.
    """

    def __init__(self, runs: int, groups: int, seed: int, expected: int) -> None:
        self.size = runs // groups
        self.nets = [Net(self.size, np.random.default_rng([seed, g, 77]), expected) for g in range(groups)]
        self.bases = [Basis(self.size) for _ in range(groups)]
        self.columns: dict[Hashable, np.ndarray] = {}

    def uniform(self, draw: Hashable, count: int) -> np.ndarray:
        """Uniforms of shape (runs, count) for a draw; the same whenever that draw is asked for."""
        if draw not in self.columns:
            self.columns[draw] = np.concatenate([net.take(count) for net in self.nets])
        return self.columns[draw]

    def normal(self, draw: Hashable, count: int) -> np.ndarray:
        """Standard normals of shape (runs, count) for a draw; the same whenever that draw is asked for."""
        if (draw, "normal") not in self.columns:
            rows = self.uniform(draw, count).reshape(len(self.nets), self.size, count)
            columns = [b.normal(r) if self.size > 32 else ndtri(r) for b, r in zip(self.bases, rows, strict=True)]
            self.columns[draw, "normal"] = np.concatenate(columns)
        return self.columns[draw, "normal"]


def to_bits(uniform: np.ndarray, width: int, rng: np.random.Generator) -> np.ndarray:
    """Random bits whose leading ones are those of a uniform number, so that what is made of them is that number again.

    uniform: numbers in (0, 1). width: of the words, 8 to 64 bits. rng: of the other bits. Returns unsigned integers.
    """
    low = rng.integers(0, 2**12, uniform.shape, dtype=np.uint64)
    bits = (uniform * 2.0**52).astype(np.uint64) << np.uint64(12) | low
    return (bits >> np.uint64(64 - width)).astype(f"uint{width}")


@dataclasses.dataclass(frozen=True)
class Drawn:
    """What a key was used for, and on which line of the user."""

    shape: tuple[int, ...]
    kind: str
    line: Line | None


def check_reuse(seen: dict[Hashable, Drawn], key: Hashable, drawn: Drawn) -> None:
    """Raise `Refused` if a key is used for two different draws, whose numbers would not be independent.

    seen: what each key was used for; `key` is added to it as it is `drawn` now. One line may draw the same again.
    """
    first = seen.setdefault(key, drawn)
    if first == drawn:
        return
    before = f" (the first is on line {first.line[1]})" if first.line else ""
    raise Refused(
        f"cannot derive: a key is used for two draws{before}, whose numbers are not independent; split the key, or "
        "draw once and use the numbers twice."
    )


def two_wide(shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape is one of wide matrices; raises if it has three wide axes or more."""
    count = len(wide_axes(shape))
    if count > 2:
        raise Refused("cannot derive: an array with three wide axes has no rule; write it as products of matrices.")
    return count == 2


def _prime(index: int) -> int:
    count, candidate = 0, 1
    while count <= index:
        candidate += 1
        if all(candidate % k for k in range(2, int(candidate**0.5) + 1)):
            count += 1
    return candidate
