"""Sweeps over +-1 couplings with 64 copies in a machine word, compiled; `multispin` is what to call.

`S` (n, 16) holds the words of the sites: bit b of word w is the spin of copy 64 w + b. Loops over the 16 words are
what the compiler turns into vector instructions: all that they share is in one array, `X`, at constant distances.
"""

from __future__ import annotations

import numpy as np
from numba import njit

W = 16  # words a site; with 8 or fewer LLVM unrolls the loops before it can vectorise them, 2.5 times slower
NONE = np.uint64(0)
# rows of X: the four of the random number generators, spins to decide by bonds to break, undecided ones, flips, sums
A, B, C, D, FEW, MORE, MOST, OPEN, FLIP, ONE, TWO, FOUR = (W * row for row in range(12))
ROWS = 12


@njit(cache=True)
def decide(X, few, more, most):  # type: ignore[no-untyped-def]
    """Compare the next binary digit of every copy's random number (xoshiro256+) with that of its threshold.

    few, more, most: all ones or zeros, the digit of the thresholds of the three masks. A copy whose digits differ is
    decided, and flips if its own is the smaller one. Returns whether any is left.
    """
    for w in range(W):
        a, b = X[A + w], X[B + w]
        c, d = X[C + w] ^ a, X[D + w]
        r = a + d
        d ^= b
        X[A + w] = a ^ d
        X[B + w] = b ^ c
        X[C + w] = c ^ (b << np.uint64(17))
        X[D + w] = (d << np.uint64(45)) | (d >> np.uint64(19))
        digit = (X[FEW + w] & few) | (X[MORE + w] & more) | (X[MOST + w] & most)
        undecided = X[OPEN + w]
        X[FLIP + w] |= undecided & digit & ~r
        X[OPEN + w] = undecided & ~(digit ^ r)
    left = NONE
    for w in range(W):
        left |= X[OPEN + w]
    return left != NONE


@njit(cache=True)
def sort(X, degree):  # type: ignore[no-untyped-def]
    """Which copies flip for free and which at a price, from the number of satisfied bonds in binary."""
    if degree == 4:
        for w in range(W):
            X[FEW + w], X[MORE + w], X[MOST + w] = X[TWO + w] & X[ONE + w], X[FOUR + w], NONE
    else:
        for w in range(W):
            one, two, four = X[ONE + w], X[TWO + w], X[FOUR + w]
            X[FEW + w], X[MORE + w], X[MOST + w] = four & ~two & ~one, four & one, four & two
    for w in range(W):
        priced = X[FEW + w] | X[MORE + w] | X[MOST + w]
        X[OPEN + w] = priced
        X[FLIP + w] = ~priced


@njit(cache=True)
def sweep(S, near, bonds, J, thresholds, X):  # type: ignore[no-untyped-def]
    """One Metropolis sweep over all sites in order.

    near, bonds: (n, degree), neighbours of a site and the bonds to them. J: (bonds, W), a bit for each
    antiferromagnetic one. thresholds: (3, 64), binary digits of exp(-beta price) for each of three prices, as
    words.
    """
    n, degree = near.shape
    for i in range(n):
        mine = S[i]
        for w in range(W):
            X[ONE + w], X[TWO + w], X[FOUR + w] = NONE, NONE, NONE
        for e in range(degree):
            other, sign = S[near[i, e]], J[bonds[i, e]]
            for w in range(W):
                satisfied = ~(mine[w] ^ other[w] ^ sign[w])
                one, two = X[ONE + w], X[TWO + w]
                carry = one & satisfied
                X[ONE + w] = one ^ satisfied
                X[TWO + w] = two ^ carry
                X[FOUR + w] |= two & carry
        sort(X, degree)
        for level in range(64):
            if not decide(X, thresholds[0, level], thresholds[1, level], thresholds[2, level]):
                break
        for w in range(W):
            mine[w] ^= X[FLIP + w]


@njit(cache=True)
def add(planes, w, word):  # type: ignore[no-untyped-def]
    """Add a word's 64 bits to 64 counters, whose binary digits are the words planes[:, w]."""
    p = 0
    while word != NONE:
        carry = planes[p, w] & word
        planes[p, w] ^= word
        word = carry
        p += 1


@njit(cache=True)
def count(S, near, bonds, J, broken, down, unequal):  # type: ignore[no-untyped-def]
    """Count, for each copy in binary, broken bonds, spins down, and spins unlike the copy 8 words further."""
    n, degree = near.shape
    for i in range(n):
        for w in range(W):
            add(down, w, S[i, w])
            if w < W // 2:
                add(unequal, w, S[i, w] ^ S[i, w + W // 2])
            for e in range(degree // 2):  # the first half of the neighbours are those forward
                add(broken, w, S[i, w] ^ S[near[i, e], w] ^ J[bonds[i, e], w])
