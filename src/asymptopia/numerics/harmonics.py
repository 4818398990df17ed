"""Spherical harmonics in d dimensions: their number at each degree, and the zonal ones."""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def harmonics(d: int, degree: int) -> int:
    """The number of independent harmonics of this degree on the sphere in d dimensions."""
    return comb(d + degree - 1, degree) - (comb(d + degree - 3, degree - 2) if degree > 1 else 0)


def harmonic(degree: int, d: int, cosine: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The zonal harmonic of unit variance at these cosines of the angle, by Gegenbauer's recursion."""
    below, here = np.zeros_like(cosine), np.ones_like(cosine)
    for k in range(degree):
        below, here = here, ((2 * k + d - 2) * cosine * here - k * below) / (k + d - 2)
    return np.asarray(here * np.sqrt(harmonics(d, degree) if degree else 1))
