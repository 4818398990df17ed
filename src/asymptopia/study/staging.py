"""Statements without fixed seeds: run in stages until they are decided or their budget is spent."""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Law
from ..contract.record import StatementError
from ..engine.files import content, replace
from ..verdict.confront import confront
from ..verdict.stages import Stage, next_stage
from .items import Confront, Study

if TYPE_CHECKING:
    import xarray as xr

FILE = "stages.json"
"""In a results folder: for each staged statement, by its place, the last stage, the seconds spent, and the pace."""
MOST = 60  # stages; the level that would be left for one more is nothing


def at_stage(study: Study, folder: Path, budget: float = 0.0) -> Study:
    """The study with the sizes, seeds and level of the last stage, or of the first if there is a budget."""
    known = _read(folder)
    items = list(study.items)
    for k, item in enumerate(items):
        if item.seeds is None and item.plan is None and (str(k) in known or budget > 0):
            stage = _stage(item, known.get(str(k)))
            level = stage.level(item.level)
            items[k] = dataclasses.replace(item, sizes=stage.sizes, seeds=stage.seeds, level=level)
    return dataclasses.replace(study, items=tuple(items))


def decide(
    study: Study,
    folder: Path,
    limits: Sequence[xr.Dataset],
    experiments: Sequence[xr.Dataset],
    more: Callable[[int, Confront], xr.Dataset],
    budget: float,
    seconds: float,
    message: Callable[[str], None],
) -> list[xr.Dataset]:
    """Further stages of each statement that is not decided; the experiments of all.

    more:    runs the statement at a place with new sizes and seeds.
    budget:  seconds for each statement, those of earlier runs in the same folder included.
    seconds: how long the first stages of all took.
    """
    known, data = _read(folder), list(experiments)
    staged = [k for k, c in enumerate(study.items) if c.seeds is None and c.plan is None]
    work = sum(_stage(study.items[k], known.get(str(k))).work * len(study.items[k].statement.points()) for k in staged)
    for k in staged:
        item = study.items[k]
        state = known.setdefault(str(k), {"spent": 0.0, "pace": 0.0, **dataclasses.asdict(_stage(item, None))})
        stage, points = _stage(item, state), len(item.statement.points())
        state["pace"] = max(state["pace"], seconds / work * points)
        state["spent"] += seconds * stage.work * points / work
        while True:
            level = stage.level(item.level)
            judged = confront(item.statement, data[k], limits[k], level=level, resolution=item.resolution)
            left = budget - state["spent"]
            following = next_stage(judged, stage, left, state["pace"], fixed=item.sizes is not None)
            if following is None:
                break
            message(f"{item.name}: inconclusive so far; {following}")
            start = time.monotonic()
            asked = dataclasses.replace(item, sizes=following.sizes, seeds=following.seeds)
            data[k] = more(k, asked)
            took = time.monotonic() - start
            state["pace"] = took / max(following.work - stage.work, 1e-9)
            state["spent"] += took
            stage = following
            state |= dataclasses.asdict(stage)
            _write(folder, known)
        _write(folder, known)
    return data


def _stage(item: Confront, state: dict[str, Any] | None) -> Stage:
    if state is not None:
        return Stage(tuple(state["sizes"]), int(state["seeds"]), int(state["number"]))
    sizes, seeds = item.statement.law.sizes_and_seeds(item.sizes, None)
    return Stage(sizes, len(seeds))


def _read(folder: Path) -> dict[str, dict[str, Any]]:
    """What the folder says of its stages; nothing where it says none, or nonsense."""
    try:
        told = json.loads(content(folder / FILE))
        return {k: v for k, v in told.items() if _sane(v)}
    except (OSError, ValueError, AttributeError):
        return {}


def _sane(state: Any) -> bool:
    try:
        sizes, seeds, number = state["sizes"], state["seeds"], state["number"]
        numbers = [state["spent"], state["pace"]]
    except (KeyError, TypeError):
        return False
    whole = [*sizes, seeds, number] if isinstance(sizes, list) and sizes else [None]
    if not all(type(n) is int for n in whole) or not all(isinstance(x, int | float) for x in numbers):
        return False
    try:
        Law().sizes_and_seeds(sizes, seeds)
    except StatementError:
        return False
    return 0 <= number < MOST and all(map(math.isfinite, numbers))


def _write(folder: Path, known: dict[str, dict[str, Any]]) -> None:
    replace(folder / FILE, json.dumps(known, indent=1).encode())
