"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import BetaNMF

PERTURBATION = 1e-6
ROUND_OFF = 1e-12


def realize(law: BetaNMF, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.factorise import beta_divergence, heuristic, mm
    from ....algorithms.factorise.nmf_problem import random_factors, stated
    from ....algorithms.factorise.nmf_solvers import run

    rng = generator(key)
    problem = stated(law.data.matrix(), int(law.rank), float(law.beta), l1=(float(law.l1), float(law.l1)))
    step = heuristic if law.heuristic else mm
    runs = [run(problem, random_factors(problem, rng), step, n, every=1) for _ in range(law.starts)]
    rises = [np.diff(r.objectives) > ROUND_OFF * problem.X.size * np.abs(r.objectives[0]) for r in runs]
    best = min(runs, key=lambda r: r.objectives[-1])
    return {
        "divergence": float(beta_divergence(problem.X, best.W @ best.H, problem.beta).mean()),
        "violations": float(sum(r.sum() for r in rises)),
        "rate": contraction(problem, (best.W, np.ascontiguousarray(best.H.T)), step, n, rng),
    }


def contraction(problem: Any, factors: Any, step: Any, n: int, rng: np.random.Generator) -> float:
    """The factor by which the difference of two nearby iterates shrinks in the last of n iterations.

    Without a penalty, changes of the scales of the components are taken out of the difference each time.
    """
    split, shapes = factors[0].size, [A.shape for A in factors]
    a = np.concatenate([A.ravel() for A in factors])
    noise = rng.standard_normal(len(a))
    d = np.where(a < 1e-7 * a.mean(), a.mean() * np.abs(noise), a * noise)
    scale, growth = PERTURBATION * float(np.linalg.norm(a)), 1.0
    for _ in range(n):
        length = np.linalg.norm(d)
        if length < 1e-9 * scale:
            return 0.0
        d *= scale / length
        ahead = np.split(np.maximum(a + d, problem.floor), [split])
        moved = step(problem, tuple(A.reshape(s) for A, s in zip(ahead, shapes, strict=True)))
        factors = step(problem, factors)
        a = np.concatenate([A.ravel() for A in factors])
        d = np.concatenate([A.ravel() for A in moved]) - a
        if not problem.l1[0]:
            d = np.concatenate([p.ravel() for p in without_scales(np.split(d, [split]), factors)])
        growth = float(np.linalg.norm(d)) / scale
    return growth


def without_scales(d: Any, factors: Any) -> tuple[np.ndarray, np.ndarray]:
    """A difference of factors (W, H.T) less its part along (w, -h) for each component."""
    (W, Ht), (left, right) = factors, (p.reshape(A.shape) for p, A in zip(d, factors, strict=True))
    along = ((left * W).sum(axis=0) - (right * Ht).sum(axis=0)) / ((W**2).sum(axis=0) + (Ht**2).sum(axis=0))
    return left - along * W, right + along * Ht
