"""Realisations that ended without a number are told, size by size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .computable import Computable


def without_number(law: Computable, values: Mapping[str, np.ndarray], axes: int) -> dict[str, np.ndarray]:
    """Which realisations ended without a number, by observable: booleans over the first axes, the last of them seeds.

    law: of which the values are. An observable that is conditional may be nan in any realisation, and is left out.
    """
    named = {k: v for k, v in values.items() if not law.observables[k].conditional}
    return {k: np.isnan(v).reshape(*v.shape[:axes], -1).any(axis=-1) for k, v in named.items()}


def numberless(points: Sequence[Computable], sizes: Sequence[int], values: Mapping[str, np.ndarray]) -> list[str]:
    """A line for each statement and size at which an observable is nan in some realisations.

    points, sizes: the statements and their sizes. values: arrays (points, sizes, seeds, ...) by observable.
    """
    lines = []
    for name, lost in without_number(points[0], values, 3).items():
        for i, j in np.argwhere(lost.any(axis=2)):
            where = f"{points[i]!r}, size {sizes[j]}"
            lines.append(f"{where}: {name} is nan in {lost[i, j].sum()} of {lost.shape[2]} realisations")
    return lines
