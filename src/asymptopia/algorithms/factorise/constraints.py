"""Sets of matrices and the projections onto them: sparse, on a support, Toeplitz, nonnegative."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .butterfly import Pattern

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Shaped


class Constraint(abc.ABC):
    """A set of matrices, with the projection onto it. `convex` says whether it is convex."""

    convex: bool = True

    @abc.abstractmethod
    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        """A matrix of the set that is nearest to A."""

    def check(self, shape: tuple[int, int]) -> None:
        """Raise `StatementError` if the set has no matrices of this shape except zero."""
        if len(shape) != 2 or min(shape) < 1:
            raise StatementError(f"Constrained matrices must have rows and columns, but the shape is {tuple(shape)}.")


@dataclasses.dataclass(frozen=True)
class Free(Constraint):
    """All matrices: no constraint."""

    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        return A


@dataclasses.dataclass(frozen=True)
class Nonnegative(Constraint):
    """Matrices with entries >= 0."""

    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        return np.maximum(A, 0)


@dataclasses.dataclass(frozen=True)
class Sparse(Constraint):
    """Matrices with at most `entries` nonzero entries, none negative if `nonnegative`.

    axis: None for all of the matrix, 1 for each row, 0 for each column.
    """

    entries: int
    axis: int | None = None
    nonnegative: bool = False
    convex = False

    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        A = np.maximum(A, 0) if self.nonnegative else A
        rows = A.reshape(1, -1) if self.axis is None else np.moveaxis(A, self.axis, 1)
        if self.entries >= rows.shape[1]:
            return A
        keep = np.argpartition(-np.abs(rows), self.entries - 1, axis=1)[:, : self.entries]
        out = np.zeros_like(rows)
        np.put_along_axis(out, keep, np.take_along_axis(rows, keep, 1), 1)
        return out.reshape(A.shape) if self.axis is None else np.moveaxis(out, 1, self.axis)

    def check(self, shape: tuple[int, int]) -> None:
        if self.axis not in (None, 0, 1):
            raise StatementError(f"`axis` of Sparse must be None, 0 or 1, but is {self.axis}.")
        most = shape[0] * shape[1] if self.axis is None else shape[self.axis]
        if self.entries != int(self.entries) or not 1 <= self.entries <= most:
            raise StatementError(
                f"`entries` of Sparse must be a whole number from 1 to {most} for the shape {shape}, but is "
                f"{self.entries}."
            )


class Support(Constraint):
    """Matrices that are zero outside of a support, an array that is true inside."""

    def __init__(self, support: Shaped[ArrayLike, "rows columns"]) -> None:
        self.support = np.asarray(support, bool)
        if self.support.ndim != 2 or not self.support.any():
            raise StatementError(
                f"`support` must be a matrix with an entry that is true, but has shape {self.support.shape} and "
                f"{int(self.support.sum())} of them."
            )

    @classmethod
    def of(cls, pattern: Pattern) -> Support:
        """The support of a butterfly factor."""
        a, b, c, d = pattern
        return cls(np.kron(np.eye(a), np.kron(np.ones((b, c)), np.eye(d))))

    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        return np.where(self.support, A, 0)

    def check(self, shape: tuple[int, int]) -> None:
        if self.support.shape != tuple(shape):
            raise StatementError(f"`support` must have the shape {tuple(shape)}, but has {self.support.shape}.")


class Diagonals(Constraint):
    """Matrices that are constant along the diagonals i - j listed (modulo the rows if periodic), zero elsewhere.

    All of them make Toeplitz (periodic: circulant) matrices, some of them convolutions with kernels on a support.
    """

    def __init__(self, places: Sequence[int] | None = None, periodic: bool = False) -> None:
        self.places = None if places is None else tuple(int(k) for k in places)
        self.periodic = periodic
        if self.places is not None and (not self.places or len(set(self.places)) < len(self.places)):
            raise StatementError(f"`places` must be one or more different diagonals, but is {self.places}.")

    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        number = self._numbers((A.shape[0], A.shape[1]))
        counts = np.bincount(number.ravel())
        means = np.bincount(number.ravel(), A.ravel()) / np.maximum(counts, 1)
        keep = np.ones(len(counts), bool)
        if self.places is not None:
            shift = 0 if self.periodic else A.shape[1] - 1
            chosen = [(k % A.shape[0] if self.periodic else k) + shift for k in self.places]
            keep[:] = False
            keep[chosen] = True
        return np.where(keep, means, 0.0)[number]

    def check(self, shape: tuple[int, int]) -> None:
        if self.periodic and shape[0] != shape[1]:
            raise StatementError(f"Periodic diagonals need a square matrix, but the shape is {tuple(shape)}.")
        outside = [k for k in self.places or () if not self.periodic and not -shape[1] < k < shape[0]]
        if outside:
            raise StatementError(
                f"`places` must be from {1 - shape[1]} to {shape[0] - 1} for the shape {tuple(shape)}, but one is "
                f"{outside[0]}."
            )

    def _numbers(self, shape: tuple[int, int]) -> Int[np.ndarray, "rows columns"]:
        number = np.arange(shape[0])[:, None] - np.arange(shape[1])
        return number % shape[0] if self.periodic else number + shape[1] - 1


@dataclasses.dataclass(frozen=True)
class Normalised(Constraint):
    """Matrices of another set with Frobenius norm 1."""

    of: Constraint
    convex = False

    def project(self, A: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
        inside = self.of.project(A)
        size = float(np.linalg.norm(inside))
        if size == 0:
            inside = self.of.project(np.ones_like(A))
            size = float(np.linalg.norm(inside))
        return inside / size

    def check(self, shape: tuple[int, int]) -> None:
        self.of.check(shape)
