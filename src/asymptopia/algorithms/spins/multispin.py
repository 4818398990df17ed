"""Multispin coding: 1024 copies of Ising spins on a lattice with couplings +-1, one bit each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .checks import checked_count

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real, Shaped

COPIES = 1024


@dataclass(frozen=True)
class LatticeRun:
    """The measurements on a lattice of n sites; copy c has the couplings of sample c modulo their number.

    energies, magnetisations: (times, 1024), H / n and the mean spin of each copy.
    overlaps: (times, 512), of copies c and c + 512, which are replicas if the samples are at most 512.
    spins:    (1024, *shape), +-1, at the end.
    """

    energies: Float[np.ndarray, "..."]
    magnetisations: Float[np.ndarray, "..."]
    overlaps: Float[np.ndarray, "..."]
    spins: Int[np.ndarray, "..."]


def multispin(
    couplings: Real[ArrayLike, "..."],
    temperature: float,
    sweeps: int,
    rng: np.random.Generator,
    *,
    burn: int | None = None,
    every: int = 10,
) -> LatticeRun:
    r"""Sample $H = -\sum_{\langle ij \rangle} J_{ij} s_i s_j$ on a periodic lattice, from random spins, by Metropolis.

    couplings: +-1, (d, *shape) with d = 2 or 3 axes of at least 2 sites: [a, ...] couples a site to the next one
    along axis a. Or (samples, d, *shape), several lattices of one shape, as many as divide 1024, which then have
    1024 / samples copies each. sweeps: their number; every `every`-th is measured after the first `burn` (a third by
    default). A sweep visits the sites in order, all copies at once (asynchronous multispin coding), but every spin has
    a random number of its own, compared digit by digit with its threshold, so that copies are independent of each
    other also if they share their couplings. Raises `StatementError`.

    temperature: > 0. rng: the source of randomness.
    """
    from .word_moves import ROWS, A, W, count, sweep

    J = _signs(couplings)
    shape = J.shape[2:]
    n = math.prod(shape)
    if not 0 < temperature < math.inf:
        raise StatementError(f"`temperature` must be positive and finite, but is {temperature}.")
    sweeps, every = checked_count("sweeps", sweeps, 1), checked_count("every", every, 1)
    burn = sweeps // 3 if burn is None else checked_count("burn", burn, 0)
    if burn + every > sweeps:
        raise StatementError(f"`sweeps` must be at least `burn` + `every` = {burn + every}, but is {sweeps}.")
    near, bonds = _neighbours(shape)
    words = pack(J.reshape(len(J), -1) < 0)
    S, X = (rng.integers(0, 2**64, size, dtype=np.uint64) for size in ((n, W), ROWS * W))
    X[A : A + W] |= np.uint64(1)  # a generator must not start at zero
    thresholds = _thresholds(temperature, 2 * len(shape))
    seen: list[tuple[np.ndarray, ...]] = []
    for t in range(1, sweeps + 1):
        sweep(S, near, bonds, words, thresholds, X)
        if t > burn and (t - burn) % every == 0:
            sums = tuple(np.zeros((1 + math.ceil(math.log2(most + 1)), W), np.uint64) for most in (len(words), n, n))
            count(S, near, bonds, words, *sums)
            seen.append(tuple(unpack(s).astype(int).T @ 2 ** np.arange(len(s)) for s in sums))
    broken, down, unequal = (np.array(part) for part in zip(*seen, strict=True))
    return LatticeRun(
        energies=(2 * broken - len(words)) / n,
        magnetisations=1 - 2 * down / n,
        overlaps=1 - 2 * unequal[:, : COPIES // 2] / n,
        spins=(1 - 2 * unpack(S).T.astype(np.int8)).reshape(COPIES, *shape),
    )


def pack(bits: Shaped[np.ndarray, "rows m"]) -> Shaped[np.ndarray, "m 16"]:
    """Bits (rows, m), of one copy each, repeated to 1024 copies and packed into words (m, 16)."""
    rows = np.tile(bits, (-(-64 // len(bits)), 1))
    words = np.packbits(np.ascontiguousarray(rows.T), axis=1, bitorder="little").view("<u8").astype(np.uint64)
    return np.tile(words, COPIES // len(rows))


def unpack(words: Shaped[np.ndarray, "m 16"]) -> Shaped[np.ndarray, "m 1024"]:
    """Words (m, 16) as bits (m, 1024), one column a copy."""
    return np.unpackbits(words.astype("<u8").view(np.uint8), axis=1, bitorder="little")


def _signs(couplings: Real[ArrayLike, "..."]) -> Shaped[np.ndarray, "samples d *lattice"]:
    """Couplings as (samples, d, *shape); raises `StatementError`."""
    J = np.asarray(couplings)
    if J.ndim in (3, 4) and J.shape[0] == J.ndim - 1 and min(J.shape[1:]) > 1:
        J = J[None]
    if J.ndim not in (4, 5) or J.shape[1] != J.ndim - 2 or min(J.shape[2:]) < 2:
        raise StatementError(
            "`couplings` must have shape (d, *shape) or (samples, d, *shape), with d = 2 or 3 axes of at least 2 "
            f"sites, but has shape {np.shape(couplings)}."
        )
    if COPIES % len(J):
        raise StatementError(f"The samples in `couplings` must divide {COPIES}, but are {len(J)}.")
    if (np.abs(J) != 1).any():
        raise StatementError(f"`couplings` must be -1 or 1, but one is {J[np.abs(J) != 1].flat[0]}.")
    return J


def _neighbours(shape: tuple[int, ...]) -> tuple[Int[np.ndarray, "n neighbours"], Int[np.ndarray, "n neighbours"]]:
    """Of each site, (n, 2d): the neighbours, forward ones first, and the bonds to them."""
    sites = np.arange(math.prod(shape)).reshape(shape)
    axes = range(len(shape))
    near = [np.roll(sites, -1, a) for a in axes] + [np.roll(sites, 1, a) for a in axes]
    bonds = [a * sites.size + sites for a in axes] + [a * sites.size + np.roll(sites, 1, a) for a in axes]
    return np.stack([x.ravel() for x in near], axis=1), np.stack([x.ravel() for x in bonds], axis=1)


def _thresholds(temperature: float, degree: int) -> Shaped[np.ndarray, "3 64"]:
    """(3, 64): binary digits, all ones or zeros, of the probabilities of flips that break more bonds than they mend."""
    digits = np.zeros((3, 64), np.uint64)
    for row, satisfied in enumerate(range(degree // 2 + 1, degree + 1)):
        probability = math.exp(-2 * (2 * satisfied - degree) / temperature)
        number = min(int(probability * 2**64), 2**64 - 1)
        digits[row] = [2**64 - 1 if number >> (63 - level) & 1 else 0 for level in range(64)]
    return digits
