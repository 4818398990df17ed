"""The best ridge, by theory and by cross-validation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..laws.inference.gaussian_covariate import GaussianCovariate
    from ..parts.loss import Loss

RIDGES = 10.0 ** np.arange(-3.0, 3.0)
FOLDS = 5


def ridge_row(law: GaussianCovariate, seeds: int) -> tuple[Any, ...]:
    """Samples, ridge and test error by theory, and by cross-validation."""
    from ..contract.batching import generator, seed_keys
    from ..laws.inference.gaussian_covariate.experiment import trained_errors

    data = law.data.samples(law.features)  # type: ignore[attr-defined]
    d = data.shape[1]
    by_theory, chosen, errors = law.chosen_ridge(), [], []
    for seed in range(seeds):
        rng = generator(seed_keys(d, [seed])[0])
        train, test = np.split(rng.permutation(len(data.y)), [law.samples_drawn(d)])
        chosen.append(cross_validated(data.X[train], data.y[train], law.loss, data.kind, rng))
        errors.append(
            [
                trained_errors(data.X, data.y, train, test, law.loss, r, data.kind)["test_error"]
                for r in (by_theory, chosen[-1])
            ]
        )
    first, second = np.mean(errors, axis=0)
    return (law.samples_drawn(d), by_theory, float(first), float(np.exp(np.mean(np.log(chosen)))), float(second))


def cross_validated(X: np.ndarray, y: np.ndarray, loss: Loss, kind: str, rng: np.random.Generator) -> float:
    """The ridge of least mean validation error over five folds; among equals, the one in their middle."""
    from ..laws.inference.gaussian_covariate.experiment import trained_errors

    folds = np.array_split(rng.permutation(len(y)), min(FOLDS, len(y)))
    totals = np.zeros(len(RIDGES))
    for k, test in enumerate(folds):
        train = np.concatenate([f for j, f in enumerate(folds) if j != k])
        totals += [len(test) * trained_errors(X, y, train, test, loss, r, kind)["test_error"] for r in RIDGES]
    best = np.flatnonzero(totals <= totals.min() * (1 + 1e-12))
    return float(RIDGES[best[len(best) // 2]])
