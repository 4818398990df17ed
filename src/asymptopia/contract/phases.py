"""Transitions of any law with several fixed points, and the easy, hard and impossible phases over two of its fields."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .record import Record, StatementError, nearest
from .transitions import FixedPoint, State, transitions

if TYPE_CHECKING:
    import xarray as xr

    from .law import Law

IMPOSSIBLE, HARD, EASY = 0, 1, 2
GRID = 50
FINEST, WIDEST = 1e-5, 1e3


def thresholds(law: Law, along: str = "alpha") -> dict[str, float]:
    """The transitions of a law as its field `along`, or a field of a part such as `prior.rho`, varies: name -> value.

    Raises `StatementError` if there is no such field, or no transition is known along it.
    """
    if along not in law.controls:
        holder(law, along)
    return law.thresholds(along)


def holder(law: Record, name: str) -> tuple[Record, str]:
    """The record that holds a field, the law itself or one of its parts, and the field's own name in it.

    Raises `StatementError` if there is no such field: `alpha` and `prior.rho` are names.
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
    """The law with another value of a field, or of a field of a part: `vary(law, "prior.rho", 0.1)`."""
    part, dot, rest = name.partition(".")
    holder(law, name)
    return law.replace(**{part: vary(getattr(law, part), rest, value) if dot else value})


def admitted(law: Law, name: str) -> np.ndarray:
    """Values over the whole range that a numeric field admits: even where it has two ends, geometric where one."""
    record, last = holder(law, name)
    where = f"`{last}` of {type(record).__name__}"
    if not isinstance(getattr(record, last), float):
        raise StatementError(f"{where} must be a real number to vary, but is {getattr(record, last)!r}.")
    limits = next(f.metadata for f in dataclasses.fields(record) if f.name == last)  # type: ignore[arg-type]
    low, high = (next((limits[k] for k in keys if limits.get(k) is not None), None) for keys in _ENDS)
    if low is None:
        raise StatementError(f"{where} has no least value, so that its transitions cannot be sought over its range.")
    if high is None:
        return low + np.geomspace(FINEST, WIDEST, GRID)
    inside = (np.arange(GRID) + 0.5) / GRID
    return low + (high - low) * np.r_[np.geomspace(FINEST, inside[0], 10)[:-1], inside]


_ENDS = (("above", "at_least"), ("below", "at_most"))


def transitions_along(law: Law, along: str) -> dict[str, float]:
    """The transitions of a law with fixed points, over all values that the field admits; see `transitions`.

    Where the informed state is that of equilibrium from the open edge of the field on, `information_theoretic` is that
    edge: hard from alpha = 0.
    """
    return dict(_transitions_along(law, along))


@lru_cache(maxsize=256)
def _transitions_along(law: Law, along: str) -> dict[str, float]:
    values = admitted(law, along).tolist()

    def points(at: Sequence[float]) -> Sequence[Sequence[FixedPoint]]:
        return law.fixed_points_along(along, at)

    changes = transitions(points, values)
    edge = _open_edge(law, along)
    if edge is None or "information_theoretic" in changes or not State.of(points(values[:1])[0]).informed:
        return changes
    return {"information_theoretic": float(edge)} | changes


def _open_edge(law: Law, name: str) -> float | None:
    """The least value of a field without a largest, if it is excluded itself, as no samples are; else None.

    What holds from there on holds as soon as there is anything to see.
    """
    record, last = holder(law, name)
    limits = next(f.metadata for f in dataclasses.fields(record) if f.name == last)  # type: ignore[arg-type]
    return limits.get("above") if all(limits.get(k) is None for k in _ENDS[1]) else None


def phase_diagram(law: Law, x: tuple[str, Sequence[float]], y: tuple[str, Sequence[float]]) -> xr.Dataset:
    """Where inference is impossible (0), hard (1) or easy (2), over two fields of a law with several fixed points.

    x, y: name and values of a field, or of a field of a part: `x=("alpha", np.linspace(0.1, 2, 50))`,
    `y=("prior.rho", ...)`. Returns a Dataset over (y, x) of `phase`; `overlap`, that is reached without knowledge, and
    `best_overlap`, that of the state of largest free entropy; and over y of the transitions met along x, nan where
    there is none.

    Hard: a better state than the one reached without knowledge has the larger free entropy. Impossible: the state
    reached is that of largest free entropy, but tells nothing, or there is a better one, metastable. On a line of
    constant y on which perfect recovery is a fixed point, any state that is not perfect counts as impossible.
    Easy: otherwise.

    Raises `StatementError` for names or values that are not admitted, or fewer than two of them.
    """
    import xarray as xr

    (x_name, x_values), (y_name, y_values) = _axis(law, x), _axis(law, y)
    if x_name == y_name:
        raise StatementError(f"A phase diagram needs two fields, but both are {x_name!r}.")
    rows = [_line(vary(law, y_name, v), x_name, x_values) for v in y_values]
    grids = {k: np.array([row[0][k] for row in rows]) for k in ("phase", "overlap", "best_overlap")}
    names = sorted({name for _, changes in rows for name in changes})
    lines = {name: ([y_name], np.array([changes.get(name, np.nan) for _, changes in rows])) for name in names}
    data = {k: ([y_name, x_name], v) for k, v in grids.items()}
    attrs = {"statement": repr(law), "phases": "0 impossible, 1 hard, 2 easy", "source": law.source}
    return xr.Dataset(data | lines, {x_name: x_values, y_name: y_values}, attrs)


def _axis(law: Law, axis: tuple[str, Sequence[float]]) -> tuple[str, np.ndarray]:
    name, values = axis
    holder(law, name)
    array = np.array(sorted({float(v) for v in values}))
    if len(array) < 2:
        raise StatementError(f"`{name}` of a phase diagram needs at least two values, but has {len(array)}.")
    return name, array


def _line(law: Law, along: str, values: np.ndarray) -> tuple[dict[str, list[float]], dict[str, float]]:
    """The phase and overlaps at each value, and the transitions between the first and the last."""
    grid = values.tolist()
    every = law.fixed_points_along(along, grid)

    def points(at: Sequence[float]) -> Any:
        return every if list(at) == grid else law.fixed_points_along(along, at)

    states, exact = [State.of(p) for p in every], any(_perfect(p) for at in every for p in at)
    overlaps = [s.low.overlap for s in states]
    changes = transitions(points, grid, tolerance=1e-6)
    phases = [float(phase(s, exact)) for s in states]
    return {"phase": phases, "overlap": overlaps, "best_overlap": [s.best.overlap for s in states]}, changes


def phase(state: State, exact: bool = False) -> int:
    """The phase of a state, where only perfect recovery counts as success if `exact`."""
    if state.best.free_entropy > state.low.free_entropy:
        return HARD
    if state.trivial or state.several or (exact and not _perfect(state.low)):
        return IMPOSSIBLE
    return EASY


def _perfect(point: Any) -> bool:
    return bool(point.values.get("mse", 1.0) == 0)
