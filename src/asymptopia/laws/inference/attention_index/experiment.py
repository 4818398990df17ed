"""Attention with two tokens, trained on sampled sentences by descent from the direction of the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from ....algorithms.checks import NotSolved
from ....contract.batching import generator, whole

if TYPE_CHECKING:
    import jax

    from . import AttentionIndex

FRESH = 4_000
FLAT = 1e-6  # of the gradient at a minimum, over that of the penalty


def realize(law: AttentionIndex, n: int, key: jax.Array) -> dict[str, Any]:
    """The overlaps, length and errors of one trained student in n dimensions."""
    rng, d = generator(key), n
    star, p = (_direction(d, rng) for _ in range(2))
    x = np.sqrt(law.variance) * rng.standard_normal((whole(law.alpha * d, rng), 2, d))
    seen = Sentences(law, x, star, p, d)
    start = star if law.start == "semantic" else p
    Q = _descended(seen, law.ridge, start * np.sqrt(d))
    length = np.linalg.norm(Q)
    return {
        "semantic_overlap": Q @ star / length,
        "positional_overlap": Q @ p / length,
        "norm": length**2 / d,
        "test_error": np.mean(_fresh_losses(law, star, p, Q, rng)),
        "train_loss": np.mean(seen.loss(Q)[0]),
    }


class Sentences:
    """Sampled sentences with their labels; the loss needs the scalar products of tokens and labels alone."""

    def __init__(self, law: AttentionIndex, x: np.ndarray, star: np.ndarray, p: np.ndarray, d: int):
        """x: tokens, shape (n, 2, k); star and p: directions, shape (k,); d: what lengths are divided by."""
        rule = np.array([[law.share, 1 - law.share], [1 - law.share, law.share]])
        target = (1 - law.positional) * _attention(x @ star) + law.positional * rule  # x.Q*/sqrt(d), |Q*|^2 = d
        y = target @ x
        inputs = x + np.sqrt(law.encoding) * np.stack([p, -p])
        self.squares = np.sum(y**2, axis=(1, 2)) / d
        self.products = y @ inputs.swapaxes(1, 2) / d
        self.gram = inputs @ inputs.swapaxes(1, 2) / d
        self.rows, self.d = inputs.reshape(-1, x.shape[2]), d

    def loss(self, Q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Each sentence's |y - f|^2 / 2d, shape (n,), and the gradient of their sum, shape (d,)."""
        root = np.sqrt(self.d)
        h = (self.rows @ Q / root).reshape(-1, 2)
        S = _attention(h)
        mixed = S @ self.gram
        losses = (self.squares - 2 * np.sum(self.products * S, axis=(1, 2)) + np.sum(mixed * S, axis=(1, 2))) / 2
        by_share = mixed - self.products
        by_score = S * (by_share - np.sum(by_share * S, axis=2, keepdims=True))
        by_field = ((by_score + by_score.swapaxes(1, 2)) @ h[:, :, None])[:, :, 0]
        return losses, by_field.ravel() @ self.rows / root


def _fresh_losses(
    law: AttentionIndex, star: np.ndarray, p: np.ndarray, Q: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The losses of new sentences, shape (FRESH,), from their coordinates in the space that star, p and Q span.

    The rest of the two tokens enters by its products alone, which are those of a triangle (Bartlett).
    """
    d = len(Q)
    basis = np.linalg.qr(np.column_stack([star, p, Q]))[0]
    x = np.zeros((FRESH, 2, 5))
    x[:, :, :3] = rng.standard_normal((FRESH, 2, 3))
    x[:, 0, 3], x[:, 1, 4] = np.sqrt(rng.chisquare([d - 3, d - 4], (FRESH, 2))).T
    x[:, 1, 3] = rng.standard_normal(FRESH)
    star, p, Q = (np.append(basis.T @ v, [0.0, 0.0]) for v in (star, p, Q))
    return Sentences(law, np.sqrt(law.variance) * x, star, p, d).loss(Q)[0]


def _attention(h: np.ndarray) -> np.ndarray:
    """softmax(h h^T) by rows, for fields of shape (n, tokens)."""
    scores = h[:, :, None] * h[:, None, :]
    weights = np.exp(scores - scores.max(axis=2, keepdims=True))
    return np.asarray(weights / weights.sum(axis=2, keepdims=True))


def _direction(d: int, rng: np.random.Generator) -> np.ndarray:
    v = rng.standard_normal(d)
    return np.asarray(v / np.linalg.norm(v))


def _descended(sentences: Sentences, ridge: float, start: np.ndarray) -> np.ndarray:
    """The minimum of the penalised loss that descent reaches from the start, shape (d,); of Q and -Q the closer one.

    The length is chosen first, so that no step is long enough to leave the valley.
    """

    def objective(Q: np.ndarray) -> tuple[float, np.ndarray]:
        losses, slope = sentences.loss(Q)
        return np.sum(losses) + ridge / 2 * Q @ Q, slope + ridge * Q

    length = minimize_scalar(lambda c: objective(c * start)[0], bounds=(0.0, 2.0), method="bounded").x
    close = FLAT * ridge * np.sqrt(len(start))
    result = minimize(
        objective,
        length * start,
        jac=True,
        method="L-BFGS-B",
        options={"gtol": close / 100, "ftol": 0.0, "maxiter": 5000},
    )
    slope = np.linalg.norm(objective(result.x)[1])
    if slope > close:
        raise NotSolved(f"Descent stopped where the gradient is {slope:.2g}, above {close:.2g}.")
    return np.asarray(result.x * np.sign(result.x @ start))
