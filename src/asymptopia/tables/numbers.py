"""Columns of text become numbers, truth values or dates if all their values are; otherwise they stay words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import nearest
from .dates import read_dates, unlike_dates
from .notations import Notation, is_ambiguous, is_number, read_numbers, settling
from .problems import Problems, listed

if TYPE_CHECKING:
    import pandas as pd

    from .reading import Reading

FEW_VALUES = 10
ABSENT = {"na", "nan", "n/a", "#n/a", "null", "none", "nil", "-", "--", "?", "."}
"""Words for a missing value in a column of numbers, in lower case; in a column of words they are words."""


def kinds_of(table: pd.DataFrame, names: Sequence[str], between_commas: bool) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns of text as numbers, truth values, dates or words, and notes on each decision."""
    import pandas as pd

    notes: dict[str, list[str]] = {}
    read = [_kind(table.iloc[:, k]) for k in range(len(names))]
    settled = settling(set().union(*(shows for *_, shows in read)), between_commas)
    columns = []
    for k, (name, (column, said, _)) in enumerate(zip(names, read, strict=True)):
        if settled is not None and column.dtype == object:
            column, said, _ = _kind(table.iloc[:, k], settled)
        columns.append(column)
        for note in said:
            notes.setdefault(note, []).append(name)
    joined = pd.concat(columns, axis=1) if columns else table
    joined.columns = list(names)
    return joined, tuple(f"{note}: {listed(described)}." for note, described in notes.items())


def _kind(column: pd.Series, settled: Notation | None = None) -> tuple[pd.Series, list[str], set[str]]:
    """A column of text as what it means, notes, and what its numbers show of marks; `settled` is as in
    `read_numbers`."""
    import pandas as pd

    words = column.dropna().astype(object).map(str.strip)
    words = words[words != ""]
    if words.empty:
        return pd.Series(np.nan, index=column.index), [], set()
    numeric, notes, shows = _numeric(words, len(column), settled)
    if numeric is not None:
        whole = len(numeric) == len(column)
        return numeric if whole else numeric.astype(float).reindex(column.index), notes, shows
    if words.map(str.lower).isin(["true", "false"]).all():
        truth = words.map(str.lower) == "true"
        truth = truth.astype(bool) if len(truth) == len(column) else truth.astype(float).reindex(column.index)
        return truth, [], set()
    dates = read_dates(words)
    if dates is not None:
        return _days(dates[0]).reindex(column.index), [f"Dates are read as days since the first{dates[1]}"], set()
    return words.reindex(column.index).astype(object).where(lambda c: c.notna(), None), [], set()


def _numeric(words: pd.Series, rows: int, settled: Notation | None) -> tuple[pd.Series | None, list[str], set[str]]:
    """The column as numbers, or None if it is not one of numbers; notes, and what it shows of marks."""
    import pandas as pd

    words = words[~words.map(str.lower).isin(ABSENT - {"nan"})]
    texts = words.tolist()
    values, notes, shows = read_numbers(texts, settled) if texts else (None, [], set[str]())
    if values is None or not np.isfinite(values).any():
        return None, [], set()
    whole = len(texts) == rows and all(t.lstrip("+-").isdigit() for t in texts)
    if whole and max(map(abs, values)) < 2.0**62:
        return pd.Series([int(t) for t in texts], index=words.index, dtype="int64"), notes, shows
    if whole:
        notes = [*notes, "Whole numbers beyond 2^62 are read as decimal ones, rounded to 16 digits"]
    return pd.Series(values, index=words.index), notes, shows


def _days(moments: pd.Series) -> pd.Series:
    import pandas as pd

    return (moments - moments.min()) / pd.Timedelta(days=1)


