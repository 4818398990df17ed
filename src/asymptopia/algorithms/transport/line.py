"""Optimal transport on the line, where the monotone coupling is optimal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike
from .given import checked_clouds, checked_masses

if TYPE_CHECKING:
    from jaxtyping import Real


def wasserstein_line(
    x: Real[ArrayLike, "n ..."],
    y: Real[ArrayLike, "m ..."],
    power: float = 2.0,
    a: Real[ArrayLike, " n"] | None = None,
    b: Real[ArrayLike, " m"] | None = None,
) -> float:
    r"""The distance $W_p = (\inf E |X - Y|^p)^{1/p}$ between points x with masses a and y with masses b.

    Equal masses unless given; both add up to 1. By sorting, exactly. Raises `ValueError` for points that are not
    finite numbers, or masses that are negative or do not add up to 1.

    power: p >= 1.
    """
    x, y = checked_clouds(x, y)
    if x.shape[1] != 1:
        raise ValueError(f"The points must be on the line, but have {x.shape[1]} coordinates: use `wasserstein`.")
    if not power >= 1:
        raise ValueError(f"`power` must be >= 1, but is {power!r}.")
    x, y = x[:, 0], y[:, 0]
    if a is None and b is None and len(x) == len(y):
        apart, weights = np.abs(np.sort(x) - np.sort(y)), None
    else:
        i, j = np.argsort(x), np.argsort(y)
        below = [np.cumsum(checked_masses(w, k, s)[o]) for w, k, o, s in ((a, len(x), i, "a"), (b, len(y), j, "b"))]
        levels = np.union1d(*below)
        weights = np.diff(levels, prepend=0.0)
        middle = levels - weights / 2
        p, q = (o[np.minimum(np.searchsorted(c, middle), len(o) - 1)] for o, c in zip((i, j), below, strict=True))
        apart = np.abs(x[p] - y[q])
    return float(np.average(apart**power, weights=weights) ** (1 / power))
