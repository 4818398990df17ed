"""Statements in which every term of a law matters; the defaults switch some of them off."""

from __future__ import annotations

import dataclasses

from .law import Law
from .record import StatementError

ON = (0.3, 0.1, 0.03)  # tried for a number that is zero by default
FACTORS = (1.25, 0.8)  # and for one that is not


def exercises(cls: type[Law]) -> list[Law]:
    """Statements off a law's defaults in which every term matters.

    Returns its own `exercises` or, if it has none, one statement in which every number field that can be is changed.
    """
    return [cls(**fields) for fields in cls.exercises] or [_moved(cls())]


def _moved(law: Law) -> Law:
    """The law with each of its number fields in turn a quarter larger or a fifth smaller, or no longer zero."""
    for f in dataclasses.fields(law):
        value = getattr(law, f.name)
        if type(value) is not float:
            continue
        for other in ON if value == 0 else [value * k for k in FACTORS]:
            if (moved := _admitted(law, f.name, other)) is not None:
                law = moved
                break
    return law


def _admitted(law: Law, name: str, value: float) -> Law | None:
    """The law with another value of a field, if it then has a limit that can be trusted."""
    try:
        other: Law = law.replace(**{name: value})
        other.admit()
        return other if other.reason_to_doubt() is None else None
    except (StatementError, ArithmeticError):
        return None
