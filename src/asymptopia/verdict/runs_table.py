"""Tables of runs: read, checked as a whole, and brought into the shape of an experiment."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError, nearest
from ..tables import read_table
from .runs_claims import Columns, claims_of, columns_of, scales_of, without_scale

if TYPE_CHECKING:
    import pandas as pd

NOTHING = ("nan", "na", "n/a", "<na>", "null", "none", "missing", "")
MOST = 5  # rows named in a message
NAMED = 12  # columns named in a message


@dataclass(frozen=True)
class Runs:
    """Realisations by observable, (*parameters, sizes, seeds): nan where there is no run, inf where it gave no number.

    claims: of each observable its kind ("limit", "exponent", ...) and numbers (*parameters,).
    errors: how far such a limit may be off, where theory is numerical.
    """

    size: str
    sizes: np.ndarray
    seeds: int
    places: dict[str, np.ndarray]
    values: dict[str, np.ndarray]
    claims: dict[str, tuple[str, np.ndarray]]
    scales: dict[str, float]
    source: str
    errors: Mapping[str, np.ndarray] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)


def read(table: Any, columns: Columns, header: bool = True) -> Runs:
    """The runs in a table, or `StatementError` with all that is wrong."""
    frame, source = _frame(table, header)
    wrong: list[str] = []
    frame, columns = _long(frame, columns, wrong)
    _refuse(wrong, source)
    _check_columns(frame, columns, wrong)
    _refuse(wrong, source)
    frame = _numbers(frame, columns, wrong)
    _refuse(wrong, source)
    places = {k: np.unique(frame[k]) for k in columns.by}
    sizes = np.unique(frame[columns.size]).astype(int)
    seeds, column = _seeds(frame, columns, wrong)
    shape = (*(len(v) for v in places.values()), len(sizes), seeds)
    where = [np.searchsorted(places[k], frame[k]) for k in columns.by]
    index = (*where, np.searchsorted(sizes, frame[columns.size].astype(int)), column)
    values = {}
    for name in columns.value:
        values[name] = np.full(shape, np.nan)
        values[name][index] = frame[name].fillna(np.inf)
    _check_whole(next(iter(values.values())), places, sizes, wrong)
    claims = claims_of(frame, columns, places, wrong)
    scales = scales_of(columns, wrong)
    _refuse(wrong, source)
    notes = {k: _mixed(frame, columns) for k in columns.value} | without_scale(claims, scales)
    return Runs(str(columns.size), sizes, seeds, places, values, claims, scales, source, notes=notes)


def _frame(table: Any, header: bool) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if isinstance(table, str | Path):
        return read_table(table, header=header).table, Path(table).name
    try:
        return pd.DataFrame(table), "the table"
    except (ValueError, TypeError) as error:
        raise StatementError(f"`table` must be a file, a DataFrame or a mapping of columns: {error}.") from None


def _long(frame: pd.DataFrame, columns: Columns, wrong: list[str]) -> tuple[pd.DataFrame, Columns]:
    """A wide table in long form: one row a realisation. Wide are columns that are sizes, or that are seeds."""
    from dataclasses import replace

    frame = frame.rename(columns=lambda c: str(c).strip()).reset_index(drop=True)
    if columns.size is None:
        size, sizes = _named_by_sizes([c for c in frame.columns if c not in columns.by])
        if not sizes or len(columns.value) != 1:
            wrong.append(
                f"`size` must name the column of the size, one of {_some(frame.columns)}. Without it, columns must be "
                'named by sizes, such as "100" or "n=100", and there must be one `value`.'
            )  # fmt: skip
            return frame, columns
        keep = [c for c in frame.columns if c not in sizes]
        melted = frame.melt(keep, list(sizes), size, columns.value[0])
        return melted.assign(**{size: melted[size].map(sizes)}), replace(columns, size=size)
    patterns = [v for v in columns.value if "*" in v and v not in frame.columns]
    if not patterns:
        return frame, columns
    return _seeds_long(frame, columns, patterns, wrong)


def _named_by_sizes(columns: Sequence[str]) -> tuple[str, dict[str, int]]:
    """What the size is called, and the columns that are named by sizes: "100", or "n=100" with one n throughout."""
    named = {c: re.fullmatch(r"(?:([^=]+?)\s*=\s*)?(\d[\d_]*)", c) for c in columns}
    sizes = {c: int(m[2].replace("_", "")) for c, m in named.items() if m}
    called = {m[1] for m in named.values() if m}
    return (called.pop() or "size", sizes) if len(called) == 1 else ("size", {})


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _mixed(frame: pd.DataFrame, columns: Columns) -> str:
    """A note on the columns that nobody named, and which rows of one group share and others do not."""
    group = [*columns.by, str(columns.size)]
    named = {*group, columns.seed, *columns.value, *(c for c in columns_of(columns) if c in frame.columns)}
    mixed = []
    for name in (c for c in frame.columns if c not in named):
        several = frame.groupby(group)[name].nunique().max() > 1
        if several and frame.duplicated([*group, name]).any():
            mixed.append(name)
    if not mixed:
        return ""
    return f"Rows that differ in {_some(mixed)} are taken as realisations of one system; `by` would tell them apart."


def _seeds_long(
    frame: pd.DataFrame, columns: Columns, patterns: list[str], wrong: list[str]
) -> tuple[pd.DataFrame, Columns]:
    """`loss_*` as one column `loss`, with the columns that match as its seeds."""
    from dataclasses import replace

    import pandas as pd

    if len(patterns) < len(columns.value):
        wrong.append("`value` must name columns, or patterns such as loss_*, but not both.")
    if columns.seed:
        wrong.append(f"`seed` is {columns.seed!r}, but the seeds are the columns that match {patterns[0]!r}.")
    parts = {}
    for pattern in patterns:
        matching = [c for c in frame.columns if fnmatch.fnmatchcase(c, pattern)]
        if not matching:
            wrong.append(f"No column matches {pattern!r}.{nearest(pattern, frame.columns)}")
            continue
        name = pattern.split("*")[0].rstrip("_-.[ ") or "value"
        parts[name] = pd.concat([frame[c] for c in matching], ignore_index=True)
    lengths = {len(v) for v in parts.values()}
    if len(lengths) > 1:
        wrong.append(f"The patterns must match equally many columns, but match {sorted(lengths)} values.")
    if wrong or not parts:
        return frame, columns
    copies = lengths.pop() // max(len(frame), 1)
    used = {c for p in patterns for c in frame.columns if fnmatch.fnmatchcase(c, p)}
    rest = pd.concat([frame.drop(columns=list(used))] * copies, ignore_index=True)
    return rest.assign(**parts), replace(columns, value=list(parts))


def _check_columns(frame: pd.DataFrame, columns: Columns, wrong: list[str]) -> None:
    if not len(frame):
        wrong.append("The table has no rows.")
    seed = [columns.seed] if columns.seed else []
    named = {"size": [str(columns.size)], "seed": seed, "by": columns.by, "value": columns.value}
    for option, names in named.items():
        for name in names:
            if name not in frame.columns:
                wrong.append(
                    f"`{option}` names the column {name!r}, which is not there.{nearest(str(name), frame.columns)}"
                )
    every = [n for names in named.values() for n in names]
    for name in sorted({str(n) for n in every if every.count(n) > 1}):
        wrong.append(f"The column {name!r} is named for two things.")
    if not columns.value:
        wrong.append("`value` must name at least one column.")


def _numbers(frame: pd.DataFrame, columns: Columns, wrong: list[str]) -> pd.DataFrame:
    """The columns as numbers; a value may be missing or nan, a size or a parameter not."""
    import pandas as pd

    frame = frame.copy()
    for name in [columns.size, *columns.value]:
        if frame[name].dtype == object:
            frame[name] = [v.item() if hasattr(v, "item") else v for v in frame[name]]
        times = frame[name].dtype.kind in "mMc"  # and complex numbers, of which a part would be lost
        column = pd.to_numeric(frame[name].astype(str) if times else frame[name], errors="coerce")
        text = frame[name].astype(str).str.strip().str.lower()
        words = frame[name].notna() & column.isna() & ~text.isin(NOTHING)
        if words.any():
            advice = (
                "Print tensors by `.item()`."
                if text.str.startswith("tensor(").any()
                else ("Leave it empty where a run gave no number.")
            )
            wrong.append(f"Column {name!r} must hold numbers, but {_rows(frame, words, name)}. {advice}")
        frame[name] = column.astype(float)
    sizes = frame[columns.size]
    bad = ~(np.isfinite(sizes) & (sizes >= 1) & (sizes == np.round(sizes)))
    if bad.any():
        wrong.append(f"Column {columns.size!r} must hold whole numbers >= 1, but {_rows(frame, bad, columns.size)}.")
    for name in columns.by:
        if frame[name].isna().any():
            wrong.append(f"Column {name!r} has no value in {_rows(frame, frame[name].isna(), name)}.")
        elif frame[name].dtype == object:
            frame[name] = frame[name].astype(str)
    for name in columns.value:
        if not wrong and not frame[name].notna().any():
            wrong.append(f"Column {name!r} holds no number at all.")
    return frame


def _rows(frame: pd.DataFrame, bad: Any, name: Any) -> str:
    where = np.flatnonzero(np.asarray(bad))
    some = ", ".join(f"row {i + 1} has {frame[name].tolist()[i]!r}" for i in where[:MOST])
    return some + (f" and {len(where) - MOST} more" if len(where) > MOST else "")


def _seeds(frame: pd.DataFrame, columns: Columns, wrong: list[str]) -> tuple[int, np.ndarray]:
    """How many seeds there are, and each row's place among them."""
    group = [*columns.by, columns.size]
    if columns.seed is None:
        place = frame.groupby(group).cumcount().to_numpy()
        return int(place.max()) + 1, place
    twice = frame.duplicated([*group, columns.seed])
    if twice.any():
        wrong.append(
            f"{int(twice.sum())} rows repeat a seed of the same {', '.join(map(str, group))}: "
            f"{_rows(frame, twice, columns.seed)}. {_apart(frame, columns)}"
        )  # fmt: skip
    labels = np.unique(frame[columns.seed].astype(str))
    return len(labels), np.searchsorted(labels, frame[columns.seed].astype(str))


