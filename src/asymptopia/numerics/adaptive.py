"""Adaptive quadrature of many integrals at once: panels are halved until the result no longer changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .gaussian import legendre

if TYPE_CHECKING:
    from jaxtyping import Float

ORDER = 12


def adaptive(
    function: Callable[[Float[np.ndarray, "N nodes"], Float[np.ndarray, " N"]], Float[np.ndarray, "C N nodes"]],
    ends: Float[np.ndarray, "K P"],
    *,
    tolerance: float = 1e-10,
    rounds: int = 40,
) -> Float[np.ndarray, "C K"]:
    """Integrals of C functions over one interval in each of K problems: an array (C, K).

    function(x, owner): the values (C, N, ORDER) at x (N, ORDER), where row i belongs to problem owner[i]. ends: the
    ends of the first panels, (K, P), sorted; problem k is integrated over [ends[k, 0], ends[k, -1]].

    A panel is halved until that changes none of its integrals by more than `tolerance` times the largest integral of
    the absolute value so far. Raises `ArithmeticError` after `rounds` halvings.
    """
    t, w = legendre(ORDER)
    count = len(ends)

    def panels(a: np.ndarray, b: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = function(a[:, None] + (b - a)[:, None] * t, owner)
        weight = (b - a)[:, None] * w
        return (values * weight).sum(axis=-1), (np.abs(values) * weight).sum(axis=-1)

    owner = np.repeat(np.arange(count), ends.shape[1] - 1)
    a, b = ends[:, :-1].ravel(), ends[:, 1:].ravel()
    keep = b > a
    a, b, owner = a[keep], b[keep], owner[keep]
    coarse, _ = panels(a, b, owner)
    total, settled = np.zeros((len(coarse), count)), np.zeros((len(coarse), count))
    for _ in range(rounds):
        middle = (a + b) / 2
        (left, size), (right, more) = panels(a, middle, owner), panels(middle, b, owner)
        scale = settled + np.stack([np.bincount(owner, s, count) for s in size + more])
        moved = np.abs(left + right - coarse) > tolerance * scale[:, owner]
        split = moved.any(axis=0)
        for c in range(len(total)):
            total[c] += np.bincount(owner[~split], (left + right)[c, ~split], count)
            settled[c] += np.bincount(owner[~split], (size + more)[c, ~split], count)
        if not split.any():
            return total
        a, b = np.r_[a[split], middle[split]], np.r_[middle[split], b[split]]
        owner, coarse = np.r_[owner[split], owner[split]], np.concatenate([left[:, split], right[:, split]], axis=1)
    raise ArithmeticError(f"The integrals did not settle to {tolerance:g} after {rounds} halvings.")
