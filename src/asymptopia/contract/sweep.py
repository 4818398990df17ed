"""A law along some of its fields: again a statement with a limit and an experiment."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from .law import Law, Statement
from .record import StatementError, _show

MOST_POINTS = 10**6


class Sweep(Statement):
    """A law at every combination of values of some fields; make it with `sweep`.

    law:  the statement whose other fields are kept.
    axes: the swept fields, each with its values, in the order of the dimensions of `limit` and `experiment`.
    """

    def __init__(self, law: Law, axes: dict[str, tuple[Any, ...]]) -> None:
        self._law, self._axes = law, axes
        self._points = [
            law.replace(**dict(zip(axes, values, strict=True))) for values in itertools.product(*axes.values())
        ]

    @property
    def law(self) -> Law:
        return self._points[0]

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        return self._axes

    def points(self) -> list[Law]:
        return list(self._points)

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={_show(v)}" for k, v in self._axes.items())
        return f"sweep({self._law!r}, {inside})"

    def short(self) -> str:
        """The statement with only what differs from the defaults."""
        inside = ", ".join(f"{k}={_show(v)}" for k, v in self._axes.items())
        return f"sweep({self._law.short()}, {inside})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def sweep(law: Law, **axes: Sequence[Any]) -> Sweep:
    """A law at every combination of values of some fields: `sweep(ERM(), alpha=(1, 2, 4), loss=(Square(), Hinge()))`.

    law:  the statement whose other fields are kept.
    axes: values by the name of a field, or of a field of a part: `sweep(law, **{"prior.rho": (0.1, 0.2)})`.

    Returns a `Sweep`, which has a limit and an experiment like a law. Raises `StatementError` for an unknown field, an
    empty range, a value that is not admitted, or a value that is given twice.
    """
    if not axes:
        raise StatementError(f"A sweep of {type(law).__name__} needs at least one field with its values.")
    count = math.prod(len(values) for values in axes.values() if hasattr(values, "__len__"))
    if count > MOST_POINTS:
        raise StatementError(f"A sweep of {type(law).__name__} has at most {MOST_POINTS} points, but this has {count}.")
    clean: dict[str, tuple[Any, ...]] = {}
    for name, values in axes.items():
        if isinstance(values, (str, bytes)) or not hasattr(values, "__len__"):
            raise StatementError(f"`{name}` of a sweep must be a sequence of values, but is {values!r}.")
        if len(values) == 0:
            raise StatementError(f"`{name}` of a sweep needs at least one value.")
        clean[name] = tuple(getattr(law.replace(**{name: v}), name) for v in values)
        if len(set(map(repr, clean[name]))) < len(clean[name]):
            raise StatementError(f"`{name}` of a sweep has the same value twice: {_show(clean[name])}.")
    return Sweep(law, clean)
