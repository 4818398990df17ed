"""Message passing on sampled sentences: the tokens of a sentence share their weights and their label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....algorithms.checks import NotSolved
from ....contract.batching import generator, whole

if TYPE_CHECKING:
    import jax

    from . import SequenceIndex

FRESH = 10_000
ROUTES = ((0.3, 300), (0.8, 3000))  # share of old messages that is kept, and rounds; with less some systems oscillate
SETTLED = 1e-3  # change of a weight in a round, where a weight has variance 1
START = 0.3  # |w|^2 / d of the spectral start
TAMED = 0.1  # keeps sentences of large fields from ruling the spectrum
BEYOND = 5.0  # standard deviations to which the posterior of a field is summed


def realize(law: SequenceIndex, n: int, key: jax.Array) -> dict[str, Any]:
    """Overlap and error of message passing in dimension n, from the best direction of a spectrum."""
    rng, d, L = generator(key), n, law.tokens
    star = rng.standard_normal(d)
    star *= np.sqrt(d) / np.linalg.norm(star)
    X = rng.standard_normal((whole(law.alpha * d, rng), L, d)) / np.sqrt(d)
    logs = _log_attention(X @ star, law.beta)
    if law.noise == 0:
        labels = _fields_up_to_sign(logs, law.beta)
    else:
        labels = np.exp(logs) + np.sqrt(law.noise) * rng.standard_normal(logs.shape)
    w, v = _message_passing(X, labels, law)
    fields = _correlated(np.array([[1.0, w @ star / d], [w @ star / d, w @ w / d]]), L, rng)
    truth = _attention(fields[0], law.beta)
    guesses = [_attention(fields[1] + np.sqrt(v) * rng.standard_normal((FRESH, L)), law.beta) for _ in range(2)]
    return {
        "overlap": abs(w @ star) / d,
        # the mean of the product is the squared error of the guesses' mean
        "test_error": np.mean((truth - guesses[0]) * (truth - guesses[1])),
    }


def _attention(h: np.ndarray, beta: float) -> np.ndarray:
    """softmax(beta h h^T) by rows, for fields (n, L)."""
    return np.asarray(np.exp(_log_attention(h, beta)))


def _log_attention(h: np.ndarray, beta: float) -> np.ndarray:
    """Its logarithm, which is finite also where an attention weight is too small for a number."""
    scores = beta * h[:, :, None] * h[:, None, :]
    scores = scores - scores.max(axis=2, keepdims=True)
    return np.asarray(scores - np.log(np.sum(np.exp(scores), axis=2, keepdims=True)))


def _message_passing(X: np.ndarray, labels: np.ndarray, law: SequenceIndex) -> tuple[np.ndarray, float]:
    """The posterior mean of the weights (d,) and the variance of a coordinate, from labels or fields up to sign.

    Raises `NotSolved` if the messages do not settle.
    """
    moments = _moments_of_signs if law.noise == 0 else _moments_of_two
    rows, d = X.reshape(-1, X.shape[2]), X.shape[2]
    start = _leading(X, moments(labels, np.zeros(X.shape[:2]), 1.0, law)[1])
    for kept, rounds in ROUTES:
        w, v, g, pull = start, 1 - START, np.zeros(X.shape[:2]), np.zeros(d)
        for _ in range(rounds):
            omega = X @ w - v * g
            fresh = (moments(labels, omega, v, law)[0] - omega) / v
            pull_now, gain = rows.T @ fresh.ravel(), np.sum(fresh**2) / d
            change = np.sqrt(np.mean(((pull_now - w) / (1 + gain)) ** 2))  # of the step without damping
            g, pull = kept * g + (1 - kept) * fresh, kept * pull + (1 - kept) * pull_now
            moved = (pull + gain * w) / (1 + gain)
            w, v = kept * w + (1 - kept) * moved, kept * v + (1 - kept) / (1 + gain)
            if change < SETTLED or v < 1e-5:  # settled, or found perfectly: then v would vanish
                return w, v
    raise NotSolved(f"Message passing of {law.short()} did not settle: a weight still changes by {change:.1e} a round.")


def _fields_up_to_sign(scores: np.ndarray, beta: float) -> np.ndarray:
    """The fields (n, L) of the logarithms of an attention matrix, up to a common sign."""
    differences = (np.diagonal(scores, axis1=1, axis2=2)[:, :, None] - scores) / beta  # h_a (h_a - h_b)
    squares = differences + differences.swapaxes(1, 2)  # (h_a - h_b)^2
    first = np.argmax(squares.reshape(len(scores), -1), axis=1)
    a, b = np.unravel_index(first, scores.shape[1:])
    rows = np.arange(len(scores))
    gap = np.sqrt(squares[rows, a, b])
    h_a, h_b = differences[rows, a, b] / gap, -differences[rows, b, a] / gap
    others = (differences[rows, a] - differences[rows, b]) / gap[:, None]  # h_a + h_b - h_c
    return np.asarray((h_a + h_b)[:, None] - others)


def _leading(X: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The start: the leading direction of sentences weighted by what the labels say of E[h h^T | y], (n, L, L)."""
    one = np.eye(X.shape[1])
    weights = (second - one) @ np.linalg.inv(TAMED * one + (1 - TAMED) * second)
    rows = X.reshape(-1, X.shape[2])
    direction = np.linalg.eigh(rows.T @ (weights @ X).reshape(rows.shape))[1][:, -1]
    return np.asarray(direction * np.sqrt(START * X.shape[2]))


