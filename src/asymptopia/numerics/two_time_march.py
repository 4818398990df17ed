"""Compiled marching of causal two-time equations on a grid of times that thins with distance.

The history is kept at nodes s_0 < ... < s_n, the last of which is the present t. Integrals over the past are sums over
nodes whose weights absorb the function that belongs to the past: with the cardinal functions l_k of the nodes,

    A[j, k] = int_{s_j}^t l_k(s) R(s, s_j) ds,   B[j, k] = int_0^t l_k(s) C(s, s_j) ds,
    D[j, k] = int_0^{s_j} l_k(s) R(s_j, s) ds,   w_k = int_0^t l_k(s) ds,

so that int_{s_j}^t g(s) R(s, s_j) ds = sum_k A[j, k] g(s_k) for every g that the nodes resolve, however fast R varies
between them. A node is dropped where g can be interpolated from its neighbours; its weights pass to these by the
adjoint of the interpolation.
"""

from __future__ import annotations

import numpy as np
from numba import njit

A, B, D = range(3)
# rows that belong to nodes: time, quadrature weight, overlap and its weight, correlation and response of the present
# with the node, their derivatives now and one step ago, and whether the node must stay
S, WEIGHT, M, M_WEIGHT, C, R, DC, DR, DC_OLD, DR_OLD, KEEP, SIGMA, PHI = range(13)
ROWS = 13
SWEEPS = 3
STILL = 1e-8  # how far everything may still have to go where all motion is taken to have ended
FAST = {"reassoc", "contract", "nsz", "arcp"}


@njit(cache=True)
def horner(coefficients, x):  # type: ignore[no-untyped-def]
    """A polynomial with these coefficients, constant first."""
    value = 0.0
    for a in coefficients[::-1]:
        value = value * x + a
    return value


@njit(cache=True, fastmath=FAST)
def _dot(a, b):  # type: ignore[no-untyped-def]
    total = 0.0
    for x, y in zip(a, b):  # noqa: B905
        total += x * y
    return total


@njit(cache=True)
def start(rows, overlap, slope, temperature, signal):  # type: ignore[no-untyped-def]
    """The state at time 0, with the multiplier there; `slope` has the coefficients of f'."""
    pull = signal * horner(slope, overlap)
    multiplier = temperature + pull * overlap
    rows[M, 0], rows[C, 0], rows[R, 0], rows[KEEP, 0] = overlap, 1.0, 1.0, 1.0
    rows[DC, 0], rows[DR, 0] = -temperature, -multiplier
    return multiplier, pull - multiplier * overlap


@njit(cache=True, fastmath=FAST)
def _open_step(W, rows, n, h, h_old):  # type: ignore[no-untyped-def]
    """Half of the new interval's weight goes to the present node; the next row is extrapolated along its columns."""
    half = h / 2
    for j in range(n + 1):
        W[A, j, n] += half * rows[R, j]
        W[B, j, n] += half * rows[C, j]
    rows[WEIGHT, n] += half
    rows[M_WEIGHT, n] += half * rows[M, n]
    rows[WEIGHT, n + 1] = half
    ratio = h / (2 * h_old) if h_old > 0 else 0.0
    new_c, new_r = np.ones(n + 2), np.ones(n + 2)
    for j in range(n + 1):
        bend = ratio if j < n else 0.0
        new_c[j] = rows[C, j] + h * (rows[DC, j] + bend * (rows[DC, j] - rows[DC_OLD, j]))
        new_r[j] = rows[R, j] + h * (rows[DR, j] + bend * (rows[DR, j] - rows[DR_OLD, j]))
    return new_c, new_r


@njit(cache=True, fastmath=FAST)
def _memory(W, n, sigma, phi, first, last, sums):  # type: ignore[no-untyped-def]
    """The integrals over the past in the equations of R and C, for each column."""
    for j in range(n + 1):
        past, end = first[j], last[j] + 1
        sums[0, j] = _dot(sigma[past:], W[A, j, past : n + 1])
        sums[1, j] = _dot(sigma, W[B, j, : n + 1]) + _dot(phi[:end], W[D, j, :end])


