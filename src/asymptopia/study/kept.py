"""What a results folder holds of a study: its laws, cells, limits and versions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from ..engine import Adaptive, EngineError, Entry, Results
from ..engine.code import behind, changes, fingerprint, theory_fingerprint
from ..engine.files import content
from .items import Confront, Study
from .schema import checked
from .staging import at_stage
from .told import edits, names_files, told

if TYPE_CHECKING:
    import xarray as xr


@dataclasses.dataclass(frozen=True)
class Kept:
    """The limit and the experiment of a statement as stored in a folder, and remarks on them."""

    limit: xr.Dataset
    experiment: xr.Dataset
    note: str = ""


def reopened(folder: str | Path, trust: bool = False) -> tuple[Study, Results]:
    """The study of a results folder, and its results.

    Files of laws that the study names are run only with `trust`; without, the folder's own description of its laws
    stands for them.
    """
    results = Results.open(folder)
    path = results.folder / "study.toml"
    try:
        text = content(path).decode()
    except (OSError, UnicodeDecodeError):
        raise StatementError(f"{str(folder)!r} holds no readable study.toml, which says what it is about.") from None
    return at_stage(_read(results, text, path, trust), results.folder), results


def _read(results: Results, text: str, path: Path, trust: bool) -> Study:
    base = results.folder / str(results.lock.get("base", "."))
    if trust or not names_files(text):
        try:
            return checked(text, path, base=base)
        except StatementError:
            if trust or not results.lock.get("portraits"):
                raise
    return told(results, text, base)


def damage(results: Results) -> list[str]:
    """The damage in a folder's journal, in a few lines."""
    lines = [f"The journal is damaged: {line}. That cell counts as not computed." for line in results.damaged[:5]]
    more = len(results.damaged) - len(lines)
    return [*lines, f"{more} more lines of the journal are damaged."] if more > 0 else lines


def kept(study: Study, results: Results) -> list[Kept]:
    """What a folder holds of each statement: its cells with the theory of now or, where other code made more of them,
    its results.nc as it is, limit and experiment of one time.

    Raises `StatementError` if results.nc has more numbers than that, as when they belong to other statements.
    """
    old, why = _loaded(results)
    edited = edits(results) if study.told else ""
    complete = []
    for k, asked in enumerate(study.items):
        found_here = (old.get(f"{k}/{what}") for what in ("limit", "experiment"))
        limit, whole = (d if d is not None and _fits(d, asked.statement) else None for d in found_here)
        data = stored(asked, results)
        if whole is not None and limit is not None and _numbers(whole) > _numbers(data):
            if _one_version(asked, results):
                complete.append(Kept(limit, whole, edited) if study.told else Kept(_theory(asked, limit), whole))
            else:
                complete.append(Kept(limit, whole, edited if study.told else _other_version(asked, results)))
        elif not study.told:
            complete.append(Kept(_theory(asked, limit), data))
        elif limit is not None:
            complete.append(Kept(limit, data, edited))
        else:
            raise StatementError(
                f"The predictions of {asked.name} are not in {str(results.shown)!r} ({why or 'no results.nc'}): "
                f"`asymptopia report {results.shown} --trust` runs the files of the study to make them anew."
            )
    _check_no_loss(old, complete, study, results)
    return complete


def _check_no_loss(old: Mapping[str, xr.Dataset], complete: Sequence[Kept], study: Study, results: Results) -> None:
    """Raise `StatementError` if results.nc has experiments with more numbers than what would stand in its place."""
    before = {k: n for k, data in old.items() if k.endswith("/experiment") and (n := _numbers(data))}
    left = sum(_numbers(one.experiment) for one in complete)
    if sum(before.values()) <= left:
        return
    stated = "; ".join(repr(asked.statement) for asked in study.items)
    there = "; ".join(str(old[k].attrs.get("statement", "an unknown statement")) for k in before)
    raise StatementError(
        f"'{results.shown}/results.nc' has {sum(before.values())} numbers of {there}, but the study in this folder now "
        f"states {stated}, of which the folder has {left}. Nothing is judged or written; `xarray.open_datatree` reads "
        "results.nc, and `asymptopia run` with another --out makes the numbers of the study."
    )


