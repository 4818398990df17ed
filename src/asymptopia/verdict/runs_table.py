"""Tables of runs: read, checked as a whole, and brought into the shape of an experiment."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError, nearest
from ..tables import read_table

if TYPE_CHECKING:
    import pandas as pd

Claims = Mapping[str, Any]
NOTHING = ("nan", "na", "null", "none", "")
MOST = 5  # rows named in a message


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean; see `judge`."""

    value: list[str]
    size: str | None
    seed: str | None
    by: list[str]
    claims: Claims
    scale: Any


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


def read(table: Any, columns: Columns) -> Runs:
    """The runs in a table, or `StatementError` with all that is wrong."""
    frame, source = _frame(table)
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
    claims = _claims(frame, columns, places, wrong)
    scales = _scales(columns, wrong)
    _refuse(wrong, source)
    return Runs(str(columns.size), sizes, seeds, places, values, claims, scales, source)


def _frame(table: Any) -> tuple[pd.DataFrame, str]:
    import pandas as pd

    if isinstance(table, str | Path):
        return read_table(table).table, Path(table).name
    try:
        return pd.DataFrame(table), "the table"
    except (ValueError, TypeError) as error:
        raise StatementError(f"`table` must be a file, a DataFrame or a mapping of columns: {error}.") from None


def _long(frame: pd.DataFrame, columns: Columns, wrong: list[str]) -> tuple[pd.DataFrame, Columns]:
    """A wide table in long form: one row a realisation. Wide are columns that are sizes, or that are seeds."""
    from dataclasses import replace

    frame = frame.rename(columns=lambda c: str(c).strip()).reset_index(drop=True)
    if columns.size is None:
        sizes = [c for c in frame.columns if c.replace("_", "").isdigit() and c not in columns.by]
        if not sizes or len(columns.value) != 1:
            wrong.append(
                f"`size` must name the column of the size, one of {', '.join(map(str, frame.columns))}. Without it, "
                "columns must be named by sizes, and there must be one `value`."
            )  # fmt: skip
            return frame, columns
        keep = [c for c in frame.columns if c not in sizes]
        melted = frame.melt(keep, sizes, "size", columns.value[0])
        return melted.assign(size=melted["size"].astype(int)), replace(columns, size="size")
    patterns = [v for v in columns.value if "*" in v and v not in frame.columns]
    if not patterns:
        return frame, columns
    return _seeds_long(frame, columns, patterns, wrong)


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
        column = pd.to_numeric(frame[name], errors="coerce")
        words = (
            frame[name].notna() & column.isna() & ~frame[name].astype(str).str.lower().isin(["nan", "na", "null", ""])
        )
        if words.any():
            wrong.append(f"Column {name!r} must hold numbers, but {_rows(frame, words, name)}.")
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
        if not frame[name].notna().any():
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
            f"{_rows(frame, twice, columns.seed)}. Name the parameters that tell them apart with `by`."
        )  # fmt: skip
    labels = np.unique(frame[columns.seed].astype(str))
    return len(labels), np.searchsorted(labels, frame[columns.seed].astype(str))


def _check_whole(values: np.ndarray, places: dict[str, np.ndarray], sizes: np.ndarray, wrong: list[str]) -> None:
    """Every combination of parameters at every size needs two realisations at least."""
    count = (~np.isnan(values)).sum(axis=-1)
    few = np.argwhere(count < 2)
    for index in few[:MOST]:
        at = [f"{k} {places[k][i]}" for k, i in zip(places, index[:-1], strict=True)]
        wrong.append(
            f"There must be at least 2 realisations of each size, but {', '.join([*at, f'size {sizes[index[-1]]}'])} "
            f"has {count[tuple(index)]}."
        )
    if len(few) > MOST:
        wrong.append(f"and {len(few) - MOST} more such.")


def _claims(
    frame: pd.DataFrame, columns: Columns, places: dict[str, np.ndarray], wrong: list[str]
) -> dict[str, tuple[str, np.ndarray]]:
    """Of each observable what is claimed; a limit that is nan where nothing is."""
    shape = tuple(len(v) for v in places.values())
    claims: dict[str, tuple[str, np.ndarray]] = {}
    for kind, claim in columns.claims.items():
        for name, said in _by_observable(kind, claim, columns.value, wrong).items():
            if name in claims:
                wrong.append(f"{name!r} has two claims: `{claims[name][0]}` and `{kind}`.")
            claims[name] = kind, _claimed(frame, columns, places, kind, said, wrong)
    return {k: claims.get(k, ("limit", np.full(shape, np.nan))) for k in columns.value}


def _by_observable(kind: str, claim: Any, value: Sequence[str], wrong: list[str]) -> dict[str, Any]:
    if claim is None:
        return {}
    if isinstance(claim, Mapping):
        for name in claim:
            if name not in value:
                wrong.append(f"`{kind}` speaks of {name!r}, which is no `value`.{nearest(str(name), value)}")
        return {k: v for k, v in claim.items() if k in value}
    if len(value) > 1:
        wrong.append(f"`{kind}` must say of which value it is, as in {{{value[0]!r}: ...}}: there are {len(value)}.")
        return {}
    return {value[0]: claim}


def _claimed(
    frame: pd.DataFrame, columns: Columns, places: dict[str, np.ndarray], kind: str, said: Any, wrong: list[str]
) -> np.ndarray:
    shape = tuple(len(v) for v in places.values())
    try:
        number = float(said)
        if not np.isfinite(number):
            wrong.append(f"`{kind}` must be finite, but is {number}.")
        return np.full(shape, number)
    except (TypeError, ValueError):
        pass
    if said not in frame.columns:
        wrong.append(f"`{kind}` must be a number or a column, but is {said!r}.{nearest(str(said), frame.columns)}")
        return np.full(shape, np.nan)
    numbers = np.full(shape, np.nan)
    groups = frame.groupby(columns.by)[said] if columns.by else [((), frame[said])]
    for at, group in groups:
        if len(set(group)) > 1:
            where = f" at {', '.join(map(str, at))}" if columns.by else ""
            wrong.append(f"Column {said!r} must hold one `{kind}`{where}, but has {len(set(group))} values.")
            continue
        numbers[tuple(np.searchsorted(places[k], v) for k, v in zip(columns.by, at, strict=True))] = group.iloc[0]
    return numbers


def _scales(columns: Columns, wrong: list[str]) -> dict[str, float]:
    said = _by_observable("scale", columns.scale, columns.value, wrong)
    for name, number in said.items():
        if not (isinstance(number, int | float) and 0 < number < np.inf):
            wrong.append(f"`scale` of {name!r} must be a number > 0, but is {number!r}.")
    return {k: float(v) for k, v in said.items() if isinstance(v, int | float)}


def _refuse(wrong: list[str], source: str) -> None:
    if wrong:
        raise StatementError("\n".join([f"{source}:", *(f"- {w}" for w in wrong)] if len(wrong) > 1 else wrong))
