"""Fields of a law and of its parts, by name: where they are, other values of them, and the range that they admit."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from .record import Record, StatementError, nearest

GRID = 50
FINEST, WIDEST = 1e-5, 1e3


def holder(law: Record, name: str) -> tuple[Record, str]:
    """The record that holds a field, and the field's name in it: `prior.rho` of a law is `rho` of its prior.

    Raises `StatementError` if there is no such field.
    """
    part, dot, rest = name.partition(".")
    names = [f.name for f in dataclasses.fields(law)]  # type: ignore[arg-type]
    if part not in names:
        raise StatementError(f"{type(law).__name__} has no field {part!r}.{nearest(part, names)}")
    if not dot:
        return law, part
    inner = getattr(law, part)
    if not isinstance(inner, Record):
        raise StatementError(f"`{part}` of {type(law).__name__} is {inner!r}, which has no fields such as {rest!r}.")
    return holder(inner, rest)


def vary(law: Any, name: str, value: Any) -> Any:
    """The law with another value of one field, or of a field of a part: `vary(law, "prior.rho", 0.1)`."""
    part, dot, rest = name.partition(".")
    holder(law, name)
    return law.replace(**{part: vary(getattr(law, part), rest, value) if dot else value})


def admitted(law: Record, name: str) -> np.ndarray:
    """A grid over all admitted values of a number field: even between two ends, geometric above a single one.

    Raises `StatementError` if the field holds no real number or has no least value.
    """
    record, last = holder(law, name)
    where = f"`{last}` of {type(record).__name__}"
    if not isinstance(getattr(record, last), float):
        raise StatementError(f"{where} must be a real number to vary, but is {getattr(record, last)!r}.")
    limits = next(f.metadata for f in dataclasses.fields(record) if f.name == last)  # type: ignore[arg-type]
    low, high = (next((limits[k] for k in keys if limits.get(k) is not None), None) for keys in _ENDS)
    if low is None:
        raise StatementError(f"{where} has no lower bound, hence no range to search for transitions.")
    if high is None:
        return low + np.geomspace(FINEST, WIDEST, GRID)
    inside = (np.arange(GRID) + 0.5) / GRID
    return low + (high - low) * np.r_[np.geomspace(FINEST, inside[0], 10)[:-1], inside]


_ENDS = (("above", "at_least"), ("below", "at_most"))


def open_edge(law: Record, name: str) -> float | None:
    """The lower end of a field's range if the end itself is excluded and there is no upper end; else None.

    `alpha > 0` has the open edge 0: what holds from there on holds from the first sample on.
    """
    record, last = holder(law, name)
    limits = next(f.metadata for f in dataclasses.fields(record) if f.name == last)  # type: ignore[arg-type]
    return limits.get("above") if all(limits.get(k) is None for k in _ENDS[1]) else None
