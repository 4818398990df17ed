"""One wide matrix of independent entries of mean zero and variance one, known by what it was multiplied with.

The matrix W, m by n, is never formed. Write <a, b> for averages over coordinates. For orthonormal directions q_k that
it has met, W q_k = sqrt(n) e_k with independent standard normal coordinates e_k; for directions p_j that its transpose
has met, W' p_j = sqrt(m) f_j likewise. For any x that depends on all of these,

$$W x = \\sqrt n \\sum_k <q_k, x> e_k + (n / \\sqrt m) \\sum_j <f_j, x> p_j,$$

where the second sum is the reaction of W to x having met its transpose: by Stein's lemma <f_j, x> is the mean
derivative of x by f_j, and no derivative of the program is needed.

Sources: Yang 2020 (Tensor Programs III, theorem 2.10); Bayati and Montanari 2011, lemma 1; Gerbelot and Berthier 2023.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from .points import Space

SMALLEST = 1e-9


class Side:
    """The orthonormal directions that came in from one side, and the normal coordinates that went out on the other."""

    def __init__(self, inner: int, outer: int) -> None:
        self.inner, self.outer = inner, outer
        self.directions: np.ndarray | None = None
        self.images: np.ndarray | None = None

    def extend(self, space: Space, x: np.ndarray) -> None:
        """Add the directions in which x leaves the span of those known, each with a fresh image."""
        if self.directions is None or self.images is None:
            self.directions = np.empty((space.count(self.inner), 0))
            self.images = np.empty((space.count(self.outer), 0))
        weight = space.weight[self.inner] / self.inner
        known = self.directions
        new: list[bool] = []
        for column in x.T:
            size = np.sqrt(weight @ column**2)
            for rest, odd in space.parts(self.inner, column) if size > 0 else ():
                for _ in range(2):
                    rest = rest - known @ (known.T @ (weight * rest))
                left = np.sqrt(weight @ rest**2)
                if left > SMALLEST * size:
                    rest = rest / left
                    rest = rest - known @ (known.T @ (weight * rest))
                    known = np.concatenate([known, rest[:, None] / np.sqrt(weight @ rest**2)], axis=1)
                    new.append(odd)
        self.directions = known
        if new and any(new):
            images = [space.normal(self.outer, 1, odd) for odd in new]
            self.images = np.concatenate([self.images, *images], axis=1)
        elif new:
            self.images = np.concatenate([self.images, space.normal(self.outer, len(new))], axis=1)


class Random:
    """A matrix of independent standardised entries, with the history of its products."""

    def __init__(self, rows: int, cols: int, entries: np.ndarray, draws: frozenset[Hashable]) -> None:
        self.rows, self.cols, self.entries, self.draws = rows, cols, entries, draws
        self.forward = Side(cols, rows)
        self.backward = Side(rows, cols)

    def apply(self, space: Space, x: np.ndarray, transposed: bool) -> np.ndarray:
        """W x, or W' x, for the columns of x: points on the axis that is summed over."""
        side = self.backward if transposed else self.forward
        side.extend(space, x)
        assert side.directions is not None and side.images is not None
        fresh = np.sqrt(side.inner) * (side.images @ space.mean(side.inner, side.directions, x))
        return fresh + self.reaction(space, x, transposed)

    def reaction(self, space: Space, x: np.ndarray, transposed: bool) -> np.ndarray | float:
        """The part of W x along what the transpose of W has met, or of W' x along what W has met."""
        met = self.forward if transposed else self.backward
        if met.directions is None or met.images is None:
            return 0.0
        return met.outer / np.sqrt(met.inner) * (met.directions @ space.mean(met.outer, met.images, x))
