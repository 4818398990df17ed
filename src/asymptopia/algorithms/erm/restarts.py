"""The lowest of the minima that descents from many starts reach, all starts at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...parts.loss import Loss
from ..checks import NotSolved, checked_data

if TYPE_CHECKING:
    from jaxtyping import Float

Objective = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]

STEPS, LATEST = 120, 10
ROUNDS, PARENTS = 4, 8
POLISHED = 3
POLISH = {"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-15, "gtol": 1e-9}


def lowest_of_many(
    X: ArrayLike,
    y: ArrayLike,
    loss: Loss,
    ridge: float,
    rng: np.random.Generator,
    *,
    starts: int,
    tolerance: float = 1e-6,
) -> Float[np.ndarray, " d"]:
    """The lowest of the minima of sum_i loss(y_i, x_i.w) + ridge/2 |w|^2 that descents from many starts reach: (d,).

    X: shape (n, d), y: shape (n,). starts: how many, in four rounds: the first from normal w, the others at random
    angles from the eight lowest minima so far. A round descends at once with the steps of Barzilai and Borwein (IMA J.
    Numer. Anal. 8 (1988) 141); the three lowest are polished by L-BFGS. In few dimensions and with many starts that is
    the least value, but nothing certifies it.

    Raises `StatementError` for bad input, `NotSolved` where a gradient stays above `tolerance`, relative to that at the
    first starts.
    """
    from scipy.optimize import minimize

    X, y = checked_data(X, y, margin=type(loss).margin is True)
    if not (np.isfinite(ridge) and ridge > 0):
        raise StatementError(f"`ridge` must be finite and > 0, but is {ridge}.")
    if starts < 1:
        raise StatementError(f"`starts` must be at least 1, but is {starts}.")

    def objective(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = w @ X.T
        label = np.broadcast_to(y, z.shape)
        value = np.sum(loss(label, z), axis=-1) + ridge / 2 * np.sum(w**2, axis=-1)
        return value, loss.gradient(label, z) @ X + ridge * w

    share = -(-starts // ROUNDS)
    first = rng.standard_normal((share, X.shape[1]))
    steep = float(np.mean(np.linalg.norm(objective(first)[1], axis=1)))
    w, value = _descend(objective, first)
    for _ in range(ROUNDS - 1):
        more, values = _descend(objective, _around(w[np.argsort(value)[:PARENTS]], share, rng))
        w, value = np.concatenate([w, more]), np.concatenate([value, values])
    best, lowest = w[0], float("inf")
    for k in np.argsort(value)[:POLISHED]:
        solved = minimize(objective, w[k], jac=True, method="L-BFGS-B", options=POLISH)
        if not np.linalg.norm(solved.jac) <= tolerance * steep:
            raise NotSolved(
                f"A descent of {loss!r} stopped at a gradient of {np.linalg.norm(solved.jac):.1e}, more than "
                f"{tolerance:g} of that at its start: {solved.message}."
            )
        if solved.fun < lowest:
            best, lowest = solved.x, float(solved.fun)
    return np.asarray(best)


def _around(w: Float[np.ndarray, "P d"], count: int, rng: np.random.Generator) -> Float[np.ndarray, "R d"]:
    """Starts at random angles from minima, with norms like theirs."""
    parent = w[np.arange(count) % len(w)]
    scale = np.sqrt(np.mean(parent**2, axis=1, keepdims=True))
    angle = rng.uniform(0.0, np.pi / 2, (count, 1))
    return np.asarray(np.cos(angle) * parent + np.sin(angle) * scale * rng.standard_normal(parent.shape))


def _descend(
    objective: Objective, w: Float[np.ndarray, "R d"]
) -> tuple[Float[np.ndarray, "R d"], Float[np.ndarray, " R"]]:
    """The lowest points (R, d) on the way of each start, and their values (R,)."""
    value, slope = objective(w)
    least, lowest = value.copy(), w.copy()
    latest = np.repeat(value[None], LATEST, axis=0)
    longest = np.linalg.norm(w, axis=1) / np.maximum(np.linalg.norm(slope, axis=1), 1e-300)
    step = 0.1 * longest
    for k in range(STEPS):
        new = w - step[:, None] * slope
        new_value, new_slope = objective(new)
        worse = ~(new_value <= latest.max(axis=0))
        move, turn = new - w, new_slope - slope
        bend = np.sum(move * turn, axis=1)
        length = np.where(bend > 0, np.sum(move**2, axis=1) / np.where(bend > 0, bend, 1.0), 4 * step)
        step = np.where(worse, step / 4, np.minimum(length, 10 * longest))
        w, value = np.where(worse[:, None], w, new), np.where(worse, value, new_value)
        slope = np.where(worse[:, None], slope, new_slope)
        latest[k % LATEST] = value
        lower = value < least
        least, lowest = np.where(lower, value, least), np.where(lower[:, None], w, lowest)
    return lowest, least
