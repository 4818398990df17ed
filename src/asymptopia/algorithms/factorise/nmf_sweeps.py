"""Sweeps over the coordinates of a factor, compiled; `newton` in `nmf_coordinates` is what to call."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, fastmath=True, error_model="numpy")
def sweep_exact(X, V, Bt, A, L, c, beta, floor):  # type: ignore[no-untyped-def]
    """One scoring step for each entry of A (n, r) in turn, in place, for beta = 0, 1/2 or 1; V = A Bt follows.

    The slope of a coordinate is that at the current V. Its curvature is the true one at beta = 1, and below, where
    that may be negative, the one at X = V. L and c are the linear and quadratic parts of a penalty.
    """
    n, r = A.shape
    m = Bt.shape[1]
    for i in range(n):
        x, v = X[i], V[i]
        for k in range(r):
            b = Bt[k]
            g, h = L[i, k] + c[i] * A[i, k], c[i]
            if beta == 1:
                for j in range(m):
                    q = 1 / v[j]
                    p = x[j] * q
                    g += b[j] * (1 - p)
                    h += b[j] * b[j] * p * q
            elif beta == 0:
                for j in range(m):
                    q = 1 / v[j]
                    a = b[j] * q
                    g += a * (1 - x[j] * q)
                    h += a * a
            else:
                for j in range(m):
                    q = 1 / v[j]
                    a = b[j] * np.sqrt(q)
                    g += a * (1 - x[j] * q)
                    h += a * b[j] * q
            move = max(A[i, k] - g / (h + 1e-300), floor) - A[i, k]
            A[i, k] += move
            for j in range(m):
                v[j] += move * b[j]


@njit(cache=True, fastmath=True, error_model="numpy")
def sweep_quadratic(G, C, Bt, A, L, c, floor, passes):  # type: ignore[no-untyped-def]
    """Minimise a quadratic model of the objective over each entry of A (n, r) in turn, in place, `passes` times.

    G and C (n, m) are its slope and curvature in V = A Bt; G follows.
    """
    n, r = A.shape
    m = Bt.shape[1]
    for i in range(n):
        u, w = G[i], C[i]
        for _ in range(passes):
            for k in range(r):
                b = Bt[k]
                g, h = L[i, k] + c[i] * A[i, k], c[i]
                for j in range(m):
                    g += b[j] * u[j]
                    h += b[j] * b[j] * w[j]
                move = max(A[i, k] - g / (h + 1e-300), floor) - A[i, k]
                if move != 0:
                    A[i, k] += move
                    for j in range(m):
                        u[j] += move * b[j] * w[j]


@njit(cache=True, fastmath=True, error_model="numpy")
def sweep_gram(XB, gram, A, L, c, floor, passes):  # type: ignore[no-untyped-def]
    """Exact minimisation over each entry of A (n, r) in turn, in place, for half the square: XB = X B, gram = B' B."""
    n, r = A.shape
    for i in range(n):
        for _ in range(passes):
            for k in range(r):
                g = L[i, k] + c[i] * A[i, k] - XB[i, k]
                for other in range(r):
                    g += gram[k, other] * A[i, other]
                A[i, k] = max(A[i, k] - g / (gram[k, k] + c[i] + 1e-300), floor)
