"""Columns of text become numbers, truth values or days where every value of them is one; otherwise they stay words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import nearest
from .problems import Problems, listed

if TYPE_CHECKING:
    import pandas as pd

    from .reading import Reading

ABSENT = {"na", "nan", "n/a", "#n/a", "null", "none", "nil", "-", "--", "?", "."}
"""Words for a missing value in a column of numbers, in lower case; in a column of words they are words."""

_DATE = re.compile(r"\d{4}-\d\d?-\d\d?([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?)?")
_COMMA = re.compile(r"[-+]?(\d+|\d*,\d+)([eE][-+]?\d+)?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})*")
_GROUPS = re.compile(r"[-+]?\d{1,3}(,\d{3}){2,}")


def kinds_of(table: pd.DataFrame, names: Sequence[str], decimal_commas: bool) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Columns of text, each as what it holds, and what was decided on the way, in sentences."""
    import pandas as pd

    notes: dict[str, list[str]] = {}
    columns = []
    for k, name in enumerate(names):
        column, note = _kind(table.iloc[:, k], decimal_commas)
        columns.append(column)
        if note:
            notes.setdefault(note, []).append(name)
    joined = pd.concat(columns, axis=1) if columns else table
    joined.columns = list(names)
    return joined, tuple(f"{note}: {listed(described)}." for note, described in notes.items())


def _kind(column: pd.Series, decimal_commas: bool) -> tuple[pd.Series, str]:
    import pandas as pd

    text = column.astype(object).where(column.notna(), None).map(lambda v: v.strip() or None if v else None)
    present = text.notna()
    words = text[present]
    if words.empty:
        return pd.Series(np.nan, index=column.index), ""
    numeric, note = _numeric(text, words, decimal_commas)
    if numeric is not None:
        return numeric, note
    if words.map(str.lower).isin(["true", "false"]).all():
        truth = text.map(lambda v: None if v is None else v.lower() == "true")
        return truth.astype(bool) if present.all() else truth.astype(object), ""
    if words.map(lambda v: bool(_DATE.fullmatch(v))).all():
        days = _days(pd.to_datetime(text, errors="coerce", utc=True, format="mixed"))
        if days.notna().sum() == present.sum():
            return days, "Dates are read as days since the first"
    return text, ""


def _numeric(text: pd.Series, words: pd.Series, decimal_commas: bool) -> tuple[pd.Series | None, str]:
    """The column as numbers, or None if it is not one of numbers; and a note."""
    values = words[~words.map(str.lower).isin(ABSENT - {"nan"})]
    note = ""
    if values.empty:
        return None, ""
    if values.str.contains(",").any():
        groups = bool(values.map(lambda v: bool(_THOUSANDS.fullmatch(v))).all())
        if groups and values.map(lambda v: bool(_GROUPS.fullmatch(v))).any():
            values, note = values.str.replace(",", ""), "Commas are read as separating thousands"
        elif values.map(lambda v: bool(_COMMA.fullmatch(v))).all() and (decimal_commas or not groups):
            values, note = values.str.replace(",", "."), "Decimal commas are read as points"
        else:
            return None, ""
    if values.str.contains(r"[^0-9eE.+\-]", regex=True).any():
        special = values.map(str.lower).str.fullmatch(r"[-+]?(inf|infinity)|nan").astype(bool)
        if values[~special].str.contains(r"[^0-9eE.+\-]", regex=True).any() or special.all():
            return None, ""
    try:
        floats = values.map(float)
    except ValueError:
        return None, ""
    whole = len(values) == len(text) and values.str.fullmatch(r"[-+]?\d+").astype(bool).all()
    if whole and floats.abs().max() < 2.0**62:
        return values.map(int).astype("int64"), note
    if whole and floats.abs().max() >= 2.0**62:
        note = "Whole numbers beyond 2^62 are read as decimal ones, rounded to 16 digits"
    return floats.astype(float).reindex(text.index), note


def _days(moments: pd.Series) -> pd.Series:
    import pandas as pd

    return (moments - moments.min()) / pd.Timedelta(days=1)


def plain(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns of a Parquet file or a user's own table as numbers, truth values, days and words."""
    import pandas as pd
    from pandas.api import types

    columns, dates = {}, []
    for name in table.columns:
        column = table[name]
        if types.is_datetime64_any_dtype(column.dtype):
            columns[name] = _days(column)
            dates.append(str(name))
        elif types.is_bool_dtype(column.dtype) and not column.isna().any():
            columns[name] = column.astype(bool)
        elif types.is_numeric_dtype(column.dtype) and not types.is_bool_dtype(column.dtype):
            exact = types.is_integer_dtype(column.dtype) and not column.isna().any()
            columns[name] = column if exact else column.astype(float)
        else:
            columns[name] = column.astype(object).where(column.notna(), None)
    note = f"Dates are read as days since the first: {listed(dates)}."
    return pd.DataFrame(columns), (note,) if dates else ()


def numbers_in(reading: Reading, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The named columns as arrays of floats, nan where a value is missing.

    Raises `StatementError` with everything that is wrong with them: a name that is not there, words, infinities.
    """
    problems, table = Problems(reading.name), reading.table
    known, columns = [str(c) for c in table.columns], {}
    for name in dict.fromkeys(names):
        if name not in known:
            problems.add(f"has no column {name!r}.{nearest(name, known)}")
            continue
        column = table[name]
        if column.dtype.kind not in "biuf":
            words = [v for v in column if v is not None and not _number(v)]
            problems.add(f"has words in the column {name!r}, where numbers are needed, as {listed(words[:3])}.")
            continue
        columns[name] = column.to_numpy(float)
        if np.isinf(columns[name]).any():
            problems.add(f"has infinite values in the column {name!r}; leave those rows out.")
    problems.stop()
    return columns


def _number(value: object) -> bool:
    try:
        float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False
    return True
