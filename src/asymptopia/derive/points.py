"""Points that stand for the coordinates of wide axes: randomised nets with exactly matched moments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from .layout import Layout

_CHUNK = 48
_MOST_DIMENSIONS = 21_000


class Net:
    """Columns of a scrambled Sobol net of points, each uniform on (0, 1), as many as are asked for.

    points: a power of two. rng: of the scrambling. expected: how many columns will be asked for, about.

    Which of the dimensions of the net come is random as well: a pair of dimensions that is badly spread would
    otherwise give all nets errors of one size, of which only the sign differs.
    """

    def __init__(self, points: int, rng: np.random.Generator, expected: int = _CHUNK) -> None:
        self.points, self.rng, self.expected = points, rng, max(8, expected)
        self.left, self.taken = np.empty((points, 0), np.uint32), 0

    def take(self, count: int) -> np.ndarray:
        """The next `count` columns, of shape (points, count)."""
        while self.left.shape[1] < count:
            self.left = np.concatenate([self.left, self._more(max(self.expected, count))], axis=1)
        taken, self.left = self.left[:, :count], self.left[:, count:]
        self.taken += count
        scrambled = _scrambled(taken, self.rng.integers(0, 2**32, count, dtype=np.uint32))
        return (scrambled + self.rng.random(taken.shape)) * 2.0**-32

    def _more(self, count: int) -> np.ndarray:
        pool = _sobol(self.points, min(count + 4, _MOST_DIMENSIONS))
        new = pool[:, self.rng.permutation(pool.shape[1])[:count]]
        return new[self.rng.permutation(self.points)] if self.taken else new


def _sobol(points: int, count: int) -> np.ndarray:
    """The first points of a Sobol sequence, as whole numbers below 2**32."""
    plain = qmc.Sobol(count, scramble=False, bits=32).random(points)
    return (plain * 2.0**32).astype(np.uint32)


def _scrambled(x: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Every digit flipped at random, as the digits before it and the seed of its column say (Owen's scrambling).

    By a hash in which each digit depends on those before it alone: Burley, Journal of Computer Graphics Techniques 9
    (2020) 4, after Laine and Karras.
    """
    x = _reversed(x)
    x = x + seeds
    x ^= x * np.uint32(0x6C50B47C)
    x ^= x * np.uint32(0xB82F1E52)
    x ^= x * np.uint32(0xC7AFE638)
    x ^= x * np.uint32(0x8D22F6E6)
    return _reversed(x)


def _reversed(x: np.ndarray) -> np.ndarray:
    """The 32 digits in the opposite order."""
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        low = np.uint32(mask)
        x = ((x >> np.uint32(shift)) & low) | ((x & low) << np.uint32(shift))
    return (x >> np.uint32(16)) | (x << np.uint32(16))


