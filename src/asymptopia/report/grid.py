"""How the dimensions of an observable are laid out in a figure, and how they are called there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .typeset import literal, name_label

if TYPE_CHECKING:
    import xarray as xr

    from ..contract.law import Observable

MOST = 6  # curves in a panel, and panels in a chart: more are sampled evenly
LONG = 8  # an observable's own axis of at least this length is drawn along it, rather than along a swept field


def slug(text: str) -> str:
    """A name as part of a file name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "figure"


def title_of(observable: Observable, name: str) -> str:
    """An observable's name and symbol as a title."""
    return (
        f"{literal(name.replace('_', ' '))} ${observable.symbol}$"
        if observable.symbol
        else literal(name.replace("_", " "))
    )


def axis_label(observable: Observable, name: str) -> str:
    """An observable's name, symbol and unit."""
    return title_of(observable, name) + (
        f" ({unit_label(observable.unit)})" if observable.unit not in ("", "1") else ""
    )


def unit_label(unit: str) -> str:
    """A unit as a label: `V^2` is typeset."""
    return rf"$\mathrm{{{unit}}}$" if re.fullmatch(r"[\w\s/*^{}().+-]*[\^_][\w\s/*^{}().+-]*", unit) else literal(unit)


@dataclass(frozen=True)
class Grid:
    """Which dimension runs along x (None: the size), which makes the curves of a panel, and which make panels.

    swept: the dimensions that are fields of the law.
    """

    x: str | None
    family: str | None
    panels: tuple[str, ...]
    swept: tuple[str, ...] = ()

    @classmethod
    def of(cls, table: xr.Dataset, axes: tuple[str, ...]) -> Grid:
        dims = [str(d) for d in table["z"].dims if table.sizes[d] > 1]
        own = [d for d in dims if d not in axes]
        numeric = [d for d in dims if d in axes and is_number(table, d)]
        long = max((d for d in own if table.sizes[d] >= LONG), key=lambda d: table.sizes[d], default=None)
        longest = max(reversed(own), key=lambda d: table.sizes[d], default=None)
        x = long or max(numeric, key=lambda d: table.sizes[d], default=None) or longest
        rest = [d for d in dims if d != x]
        family = next((d for d in rest if d in axes and not is_number(table, d)), rest[0] if rest else None)
        return cls(x, family, tuple(d for d in rest if d != family), axes)


def where(table: xr.Dataset, at: dict[Any, Any]) -> str:
    """Where a component lies, as a label: `alpha = 2, loss = Hinge()`."""
    return ", ".join(
        f"{name_label(d)} = {value_at(table, d, i)}"
        for d, i in at.items()
        if d is not None and table.sizes.get(d, 1) > 1
    )


def value_at(table: xr.Dataset, dim: str, index: int) -> str:
    if dim not in table.coords:
        return str(index)
    value = table[dim].values[index]
    return f"{value:.4g}" if isinstance(value, (int, float, np.number)) else literal(str(value).removesuffix("()"))


def is_number(table: xr.Dataset, dim: str) -> bool:
    return dim not in table.coords or np.issubdtype(table[dim].dtype, np.number)


def coordinate(table: xr.Dataset, dim: str) -> tuple[np.ndarray, tuple[tuple[float, str], ...] | None]:
    """Positions along a dimension, and tick labels if its values are not numbers."""
    if dim not in table.coords:
        return np.arange(table.sizes[dim], dtype=float), None
    values = table[dim].values
    if np.issubdtype(values.dtype, np.number):
        return values.astype(float), None
    return np.arange(len(values), dtype=float), tuple(
        (float(i), literal(str(v).removesuffix("()"))) for i, v in enumerate(values)
    )
