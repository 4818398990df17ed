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

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import hadamard

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
            start = time.process_time()
            found = way(A)
            times[name].append(time.process_time() - start)
            errors[name] = np.linalg.norm(found - A) / np.linalg.norm(A)
    mine = np.median(times["ours"])
    for name, rows in times.items():
        ratio = f"{np.median(rows) / mine:8.1f} x" if name != "ours" else " " * 10
        print(
            f"{kind:9s} {n:5d}  {name:26s} {1e3 * np.median(rows):9.1f} ms {ratio}  error {errors[name]:.1e}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--largest", type=int, default=1024)
    options = parser.parse_args()
    try:
        import pyfaust  # noqa: F401
    except ImportError:
        print("pyfaust is not installed")
    n = 32
    while n <= options.largest:
        compare("hadamard", hadamard(n).astype(float), options.repeats)
        compare("fourier", fourier(n), options.repeats)
        compare("random", random_butterfly(n), options.repeats)
        n *= 2 if n < 64 else 4


if __name__ == "__main__":
    main()
