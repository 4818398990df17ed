"""Message passing for links that are symmetric in their directions."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....contract.record import StatementError
from . import Norm, SignProduct, Square

if TYPE_CHECKING:
    import jax

    from . import MultiIndex

FRESH, KEPT = 20_000, 0.4  # less damping leaves some systems oscillating
SETTLED = 1e-4  # relative change, far below the spread between systems
MOST = 1500  # iterations: with many samples some systems take more than a thousand
NOTHING = 1e-8  # of a weight: below, the start has been forgotten and nothing is learned


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


def _message_passing(X: np.ndarray, y: np.ndarray, W: np.ndarray, law: MultiIndex) -> np.ndarray:
    """The posterior mean of the directions, from W; overlaps are taken to be multiples of the identity."""
    alpha, p = len(y) / X.shape[1], W.shape[1]
    v, g = 0.99, np.zeros((len(y), p))
    denoise = _score_of_norm if isinstance(law.link, (Norm, Square)) else _score_of_parity
    for _ in range(MOST):
        omega = X @ W.astype(X.dtype) - v * g
        score, slope = denoise(y, omega, v, law.flip)
        g = KEPT * g + (1 - KEPT) * score
        gain = -alpha * slope  # not the mean square of the score, which is as large only near the solution
        moved = (X.T @ g.astype(X.dtype) + gain * W) / (1 + gain)
        change = np.linalg.norm(moved - W) / np.linalg.norm(W)  # relative, as W may all but vanish before it grows
        W, v = KEPT * W + (1 - KEPT) * moved, KEPT * v + (1 - KEPT) * max(1 / (1 + gain), 1e-9)
        if change < SETTLED or v < 1e-5:  # settled, or found perfectly: then v would vanish
            break
        if np.linalg.norm(W) < NOTHING * np.sqrt(W.size):
            break
    return W


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
