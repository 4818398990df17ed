"""A table for learning: numeric inputs, a target, and notes on columns that were left out or encoded."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import nearest
from .files import read_table
from .numbers import mostly_numbers, odd_ones, plain, unlike_numbers
from .problems import Problems, listed
from .reading import Reading
from .target import absent_words, read_target
from .warned import warnings

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10
_MOST_WORDS = 20
_ROUNDING = 1e-12
_LARGEST = 1e140


@dataclasses.dataclass(frozen=True)
class Columns:
    """A table as read: X of shape (N, d) with the names of its columns, and the target y of shape (N,).

    kind:    "classification" (labels -1 and 1), "classes" (several, 0, 1, ...) or "regression".
    meaning: the target in words.
    notes:   columns that were left out or encoded, and columns that give the target away.
    labels:  the names of several classes.
    """

    X: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    kind: str
    meaning: str
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


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
    """Read samples from a CSV, NPZ, NPY or Parquet file with a row for each: the inputs as numbers, and the target.

    target:   the name of a column, or "column=value" for the samples of that value against all others; with an NPY file
              also another such file, of one value for each row.
    task:     "regression", "classification", or "auto": regression if the target has more than 10 different numbers.
              Three to 20 different values are several classes.
    drop:     columns to leave out; `only`: the inputs to keep, if not all.
    missing:  "drop" leaves out rows with missing values, "median" fills them with their column's median (words with
              the most frequent); otherwise they are refused. A row without its target is never filled.
    path, encoding, header: see `read_table`.

    Words of at most 20 kinds become columns of zeros and ones. Columns that are constant up to rounding are left out.
    Raises `StatementError` with all problems, each with the option that mends it.
    """
    beside = None
    if Path(path).suffix.lower() == ".npy" and target.lower().endswith(".npy"):
        beside, target = target, Path(target).stem
    reading = read_table(path, encoding=encoding, header=header, beside=beside)
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
        parts = [c for c in known if re.match(re.escape(column) + "[_=.:]", c)]
        hint = f" {listed(parts)} may be its classes: join them into one column." if len(parts) > 1 else ""
        problems.add(f"has no column {column!r} for a target.{hint or nearest(column, known)}")
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
    if not len(reading.table):
        problems.add(f"has no samples below the names; at least {FEWEST} are needed.")
        problems.stop()
    table, notes = _without_missing(reading, [*inputs, target], target, missing, problems)
    if len(table) < FEWEST:
        problems.add(f"has {len(table)} samples; at least {FEWEST} are needed.")
    y, kind, meaning, labels = read_target(table[target], target, value, task, problems)
    X, names, more = _inputs(table[inputs], problems)
    problems.stop()
    notes = [*reading.notes, *notes, *more, *warnings(table, inputs, X, y, names, kind, target)]
    return Columns(X, y, tuple(names), kind, meaning, tuple(notes), labels)


def _without_missing(
    reading: Reading, names: list[str], target: str, missing: str, problems: Problems
) -> tuple[pd.DataFrame, list[str]]:
    table = reading.table[names]
    notes: list[str] = []
    for c in names if missing != "refuse" else ():
        table, notes = _told_absent(table, c, notes)
    absent = table.isna()
    empty = [c for c, all_absent in zip(names, absent.to_numpy().all(axis=0), strict=True) if all_absent]
    for c in empty:
        mend = "name another with --target" if c == target else f"leave it out with --drop {c}"
        problems.add(f"has no value in the column {c!r}; {mend}.")
    counts = {c: int(k) for c, k in absent.sum().items() if k and c not in empty}
    if not counts:
        return table, notes
    rows = absent[list(counts)].any(axis=1)
    where = (
        f"{int(rows.sum())} of {len(table)} rows, in the columns {listed([f'{c} ({k})' for c, k in counts.items()])}"
    )
    if missing == "refuse":
        first = next((c for c in counts if c != target), None)
        others = f", fill them with --missing median, or leave out columns with --drop {first}" if first else ""
        problems.add(f"has missing values in {where}. Leave those rows out with --missing drop{others}.")
        return table, notes
    keep = ~(rows if missing == "drop" else absent[target])
    table = table[keep]
    if missing == "median":
        table = table.assign(**{c: _filled(table[c]) for c in counts if c != target})
        return table, [*notes, f"Missing values are filled by medians: {where}."]
    return table, [*notes, f"Rows with missing values are left out: {where}."]


def _told_absent(table: pd.DataFrame, name: str, notes: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """With a word for a missing value taken as one, where other words are two or more."""
    column = table[name]
    words = absent_words(column)
    if not words:
        return table, notes
    note = f"{listed(words)} in {name} counts as missing."
    return table.assign(**{name: column.where(~column.isin(words), None)}), [*notes, note]


def _filled(column: pd.Series) -> pd.Series:
    if column.dtype.kind in "iuf":
        return column.fillna(column.median())
    return column.where(column.notna(), column.mode().iloc[0])


def _inputs(inputs: pd.DataFrame, problems: Problems) -> tuple[np.ndarray, list[str], list[str]]:
    """The inputs as one array of finite numbers that vary, their names, and what was done."""
    numbers = inputs.dtypes.map(lambda d: d.kind in "biuf").to_numpy()
    complete = ~inputs.isna().any(axis=0).to_numpy()
    X, names, constant = _varying(inputs.loc[:, numbers & complete], problems)
    words = inputs.loc[:, ~numbers & complete]
    encoded, wordy, places = [], [], {c: k for k, c in enumerate(map(str, inputs.columns))}
    parts, sources = [X], [places[n] for n in names]
    for name in map(str, words.columns):
        columns, labels = (
            (np.empty((len(inputs), 0)), []) if mostly_numbers(words[name]) else _encoded(words[name], name)
        )
        if mostly_numbers(words[name]):
            problems.add(
                f"has a column of numbers, {name}, that are none in {odd_ones(words[name])}. Mend them, or leave the "
                f"column out with --drop {name}."
            )
        elif not labels:
            wordy.append(unlike_numbers(words[name], name))
        elif columns.any():
            encoded.append(name)
            parts.append(columns)
            names += labels
            sources += [places[name]] * len(labels)
        else:
            constant.append(name)
    if wordy:
        drops = " ".join(f"--drop {w.split(' (')[0]}" for w in wordy)
        problems.add(
            f"has columns that are not numbers: {listed(wordy)}. Write them as numbers, or leave them out with {drops}."
        )
    if not names and not problems.sentences:
        problems.add(f"has only constant columns, which tell nothing: {listed(constant)}.")
    notes = [f"Constant columns tell nothing and are left out: {listed(constant)}."] if constant else []
    notes += [f"Words are encoded, one column for each: {listed(encoded)}."] if encoded else []
    order = np.argsort(sources, kind="stable") if encoded else slice(None)
    return np.concatenate(parts, axis=1)[:, order], list(np.array(names, object)[order]), notes


def _varying(table: pd.DataFrame, problems: Problems) -> tuple[np.ndarray, list[str], list[str]]:
    """Columns of numbers as an array, without those that are constant up to rounding, which are named last."""
    X, names = table.to_numpy(float), np.array(list(map(str, table.columns)), object)
    if not X.size:
        return np.empty((len(table), 0)), [], []
    infinite = np.isinf(X).any(axis=0)
    if infinite.any():
        drops = " ".join(f"--drop {n}" for n in names[infinite][:8])
        problems.add(
            f"has infinite values in the columns {listed(list(names[infinite]))}; leave those rows out, or the columns "
            f"with {drops}."
        )
    X, names = X[:, ~infinite], names[~infinite]
    size, spread = np.abs(X).max(axis=0), X.max(axis=0) / 2 - X.min(axis=0) / 2
    constant = 2 * spread <= _ROUNDING * size
    extreme = ~constant & ((size > _LARGEST) | (spread < 1 / _LARGEST))
    if extreme.any():
        problems.add(
            f"has numbers in the columns {listed(list(names[extreme]))} that are too large or too close to be squared "
            f"(beyond {_LARGEST:g}, or apart by less than {1 / _LARGEST:g}); give them in other units."
        )
    return X[:, ~constant], list(names[~constant]), list(names[constant])


def _encoded(words: pd.Series, name: str) -> tuple[np.ndarray, list[str]]:
    """A column of zeros and ones for each word but the most frequent; none if the words are too many."""
    counts = words.value_counts()
    if len(counts) > min(_MOST_WORDS, len(words) // 2):
        return np.empty((len(words), 0)), []
    if len(counts) == 1:
        return np.zeros((len(words), 1)), [name]
    kept = sorted(counts.index[1:])
    return np.column_stack([(words == w).to_numpy(float) for w in kept]), [f"{name}={w}" for w in kept]
