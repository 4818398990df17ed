"""Realisations that ended without a number are told, size by size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .computable import Computable


def numberless(points: Sequence[Computable], sizes: Sequence[int], values: Mapping[str, np.ndarray]) -> list[str]:
    """A line for each statement and size at which an observable is nan in some realisations.

    values: arrays (points, sizes, seeds, ...) by observable. One that is conditional may be nan in any realisation.
    """
    lines = []
    for name, array in values.items():
        if points[0].observables[name].conditional:
            continue
        lost = np.isnan(array).reshape(*array.shape[:3], -1)
        for i, j in np.argwhere(lost.any(axis=(2, 3))):
            where = f"{points[i]!r}, size {sizes[j]}"
            lines.append(f"{where}: {name} is nan in {lost[i, j].any(axis=1).sum()} of {lost.shape[2]} realisations")
    return lines
