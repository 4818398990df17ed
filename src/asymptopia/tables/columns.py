"""A table for learning: numeric inputs, a target, and what was left out or encoded on the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import nearest
from .files import read_table
from .numbers import plain
from .problems import Problems, listed
from .reading import Reading

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10
_FEW_VALUES = 10
_MOST_WORDS = 20
_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True)
class Columns:
    """A table as read: X of shape (N, d) with the names of its columns, and the target y of shape (N,).

    kind:    "classification" (labels -1 and 1) or "regression".
    meaning: what the target is, in words.
    notes:   what a reader should know of the table: columns left out or encoded, and columns that give the target away.
    """

    X: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    kind: str
    meaning: str
    notes: tuple[str, ...] = ()


def read_columns(
    path: str | Path,
    target: str,
    task: str = "auto",
    *,
    drop: Sequence[str] = (),
    only: Sequence[str] = (),
    missing: str = "refuse",
    encoding: str = "",
    header: bool = True,
) -> Columns:
    """The samples in a CSV, NPZ or Parquet file, one a row: the inputs as numbers, and the target.

    target:   the name of a column, or "column=value" for the samples of that value against all others.
    task:     "regression", "classification", or "auto": regression if the target has more than 10 different numbers.
    drop:     columns to leave out; `only`: the inputs to keep, if not all.
    missing:  "drop" leaves out rows with missing values, "median" fills them with their column's median (words with
              the most frequent); otherwise they are refused. A row without its target is never filled.
    encoding, header: see `read_table`.

    Words of at most 20 kinds become columns of zeros and ones. Columns that are constant up to rounding are left out.
    Raises `StatementError` with everything that is wrong and the option that mends it.
    """
    reading = read_table(path, encoding=encoding, header=header)
    table, more = plain(reading.table)
    reading = dataclasses.replace(reading, table=table, notes=(*reading.notes, *more))
    problems = Problems(reading.name)
    column, value = _target_column(reading, target, problems)
    inputs = _chosen_inputs(reading, column, drop, only, problems)
    problems.stop()
    return _columns(reading, inputs, column, value, task, missing, problems)


def _target_column(reading: Reading, target: str, problems: Problems) -> tuple[str, str | None]:
    known = [str(c) for c in reading.table.columns]
    column, equals, value = target.rpartition("=") if target not in known else (target, "", "")
    column = column or value
    if column not in known:
        problems.add(f"has no column {column!r} for a target.{nearest(column, known)}")
    return column, value if equals else None


def _chosen_inputs(
    reading: Reading, target: str, drop: Sequence[str], only: Sequence[str], problems: Problems
) -> list[str]:
    known = [str(c) for c in reading.table.columns]
    for option, names in (("--drop", drop), ("--only", only)):
        for name in names:
            if name not in known:
                problems.add(f"has no column {name!r}, which {option} asks for.{nearest(name, known)}")
    if target in drop:
        problems.add(f"has the target {target!r} among the columns to drop.")
    inputs = [c for c in known if c != target and c not in drop and (not only or c in only)]
    if not inputs and target in known:
        problems.add("has no column but the target.")
    return inputs


def _columns(
    reading: Reading,
    inputs: list[str],
    target: str,
    value: str | None,
    task: str,
    missing: str,
    problems: Problems,
) -> Columns:
    table, notes = _without_missing(reading, [*inputs, target], target, missing, problems)
    if len(table) < FEWEST:
        problems.add(f"has {len(table)} samples; at least {FEWEST} are needed.")
    labels = _target(table[target], target, value, task, problems)
    X, names, more = _inputs(table[inputs], problems)
    problems.stop()
    y, kind, meaning = labels
    notes = [*reading.notes, *notes, *more, *_row_numbers(X, names), *_given_away(X, y, names, kind, target)]
    return Columns(X, y, tuple(names), kind, meaning, tuple(notes))


def _without_missing(
    reading: Reading, names: list[str], target: str, missing: str, problems: Problems
) -> tuple[pd.DataFrame, list[str]]:
    table = reading.table[names]
    absent = table.isna()
    empty = [c for c in names if absent[c].all()]
    for c in empty:
        problems.add(f"has no value in the column {c!r}; leave it out with --drop {c}.")
    counts = {c: int(k) for c, k in absent.sum().items() if k and c not in empty}
    if not counts:
        return table, []
    rows = absent[list(counts)].any(axis=1)
    where = (
        f"{int(rows.sum())} of {len(table)} rows, in the columns {listed([f'{c} ({k})' for c, k in counts.items()])}"
    )
    if missing == "refuse":
        problems.add(
            f"has missing values in {where}. Leave those rows out with --missing drop, fill them with "
            f"--missing median, or leave out columns with --drop {next(c for c in counts)}."
        )
        return table, []
    keep = ~(rows if missing == "drop" else absent[target])
    table = table[keep]
    if missing == "median":
        table = table.assign(**{c: _filled(table[c]) for c in counts if c != target})
        return table, [f"Missing values are filled by medians: {where}."]
    return table, [f"Rows with missing values are left out: {where}."]


def _filled(column: pd.Series) -> pd.Series:
    if column.dtype.kind in "iuf":
        return column.fillna(column.median())
    return column.where(column.notna(), column.mode().iloc[0])


def _inputs(inputs: pd.DataFrame, problems: Problems) -> tuple[np.ndarray, list[str], list[str]]:
    """The inputs as one array of finite numbers that vary, their names, and what was done."""
    parts, names, encoded, constant, wordy = [], [], [], [], []
    for name in map(str, inputs.columns):
        column = inputs[name]
        if column.isna().any():
            continue
        if column.dtype.kind in "biuf":
            columns, labels = column.to_numpy(float)[:, None], [name]
        else:
            columns, labels = _encoded(column.map(str), name)
            if not labels:
                wordy.append(f"{name} ({column.nunique()} different, as {str(column.iloc[0])[:30]!r})")
                continue
            encoded.append(name)
        if not np.isfinite(columns).all():
            problems.add(f"has infinite values in the columns {name}; leave them out with --drop {name}.")
        elif np.ptp(columns, axis=0).max() <= _ROUNDING * np.abs(columns).max():
            constant.append(name)
        else:
            parts.append(columns)
            names += labels
    if wordy:
        first = wordy[0].split(" (")[0]
        problems.add(f"has columns that are not numbers: {listed(wordy)}. Leave them out with --drop {first}.")
    if not parts and not problems.sentences:
        problems.add(f"has only constant columns, which tell nothing: {listed(constant)}.")
    notes = [f"Constant columns tell nothing and are left out: {listed(constant)}."] if constant else []
    notes += [f"Words are encoded, one column for each: {listed(encoded)}."] if encoded else []
    return np.concatenate(parts, axis=1) if parts else np.empty((len(inputs), 0)), names, notes


def _encoded(words: pd.Series, name: str) -> tuple[np.ndarray, list[str]]:
    """A column of zeros and ones for each word but the most frequent; none if the words are too many."""
    counts = words.value_counts()
    if len(counts) > min(_MOST_WORDS, len(words) // 2):
        return np.empty((len(words), 0)), []
    if len(counts) == 1:
        return np.zeros((len(words), 1)), [name]
    kept = sorted(counts.index[1:])
    return np.column_stack([(words == w).to_numpy(float) for w in kept]), [f"{name}={w}" for w in kept]


def _target(column: Any, title: str, value: str | None, task: str, problems: Problems) -> tuple[np.ndarray, str, str]:
    nothing = np.empty(0), "", ""
    if column.isna().any() or not len(column):
        return nothing
    numeric = column.dtype.kind in "biuf"
    values = sorted(column.unique().tolist(), key=lambda v: (isinstance(v, str), v if numeric else str(v)))
    shown = _shown(values)
    if len(values) == 1:
        problems.add(f"has a target {title!r} with one value only, {shown[0]}: there is nothing to learn.")
        return nothing
    if value is not None:
        chosen = [v for v, text in zip(values, shown, strict=True) if _is(v, text, value)]
        if not chosen:
            known = shown if len(shown) <= 20 else []
            problems.add(f"has a target {title!r} that is never {value!r}.{nearest(value, known)}")
            return nothing
        return np.where(column == chosen[0], 1.0, -1.0), "classification", f"{title} is {value}"
    if len(values) == 2 and task != "regression":
        return np.where(column == values[1], 1.0, -1.0), "classification", f"{title} is {shown[1]}, not {shown[0]}"
    if numeric and (task == "regression" or (task == "auto" and len(values) > _FEW_VALUES)):
        y = column.to_numpy(float)
        if not np.isfinite(y).all():
            problems.add(f"has infinite values in the target {title!r}; leave those rows out.")
        return y, "regression", title
    if not numeric and task == "regression":
        problems.add(f"has a target {title!r} that is not a number, as regression needs, as {shown[0]!r}.")
        return nothing
    other = ' or, for regression, task="regression" (--task regression)' if numeric else ""
    problems.add(
        f"has a target {title!r} with {len(values)} classes: {listed(shown)}. "
        f'Choose one against the rest, as in target="{title}={shown[0]}" (--target {title}={shown[0]}){other}.'
    )
    return nothing


def _shown(values: list[Any]) -> list[str]:
    """Values as text, with all their digits."""
    return [f"{v:.0f}" if isinstance(v, float) and v.is_integer() and abs(v) < 1e15 else str(v) for v in values]


def _is(value: Any, text: str, asked: str) -> bool:
    if asked in (text, str(value)):
        return True
    try:
        return not isinstance(value, str) and float(value) == float(asked)
    except ValueError:
        return False


def _row_numbers(X: np.ndarray, names: list[str]) -> list[str]:
    """A warning of columns that number the rows: an order of rows, by class or time, would give the target away."""
    steps = np.diff(X, axis=0)
    counting = [n for n, s in zip(names, (steps == 1).all(axis=0), strict=True) if s]
    return [f"{n} numbers the rows; leave it out with --drop {n} unless it means something." for n in counting]


def _given_away(X: np.ndarray, y: np.ndarray, names: list[str], kind: str, target: str) -> list[str]:
    """A warning of each column that determines the target: a line through it, or a threshold on it."""
    if kind == "classification":
        up, down = X[y > 0], X[y < 0]
        apart = (up.min(axis=0) > down.max(axis=0)) | (down.min(axis=0) > up.max(axis=0))
        rare = min(len(up), len(down)) < 5
        giveaways = [] if rare else [n for n, a in zip(names, apart, strict=True) if a]
    else:
        centred, z = X - X.mean(axis=0), y - y.mean()
        correlation = np.abs(centred.T @ z) / np.sqrt((centred**2).sum(axis=0) * (z @ z))
        giveaways = [n for n, c in zip(names, correlation, strict=True) if c > 1 - 1e-9]
    return [
        f"{n} determines {target} by itself; if it would not be known in practice, leave it out with --drop {n}."
        for n in giveaways
    ]
