"""The limit on a finer grid than the experiment's, so that cheap theory is drawn as a smooth curve."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.sweep import sweep
from .charts import is_geometric

if TYPE_CHECKING:
    import xarray as xr

    from ..contract.law import Statement
    from ..verdict.confront import Confrontation

COUNT = 48  # positions along x, besides those of the experiment
MOST_POINTS = 600
PATIENCE = 2.0  # seconds of computing that a line may take where points are computed one by one


def fine_limit(confrontation: Confrontation, cache: Path | None = None) -> xr.Dataset | None:
    """The predictions along the longest numeric field of a sweep, the experiment's points among them.

    None if theory is slow or derived from random points, has no limit between some points, or gives other values at the
    points themselves. `cache` is a netCDF file that stores the result; it is used as long as it agrees with the
    confrontation's limit.
    """
    statement = confrontation.statement
    floats = [k for k, v in statement.axes.items() if len(v) > 2 and all(isinstance(x, float) for x in v)]
    if not floats or statement.law.is_derived():
        return None
    axis = max(floats, key=lambda k: len(statement.axes[k]))
    others = int(np.prod([len(v) for k, v in statement.axes.items() if k != axis], initial=1))
    if others * COUNT > MOST_POINTS:
        return None
    known = _kept(cache)
    if known is not None and known.attrs.get("of") == repr(statement) and _agrees(known, confrontation, axis):
        return known
    coarse = np.asarray(statement.axes[axis])
    grid = np.geomspace if is_geometric(coarse) else np.linspace
    values = np.unique(np.concatenate([coarse, grid(coarse.min(), coarse.max(), COUNT)]))
    if not statement.law.predicts_many() and not _cheap(statement, axis, others * len(values)):
        return None
    try:
        found = (
            sweep(statement.law, **{**statement.axes, axis: tuple(map(float, values))})
            .limit()
            .assign_attrs(of=repr(statement))
        )
    except Exception:  # a line is an ornament: whatever stops it leaves the straight segments between the points
        return None
    if not _agrees(found, confrontation, axis):
        return None
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        found.to_netcdf(cache, engine="h5netcdf")
    return found


def _cheap(statement: Statement, axis: str, count: int) -> bool:
    """Whether so many points take little time, by that of the last one; the one before compiles what is compiled."""
    coarse = sorted(statement.axes[axis])[:3]
    seconds = PATIENCE
    for low, high in itertools.pairwise(coarse):
        start = time.process_time()
        try:
            statement.law.replace(**{axis: (low + high) / 2}).limit()
        except Exception:  # as above
            return False
        seconds = time.process_time() - start
    return seconds * count <= PATIENCE


def _kept(cache: Path | None) -> xr.Dataset | None:
    import xarray as xr

    if cache is None or not cache.is_file():
        return None
    try:
        with xr.open_dataset(cache, engine="h5netcdf") as data:
            return data.load()
    except (OSError, ValueError):
        return None


def _agrees(found: xr.Dataset, confrontation: Confrontation, axis: str) -> bool:
    """Whether the finer limit is the confrontation's at its own points."""
    at_points = found.sel({axis: confrontation.limit[axis].values})
    for name in confrontation.statement.law.observables:
        if name not in found or name not in confrontation.limit:
            return False
        a, b = (d[name].transpose(*confrontation.limit[name].dims).values for d in (at_points, confrontation.limit))
        if not np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True):
            return False
    return True