def _apart(frame: pd.DataFrame, columns: Columns) -> str:
    """What to do about rows that repeat a seed."""
    named = [*columns.by, columns.size, columns.seed, *columns.value]
    varying = [c for c in frame.columns if c not in named and frame[c].nunique() > 1]
    if not varying:
        return "Leave out what is there twice, or number the seeds anew."
    return f"Name the parameters that tell them apart with `by`, of {_some(varying)}."


def _check_whole(values: np.ndarray, places: dict[str, np.ndarray], sizes: np.ndarray, wrong: list[str]) -> None:
    """Every combination of parameters at every size needs two realisations at least."""
    count = (~np.isnan(values)).sum(axis=-1)
    few = np.argwhere(count < 2)
    if not len(few):
        return
    cells = []
    for index in few[:MOST]:
        at = [f"{k} {places[k][i]}" for k, i in zip(places, index[:-1], strict=True)]
        cells.append(f"{', '.join([*at, f'size {sizes[index[-1]]}'])} has {count[tuple(index)]}")
    more = f" and {len(few) - MOST} more have too few" if len(few) > MOST else ""
    wrong.append(f"There must be at least 2 realisations of each size, but {'; '.join(cells)}{more}.")


def _refuse(wrong: list[str], source: str) -> None:
    if wrong:
        raise StatementError("\n".join([f"{source}:", *(f"- {w}" for w in wrong)] if len(wrong) > 1 else wrong))
