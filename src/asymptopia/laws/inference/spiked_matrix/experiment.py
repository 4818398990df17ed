"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import SpikedMatrix

SLOWEST = 30_000  # damped iterations at most: the more nearly two directions tie, the slower one of them gives way


def realize(law: SpikedMatrix, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.amp.low_rank import low_rank_amp

    rng = generator(key)
    rows = None if law.aspect is None else law.rows
    x = law.prior.signal(n, rng)
    u = x if law.aspect is None else law.rows.signal(max(1, round(law.aspect * n)), rng)
    Y = rng.standard_normal((len(u), n))
    if rows is None:
        Y = (Y + Y.T) / np.sqrt(2)
    Y += np.sqrt(law.snr / n) * np.outer(u, x)
    first = x if law.start == "informative" else 1e-4 * rng.standard_normal(n)
    own = law.prior.symmetric and (rows is None or rows.symmetric)
    starts = [first] if own or law.start == "informative" else [first, -first]
    runs = [low_rank_amp(Y, law.prior, law.snr, rows=rows, start=s, damping=0.0) for s in starts]
    for damping in (0.5, 0.85):
        if not any(run.converged for run in runs):
            starts = [run.x.means for run in runs]
            runs = [
                low_rank_amp(Y, law.prior, law.snr, rows=rows, start=s, damping=damping, iterations=SLOWEST)
                for s in starts
            ]
    best = max((r for r in runs if r.converged), key=lambda r: r.free_entropy, default=runs[0]).require()
    overlap = best.x.means @ x / n
    left = best.x if best.u is None else best.u
    error = np.mean(u**2) * np.mean(x**2) + np.mean(left.means**2) * np.mean(best.x.means**2)
    values = {
        "mse": error - 2 * overlap * (left.means @ u) / len(u),
        "overlap": abs(overlap) if own else overlap,
    }
    return values | _principal(Y if rows is None else Y.T @ Y / len(u) * np.sqrt(n), x)


def _principal(Y: np.ndarray, x: np.ndarray) -> dict[str, float]:
    """The largest eigenvalue of Y / sqrt(N), and the squared cosine of its eigenvector with x."""
    from scipy.sparse.linalg import eigsh

    value, vector = eigsh(Y, 1, which="LA", v0=np.random.default_rng(0).standard_normal(len(x)))
    cosine = vector[:, 0] @ x / np.linalg.norm(x)
    return {"pca_overlap": cosine**2, "top_eigenvalue": value[0] / np.sqrt(len(x))}
