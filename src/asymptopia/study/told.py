"""A study as described in its results folder: no file that it names is run."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..contract.record import StatementError
from ..engine import Adaptive, Results
from ..engine.code import syntax_digest
from ..engine.files import printable
from ..engine.portrait import NameTaken, statement_of
from .items import Confront, Study


def names_files(text: str) -> list[str]:
    """The files of laws that a study names."""
    try:
        listed = tomllib.loads(text).get("files", [])
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    return [f for f in listed if isinstance(f, str)] if isinstance(listed, list) else []


def told(results: Results, text: str, base: Path) -> Study:
    """The study described in a results folder. Raises `StatementError` if the description is incomplete."""
    folder, lock = str(results.shown), results.lock
    portraits = lock.get("portraits")
    files = ", ".join(names_files(text)) or "its files"
    if not isinstance(portraits, list) or not portraits:
        raise StatementError(
            f"{folder!r} does not describe its laws (it was written before version 0.3, or is damaged), so they are "
            f"known only by running {files}. If you trust these files, say so with --trust."
        )
    try:
        items = tuple(map(_item, portraits, lock["entries"], lock["confront"]))
        return Study(printable(str(lock.get("title", ""))), items, text, base, told=True)
    except NameTaken as error:
        raise NameTaken(f"{folder!r} cannot be opened: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise StatementError(
            f"What {folder!r} tells of its study is damaged: {error} If you trust {files}, say so with --trust."
        ) from None


def edits(results: Results) -> str:
    """A notice if files of laws have changed since the cells of a folder were computed; nothing is run to find out."""
    base = results.folder / str(results.lock.get("base", "."))
    known = results.lock.get("files")
    changed = [
        name
        for name, digest in (known.items() if isinstance(known, Mapping) else ())
        if os.path.isfile(base / name) and syntax_digest(base / name) != digest
    ]
    if not changed:
        return ""
    return (
        f"{', '.join(changed)} has changed since: the cells and the limit shown belong to another version. "
        "`asymptopia run` makes them anew, `asymptopia report --trust` the limit alone."
    )


def _item(portrait: Mapping[str, Any], entry: Mapping[str, Any], judged: Mapping[str, Any]) -> Confront:
    statement, seeds = statement_of(portrait), entry["seeds"]
    sizes, _ = statement.law.sizes_and_seeds([int(n) for n in entry["sizes"]], None)
    if isinstance(seeds, Mapping):
        seeds = Adaptive(int(seeds["min"]), int(seeds["max"]), float(seeds["target"]))
    else:
        seeds = int(seeds) if isinstance(seeds, int) else tuple(map(int, seeds))
        statement.law.sizes_and_seeds(sizes, seeds)
    level, resolution = float(judged["level"]), judged["resolution"]
    if not 0 < level < 1:
        raise ValueError(f"its level is {level}.")
    resolution = None if resolution is None else float(resolution)
    return Confront(printable(str(judged["name"])), statement, sizes, seeds, level, resolution)
