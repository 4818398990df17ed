r"""Factorisation of a dense matrix into sparse butterfly factors, block by block.

A pattern (a, b, c, d) is the support $I_a \otimes 1_{b \times c} \otimes I_d$, whose entries are kept as an array
(a, b, c, d). Two patterns follow each other if the product of their supports is a multiple r of a pattern; the product
then falls into disjoint blocks of rank r, and the best approximation by two such factors is exact: a truncated singular
value decomposition of every block. Splitting off the first factor, and then the next one of what is left, finds all of
them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Inexact, Int, Num


class Pattern(NamedTuple):
    r"""The support $I_a \otimes 1_{b \times c} \otimes I_d$ of a factor."""

    a: int
    b: int
    c: int
    d: int

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of rows and columns of the factor."""
        return self.a * self.b * self.d, self.a * self.c * self.d

    def then(self, other: Pattern) -> tuple[Pattern, int]:
        """The pattern of the product with a factor on the right, and the rank of its blocks."""
        fits = other.a % self.a == 0 and self.d % other.d == 0
        rank = self.a * self.c // other.a if fits else 0
        same = rank * other.a == self.a * self.c and rank * self.d == other.b * other.d
        if not fits or rank < 1 or not same:
            raise StatementError(
                f"`patterns` must follow each other: a_1 divides a_2, d_2 divides d_1, and a_1 c_1 / a_2 = b_2 d_2 / "
                f"d_1 is whole, but {tuple(self)} is followed by {tuple(other)}."
            )
        return Pattern(self.a, self.b * self.d // other.d, other.a * other.c // self.a, other.d), rank


def dyadic(n: int, rank: int = 1) -> tuple[Pattern, ...]:
    """The log2(n / rank) patterns of a dyadic butterfly of size n whose blocks have this rank, both powers of two.

    Rank 1 is that of the fast Hadamard and Fourier transforms, rank 2 that of the cosine transforms.

    Raises `StatementError` unless n is a power of two >= 2 and `rank` one below n.
    """
    J, extra = int(n).bit_length() - 1, int(rank).bit_length() - 1
    if n != 2**J or J < 1:
        raise StatementError(f"The size of a dyadic butterfly must be a power of two >= 2, but is {n}.")
    if rank != 2**extra or not 0 <= extra < J:
        raise StatementError(f"`rank` of a dyadic butterfly must be a power of two below its size {n}, but is {rank}.")
    return tuple(Pattern(2**k, 2 * rank, 2 * rank, n >> (k + 1 + extra)) for k in range(J - extra))


def mixed_radix(rows: int, columns: int | None = None) -> tuple[Pattern, ...]:
    """The patterns of a butterfly of any size: a factor for each prime of rows and columns, the largest last.

    Primes of the rows are paired with those of the columns, 1 where there are more of the other. For a square of a
    power of two the patterns are `dyadic`; those of a prime size are one dense block.

    rows, columns: of the product, >= 1; a square by default. Raises `StatementError` otherwise.
    """
    columns = rows if columns is None else columns
    if min(rows, columns) < 1:
        raise StatementError(f"`rows` and `columns` must be >= 1, but are {rows} and {columns}.")
    one, other = _primes(rows), _primes(columns)
    count = max(len(one), len(other), 1)
    one, other = ([1] * (count - len(p)) + p for p in (one, other))
    return tuple(
        Pattern(math.prod(other[:k]), one[k], other[k], math.prod(one[k + 1 :])) for k in range(count)
    )  # fmt: skip


def _primes(n: int) -> list[int]:
    """The prime factors of a number, increasing."""
    factors, p = [], 2
    while n > 1:
        while n % p == 0:
            factors.append(p)
            n //= p
        p += 1
    return factors


def bit_reversal(n: int) -> Int[np.ndarray, " n"]:
    """The bit-reversal order p of n columns: `F[:, p]` of a Fourier matrix F is a dyadic butterfly."""
    dyadic(n)
    return digit_reversal(n)


def digit_reversal(n: int) -> Int[np.ndarray, " n"]:
    """The order p of n columns, for any n: `F[:, p]` of a Fourier matrix F is a butterfly of patterns `mixed_radix`."""
    order, radix = np.zeros(1, int), 1
    for p in _primes(n):
        order = (order[:, None] + radix * np.arange(p)).ravel()
        radix *= p
    return order


@dataclasses.dataclass(frozen=True)
class ButterflyFactors:
    """The factors from left to right: their patterns, and their entries as arrays (a, b, c, d).

    residual: Frobenius norm of what the matrix had beyond the product, relative to the matrix; 0 if it is a product.
    """

    patterns: tuple[Pattern, ...]
    cores: tuple[Inexact[np.ndarray, "a b c d"], ...]
    residual: float = 0.0

    @property
    def parameters(self) -> int:
        """The number of entries of all factors."""
        return sum(core.size for core in self.cores)

    def dense(self) -> Inexact[np.ndarray, "rows columns"]:
        """The product of the factors as a dense matrix."""
        pattern, core = self.patterns[-1], self.cores[-1]
        for first, left in zip(self.patterns[-2::-1], self.cores[-2::-1], strict=True):
            core = _joined(left, core, first, pattern)
            pattern = first.then(pattern)[0]
        return _spread(core)

    def factors(self) -> list[Inexact[np.ndarray, "_rows _columns"]]:
        """Each factor as a dense matrix."""
        return [_spread(core) for core in self.cores]

    def __matmul__(self, x: Num[ArrayLike, "columns ..."]) -> Inexact[np.ndarray, "rows ..."]:
        """The product times a vector or the columns of a matrix, factor by factor."""
        x = np.asarray(x)
        rows = self.patterns[-1].shape[1]
        if x.ndim not in (1, 2) or len(x) != rows:
            raise StatementError(f"The factors multiply arrays with {rows} rows, but found shape {x.shape}.")
        y = x.reshape(rows, -1)
        for (a, b, c, d), core in zip(self.patterns[::-1], self.cores[::-1], strict=True):
            y = core.transpose(0, 3, 1, 2) @ y.reshape(a, c, d, -1).transpose(0, 2, 1, 3)
            y = y.transpose(0, 2, 1, 3).reshape(a * b * d, -1)
        return y.reshape(-1, *x.shape[1:])

    def normalised(self) -> ButterflyFactors:
        """The same product with normalised factors, which are unique for blocks of rank one.

        Factors are determined up to the diagonal D of $X_1 D, D^{-1} X_2$: all columns but those of the last factor
        get the norm 1 and a first large entry that is positive.
        """
        cores = list(self.cores)
        for k, (first, rest) in enumerate(zip(self.patterns, self.patterns[1:], strict=False)):
            if first.then(rest)[1] != 1:
                raise StatementError(f"Blocks must have rank 1 to be normalised, but those of factor {k} have not.")
            columns = np.moveaxis(cores[k], 1, -1)  # (a, c, d, b)
            scale = np.linalg.norm(columns, axis=-1) * _phase(columns)
            scale = np.where(scale == 0, 1, scale)
            cores[k] = cores[k] / scale[:, None]
            right = cores[k + 1]
            scale = scale.reshape(rest.a, rest.b, rest.d)
            cores[k + 1] = right * scale[:, :, None, :]
        return dataclasses.replace(self, cores=tuple(cores))


def butterfly(
    matrix: Num[ArrayLike, "rows columns"], patterns: Sequence[Sequence[int]] | None = None
) -> ButterflyFactors:
    r"""Factorise a matrix into sparse factors with butterfly supports; by default `mixed_radix`, the dyadic ones of
    powers of two.

    A matrix that is such a product is recovered exactly, and its factors up to the diagonal (for blocks of rank r, the
    r x r) matrices that neighbours can exchange: in the gauge here all factors but the last have orthonormal columns
    in each block. Of any matrix A the product B found obeys, with J factors,

    $$\|A - B\| \leq \sqrt{J - 1} \, \min_{B'} \|A - B'\| ,$$

    as each split is the best one, leaves a remainder no farther from such products than A was, and makes an error
    orthogonal to those after it. Real or complex; $O(n^2)$ operations for dyadic patterns. Entries outside of the
    product's support count as residual. Source: Le, Zheng, Riccietti and Gribonval, ICASSP 2022 (blocks of rank one);
    Zheng, Riccietti and Gribonval, SIAM J. Math. Data Sci. 5 (2023) 22 (the recursion).

    matrix: (m, n), real or complex. patterns: of each factor, from the left. Raises `StatementError` for a matrix that
    is empty or not finite, and for patterns that do not fit.
    """
    A = np.asarray(matrix)
    if A.ndim != 2 or A.size == 0:
        raise StatementError(f"`matrix` must have two dimensions and entries, but has shape {A.shape}.")
    if not np.isfinite(A).all():
        raise StatementError(f"`matrix` must be finite, but has {np.sum(~np.isfinite(A))} entries that are not.")
    A = A.astype(complex if np.iscomplexobj(A) else float)
    chain = checked_patterns(mixed_radix(*A.shape) if patterns is None else patterns, A.shape)
    rests = [chain[-1]]
    for first in chain[-2::-1]:
        rests.insert(0, first.then(rests[0])[0])
    core = _gathered(A, rests[0])
    total = float(np.linalg.norm(A))
    lost = float(np.linalg.norm(A - _spread(core))) ** 2
    cores = []
    for first, rest in zip(chain[:-1], rests[1:], strict=True):
        left, core, missed = _split(core, first, rest)
        lost += missed
        cores.append(left)
    return ButterflyFactors(chain, (*cores, core), math.sqrt(lost) / total if total else 0.0)


def checked_patterns(patterns: Sequence[Sequence[int]], shape: tuple[int, int]) -> tuple[Pattern, ...]:
    """The patterns as a chain whose product has this shape; raises `StatementError` if they do not chain."""
    chain = tuple(Pattern(*(int(k) for k in p)) for p in patterns)
    if not chain or any(min(p) < 1 for p in chain):
        raise StatementError(f"`patterns` must be at least one of whole numbers (a, b, c, d) >= 1, but is {chain}.")
    product_shape = (chain[0].shape[0], chain[-1].shape[1])
    if product_shape != tuple(shape):
        raise StatementError(f"`patterns` must fit the shape {tuple(shape)} of the matrix, but have {product_shape}.")
    whole = chain[-1]
    for first in chain[-2::-1]:
        rest = whole
        whole, rank = first.then(rest)
        if rank > min(first.b, rest.c):
            raise StatementError(
                f"`patterns` must make blocks of a rank at most their sides {(first.b, rest.c)}, but {tuple(first)} "
                f"before {tuple(rest)} makes rank {rank}."
            )
    return chain


def _split(
    core: Inexact[np.ndarray, "a b c d"], first: Pattern, rest: Pattern
) -> tuple[Inexact[np.ndarray, "e f g h"], Inexact[np.ndarray, "i j k l"], float]:
    """The best left factor with orthonormal columns, what is left, and the square of what is lost."""
    rank, kappa, delta = first.then(rest)[1], rest.a // first.a, first.d // rest.d
    blocks = core.reshape(first.a, first.b, delta, kappa, rest.c, rest.d).transpose(0, 3, 2, 5, 1, 4)
    U = _leading(blocks, rank)
    R = U.conj().swapaxes(-1, -2) @ blocks
    missed = float(np.linalg.norm(blocks - U @ R)) ** 2
    left = U.transpose(0, 4, 1, 5, 2, 3).reshape(first)
    return left, R.transpose(0, 1, 4, 2, 5, 3).reshape(rest), missed


def _joined(
    left: Inexact[np.ndarray, "a b c d"], right: Inexact[np.ndarray, "e f g h"], first: Pattern, rest: Pattern
) -> Inexact[np.ndarray, "i j k l"]:
    """The product of two factors, the inverse of `_split`."""
    whole, rank = first.then(rest)
    kappa, delta = rest.a // first.a, first.d // rest.d
    U = left.reshape(first.a, first.b, kappa, rank, delta, rest.d).transpose(0, 2, 4, 5, 1, 3)
    R = right.reshape(first.a, kappa, rank, delta, rest.c, rest.d).transpose(0, 1, 3, 5, 2, 4)
    return (U @ R).transpose(0, 4, 2, 1, 5, 3).reshape(whole)


def _leading(blocks: Inexact[np.ndarray, "... b c"], rank: int) -> Inexact[np.ndarray, "... b rank"]:
    """The first left singular vectors of each block (..., b, c), as columns (..., b, rank)."""
    if rank > 1:
        return np.linalg.svd(blocks, full_matrices=False)[0][..., :rank]
    top = np.abs(blocks).max(initial=0.0) or 1.0
    scaled = blocks / top
    if blocks.shape[-2] <= blocks.shape[-1]:
        u = np.linalg.eigh(scaled @ scaled.conj().swapaxes(-1, -2))[1][..., -1]
    else:
        u = (scaled @ np.linalg.eigh(scaled.conj().swapaxes(-1, -2) @ scaled)[1][..., -1:])[..., 0]
        size = np.linalg.norm(u, axis=-1, keepdims=True)
        u = np.where(size > 0, u / np.where(size > 0, size, 1), np.eye(u.shape[-1])[0])
    return (u / _phase(u)[..., None])[..., None]


def _phase(columns: Inexact[np.ndarray, "... b c"]) -> Inexact[np.ndarray, "... b"]:
    """The phase of the first entry along the last axis that has at least half the largest modulus; 1 for zeros."""
    size = np.abs(columns)
    place = np.argmax(size >= size.max(axis=-1, keepdims=True) / 2, axis=-1)[..., None]
    entry = np.take_along_axis(columns, place, -1)[..., 0]
    modulus = np.abs(entry)
    return np.where(modulus > 0, entry / np.where(modulus > 0, modulus, 1), 1)


def _gathered(A: Inexact[np.ndarray, "rows columns"], pattern: Pattern) -> Inexact[np.ndarray, "a b c d"]:
    """The entries (a, b, c, d) of a matrix on a support."""
    a, b, c, d = pattern
    return np.einsum("ijkilk->ijlk", A.reshape(a, b, d, a, c, d))


def _spread(core: Inexact[np.ndarray, "a b c d"]) -> Inexact[np.ndarray, "rows columns"]:
    """The matrix with these entries."""
    a, b, c, d = core.shape
    if a == d == 1:
        return core.reshape(b, c)
    out = np.zeros((a, b, d, a, c, d), core.dtype)
    np.einsum("ijkilk->ijlk", out)[...] = core
    return out.reshape(a * b * d, a * c * d)
