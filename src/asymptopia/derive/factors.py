"""What products of wide matrices are made of: random matrices, scales of coordinates, cuts of an axis."""

from __future__ import annotations

import dataclasses
from typing import Protocol

import numpy as np

from .points import Space
from .random_matrix import Random


class Factor(Protocol):
    """A linear map from one wide axis, of length `cols`, to another, of length `rows`; `T` is its transpose."""

    @property
    def rows(self) -> int: ...

    @property
    def cols(self) -> int: ...

    @property
    def T(self) -> Factor: ...

    def apply(self, space: Space, x: np.ndarray) -> np.ndarray:
        """The image of the columns of x: points of the axis `cols` on its first axis become points of the axis `rows`.

        space: the points of every wide axis. x: (points, columns).
        """
        ...

    def same(self, other: Factor) -> bool:
        """Whether another factor is the same map."""
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Draw:
    """A random matrix W, or its transpose W' if `transposed`."""

    random: Random
    transposed: bool = False

    @property
    def rows(self) -> int:
        return self.random.cols if self.transposed else self.random.rows

    @property
    def cols(self) -> int:
        return self.random.rows if self.transposed else self.random.cols

    @property
    def T(self) -> Draw:
        return Draw(self.random, not self.transposed)

    def apply(self, space: Space, x: np.ndarray) -> np.ndarray:
        return self.random.apply(space, x, self.transposed)

    def same(self, other: Factor) -> bool:
        return isinstance(other, Draw) and other.random is self.random and other.transposed == self.transposed


@dataclasses.dataclass(frozen=True, eq=False)
class Scale:
    """A diagonal matrix, by the points (P,) of its diagonal."""

    length: int
    points: np.ndarray

    @property
    def rows(self) -> int:
        return self.length

    cols = rows

    @property
    def T(self) -> Scale:
        return self

    def apply(self, space: Space, x: np.ndarray) -> np.ndarray:
        return self.points[:, None] * x

    def same(self, other: Factor) -> bool:
        return isinstance(other, Scale) and other.points is self.points


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """A matrix whose entries are a function of pairs of coordinates, by its values at pairs of points."""

    rows: int
    cols: int
    values: np.ndarray

    @property
    def T(self) -> Pairs:
        return Pairs(self.cols, self.rows, self.values.T)

    def apply(self, space: Space, x: np.ndarray) -> np.ndarray:
        return self.values @ (space.weight[self.cols][:, None] * x)

    def same(self, other: Factor) -> bool:
        return isinstance(other, Pairs) and other.values is self.values


@dataclasses.dataclass(frozen=True, eq=False)
class Cut:
    """Takes some coordinates of a longer axis (rows shorter than cols), or puts them back among zeros.

    They are those from `start` on, every one or one in `step`.
    """

    rows: int
    cols: int
    start: int
    step: int = 1

    @property
    def T(self) -> Cut:
        return Cut(self.cols, self.rows, self.start, self.step)

    def apply(self, space: Space, x: np.ndarray) -> np.ndarray:
        long, short = max(self.rows, self.cols), min(self.rows, self.cols)
        offset = self.start % self.step
        at = space.layouts[long].point(self.start - offset)
        here = slice(at + offset, at + self.step * space.count(short), self.step)
        if self.rows < self.cols:
            return x[here]
        out = np.zeros((space.count(long), x.shape[1]))
        out[here] = x
        return out

    def same(self, other: Factor) -> bool:
        return isinstance(other, Cut) and dataclasses.astuple(self) == dataclasses.astuple(other)


@dataclasses.dataclass(frozen=True, eq=False)
class Half:
    """The part of a random matrix above the diagonal (or, transposed, below that of its transpose).

    Without a random matrix: of the matrix of ones.
    """

    rows: int
    random: Random | None
    transposed: bool = False

    @property
    def cols(self) -> int:
        return self.rows

    @property
    def T(self) -> Half:
        return Half(self.rows, self.random, not self.transposed)

    def apply(self, space: Space, x: np.ndarray) -> np.ndarray:
        from .refusal import Refused

        raise Refused(
            "cannot derive: a triangle of a random matrix acts on each coordinate by its position; only the sum of a "
            "triangle and its transpose has a rule."
        )

    def same(self, other: Factor) -> bool:
        return isinstance(other, Half) and other.random is self.random and other.transposed == self.transposed


Word = tuple[Factor, ...]


def same_word(a: Word, b: Word) -> bool:
    """Whether two words, a and b, are products of the same factors in the same order."""
    return len(a) == len(b) and all(x.same(y) for x, y in zip(a, b, strict=True))
