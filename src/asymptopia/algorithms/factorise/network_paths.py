r"""Identifiability of the kernels of a tree of convolutions from what the network computes.

The network adds what its edges bring; each edge convolves, and the way from a leaf (an input) to the root (the output)
composes its edges. A network path is such a way and an entry of the support of every edge on it: the impulse response
of the leaf has the product of those entries at the sum of their places. The network is therefore linear in the products
along paths: the lifted operator takes them to the responses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float, Int


@dataclasses.dataclass(frozen=True)
class ConvolutionTree:
    """A tree of convolutions; edge e feeds the edge `parents[e]`, which comes before it, or -1 for the output.

    supports: of each edge the places, different whole numbers, where its kernel may have entries.
    length: of the signals, which are periodic; None for signals without end.
    """

    parents: tuple[int, ...]
    supports: tuple[tuple[int, ...], ...]
    length: int | None = None

    def __post_init__(self) -> None:
        if not self.parents or len(self.parents) != len(self.supports):
            raise StatementError(
                f"`parents` and `supports` must have an entry for each of one or more edges, but have "
                f"{len(self.parents)} and {len(self.supports)}."
            )
        for e, (up, support) in enumerate(zip(self.parents, self.supports, strict=True)):
            if not -1 <= up < e:
                raise StatementError(f"`parents[{e}]` must be -1 or an edge before it, but is {up}.")
            if not support or len(set(support)) < len(support) or any(i != int(i) for i in support):
                raise StatementError(
                    f"`supports[{e}]` must be one or more different whole numbers, but is {tuple(support)}."
                )
        if self.length is not None and self.length < 1:
            raise StatementError(f"`length` must be a whole number >= 1 or None, but is {self.length}.")

    @property
    def offsets(self) -> Int[np.ndarray, " edges"]:
        """Where the entries of each edge begin in the list of all entries, and the length of that list."""
        return np.concatenate([[0], np.cumsum([len(s) for s in self.supports])])

    @property
    def ways(self) -> list[list[int]]:
        """The edges from each leaf to the output."""
        ways = []
        for e in sorted(set(range(len(self.parents))) - set(self.parents)):
            way = [e]
            while self.parents[way[-1]] >= 0:
                way.append(self.parents[way[-1]])
            ways.append(way)
        return ways

    @cached_property
    def paths(self) -> list[tuple[Int[np.ndarray, "_paths _edges"], Int[np.ndarray, " _paths"]]]:
        """For each leaf, the entries on each network path (paths, edges) and the sums of their places (paths,)."""
        paths = []
        for way in self.ways:
            grids = np.meshgrid(*(np.arange(len(self.supports[e])) for e in way), indexing="ij")
            picks = np.stack([g.ravel() for g in grids], axis=1)
            sums = sum(np.asarray(self.supports[e])[picks[:, k]] for k, e in enumerate(way))
            sums = np.asarray(sums, int)
            paths.append((picks + self.offsets[way], sums if self.length is None else sums % self.length))
        return paths

    @cached_property
    def outputs(self) -> tuple[Int[np.ndarray, " paths"], int]:
        """For each network path the number of its (leaf, place), and the number of such pairs."""
        numbers, total = [], 0
        for _, sums in self.paths:
            places, inverse = np.unique(sums, return_inverse=True)
            numbers.append(inverse + total)
            total += len(places)
        return np.concatenate(numbers), total

    def products(self, entries: Float[np.ndarray, " entries"]) -> Float[np.ndarray, " paths"]:
        """The product of the entries along each network path."""
        return np.concatenate([entries[index].prod(axis=1) for index, _ in self.paths])

    def tangent(self, entries: Float[np.ndarray, " entries"]) -> Float[np.ndarray, "paths entries"]:
        """The derivative of `products` with respect to the entries, (paths, entries)."""
        out, row = np.zeros((len(self.outputs[0]), len(entries))), 0
        for index, _ in self.paths:
            values = entries[index]
            rows = np.arange(row, row + len(index))
            for k in range(index.shape[1]):
                out[rows, index[:, k]] = np.delete(values, k, axis=1).prod(axis=1)
            row += len(index)
        return out

    def lifted(self, on_paths: Float[np.ndarray, "paths ..."]) -> Float[np.ndarray, "responses ..."]:
        """Values on network paths, summed along the first axis into the entries of the impulse responses."""
        where, total = self.outputs
        out = np.zeros((total, *on_paths.shape[1:]))
        np.add.at(out, where, on_paths)
        return out


@dataclasses.dataclass(frozen=True)
class Identifiability:
    r"""Whether, and how stably, the network determines its kernels, up to scales that cancel along paths.

    paths, rank: number of network paths, and rank of the lifted operator.
    multiplicities: its squared singular values over the length of the signals, of its rank, smallest first.
    dimension: of the set of networks, the rank of the derivative of the responses at a general point.
    lifting: all path sums of a leaf differ, so the lifted operator is injective (an isometry times the root of
        the length): all kernels are recovered, and stably so.
    secant: the operator keeps the dimension of the differences of two path products (by Terracini's lemma, from the
        tangents at two general points). If not, it sends differences to zero: some kernels cannot be told apart.
    local: near a general point there are no other kernels with the same responses.
    """

    paths: int
    rank: int
    multiplicities: Int[np.ndarray, " leaves"]
    dimension: int
    lifting: bool
    secant: bool
    local: bool


def identifiability(tree: ConvolutionTree, seed: int = 0) -> Identifiability:
    """Decide whether a tree of convolutions determines its kernels, at three levels; each implies the next.

    Lifting is decided by the path sums alone; if it fails, the other two are ranks at random points (`seed`), which
    are those of general points with probability one. Source: Malgouyres and Landsberg, SIAM J. Math. Data Sci. 1
    (2019) 446 (lifting).
    """
    where, total = tree.outputs
    counts = np.sort(np.bincount(where))
    count, entries = len(where), int(tree.offsets[-1])
    free = entries - len(set(tree.parents) - {-1})  # the scale of each edge that is fed can move to its feeders
    if total == count:
        return Identifiability(count, total, counts, free, True, True, True)
    rng = np.random.default_rng(seed)
    points = rng.uniform(0.5, 1.5, (2, entries)) * rng.choice([-1.0, 1.0], (2, entries))
    tangents = np.hstack([tree.tangent(h) for h in points])
    responses = tree.lifted(tangents)
    local = _rank(responses[:, :entries], rng)
    secant = local == free and _rank(responses, rng) == _rank(tangents, rng)
    return Identifiability(count, total, counts, local, False, secant, local == free)


def _rank(A: Float[np.ndarray, "rows columns"], rng: np.random.Generator) -> int:
    """The rank; of a tall sparse matrix, of as many random combinations of its rows as could be independent."""
    from scipy.sparse import csc_array

    if A.shape[0] > A.shape[1] + 20 > 200:
        A = (csc_array(A).T @ rng.standard_normal((A.shape[0], A.shape[1] + 20))).T
    return int(np.linalg.matrix_rank(A))


def chain_tree(supports: Sequence[Sequence[int]], branches: int = 1, length: int | None = None) -> ConvolutionTree:
    """A tree with one edge into the output and `branches` edges into every other edge; supports by depth.

    supports: of the kernels of each depth, from the output down. length: of the signals, which are periodic; by default
    they have no end.
    """
    parents, level, of_edges = [-1], [0], [tuple(supports[0])] if supports else []
    for support in supports[1:]:
        below = []
        for up in level:
            for _ in range(branches):
                below.append(len(parents))
                parents.append(up)
                of_edges.append(tuple(support))
        level = below
    return ConvolutionTree(tuple(parents), tuple(of_edges), length)