def _fits(data: xr.Dataset, statement: Statement) -> bool:
    """Whether a stored limit or experiment belongs to this statement: same text, observables and axes."""
    law, axes = statement.law, {k: len(v) for k, v in statement.axes.items()}
    names = [k for k in law.observed() if k in data] if "seed" in data.dims else list(law.observables)
    if data.attrs.get("statement") != repr(statement) or not names or not all(k in data for k in names):
        return False
    inner = [d for d in data.dims if d in ("size", "seed")]
    return all(
        data[k].dims == (*axes, *inner, *law.observables[k].dims)
        and data[k].shape[: len(axes)] == tuple(axes.values())
        and data[k].dtype.kind in "fi"
        for k in names
    )


def _one_version(asked: Confront, results: Results) -> bool:
    """Whether all cells of a statement in the journal were made by the code of now."""
    return all(
        set(results.outcomes.codes(repr(p), n)) <= {fingerprint(p)}
        for p in asked.statement.points()
        for n in _sizes(asked)
    )


def _other_version(asked: Confront, results: Results) -> str:
    """That the cells of a folder were made by other code than that of now, and what has changed."""
    codes = [c for p in asked.statement.points() for n in _sizes(asked) for c in results.outcomes.codes(repr(p), n)]
    now = behind(asked.statement.law)
    known = [results.codes[c] for c in codes if c in results.codes]
    what = f" ({changes(known[-1], now)})" if known else ""
    return (
        f"{asked.name}: the cells in this folder belong to another version of the experiment{what}. Limit and verdict "
        "shown are of that version; `asymptopia run` computes the cells anew."
    )


def _sizes(asked: Confront) -> tuple[int, ...]:
    return asked.statement.law.sizes_and_seeds(asked.sizes, None)[0]


def _loaded(results: Results) -> tuple[dict[str, xr.Dataset], str]:
    """The datasets of results.nc, and why there are none."""
    try:
        return results.load(), ""
    except EngineError as error:
        return results.limits(), str(error)


def _numbers(data: xr.Dataset) -> int:
    return sum(int(v.notnull().sum()) for v in data.values())


def stored(asked: Confront, results: Results) -> xr.Dataset:
    """The experiment as far as it is in the journal; what is missing is nan."""
    if not isinstance(asked.seeds, Adaptive):
        return results.dataset(asked.statement, asked.sizes, asked.seeds)
    data = results.dataset(asked.statement, asked.sizes, asked.seeds.max)
    some = data.dropna("seed", how="all")
    return some if some.sizes["seed"] >= 2 else data.isel(seed=slice(asked.seeds.min))


def predicted(study: Study, results: Results) -> list[xr.Dataset]:
    """The predictions, from results.nc where the same code made them from the same statement, else computed."""
    old, _ = _loaded(results)
    return [_theory(asked, old.get(f"{k}/limit")) for k, asked in enumerate(study.items)]


def _theory(asked: Confront, old: xr.Dataset | None) -> xr.Dataset:
    code = code_of(asked.statement)
    if old is not None and old.attrs.get("code") == code and _fits(old, asked.statement):
        return old
    try:
        return asked.statement.limit().assign_attrs(code=code)
    except SystemExit as error:
        raise EngineError(f"`predict` of {asked.name} asked to exit ({error}); there is no limit.") from None


def code_of(statement: Statement) -> str:
    """What identifies the code behind the predictions at all points of a statement."""
    return "-".join(sorted({theory_fingerprint(p) for p in statement.points()}))


def progress_of(study: Study, results: Results) -> list[dict[str, Any]]:
    """For each statement: its name, and how many cells it has, and how many are done, failed and missing.

    Of an adaptive number of seeds, the cells of the first `min` are counted.
    """
    rows = []
    for k, item in enumerate(study.items):
        cells = Entry(str(k), item.statement, item.sizes, item.seeds).cells()
        absent = len(results.outcomes.missing(cells))
        failed = len(results.outcomes.missing(cells, retry_failed=True)) - absent
        rows.append(
            {
                "name": item.name,
                "cells": len(cells),
                "done": len(cells) - absent - failed,
                "failed": failed,
                "missing": absent,
            }
        )
    return rows
