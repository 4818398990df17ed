"""The default curve of a law: along an axis of its own, or along a field around its value."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError, nearest
from ..contract.sweep import sweep

if TYPE_CHECKING:
    import xarray as xr

    from ..contract.law import Law, Statement

POINTS = 33


def curve_of(statement: Statement, observable: str | None = None) -> tuple[Statement, xr.Dataset, str]:
    """A statement whose limit is a curve, that limit, and the observable to draw.

    A sweep is such a statement. For a single law the observable is the first with an axis of its own, or else the first
    that varies along a number field, from a quarter to four times its value or as far as there is a limit.

    Raises `StatementError` if there is no such observable or no such curve.
    """
    known = statement.law.observables
    if observable is not None and observable not in known:
        raise StatementError(
            f"{type(statement.law).__name__} has no observable {observable!r}.{nearest(observable, known)}"
        )
    limit = statement.limit()
    names = [k for k in ([observable] if observable else known) if k in limit]
    if statement.axes and names:
        return statement, limit, names[0]
    for name in names:
        if max(limit[name].shape, default=1) > 2:
            return statement, limit, name
    for f in dataclasses.fields(statement.law):
        found = _along(statement.law, f.name, names)
        if found is not None:
            return found
    raise StatementError(f"{statement.law.short()} has no curve to draw: no number field changes its limit.")


def _along(law: Law, field: str, names: list[str]) -> tuple[Statement, xr.Dataset, str] | None:
    value = getattr(law, field)
    if not isinstance(value, float) or value == 0:
        return None
    for factor in (4.0, 2.0, 1.2):
        values = np.unique(np.geomspace(value / factor, value * factor, POINTS))
        try:
            statement = sweep(law, **{field: tuple(map(float, values))})
            limit = statement.limit()
        except (StatementError, ArithmeticError, RuntimeError):
            continue
        varies = [k for k in names if k in limit and np.ptp(limit[k].values) > 0]
        if varies:
            return statement, limit, varies[0]
    return None