def _moments_of_signs(h: np.ndarray, omega: np.ndarray, v: float, law: SequenceIndex) -> tuple[np.ndarray, np.ndarray]:
    """E[h | y, omega] and E[h h^T | y, omega] where the fields are h up to their sign."""
    return h * np.tanh(np.sum(h * omega, axis=1) / v)[:, None], h[:, :, None] * h[:, None, :]


def _moments_of_two(y: np.ndarray, omega: np.ndarray, v: float, law: SequenceIndex) -> tuple[np.ndarray, np.ndarray]:
    """E[h | y, omega] and E[h h^T | y, omega] of two tokens, h ~ N(omega, v), by a sum over nodes around omega."""
    step = min(0.5, 1.2 * np.sqrt(2 * law.noise / v) / law.beta)
    axis = np.linspace(-BEYOND, BEYOND, int(np.ceil(2 * BEYOND / step)) + 1)
    z1, z2 = np.stack(np.meshgrid(axis, axis)).reshape(2, -1)
    z1, z2 = np.stack([z1, z2])[:, z1**2 + z2**2 <= BEYOND**2]
    # single precision: logarithms of weights are right to 1e-4, and their exponentials take half the time
    h1, h2 = (np.add.outer(omega[:, i], np.sqrt(v) * z).astype(np.float32) for i, z in enumerate((z1, z2)))
    gap = law.beta * (h1 - h2)
    logs = np.float32(-(z1**2 + z2**2) / 2)
    for i, score in enumerate((gap * h1, -gap * h2)):
        told = np.float32(y[:, i, i, None] - y[:, i, 1 - i, None])  # S_ii - S_ij, the tanh of half the score
        logs = logs - (np.tanh(score / 2) - told) ** 2 / (4 * law.noise)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    nodes = np.column_stack([z1, z2, z1**2, z1 * z2, z2**2])
    mean, seconds = np.split(weights @ nodes * np.sqrt([v, v, v**2, v**2, v**2]), [2], axis=1)
    across = np.einsum("ia,ib->iab", omega, mean)
    second = seconds[:, [0, 1, 1, 2]].reshape(-1, 2, 2) + across + across.swapaxes(1, 2)
    return omega + mean, second + omega[:, :, None] * omega[:, None, :]


def _correlated(covariance: np.ndarray, L: int, rng: np.random.Generator) -> np.ndarray:
    """Two fields of fresh sentences with a 2 x 2 covariance, shape (2, FRESH, L)."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    return np.asarray(np.tensordot(root, rng.standard_normal((2, FRESH, L)), axes=1))
