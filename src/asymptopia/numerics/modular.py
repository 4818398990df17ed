"""Exact ranks of floating-point matrices, by linear algebra modulo a prime."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float, Int

PRIME = 2**31 - 1


def residues(x: Float[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Finite floating-point numbers modulo the prime, as integers; each is an integer times a power of 2."""
    mantissa, exponent = np.frexp(np.asarray(x, float))
    whole = (mantissa * 2.0**53).astype(np.int64) % PRIME
    powers, where = np.unique(exponent, return_inverse=True)
    scale = np.array([pow(2, int(e) - 53, PRIME) for e in powers], np.int64)
    return whole * scale[where].reshape(whole.shape) % PRIME


def product(a: Int[np.ndarray, "n k"], b: Int[np.ndarray, "k m"]) -> Int[np.ndarray, "n m"]:
    """The product of matrices of residues (n, k) and (k, m), k < 65536, modulo the prime."""
    high, low = a >> 16, a & 0xFFFF
    return (((high @ b) % PRIME << 16) + low @ b) % PRIME


def rank(matrix: Int[np.ndarray, "rows columns"]) -> int:
    """The rank of a matrix of residues modulo the prime, by elimination: a lower bound of the exact rank."""
    a = np.array(matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T, np.int64) % PRIME
    pivots = 0
    for column in range(a.shape[1]):
        candidates = np.flatnonzero(a[pivots:, column])
        if not len(candidates):
            continue
        pivot = pivots + int(candidates[0])
        a[[pivots, pivot]] = a[[pivot, pivots]]
        a[pivots] = a[pivots] * pow(int(a[pivots, column]), -1, PRIME) % PRIME
        below = pivots + 1 + np.flatnonzero(a[pivots + 1 :, column])
        a[below] = (a[below] - a[below, column, None] * a[pivots] % PRIME) % PRIME
        pivots += 1
        if pivots == len(a):
            break
    return pivots
