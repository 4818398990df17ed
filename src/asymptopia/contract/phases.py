"""Transitions of any law with several fixed points, and the easy, hard and impossible phases over two of its fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .fields import holder, vary
from .law import Law
from .record import StatementError
from .transitions import State, transitions

if TYPE_CHECKING:
    import xarray as xr

    from .transitions import FixedPoint

IMPOSSIBLE, HARD, EASY = 0, 1, 2


def thresholds(law: Law, along: str = "alpha") -> dict[str, float]:
    """The transitions of a law along one of its fields, by name: `{"weak_recovery": 1.2, ...}`.

    law:   the statement; its other fields are kept.
    along: a field, or a field of a part such as `prior.rho`.

    What is left out although it might exist, `law.threshold_notes(along)` tells.

    Raises `StatementError` if there is no such field, or no transition is known along it.
    """
    if along not in law.controls:
        holder(law, along)
    return law.thresholds(along)


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
    """The phase of a state: 0 impossible, 1 hard, 2 easy. `exact`: only perfect recovery counts as success."""
    if state.best.free_entropy > state.low.free_entropy:
        return HARD
    if state.trivial or state.several or (exact and not _perfect(state.low)):
        return IMPOSSIBLE
    return EASY


def _perfect(point: FixedPoint) -> bool:
    return bool(point.values.get("mse", 1.0) == 0)
