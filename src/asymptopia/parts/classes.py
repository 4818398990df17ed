"""Several classes: the softmax loss, and what a student with a field for each class pays, states and is worth."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..numerics.arrays import ArrayLike
from .loss import Logistic, Loss, Square, namespace

__all__ = ["Softmax"]


class Softmax(Loss):
    """log sum_k exp(z_k) - z_y for fields z_1, ..., z_K of K classes: multinomial logistic regression.

    Of a label +-1 and one field z it is log(1 + exp(-2 y z)), as two classes with fields z and -z have it.
    """

    margin = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: Any) -> Any:
        xp = namespace(y, z)
        return xp.logaddexp(0.0, -2 * y * z)

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return 2 * _LOGISTIC.gradient(y, 2 * np.asarray(z))

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return 4 * _LOGISTIC.curvature(y, 2 * np.asarray(z))

    def proximal(self, y: ArrayLike, omega: ArrayLike, V: ArrayLike) -> np.ndarray:
        return _LOGISTIC.proximal(y, 2 * np.asarray(omega), 4 * np.asarray(V)) / 2

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return _LOGISTIC.kinks(y)

    def knots(self, y: ArrayLike) -> np.ndarray:
        return _LOGISTIC.knots(y) / 2


_LOGISTIC = Logistic()


def suits_classes(loss: Loss) -> bool:
    """Whether a loss is one of several classes: softmax, or logistic or square against the rest."""
    return isinstance(loss, (Softmax, Logistic, Square))


def signs(y: np.ndarray, classes: int) -> np.ndarray:
    """Labels +-1 of each class against the rest (N, K), from the numbers of classes (N,)."""
    return np.asarray(np.where(y[:, None] == np.arange(classes), 1.0, -1.0))


def paid(loss: Loss, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The loss of samples of class y (N,) at fields z (N, K), summed over classes where each is against the rest."""
    if isinstance(loss, Softmax):
        top = z.max(axis=1)
        return np.asarray(top + np.log(np.exp(z - top[:, None]).sum(axis=1)) - z[np.arange(len(z)), y.astype(int)])
    return np.asarray(np.asarray(loss(signs(y, z.shape[1]), z)).sum(axis=1))


def stated(loss: Loss, z: np.ndarray) -> np.ndarray | None:
    """The probabilities (N, K) that a student with fields z (N, K) states; None where it states none.

    Of logistic losses against the rest, each class's own, divided by their sum.
    """
    if isinstance(loss, Softmax):
        p = np.exp(z - z.max(axis=1, keepdims=True))
    elif isinstance(loss, Logistic):
        p = np.exp(-np.logaddexp(0, -z))
    else:
        return None
    return np.asarray(p / p.sum(axis=1, keepdims=True))


def class_scores(loss: Loss, y: np.ndarray, z: np.ndarray) -> dict[str, float]:
    """`log_loss`, `brier` and `overconfidence` of samples of class y (N,) at fields z (N, K); none if none are stated.

    The Brier score is the mean of sum_k (p_k - 1[y = k])^2, overconfidence the mean probability of the likeliest class
    less the share of samples in which it is right.
    """
    p = stated(loss, z)
    if p is None:
        return {}
    rows, labels = np.arange(len(y)), y.astype(int)
    hot = np.zeros_like(p)
    hot[rows, labels] = 1.0
    return {
        "log_loss": float(-np.log(np.maximum(p[rows, labels], 1e-300)).mean()),
        "brier": float(((p - hot) ** 2).sum(axis=1).mean()),
        "overconfidence": float(p.max(axis=1).mean() - (z.argmax(axis=1) == labels).mean()),
    }
