"""Scores of the probabilities that a student states for labels +-1, on new labels with their noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..parts.channel import Channel
from .labels import SPREAD, normal_nodes
from .replica import column

if TYPE_CHECKING:
    from jaxtyping import Float

SMALLEST = 1e-200


def scores(
    teacher: Channel,
    m: Float[np.ndarray, " K"],
    q: Float[np.ndarray, " K"],
    rho: Float[np.ndarray, " K"],
    stated: Callable[[np.ndarray], np.ndarray],
) -> dict[str, Float[np.ndarray, " K"]]:
    """The limits of `log_loss`, `brier` and `overconfidence`, (K,) each.

    m, q, rho: overlap and squared norms of student and teacher, (K,). stated: the student's log-odds of the label 1 as
    a function of its fields (K, N). Given a field z, the teacher's is N(m z / q, rho - m^2 / q).
    """
    m, q, rho = (np.asarray(x, float)[:, None] for x in (m, q, rho))
    teacher, q = column(teacher), np.maximum(q, SMALLEST)
    left = np.maximum(rho - m**2 / q, 1e-14 * rho)
    width = np.sqrt(left) * q / np.maximum(np.abs(m), SMALLEST)
    z, weight = normal_nodes(width * SPREAD, np.zeros(len(q)), np.sqrt(q[:, 0]))
    right = teacher.partition(1.0, m / q * z, left)
    odds = stated(z)
    p = np.exp(-np.logaddexp(0, -odds))
    values = {
        "log_loss": right * np.logaddexp(0, -odds) + (1 - right) * np.logaddexp(0, odds),
        "brier": right * (1 - p) ** 2 + (1 - right) * p**2,
        "overconfidence": np.maximum(p, 1 - p) - np.where(odds > 0, right, 1 - right),
    }
    return {name: (weight * value).sum(axis=1) for name, value in values.items()}
