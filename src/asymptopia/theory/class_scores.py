"""What a student of several classes is worth: errors, and the probabilities that it states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..parts.classes import class_scores, paid
from ..parts.loss import Loss
from .several_classes import Classes, ClassState, Solver, symmetric_root

if TYPE_CHECKING:
    from jaxtyping import Float

_DRAWS = 8


def predicted_scores(people: Classes, loss: Loss, state: ClassState, solver: Solver) -> dict[str, float]:
    """The observables of the solution, of new samples and of the training set."""
    z, y = new_fields(people, state, max(1 - solver.alpha * solver.d / len(people.y), 0.0))
    omega = solver.omega(state.M, state.Q, state.intercept)
    assert solver.pull is not None
    seen = omega + solver.pull.f @ state.V
    wrong = seen.argmax(axis=1) != solver.y.astype(int)
    return {
        "test_error": float((z.argmax(axis=1) != y.astype(int)).mean()),
        "train_error": float(solver.weights @ wrong),
        "train_loss": float(solver.weights @ paid(loss, solver.y, seen)),
        **class_scores(loss, y, z),
    }


def new_fields(
    people: Classes, state: ClassState, left_over: float
) -> tuple[Float[np.ndarray, "M K"], Float[np.ndarray, " M"]]:
    """Fields (N * draws, K) and classes of the samples as new ones.

    In each axis of V_hat a field is a mixture of predictions outside of each sample at the student's own kappa, which
    has the right overlaps with the classes, and normal noise that makes up what is missing from Q. Data that are not
    Gaussian may miss too little, so that its covariance is at least what a training set of n samples adds beyond one
    of all N: that part of Q which differs from one training set to another, times the share left_over = 1 - n/N.
    """
    T, axes = people.targets(), people.axes
    scales = axes.scales()
    mean = np.empty((len(T), people.count))
    overlaps = state.U.T @ state.M
    for j, kappa in enumerate(state.kappa):
        own = float(np.exp(np.interp(np.log(kappa), *scales)))
        outside = np.column_stack([axes.leave_one_out(t, own) for t in T.T])
        outside -= outside.mean(axis=0)
        mean[:, j] = outside @ np.linalg.lstsq(T.T @ outside / len(T), overlaps[j], rcond=1e-8)[0]
    mean = mean @ state.U.T
    least = left_over * state.spread
    beyond = symmetric_root(state.Q - mean.T @ mean / len(mean) - least)
    left = symmetric_root(least + beyond @ beyond)
    rng = np.random.default_rng(1)
    half = rng.standard_normal((_DRAWS // 2, *mean.shape))
    noise = np.concatenate([half, -half]) @ left
    return (mean + noise + state.intercept).reshape(-1, people.count), np.tile(people.y, _DRAWS)