class Rows:
    """Orthogonal functions of the points, one a row, in an array that grows."""

    def __init__(self, points: int) -> None:
        self.store, self.count = np.empty((8, points)), 0

    @property
    def known(self) -> np.ndarray:
        """The rows so far, of shape (count, points)."""
        return self.store[: self.count]

    def append(self, row: np.ndarray) -> None:
        """Add one row, (points,), which is orthogonal to those there."""
        if self.count == len(self.store):
            self.store = np.concatenate([self.store, np.empty_like(self.store)])
        self.store[self.count] = row
        self.count += 1

    def split(self, weight: np.ndarray | float, x: np.ndarray, smallest: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Coefficients of x along the rows, what is left of it, and the root mean square of that.

        Rows have mean square one by `weight`. What is shorter than `smallest` counts as nothing: 0.0 is its length.
        A pass of Gram and Schmidt that leaves less than half is followed by another, since rounding errors grow.
        """
        along, rest, size = np.zeros(self.count), x, np.inf
        while True:
            scaled = weight * rest
            left = float(np.sqrt(scaled @ rest))
            if left <= smallest:
                return along, rest, 0.0
            if left > size / 2:
                return along, rest, left
            part = self.known @ scaled
            along, rest, size = along + part, rest - part @ self.known, left


class Basis:
    """Standard normal columns that are exactly orthonormal to each other and to constants, over the points."""

    def __init__(self, points: int) -> None:
        self.rows = Rows(points)
        self.rows.append(np.ones(points))
        self.most = max(8, points // 4)

    def normal(self, uniform: np.ndarray) -> np.ndarray:
        """Standard normals, (points, k), exactly orthonormal to all earlier ones and to constants.

        uniform: the uniforms, (points, k), that they are made of.
        """
        columns = np.empty(uniform.shape[::-1])
        for j, values in enumerate(ndtri(uniform.T)):
            _, rest, left = self.rows.split(1 / len(values), values, 0.0)
            columns[j] = rest / left
            if self.rows.count < self.most:
                self.rows.append(columns[j])
        return columns.T


class Space:
    """The points of every wide axis in one run, by the length of the axis.

    layouts: of every wide axis, by its length. seed: of the nets. expected: how many columns of each earlier runs took,
    by the rank of its size. If `paired`, points come in pairs that differ in the sign of odd columns alone.
    """

    def __init__(self, layouts: dict[int, Layout], seed: tuple[int, ...], expected: dict[int, int]) -> None:
        self.layouts, self.seed, self.expected = layouts, seed, expected
        sizes = {size for layout in layouts.values() for size in layout.sizes}
        self.rank = {size: i for i, size in enumerate(sorted(sizes))}
        self.rng = np.random.default_rng([*seed, 3])
        self.nets: dict[int, Net] = {}
        self.bases: dict[int, Basis] = {}
        self.weight = {k: lay.weights for k, lay in layouts.items()}
        self.shaken: dict[int, np.ndarray] = {}
        self.shake(0, 0)
        self.paired = False

    def count(self, length: int) -> int:
        """How many points stand for a wide axis of this length."""
        return self.layouts[length].count

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape of the program with points in place of coordinates."""
        return tuple(self.layouts[k].count if k in self.layouts else k for k in shape)

    def shake(self, sums: int, trial: int) -> None:
        """Let the first `sums` deviate from their mean as those of a system of this size do.

        sums: how many. trial: another one gives other deviations.
        """
        self.sums, self.fluctuating = 0, sums
        self.noise = np.random.default_rng([*self.seed, 13, trial])

    def in_sum(self, length: int) -> np.ndarray:
        """The weights (points,) in a sum over an axis of this length; sums that fluctuate share their deviations."""
        if self.sums >= self.fluctuating:
            return self.weight[length]
        self.sums += 1
        if length not in self.shaken:
            weight = self.weight[length]
            crowd = weight > 1
            shift = np.where(crowd, np.sqrt(weight) * self.noise.standard_normal(len(weight)), 0.0)
            self.shaken[length] = weight + shift - np.where(crowd, weight, 0.0) * (shift.sum() / weight[crowd].sum())
        return self.shaken[length]

    def mean(self, length: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Averages of products over an axis of this length: a of shape (points, j), b of (points, k), gives (j, k)."""
        return a.T @ (self.weight[length][:, None] * b) / length

    def parts(self, length: int, column: np.ndarray) -> list[tuple[np.ndarray, bool]]:
        """A column over an axis of this length, or its even and its odd part where points are `paired`.

        Returns each part and whether it is odd. The two points of a pair differ in odd columns alone, which are
        opposite.
        """
        if not self.paired:
            return [(column, False)]
        other = np.arange(len(column))
        for size, place in zip(self.layouts[length].sizes, self.layouts[length].places, strict=True):
            if size > 1:
                other[place] = np.roll(place, len(place) // 2)
        return [((column + column[other]) / 2, False), ((column - column[other]) / 2, True)]

    def uniform(self, length: int, count: int, odd: bool = False) -> np.ndarray:
        """Independent uniforms over an axis of this length, (points, count).

        If `odd`, they are opposite in the two points of a pair.
        """
        return self._fill(length, count, lambda net, basis: net.take(count), (lambda u: 1 - u) if odd else None)

    def normal(self, length: int, count: int, odd: bool = False) -> np.ndarray:
        """Independent standard normals over an axis of this length, orthonormal to all earlier ones, (points, count).

        If `odd`, they are opposite in the two points of a pair.
        """
        return self._fill(length, count, lambda net, basis: basis.normal(net.take(count)), np.negative if odd else None)

    def used(self) -> dict[int, int]:
        """How many columns were taken for each population, by the rank of its size."""
        return {self.rank[k]: net.taken for k, net in self.nets.items()}

    def _fill(
        self,
        length: int,
        count: int,
        columns: Callable[[Net, Basis], np.ndarray],
        opposite: Callable[[np.ndarray], np.ndarray] | None,
    ) -> np.ndarray:
        """Columns for every population on an axis; populations of one size draw from one net, to be matched."""
        layout = self.layouts[length]
        filled = np.empty((layout.count, count))
        for size, place in zip(layout.sizes, layout.places, strict=True):
            if size == 1:
                filled[place] = self.rng.random((1, count))
                continue
            if size not in self.nets:
                rank = self.rank[size]
                rng = np.random.default_rng([*self.seed, rank])
                points = len(place) // (2 if self.paired else 1)
                self.nets[size] = Net(points, rng, self.expected.get(rank, _CHUNK))
                self.bases[size] = Basis(points)
            new = columns(self.nets[size], self.bases[size])
            if self.paired:
                new = np.concatenate([new, opposite(new) if opposite else new])
            filled[place] = new
        return filled
