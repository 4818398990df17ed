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

from .points import Rows, Space
from .refusal import Refused

SMALLEST = 1e-9
_NORMAL = 0.1  # fourth moment of standardised entries: three, give or take


HALVED = "cannot derive: a random matrix that is used as a whole and by a triangle of it has no rule."


class Side:
    """The orthonormal directions that came in from one side, and the normal coordinates that went out on the other.

    inner, outer: lengths of the axes of the directions and of their images.
    """

    def __init__(self, inner: int, outer: int) -> None:
        self.inner, self.outer = inner, outer
        self.directions: Rows | None = None
        self.images: Rows | None = None

    def extend(self, space: Space, x: np.ndarray) -> np.ndarray:
        """Add the directions in which x leaves the span of those known, each with a fresh image.

        space: the points of every wide axis. x: (points, columns).
        Returns: the coefficients of the columns of x along all directions, of shape (directions, columns).
        """
        if self.directions is None or self.images is None:
            self.directions, self.images = Rows(space.count(self.inner)), Rows(space.count(self.outer))
        weight, known = space.weight[self.inner] / self.inner, self.directions
        coefficients = np.zeros((known.count + 2 * x.shape[1], x.shape[1]))
        new: list[bool] = []
        for j, column in enumerate(x.T):
            size = np.sqrt(weight @ column**2)
            for part, odd in space.parts(self.inner, column) if size > 0 else ():
                along, rest, left = known.split(weight, part, SMALLEST * size)
                coefficients[: known.count, j] += along
                if left:
                    coefficients[known.count, j] = left
                    known.append(rest / left)
                    new.append(odd)
        if new and any(new):
            for odd in new:
                self.images.append(space.normal(self.outer, 1, odd)[:, 0])
        elif new:
            for image in space.normal(self.outer, len(new)).T:
                self.images.append(image)
        return coefficients[: known.count]


class Random:
    """A matrix of independent standardised entries, with the history of its products.

    rows, cols: lengths of its axes. entries: values (ENTRIES,) of an entry at joint values of its `draws`.
    parents:    if it stands for an entrywise product, the factors; entries (i, i) are then not like the others.
    folded:     only its sum with its transpose is used, whose entries have its distribution if that is normal.
    halved:     only its triangles are used.
    """

    def __init__(self, rows: int, cols: int, entries: np.ndarray, draws: frozenset[Hashable]) -> None:
        self.rows, self.cols, self.entries, self.draws = rows, cols, entries, draws
        self.parents: frozenset[Random] = frozenset()
        self.folded = self.halved = False
        self.forward = Side(cols, rows)
        self.backward = Side(rows, cols)

    @property
    def roots(self) -> frozenset[Random]:
        """The matrices of whose entries its own are products."""
        return frozenset().union(*(p.roots for p in self.parents)) if self.parents else frozenset([self])

    @property
    def used(self) -> bool:
        """Whether it or its transpose acted on a vector."""
        return self.forward.directions is not None or self.backward.directions is not None

    @property
    def normal(self) -> bool:
        """Whether the entries look normal, by their fourth moment."""
        return abs(float(np.mean(self.entries**4)) - 3) < _NORMAL

    def apply(self, space: Space, x: np.ndarray, transposed: bool) -> np.ndarray:
        """W x, or W' x if `transposed`, for the columns of x: points on the axis that is summed over.

        space: the points of every wide axis. Raises `Refused` if only triangles of W are used elsewhere.
        """
        if self.halved:
            raise Refused(HALVED)
        side = self.backward if transposed else self.forward
        coefficients = side.extend(space, x)
        assert side.images is not None
        fresh = np.sqrt(side.inner) * (coefficients.T @ side.images.known).T
        return fresh + self.reaction(space, x, transposed)

    def reaction(self, space: Space, x: np.ndarray, transposed: bool) -> np.ndarray | float:
        """The part of W x along what the transpose of W has met; if `transposed`, of W' x along what W has met.

        space: the points of every wide axis. x: (points, columns). 0.0 where nothing was met.
        """
        met = self.forward if transposed else self.backward
        if met.directions is None or met.images is None:
            return 0.0
        derivative = met.images.known @ (space.weight[met.outer][:, None] * x / met.outer)
        return met.outer / np.sqrt(met.inner) * (derivative.T @ met.directions.known).T