@njit(cache=True)
def step(W, rows, n, h, h_old, slope, curve, temperature, signal, first, last, m_slope):  # type: ignore[no-untyped-def]
    """One implicit trapezoidal step from node n to n + 1: multiplier, slope of the overlap, and whether it was solved.

    `slope` and `curve` are the coefficients of f' and f''. Errors are even powers of the step.
    """
    half = h / 2
    old_c, old_r = rows[C, : n + 1].copy(), rows[R, : n + 1].copy()
    c, r = _open_step(W, rows, n, h, h_old)
    m, last_sigma = rows[M, n] + h * m_slope, curve.sum()
    sums, sigma, phi = np.zeros((2, n + 1)), np.zeros(n + 1), np.zeros(n + 1)
    mu, pull, memory_m = 0.0, 0.0, 0.0
    change, before = 0.0, np.inf
    for _ in range(SWEEPS):
        for k in range(n + 1):
            sigma[k] = horner(curve, c[k]) * r[k]
            phi[k] = horner(slope, c[k])
        _memory(W, n, sigma, phi, first, last, sums)
        pull = signal * horner(slope, m)
        mu = temperature + pull * m + half * (last_sigma + slope.sum())
        memory_m = 0.0
        for k in range(n + 1):
            mu += rows[WEIGHT, k] * (sigma[k] * c[k] + phi[k] * r[k])
            memory_m += sigma[k] * rows[M_WEIGHT, k]
        implicit = 1 + half * mu - half**2 * last_sigma
        before, change = change, 0.0
        for j in range(n + 1):
            next_c = (old_c[j] + half * (rows[DC, j] + sums[1, j] + pull * rows[M, j])) / implicit
            next_r = (old_r[j] + half * (rows[DR, j] + sums[0, j])) / implicit
            change = max(change, abs(next_c - c[j]), abs(next_r - r[j]))
            c[j], r[j] = next_c, next_r
        m = (rows[M, n] + half * (m_slope + memory_m + pull)) / implicit
    if not change < max(1e-9, min(1e-2, 0.7 * before)):
        return mu, m_slope, False
    m_slope = memory_m + pull + (half * last_sigma - mu) * m
    _close_step(W, rows, n, half, c, r, m, sums, sigma, phi, mu, pull, temperature, last_sigma)
    first[n + 1], last[n + 1] = n + 1, n + 1
    return mu, m_slope, True


@njit(cache=True, fastmath=FAST)
def _close_step(W, rows, n, half, c, r, m, sums, sigma, phi, mu, pull, temperature, last_sigma):  # type: ignore[no-untyped-def]
    """Accept the new row: it becomes the present, and its node opens a column."""
    new = n + 1
    rows[SIGMA, :new], rows[PHI, :new] = sigma, phi
    for j in range(new):
        rows[DC_OLD, j], rows[DR_OLD, j] = rows[DC, j], rows[DR, j]
        rows[DC, j] = sums[1, j] + pull * rows[M, j] + (half * last_sigma - mu) * c[j]
        rows[DR, j] = sums[0, j] + (half * last_sigma - mu) * r[j]
        rows[C, j], rows[R, j] = c[j], r[j]
        W[A, j, new], W[B, j, new] = half * r[j], half * c[j]
        W[A, new, j], W[B, new, j], W[D, new, j] = 0.0, rows[WEIGHT, j] * c[j], rows[WEIGHT, j] * r[j]
        W[D, j, new] = 0.0
    W[A, new, new], W[B, new, new], W[D, new, new] = 0.0, half, half
    rows[C, new], rows[R, new], rows[M, new], rows[M_WEIGHT, new] = 1.0, 1.0, m, half * m
    rows[DC, new], rows[DR, new], rows[KEEP, new] = -temperature, -mu, 0.0


@njit(cache=True)
def march(W, rows, n, h, count, state, slope, curve, temperature, signal, ratio, first, last):  # type: ignore[no-untyped-def]
    """Up to `count` steps of length h, thinning as it goes: the last node, and how many steps are left.

    `state` holds the multiplier, the slope of the overlap, the last step, the number of nodes at which to thin, whether
    all motion has ended, and the shortest of the spans between later times whose responses are asked for. Steps are
    left if the arrays are full or all motion has ended, or (a negative number) if one of them could not be solved.
    """
    t = rows[S, n]
    for i in range(count):
        if n >= state[3]:
            if ratio > 0:
                n = thin(W, rows, n, ratio, first, last)
            state[3] = 1.1 * n + 16
        if n + 2 >= rows.shape[1]:
            return n, count - i
        rows[S, n + 1] = t + (i + 1) * h
        mu, m_slope, solved = step(W, rows, n, h, state[2], slope, curve, temperature, signal, first, last, state[1])
        if not solved:
            return n, i - count
        state[0], state[1], state[2] = mu, m_slope, h
        n += 1
        if temperature == 0 and n % 16 == 0 and _is_still(rows, n, mu, m_slope, curve, signal, state[5]):
            state[4] = 1.0
            return n, count - i - 1
    return n, 0


