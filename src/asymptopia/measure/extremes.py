"""Eigenvalues at both ends of a symmetric operator, and the whole spectrum of a small one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float
    from scipy.sparse.linalg import LinearOperator

DENSE = 2000  # up to here an operator is written out: its products are fewer than those of a few probes
STREAM = 20171075  # apart from the stream of the same seed, of which the operator itself may be made
ASYMMETRY = 1e-6
MEMORY = 1e9  # bytes of a basis


class Extremes(NamedTuple):
    """The smallest and the largest eigenvalues of a symmetric operator of size n.

    values:  (2 count,) ascending: the `count` smallest, then the `count` largest; repeated by their multiplicity.
    vectors: (n, 2 count) unit eigenvectors.
    errors:  (2 count,) within this distance of each value lies an eigenvalue.
    """

    values: Float[np.ndarray, " k"]
    vectors: Float[np.ndarray, "k n"]
    errors: Float[np.ndarray, " k"]


def extremes(operator: LinearOperator, count: int = 1, products: int = 2000) -> Extremes:
    """The `count` smallest and the `count` largest eigenvalues of a symmetric operator, with their eigenvectors.

    A Lanczos iteration restarts from the Ritz vectors of both ends (Wu and Simon, SIAM J. Matrix Anal. Appl. 22 (2000)
    602) until the errors are at most 1e-10 of the largest absolute eigenvalue, or ten units of the operator's
    precision. Further iterations from random vectors look for copies of multiple eigenvalues. If `products` are used up
    before, as by a cluster of eigenvalues at one end, the `errors` are larger.

    Up to 2,000 dimensions all eigenvalues are computed. Raises `StatementError` if the operator is not square or not
    symmetric, or a product is not finite.
    """
    n = size_of(operator)
    if not 1 <= count <= n:
        raise StatementError(f"`count` must be between 1 and the size {n}, but is {count}.")
    if n <= max(DENSE, 4 * count):
        values, vectors = np.linalg.eigh(dense(operator))
        kept = np.r_[:count, n - count : n]
        precision = n**0.5 * np.finfo(precision_of(operator)).eps * np.abs(values).max()
        return Extremes(values[kept], vectors[:, kept], np.full(2 * count, precision))
    check_symmetry(operator, n, np.random.default_rng((0, STREAM)))
    return _Lanczos(operator, count, products).run()


def dense(operator: LinearOperator) -> Float[np.ndarray, "n n"]:
    """The matrix (n, n) of a symmetric operator. Raises `StatementError` if it is not symmetric, or not finite."""
    n = size_of(operator)
    matrix = np.asarray(operator @ np.eye(n), float)
    if not np.isfinite(matrix).all():
        raise StatementError("A product with the operator is not finite.")
    rough = max(ASYMMETRY, 100 * np.finfo(precision_of(operator)).eps)
    if np.abs(matrix - matrix.T).max() > rough * max(np.abs(matrix).max(), np.finfo(float).tiny):
        raise StatementError("The operator must be symmetric, but its entries on both sides of the diagonal differ.")
    return np.asarray((matrix + matrix.T) / 2)


class _Lanczos:
    """A basis (m, n) of orthonormal rows, and the operator's entries (m, m) in it."""

    def __init__(self, operator: LinearOperator, count: int, products: int) -> None:
        n = operator.shape[0]
        self.operator, self.count, self.left = operator, count, products
        self.size = min(max(8 * count, 60), n // 2)
        self.basis = np.zeros((self.size, n))
        self.matrix = np.zeros((self.size, self.size))
        self.rng = np.random.default_rng((0, STREAM))
        self.scale, self.filled, self.lost = 0.0, 0, 0.0
        self.next = self._fresh()
        self.tolerance = max(0.5e-10, 5 * float(np.finfo(precision_of(operator)).eps))

    def run(self) -> Extremes:
        before: np.ndarray | None = None
        best, idle = np.inf, 0
        while True:
            beside = self._expand()
            ends = np.r_[: self.count, self.size - self.count : self.size]
            values, shares = np.linalg.eigh(self.matrix)
            errors = beside * np.abs(shares[-1])
            self.scale = max(self.scale, float(np.abs(values).max()))
            worst, goal = float(errors[ends].max()), self.tolerance * self.scale
            settled = worst <= goal
            same = before is not None and bool((np.abs(values[ends] - before) <= goal).all())
            idle = 0 if worst < best / 2 or settled else idle + 1
            best = min(best, worst)
            if (settled and same) or self.left <= 0:
                return Extremes(values[ends], (shares[:, ends].T @ self.basis).T, np.hypot(errors[ends], self.lost))
            self.lost = worst if settled else self.lost  # of what is left outside when a random vector comes in
            self._restart(values, shares, fresh=settled)
            if idle >= 3 and 2 * self.size <= min(self.basis.shape[1] / 2, MEMORY / self.basis[0].nbytes):
                self._widen()
                idle = 0
            before = values[ends] if settled else None

    def _expand(self) -> float:
        """Fill the basis; the length of the product of its last row that is left outside of it."""
        beside = 0.0
        for k in range(self.filled, self.size):
            self.basis[k] = self.next
            image = np.asarray(self.operator @ self.next, float).ravel()
            self.left -= 1
            if not np.isfinite(image).all():
                raise StatementError("A product with the operator is not finite.")
            along = self._remove(image, k + 1)
            self.matrix[k, : k + 1] = self.matrix[: k + 1, k] = along
            beside = float(np.linalg.norm(image))
            self.scale = max(self.scale, float(np.abs(along).max()))
            self.filled = k + 1
            if beside <= 1e-14 * len(image) ** 0.5 * self.scale:  # the basis holds all that a vector can reach
                beside, self.next = 0.0, self._fresh()
            else:
                self.next = image / beside
        return beside

    def _restart(self, values: Float[np.ndarray, " k"], shares: Float[np.ndarray, "k k"], fresh: bool) -> None:
        """Keep the Ritz vectors of both ends, and go on from what was left outside, or from a random vector."""
        side = self.count + max(2, self.size // 8)
        kept = np.r_[:side, self.size - side : self.size]
        self.basis[: 2 * side] = shares[:, kept].T @ self.basis
        self.matrix[:] = 0
        self.matrix[np.arange(2 * side), np.arange(2 * side)] = values[kept]
        self.filled = 2 * side
        if fresh:
            self.next = self._fresh()

    def _widen(self) -> None:
        """Twice as many rows: where eigenvalues are dense, long recurrences settle much sooner than many short ones."""
        self.basis = np.concatenate([self.basis, np.zeros_like(self.basis)])
        self.matrix = np.pad(self.matrix, (0, self.size))
        self.size *= 2

    def _fresh(self) -> Float[np.ndarray, " n"]:
        """A random direction outside of the basis."""
        vector = self.rng.standard_normal(self.basis.shape[1])
        self._remove(vector, self.filled)
        return np.asarray(vector / np.linalg.norm(vector))

    def _remove(self, vector: Float[np.ndarray, " n"], count: int) -> Float[np.ndarray, " count"]:
        """Take the first rows of the basis out of a vector, in place; their coefficients."""
        rows = self.basis[:count]
        first = rows @ vector
        vector -= first @ rows
        second = rows @ vector
        vector -= second @ rows
        return np.asarray(first + second)


def precision_of(operator: LinearOperator) -> np.dtype:
    """The precision in which products are made, single or double."""
    dtype = np.dtype(operator.dtype)
    return dtype if dtype == np.float32 else np.dtype(float)


def size_of(operator: LinearOperator) -> int:
    rows, columns = operator.shape
    if rows != columns or not rows:
        raise StatementError(f"The operator must be square, but has shape {operator.shape}.")
    return int(rows)


def check_symmetry(operator: LinearOperator, n: int, rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((2, n))
    at_a, at_b = np.asarray(operator @ np.stack([a, b], axis=1), float).T
    if not (np.isfinite(at_a).all() and np.isfinite(at_b).all()):
        raise StatementError("A product with the operator is not finite.")
    size = max(np.linalg.norm(at_a) * np.linalg.norm(b), np.linalg.norm(at_b) * np.linalg.norm(a))
    rough = max(ASYMMETRY, 100 * np.finfo(precision_of(operator)).eps)
    if abs(a @ at_b - b @ at_a) > rough * size:
        raise StatementError("The operator must be symmetric, but a.Ab and b.Aa differ.")
