"""A matrix as a product of several factors from given sets, by PALM."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .constraints import Constraint

if TYPE_CHECKING:
    from jaxtyping import Float, Real

    from ..optimisers.palm import Block


@dataclasses.dataclass(frozen=True)
class Product:
    """The factors from left to right, and half the squared error of their product after each step, (steps + 1,).

    guaranteed: the descent that theory grants each step, (steps,).
    """

    factors: list[Float[np.ndarray, "rows columns"]]
    values: Float[np.ndarray, " points"]
    guaranteed: Float[np.ndarray, " steps"]

    def dense(self) -> Float[np.ndarray, "n m"]:
        """The product of the factors as a dense matrix."""
        return np.asarray(reduce(np.matmul, self.factors))


def structured(
    matrix: Real[ArrayLike, "n m"],
    constraints: Sequence[Constraint],
    start: Sequence[Any],
    steps: int = 1000,
    inertia: float = 0.0,
    tolerance: float = 1e-12,
) -> Product:
    r"""Minimise $\frac12 \|X_1 ... X_K - A\|^2$ over factors $X_k$ in given sets, by PALM from `start`.

    The objective never increases, and falls in each step by at least what is `guaranteed` (without `inertia`). It may
    end in a local minimum; for butterfly supports `butterfly` finds the factors directly. The gradient of a factor is
    Lipschitz with $\|L\|^2 \|R\|^2$, spectral norms of the products to its left and right.

    matrix: A, finite. constraints: a set for each factor, with its projection. start: the factors to begin at. steps:
    at most so many. tolerance: of the length of a step, relative to the factors. Raises `StatementError` for a matrix
    that is not finite, or complex.
    """
    from ..optimisers.palm import palm

    A = real_matrix(matrix)
    factors = [np.array(X, float) for X in start]
    _check_chain(factors, constraints, A.shape)
    factors = [c.project(X) for c, X in zip(constraints, factors, strict=True)]

    def smooth(x: list[np.ndarray]) -> float:
        return float(np.sum((reduce(np.matmul, x) - A) ** 2) / 2)

    blocks = squared_error_blocks(A, [c.project for c in constraints], [c.convex for c in constraints])
    result = palm(smooth, blocks, factors, steps, 1.1, inertia, tolerance)
    return Product(result.blocks, result.values, result.guaranteed)


def real_matrix(matrix: Real[ArrayLike, "n m"]) -> Float[np.ndarray, "n m"]:
    """The matrix in double precision. Raises `StatementError` unless it is real and finite, and has entries."""
    if np.iscomplexobj(matrix):
        raise StatementError("`matrix` must be real, but is complex; `butterfly` factorises complex ones.")
    A = np.asarray(matrix, float)
    if A.ndim != 2 or A.size == 0 or not np.isfinite(A).all():
        raise StatementError(
            f"`matrix` must be a finite matrix with entries, but has shape {A.shape} and {np.sum(~np.isfinite(A))} "
            "entries that are not finite."
        )
    return A


def squared_error_blocks(
    A: Float[np.ndarray, "n m"],
    projections: Sequence[Callable[[Float[np.ndarray, "_rows _columns"]], Float[np.ndarray, "_rows _columns"]]],
    convex: Sequence[bool],
) -> list[Block]:
    """PALM's blocks for half the squared error of a product: gradient, modulus and projection of each factor."""
    from ..optimisers.palm import Block

    def around(x: list[np.ndarray], k: int) -> tuple[np.ndarray, np.ndarray]:
        left, right = np.eye(A.shape[0]), np.eye(A.shape[1])
        for X in x[:k]:
            left = left @ X
        for X in x[:k:-1]:
            right = X @ right
        return left, right

    def block(k: int) -> Block:
        def gradient(x: list[np.ndarray]) -> np.ndarray:
            left, right = around(x, k)
            return np.asarray(left.T @ (left @ x[k] @ right - A) @ right.T)

        def modulus(x: list[np.ndarray]) -> float:
            left, right = around(x, k)
            return float(np.linalg.norm(left, 2) * np.linalg.norm(right, 2)) ** 2

        return Block(gradient, modulus, lambda v, t: projections[k](v), None, convex[k])

    return [block(k) for k in range(len(projections))]


def _check_chain(
    factors: list[Float[np.ndarray, "_rows _columns"]], constraints: Sequence[Constraint], shape: tuple[int, ...]
) -> None:
    """Raise `StatementError` unless the factors fit each other, their sets and the matrix."""
    if not factors or len(factors) != len(constraints):
        raise StatementError(
            f"`start` must have a factor for each of one or more `constraints`, but has {len(factors)} for "
            f"{len(constraints)}."
        )
    shapes = [X.shape for X in factors]
    flat = any(len(s) != 2 or 0 in s for s in shapes)
    if flat or (shapes[0][0], shapes[-1][1]) != shape or any(a[1] != b[0] for a, b in pairwise(shapes)):
        raise StatementError(f"`start` must be matrices whose product has the shape {shape}, but has shapes {shapes}.")
    for k, (X, constraint) in enumerate(zip(factors, constraints, strict=True)):
        if not isinstance(constraint, Constraint):
            raise StatementError(f"`constraints[{k}]` must be a Constraint with a projection, but is {constraint!r}.")
        if not np.isfinite(X).all():
            raise StatementError(f"`start[{k}]` must be finite, but {np.sum(~np.isfinite(X))} of its entries are not.")
        constraint.check((X.shape[0], X.shape[1]))