@njit(cache=True)
def _is_still(rows, n, mu, m_slope, curve, signal, gap):  # type: ignore[no-untyped-def]
    """Whether overlap and correlations have come to rest in a stable state, at temperature 0, without responses left.

    What is left to go is the speed over the slowest rate of relaxation: the least eigenvalue of the energy's second
    derivatives, the edge of a semicircle or what the signal draws out of it.
    """
    bend, m = curve.sum(), rows[M, n]
    drawn = max(signal * horner(curve, m) * (1 - m * m), bend**0.5)
    slowest = mu - drawn - bend / drawn
    fastest = abs(m_slope)
    for j in range(n):
        fastest = max(fastest, abs(rows[DC, j]), abs(rows[DC_OLD, j]))
        if rows[KEEP, j] > 0 and abs(rows[R, j]) > STILL:
            return False
    return fastest <= STILL * slowest and gap * slowest >= -np.log(STILL)


@njit(cache=True)
def thin(W, rows, n, ratio, first, last):  # type: ignore[no-untyped-def]
    """Drop the nodes whose neighbours are closer than `ratio` times the distance to the present and to the start.

    Returns the number of the last node.
    """
    alive = np.ones(n + 1, np.bool_)
    t = rows[S, n]
    nearest = np.empty(6, np.int64)
    k = 3
    while k < n - 3:
        if not alive[k] or rows[KEEP, k] > 0:
            k += 1
            continue
        enough = _neighbours(rows[S], alive, k, n, nearest)
        low, high = rows[S, nearest[2]], rows[S, nearest[3]]
        if enough and high - low <= ratio * min(t - high, low):
            _drop(W, rows, n, k, nearest, first, last)
            alive[k] = False
        k += 1
    kept = np.nonzero(alive)[0]
    place = np.cumsum(alive) - 1
    for new_j in range(len(kept)):
        j = kept[new_j]
        for new_k in range(len(kept)):
            for a in range(3):
                W[a, new_j, new_k] = W[a, j, kept[new_k]]
        for a in range(rows.shape[0]):
            rows[a, new_j] = rows[a, j]
        low, high = first[j], last[j]
        while not alive[low]:
            low += 1
        while not alive[high]:
            high -= 1
        first[new_j], last[new_j] = place[low], place[high]
    return len(kept) - 1


@njit(cache=True)
def _neighbours(s, alive, k, n, nearest):  # type: ignore[no-untyped-def]
    """Three nodes that are still there on either side of k; whether there are as many.

    Nodes closer to each other than a quarter of the gap that k leaves would make the interpolation unstable.
    """
    low, high = k - 1, k + 1
    while not alive[low]:
        low -= 1
    while not alive[high]:
        high += 1
    nearest[2], nearest[3] = low, high
    apart = (s[high] - s[low]) / 4
    left, right = 1, 1
    for i in range(low - 1, -1, -1):
        if left < 3 and alive[i] and s[nearest[3 - left]] - s[i] >= apart:
            nearest[2 - left] = i
            left += 1
    for i in range(high + 1, n + 1):
        if right < 3 and alive[i] and s[i] - s[nearest[2 + right]] >= apart:
            nearest[3 + right] = i
            right += 1
    return left == 3 and right == 3


@njit(cache=True)
def _drop(W, rows, n, d, nearest, first, last):  # type: ignore[no-untyped-def]
    """Pass the weights of node d to its six neighbours as quintic interpolation prescribes."""
    x = rows[S, d]
    for a in nearest:
        share = 1.0
        for b in nearest:
            if b != a:
                share *= (x - rows[S, b]) / (rows[S, a] - rows[S, b])
        rows[WEIGHT, a] += share * rows[WEIGHT, d]
        rows[M_WEIGHT, a] += share * rows[M_WEIGHT, d]
        for j in range(n + 1):
            if first[j] <= d:
                W[A, j, a] += share * W[A, j, d]
            W[B, j, a] += share * W[B, j, d]
            if last[j] >= d:
                W[D, j, a] += share * W[D, j, d]
    for j in range(n + 1):
        if first[j] <= d:
            first[j] = min(first[j], nearest[0])
        if last[j] >= d:
            last[j] = max(last[j], nearest[5])
