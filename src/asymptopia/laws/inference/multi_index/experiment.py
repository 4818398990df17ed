"""Message passing for links that are symmetric in their directions."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ....algorithms.checks import NotSolved
from ....contract.batching import generator, whole
from ....contract.record import StatementError
from . import Norm, SignProduct, Square

if TYPE_CHECKING:
    import jax

    from . import MultiIndex

FRESH = 20_000
ROUTES = ((0.4, False), (0.8, False), (0.8, True))
"""Tried in turn: the share of old messages that is kept, and whether the score's mean square stands for its slope.

Less damping leaves some systems oscillating. The mean square is as large as the slope only near the solution, but
settles in small systems where the slope does not.
"""
SETTLED = 1e-4  # relative change, far below the spread between systems
MOST = 1500  # iterations: with many samples some systems take more than a thousand
NOTHING = 1e-5  # of a weight: below, the start has been forgotten and nothing is learned


def realize(law: MultiIndex, n: int, key: jax.Array) -> dict[str, Any]:
    """Overlap and error of message passing in dimension n."""
    rng, d, p = generator(key), n, law.link.size
    norm = isinstance(law.link, (Norm, Square))
    if not (norm or (isinstance(law.link, SignProduct) and p == 2)) or law.noise > 0:
        raise StatementError("Message passing is written for Norm(), Square() and SignProduct(size=2) without noise.")
    star = np.linalg.qr(rng.standard_normal((d, p)))[0] * np.sqrt(d)
    X = rng.standard_normal((whole(law.alpha * d, rng), d), dtype=np.float32) / np.float32(np.sqrt(d))
    y = law.link(np.asarray(X @ star.astype(X.dtype), float))
    if law.flip > 0:
        y = y * np.where(rng.random(len(y)) < law.flip, -1.0, 1.0)
    W = _message_passing(X, y, 0.1 * rng.standard_normal((d, p)), law)
    across = W.T @ star / d
    aligned = _rotated(across) if norm else _permuted(across)
    return {"overlap": aligned, "test_error": _error(law, W, star, rng)}


def _message_passing(X: np.ndarray, y: np.ndarray, start: np.ndarray, law: MultiIndex) -> np.ndarray:
    """The posterior mean of the directions, from a start; overlaps are taken to be multiples of the identity.

    Raises `NotSolved` if the messages settle on none of the `ROUTES`.
    """
    for kept, by_square in ROUTES:
        W, change = _damped(X, y, start, law, kept, by_square)
        if change < SETTLED:
            return W
    raise NotSolved(
        f"Message passing of {law.short()} did not settle in dimension {X.shape[1]}: after {MOST} iterations the "
        f"directions or their variance still change by {change:.1e}. Take more samples or a larger dimension."
    )


def _damped(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, law: MultiIndex, kept: float, by_square: bool
) -> tuple[np.ndarray, float]:
    """Directions after at most `MOST` damped iterations and their last relative change, 0 if all is found or lost."""
    alpha, p = len(y) / X.shape[1], W.shape[1]
    v, g, pull, change = 0.99, np.zeros((len(y), p)), np.zeros(W.shape), math.inf
    denoise = _score_of_norm if isinstance(law.link, (Norm, Square)) else _score_of_parity
    for _ in range(MOST):
        omega = X @ W.astype(X.dtype) - v * g
        score, slope = denoise(y, omega, v, law.flip)
        information = alpha * (float(np.mean(score**2)) if by_square else -slope)
        gain = max(information, 0.0)  # no label widens the prior
        pull_now = X.T @ score.astype(X.dtype)
        change = _undamped_change(W, v, pull_now, information)
        g, pull = kept * g + (1 - kept) * score, kept * pull + (1 - kept) * pull_now
        moved = (pull + gain * W) / (1 + gain)
        W, v = kept * W + (1 - kept) * moved, kept * v + (1 - kept) * max(1 / (1 + gain), 1e-9)
        if v < 1e-5 or np.linalg.norm(W) < NOTHING * np.sqrt(W.size):  # found perfectly, when v would vanish, or lost
            return W, 0.0
        if change < SETTLED:
            break
    return W, change


def _undamped_change(W: np.ndarray, v: float, pull: np.ndarray, information: float) -> float:
    """How far a step without damping or bounds goes: relative to W, as it may shrink before it grows, or in v.

    Where labels would widen the prior the step is not taken so, and no state settles unless they hardly do.
    """
    if information <= -1:
        return math.inf
    moved = (pull - W) / (1 + information)
    return max(float(np.linalg.norm(moved) / np.linalg.norm(W)), abs(1 / (1 + information) - v))


def _score_of_norm(y: np.ndarray, omega: np.ndarray, v: float, flip: float) -> tuple[np.ndarray, float]:
    """(E[z | y, omega] - omega) / v for y = |z|^2 and z ~ N(omega, v), and its mean slope in omega."""
    from scipy.special import ive

    p = omega.shape[1]
    length = np.maximum(np.linalg.norm(omega, axis=1), 1e-300)
    t = np.maximum(np.sqrt(y) * length / v, 1e-12)
    pull = np.sqrt(y) * np.minimum(ive(p / 2, t) / np.maximum(ive(p / 2 - 1, t), 1e-300), 1.0)
    return (pull / length - 1)[:, None] * omega / v, float(np.mean(y - pull**2) / (p * v**2) - 1 / v)


def _score_of_parity(y: np.ndarray, omega: np.ndarray, v: float, flip: float) -> tuple[np.ndarray, float]:
    """The slope in omega of the log-probability of y = sign(z_1 z_2), flipped with a probability, and its own slope."""
    from scipy.special import ndtr

    u = omega / np.sqrt(v)
    bell, sign = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi * v), 2 * ndtr(u) - 1
    plain = (1 - 2 * flip) * y
    chance = (1 + plain * sign[:, 0] * sign[:, 1]) / 2
    score = (plain / np.maximum(chance, 1e-12))[:, None] * bell * sign[:, ::-1]
    return score, -float(np.mean(score**2 + score * omega / v))


def _rotated(across: np.ndarray) -> np.ndarray:
    """The overlap after the rotation of the estimate that makes its trace largest."""
    _, s, right = np.linalg.svd(across)
    return np.asarray((right.T * s) @ right)


def _permuted(across: np.ndarray) -> np.ndarray:
    """The overlap after the best order and common sign of the estimates."""
    orders = [across[list(order)] for order in itertools.permutations(range(len(across)))]
    return max((s * a for a in orders for s in (1.0, -1.0)), key=np.trace)


def _error(law: MultiIndex, W: np.ndarray, star: np.ndarray, rng: np.random.Generator) -> float:
    """The error on fresh inputs, of which only the fields matter."""
    d, p = W.shape
    both = np.column_stack([star, W])
    values, vectors = np.linalg.eigh(both.T @ both / d)
    z = rng.standard_normal((FRESH, 2 * p)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    if isinstance(law.link, SignProduct):
        return float(np.mean((1 - law.link(z[:, :p]) * law.link(z[:, p:])) / 2))
    left = p - np.sum(W**2) / d  # the mean of |z|^2 around the estimate
    return float(np.mean((law.link(z[:, :p]) - np.sum(z[:, p:] ** 2, axis=1) - left) ** 2))
