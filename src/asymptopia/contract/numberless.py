"""Realisations that ended without a number: told, each size of them, and refused where there are no others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from .computable import Computable


class NoNumber(ArithmeticError):
    """Finite systems ended without a number; the message says which and, where it is known, why."""


def numberless(points: Sequence[Computable], sizes: Sequence[int], values: Mapping[str, np.ndarray]) -> list[str]:
    """A line for each statement and size at which an observable is nan in some realisations.

    values: arrays (points, sizes, seeds, ...) by observable. One that is conditional may be nan in any realisation.
    Raises `NoNumber` where no realisation of a size gave a number.
    """
    lines = []
    for name, array in values.items():
        if points[0].observables[name].conditional:
            continue
        lost = np.isnan(array).reshape(*array.shape[:3], -1)
        for i, j in np.argwhere(lost.any(axis=(2, 3))):
            where = f"{points[i]!r}, size {sizes[j]}"
            if lost[i, j].all():
                raise NoNumber(
                    f"{name!r} of {where} is nan in each of its {lost.shape[2]} realisations. If that is as it should "
                    "be, `unstable` of the law says why; if other realisations would have a number, the observable is "
                    "`conditional`."
                )
            lines.append(f"{where}: {name} is nan in {lost[i, j].any(axis=1).sum()} of {lost.shape[2]} realisations")
    return lines
