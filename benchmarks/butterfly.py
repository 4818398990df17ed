"""CPU time and error of butterfly factorisation against pyfaust's.

Hadamard and Fourier matrices and products of random butterfly factors. pyfaust's `butterfly` uses the same supports
with a balanced tree; its `hierarchical` finds Hadamard's factors by PALM with sparsity constraints alone. Threads are
pinned to one; rounds are interleaved, and medians of process CPU times taken.

    python benchmarks/butterfly.py [--repeats 5] [--largest 1024]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import hadamard
from timing import options, row, seconds

from asymptopia.algorithms.factorise import ButterflyFactors, bit_reversal, butterfly, dyadic

HIERARCHICAL = 32  # pyfaust's hierarchical PALM is timed up to here


def random_butterfly(n: int) -> np.ndarray:
    """A product of factors of independent normal entries."""
    rng, patterns = np.random.default_rng(0), dyadic(n)
    return ButterflyFactors(patterns, tuple(rng.standard_normal(p) for p in patterns)).dense()


def fourier(n: int) -> np.ndarray:
    """With columns in bit-reversed order."""
    return np.fft.fft(np.eye(n))[:, bit_reversal(n)]


def peers(kind: str, n: int) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """pyfaust's ways, by name; none if it is not installed."""
    try:
        from pyfaust import fact
    except ImportError:
        return {}

    def dense(found: Any) -> np.ndarray:
        return found.toarray()

    ways = {f"pyfaust {t}": lambda A, t=t: dense(fact.butterfly(A, type=t)) for t in ("bbtree", "left")}
    if kind != "fourier" and n <= HIERARCHICAL:
        ways["pyfaust hierarchical PALM"] = lambda A: dense(fact.hierarchical(A, "hadamard"))
    return ways


def compare(kind: str, A: np.ndarray, repeats: int) -> None:
    """Medians of the times, with the factors multiplied out again, and relative errors."""
    n = len(A)
    ways = {"ours": lambda A: butterfly(A).dense()} | peers(kind, n)
    times: dict[str, list[float]] = {k: [] for k in ways}
    errors = {}
    for _ in range(repeats):
        for name, way in ways.items():
            taken, found = seconds(lambda: way(A))
            times[name].append(1e3 * taken)
            errors[name] = np.linalg.norm(found - A) / np.linalg.norm(A)
    mine = float(np.median(times.pop("ours")))
    row(f"{kind}, {n}", mine, unit="ms", note=f"error {errors['ours']:.1e}")
    for name, rows in times.items():
        row(f"{kind}, {n}", mine, float(np.median(rows)), name, "ms", f"error {errors[name]:.1e}")


def main() -> None:
    given = options(__doc__, repeats=(5, 1), largest=(1024, 64))
    try:
        import pyfaust  # noqa: F401
    except ImportError:
        row("all", note="pyfaust is not installed")
    n = 32
    while n <= given.largest:
        compare("hadamard", hadamard(n).astype(float), given.repeats)
        compare("fourier", fourier(n), given.repeats)
        compare("random", random_butterfly(n), given.repeats)
        n *= 2 if n < 64 else 4


if __name__ == "__main__":
    main()
