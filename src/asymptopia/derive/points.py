"""Points that stand for the coordinates of wide axes: randomised nets with exactly matched moments."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri
from scipy.stats import qmc

from .layout import Layout

_CHUNK = 48


class Net:
    """Columns of a scrambled Sobol net of points, each uniform on (0, 1), as many as are asked for."""

    def __init__(self, points: int, rng: np.random.Generator, expected: int = _CHUNK) -> None:
        self.points, self.rng, self.expected = points, rng, max(8, expected)
        self.left = np.empty((points, 0))
        self.taken = 0

    def take(self, count: int) -> np.ndarray:
        """The next `count` columns, of shape (points, count)."""
        while self.left.shape[1] < count:
            wanted = min(max(self.expected, count - self.left.shape[1]), 20_000)
            new = qmc.Sobol(wanted, rng=self.rng).random(self.points)
            if self.taken:
                new = new[self.rng.permutation(self.points)]
            new += self.rng.random(new.shape) * 2.0**-30
            self.left = np.concatenate([self.left, np.clip(new, 2.0**-31, 1 - 2.0**-31)], axis=1)
            self.expected = _CHUNK
        found, self.left = self.left[:, :count], self.left[:, count:]
        self.taken += count
        return found


class Basis:
    """Standard normal columns that are exactly orthonormal to each other and to constants, over the points."""

    def __init__(self, points: int) -> None:
        self.columns = np.ones((points, 1))
        self.most = max(8, points // 4)

    def normal(self, uniform: np.ndarray) -> np.ndarray:
        """Standard normals from uniforms of shape (points, k), matched to all earlier ones."""
        points = len(uniform)
        found = ndtri(uniform)
        known = self.columns[:, : self.most]
        for j in range(found.shape[1]):
            column = found[:, j]
            for _ in range(2):
                column = column - known @ (known.T @ column / points)
            found[:, j] = column / np.sqrt(column @ column / points)
            if known.shape[1] < self.most:
                known = np.concatenate([known, found[:, j : j + 1]], axis=1)
        self.columns = known
        return found


class Space:
    """The points of every wide axis in one run, by the length of the axis."""

    def __init__(self, layouts: dict[int, Layout], seed: tuple[int, ...], expected: dict[int, int]) -> None:
        self.layouts, self.seed, self.expected = layouts, seed, expected
        self.rank = {length: i for i, length in enumerate(sorted(layouts))}
        self.nets: dict[int, list[Net]] = {}
        self.bases: dict[int, list[Basis]] = {}
        self.weight = {k: lay.weights for k, lay in layouts.items()}

    def count(self, length: int) -> int:
        """How many points stand for a wide axis."""
        return self.layouts[length].count

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape of the program with points in place of coordinates."""
        return tuple(self.layouts[k].count if k in self.layouts else k for k in shape)

    def mean(self, length: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Averages of products over a wide axis: a of shape (points, j), b of (points, k), gives (j, k)."""
        return (a * self.weight[length][:, None]).T @ b / length

    def uniform(self, length: int, count: int) -> np.ndarray:
        """Independent uniforms, of shape (points, count)."""
        return self._fill(length, count, lambda net, basis: net.take(count))

    def normal(self, length: int, count: int) -> np.ndarray:
        """Independent standard normals, orthonormal to all earlier ones, of shape (points, count)."""
        return self._fill(length, count, lambda net, basis: basis.normal(net.take(count)))

    def used(self) -> dict[int, int]:
        """How many columns were taken on each axis, by the rank of its length."""
        return {self.rank[k]: max(net.taken for net in nets) for k, nets in self.nets.items()}

    def _fill(self, length: int, count: int, columns) -> np.ndarray:  # type: ignore[no-untyped-def]
        lay = self.layouts[length]
        if length not in self.nets:
            rank = self.rank[length]
            expected = self.expected.get(rank, _CHUNK)
            seeds = [np.random.default_rng([*self.seed, rank, i]) for i in range(len(lay.places))]
            self.nets[length] = [Net(len(p), s, expected) for p, s in zip(lay.places, seeds, strict=True)]
            self.bases[length] = [Basis(len(p)) for p in lay.places]
        found = np.empty((lay.count, count))
        for place, net, basis in zip(lay.places, self.nets[length], self.bases[length], strict=True):
            found[place] = columns(net, basis)
        return found
