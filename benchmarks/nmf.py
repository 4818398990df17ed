"""CPU time of nonnegative factorisation by beta-divergences against the updates of scikit-learn and torchnmf.

500 x 400 matrices of rank 20. First the time of an iteration of the same update (the iterates are checked to agree),
then the time to come within 1e-3 of the best divergence that any of the methods reaches from that start. Threads are
pinned to one; rounds are interleaved, and medians of process CPU times taken. Evaluating the divergence is not timed.

    python benchmarks/nmf.py [--repeats 5] [--most 3000]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[_name] = "1"

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.decomposition import non_negative_factorization
from timing import options, pick, row, seconds

from asymptopia.algorithms.factorise import beta_divergence, mm, newton
from asymptopia.algorithms.factorise.nmf_problem import Problem, stated

(ROWS, COLUMNS, RANK), NEAR = pick((500, 400, 20), (100, 80, 5)), 1e-3
Factors = tuple[np.ndarray, np.ndarray]
Method = Callable[[Factors, int], Factors]


def planted(beta: float) -> np.ndarray:
    """A product of sparse factors with the noise that the divergence goes with, Poisson at beta = 1, else Gamma."""
    rng = np.random.default_rng(0)
    V = rng.gamma(0.5, 2.0, (ROWS, RANK)) @ rng.gamma(0.5, 2.0, (RANK, COLUMNS))
    return rng.poisson(V).astype(float) if beta == 1 else V * rng.gamma(4, 0.25, V.shape)


def structureless(beta: float) -> np.ndarray:
    """Independent uniform entries, away from zero."""
    return np.random.default_rng(0).random((ROWS, COLUMNS)) + 1e-3


def ours(problem: Problem, step: Any) -> Method:
    """Steps on (W, H)."""

    def method(factors: Factors, count: int) -> Factors:
        now = (factors[0], np.ascontiguousarray(factors[1].T))
        for _ in range(count):
            now = step(problem, now)
        return now[0], now[1].T

    return method


def scikit_learn(X: np.ndarray, beta: float) -> Method:
    """Its multiplicative updates, through the public function."""

    def method(factors: Factors, count: int) -> Factors:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            W, H, _ = non_negative_factorization(
                X, *(A.copy() for A in factors), n_components=RANK, init="custom", solver="mu", beta_loss=beta, tol=0,
                max_iter=count,
            )  # fmt: skip
        return W, H

    return method


def torchnmf(X: np.ndarray, beta: float) -> Method | None:
    """Its multiplicative updates in double precision, or None if it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import torch
            from torchnmf.nmf import NMF
    except ImportError:
        return None
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    data = torch.tensor(X)

    def method(factors: Factors, count: int) -> Factors:
        # it writes X = H W' with H (n, r) and W (m, r)
        net = NMF(W=torch.tensor(factors[1].T.copy()), H=torch.tensor(factors[0].copy()))
        net.fit(data, beta=beta, tol=-np.inf, max_iter=count)
        return net.H.detach().numpy(), net.W.detach().numpy().T

    return method


def divergence(X: np.ndarray, factors: Factors, beta: float) -> float:
    """Summed."""
    return float(beta_divergence(X, np.maximum(factors[0] @ factors[1], 1e-300), beta).sum())


def start_of(X: np.ndarray) -> Factors:
    rng = np.random.default_rng(1)
    scale = np.sqrt(X.mean() / RANK)
    return scale * np.abs(rng.standard_normal((ROWS, RANK))), scale * np.abs(rng.standard_normal((RANK, COLUMNS)))


def methods(X: np.ndarray, beta: float, step: Any) -> dict[str, Method]:
    """Those that are installed, by name."""
    peers = {"scikit-learn": scikit_learn(X, beta), "torchnmf": torchnmf(X, beta)}
    return {"ours": ours(stated(X, RANK, beta), step)} | {k: m for k, m in peers.items() if m is not None}


def iteration(beta: float, repeats: int, count: int = 20) -> None:
    """The time of an iteration of the same update."""
    X = planted(beta) + 1e-3
    start, times = start_of(X), {}
    for _ in range(repeats):
        ends = {}
        for name, method in methods(X, beta, mm).items():
            method(start, 1)
            taken, ends[name] = seconds(lambda: method(start, count))
            times.setdefault(name, []).append(taken / count)
    one, other = divergence(X, ends["ours"], beta), divergence(X, ends["scikit-learn"], beta)
    if abs(one - other) > 1e-8 * other:
        raise ArithmeticError(f"The updates do not agree: {one} and {other}.")
    medians = {name: 1e3 * np.median(rows) for name, rows in times.items()}
    mine = medians.pop("ours")
    for name, taken in medians.items():
        row(f"an iteration, beta = {beta:g}", mine, taken, name, "ms")


def path(X: np.ndarray, beta: float, method: Method, most: int) -> list[tuple[float, float]]:
    """Seconds and divergence after blocks of iterations that grow by a twentieth."""
    now, taken, done, points = start_of(X), 0.0, 0, []
    while done < most:
        block = max(1, done // 20)
        spent, now = seconds(lambda: method(now, block))
        taken, done = taken + spent, done + block
        points.append((taken, divergence(X, now, beta)))
    return points


def target(kind: Callable[[float], np.ndarray], beta: float, repeats: int, most: int) -> None:
    """The time to come near the best divergence."""
    X = kind(beta)
    runs: dict[str, list[list[tuple[float, float]]]] = {}
    for _ in range(repeats):
        for name, method in methods(X, beta, newton).items():
            method(start_of(X), 1)
            runs.setdefault(name, []).append(path(X, beta, method, most // 5 if name == "ours" else most))
    best = min(d for paths in runs.values() for points in paths for _, d in points)
    hits = {
        name: np.median([next((t for t, d in p if d <= best * (1 + NEAR)), np.inf) for p in paths])
        for name, paths in runs.items()
    }
    spent = {name: np.median([p[-1][0] for p in paths]) for name, paths in runs.items()}
    for name in sorted(runs.keys() - {"ours"}):
        there = np.isfinite(hits[name])
        note = f"to within {NEAR:g} of the best" + ("" if there else "; the peer has not come there")
        row(f"{kind.__name__}, beta = {beta:g}", hits["ours"], hits[name] if there else spent[name], name, note=note)


def main() -> None:
    given = options(__doc__, repeats=(5, 1), most=(3000, 200))
    if torchnmf(np.ones((2, 2)), 1.0) is None:
        row("all", note="torchnmf is not installed")
    for beta in pick((-0.5, 0.0, 0.5, 1.0, 1.3, 1.5, 2.0, 3.0), (1.0, 2.0)):
        iteration(beta, given.repeats)
    for kind in pick((planted, structureless), (planted,)):
        for beta in pick((0.0, 0.5, 1.0), (1.0,)):
            target(kind, beta, max(1, given.repeats // 3), given.most)


if __name__ == "__main__":
    main()
