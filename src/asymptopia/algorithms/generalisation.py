"""Errors of a student: on given labels, and on fresh inputs through its field and the teacher's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def error(y: Float[np.ndarray, "... N"], z: Float[np.ndarray, "... N"], binary: bool) -> Any:
    """The share of fields z with the wrong sign (half for z = 0), or the mean squared error; over the last axis.

    y, z: labels and fields, (..., N); binary: whether labels are +-1. Returns (...).
    """
    return np.mean((1 - np.sign(y * z)) / 2 if binary else (y - z) ** 2, axis=-1)


def area(y: Float[np.ndarray, " N"], z: Float[np.ndarray, " N"]) -> float:
    """The area under the curve of true against false positives: the share of pairs of labels 1 and -1 whose fields z
    (N,) are in that order, half of those that are equal; 1/2 where one of the labels y (N,) is missing."""
    from scipy.stats import rankdata

    up = y > 0
    positive, negative = int(up.sum()), int((~up).sum())
    if not positive or not negative:
        return 0.5
    return float((rankdata(z)[up].sum() - positive * (positive + 1) / 2) / (positive * negative))


def scores(y: Float[np.ndarray, " N"], odds: Float[np.ndarray, " N"]) -> dict[str, float]:
    """The `log_loss`, `brier` score and `overconfidence` of stated log-odds of the label 1, on labels +-1.

    The Brier score is the mean of (p - 1[y = 1])^2, overconfidence the mean probability of the likelier label less the
    share of samples in which it is right. y, odds: (N,).
    """
    p = np.exp(-np.logaddexp(0, -odds))
    sure = np.maximum(p, 1 - p)
    return {
        "log_loss": float(np.mean(np.logaddexp(0, -y * odds))),
        "brier": float(np.mean((p - (y > 0)) ** 2)),
        "overconfidence": float(np.mean(sure - (1 + np.sign(y * odds)) / 2)),
    }


def fresh_fields(
    first: Float[np.ndarray, " d"], second: Float[np.ndarray, " d"], count: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """The fields w.x / sqrt(d) of two weight vectors (d,) on `count` fresh inputs x ~ N(0, I_d)."""
    a, b = rng.standard_normal((2, count)) / np.sqrt(len(first))
    length = max(float(np.linalg.norm(first)), 1e-300)
    along = second @ first / length
    across = np.linalg.norm(second - along / length * first)
    return length * a, along * a + across * b
