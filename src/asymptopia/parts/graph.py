"""Graphs on whose sites spins live: periodic lattices and random regular graphs."""

from __future__ import annotations

import numpy as np

from ..contract.record import Record, field

__all__ = ["Graph", "Lattice", "RandomRegular"]


class Graph(Record):
    """A family of graphs with a growing number of sites, all of the same `degree`.

    A graph of your own defines `degree`, and `edges(n, rng)`, an integer array (edges, 2) of sites 0, 1, ....
    """

    @property
    def degree(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} defines no `degree`.")

    def edges(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The edges of one graph with about n sites: an integer array (edges, 2), each edge once."""
        raise NotImplementedError(f"{type(self).__name__} defines no `edges(self, n, rng)`.")


class Lattice(Graph):
    """The periodic hypercubic lattice in some dimension, with the side that brings the number of sites nearest to n."""

    dimension: int = field(2, "dimension of space", at_least=1, at_most=4)

    @property
    def degree(self) -> int:
        return 2 * self.dimension

    def edges(self, n: int, rng: np.random.Generator) -> np.ndarray:
        side = max(3, round(n ** (1 / self.dimension)))
        sites = np.arange(side**self.dimension).reshape((side,) * self.dimension)
        pairs = [np.stack([sites, np.roll(sites, -1, axis)], axis=-1) for axis in range(self.dimension)]
        return np.concatenate([p.reshape(-1, 2) for p in pairs])


class RandomRegular(Graph):
    """A random graph in which every site has the same number of neighbours; n + 1 sites where n of them cannot."""

    degree: int = field(3, "neighbours of a site", at_least=2)

    def edges(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The edges of one random graph: half-edges paired at random; random swaps remove loops and double edges."""
        n = max(n + n * self.degree % 2, self.degree + 1 + (self.degree + 1) * self.degree % 2)
        pairs = rng.permutation(np.repeat(np.arange(n), self.degree)).reshape(-1, 2)
        while len(bad := _repeated(pairs, n)):
            for edge in bad:
                other = rng.integers(len(pairs))
                pairs[edge, 1], pairs[other, 1] = pairs[other, 1], pairs[edge, 1]
        return pairs


def _repeated(pairs: np.ndarray, n: int) -> np.ndarray:
    """Which edges are loops, or equal to an earlier edge."""
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    _, first = np.unique(low * n + high, return_index=True)
    again = np.ones(len(pairs), bool)
    again[first] = False
    return np.flatnonzero(again | (low == high))