def plain(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns of a Parquet file or a user's own table as numbers, truth values, dates and words."""
    import pandas as pd
    from pandas.api import types

    if all(isinstance(d, np.dtype) and d.kind in "biuf" for d in table.dtypes):
        return table, ()
    columns, dates = {}, []
    for name in table.columns:
        column = table[name]
        moments = _moments(column)
        if moments is not None:
            columns[name] = _days(moments)
            dates.append(str(name))
        elif types.is_bool_dtype(column.dtype) and not column.isna().any():
            columns[name] = column.astype(bool)
        elif types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype):
            exact = types.is_integer_dtype(column.dtype) and not column.isna().any()
            columns[name] = column if exact else column.astype(float)
        elif types.is_bool_dtype(column.dtype):
            columns[name] = column.astype("Float64").to_numpy(float, na_value=np.nan)
        elif _exact(column):
            columns[name] = column.astype(float)
        else:
            columns[name] = column.astype(object).where(column.notna(), None).map(_word)
    note = f"Dates are read as days since the first: {listed(dates)}."
    return pd.DataFrame(columns), (note,) if dates else ()


def _moments(column: pd.Series) -> pd.Series | None:
    """The column as moments, if it is one of dates or durations."""
    import datetime

    import pandas as pd
    from pandas.api import types

    if types.is_datetime64_any_dtype(column.dtype):
        return column
    if types.is_timedelta64_dtype(column.dtype):
        return pd.Timestamp(0) + column
    present = column.dropna()
    if column.dtype == object and len(present) and all(isinstance(v, datetime.date) for v in present):
        return pd.to_datetime(column)
    return None


def _exact(column: pd.Series) -> bool:
    """Whether a column holds decimal numbers of any precision."""
    import decimal

    present = column.dropna()
    return column.dtype == object and len(present) > 0 and all(isinstance(v, decimal.Decimal) for v in present)


def _word(value: object) -> object:
    """A value of a column of words: text, or a number that is in an exact type."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if value is None or isinstance(value, (str, bool)) else str(value)


def numbers_in(reading: Reading, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The named columns as arrays of floats, nan where a value is missing.

    reading: a table, as `read_table` returns it. names: of its columns.

    Raises `StatementError` with all problems: names that do not exist, words, infinities.
    """
    problems, table = Problems(reading.name), reading.table
    known, columns = [str(c) for c in table.columns], {}
    for name in dict.fromkeys(names):
        if name not in known:
            problems.add(f"has no column {name!r}.{nearest(name, known)}")
            continue
        column = table[name]
        if column.dtype.kind not in "biuf":
            problems.add(f"has words in the column {name!r}, where numbers are needed, {odd_ones(column)}.")
            continue
        columns[name] = column.to_numpy(float)
        if np.isinf(columns[name]).any():
            problems.add(f"has infinite values in the column {name!r}; leave those rows out.")
    problems.stop()
    return columns


def odd_ones(column: pd.Series) -> str:
    """In words, up to three values of a column that are no numbers, with the rows of the first."""
    words = column.dropna().map(str)
    odd = words[~words.map(is_number).astype(bool)]
    examples = listed([f"{w[:30]!r} in row {k + 1} of the data" for k, w in odd.drop_duplicates().iloc[:3].items()])
    hint = "; commas there may be decimal or separate thousands" if is_ambiguous(odd.tolist()) else ""
    return f"{len(odd)} of {len(column)} values, as {examples}{hint}"


def unlike_numbers(column: pd.Series, name: str) -> str:
    """In words, what a column of words has that is no number, and why it was not read if that can be told."""
    words = column.dropna().map(str)
    odd = words[~words.map(is_number).astype(bool)]
    example = f"{name} ({words.nunique()} different, as {str(odd.iloc[0] if len(odd) else words.iloc[0])[:30]!r}"
    undated = unlike_dates(words)
    if undated:
        return f"{name} ({words.nunique()} different, {undated})"
    if len(odd) < len(words):
        return f"{example} among numbers)"
    if is_ambiguous(odd.tolist()):
        return f"{example}, where commas may be decimal or separate thousands)"
    return f"{example})"


def mostly_numbers(column: pd.Series) -> bool:
    """Whether a column of words was meant as numbers: most values are, and more than ten different ones."""
    words = column.dropna().map(str)
    numbers = words[words.map(is_number).astype(bool)]
    return 2 * len(numbers) > len(words) and numbers.nunique() > FEW_VALUES
