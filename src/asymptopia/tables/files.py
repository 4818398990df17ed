"""Read files with a row for each sample or run; their ending names the format."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .problems import Problems, listed
from .reading import Reading, existing, first_line
from .text import read_text

if TYPE_CHECKING:
    import pandas as pd

_BLANK = " \t\r\n\u00a0\u200b\ufeff"
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")


def read_table(path: str | Path, *, encoding: str = "", header: bool = True) -> Reading:
    """Read the table in a CSV (also .tsv, .txt, .gz), NPZ or Parquet file; every column gets its own name.

    encoding: of a text file; by default UTF-8, or UTF-16 if it begins with that byte-order mark.
    header:   whether the first row of a text file has the names of the columns; without, they are x1, x2, ...

    Separators are commas, semicolons or tabs, whichever gives every row as many values as there are names; decimal
    commas are understood where commas do not separate. A column without a name that numbers the rows is left out.

    Raises `StatementError` with all problems of the file.
    """
    file, name = existing(path), f"{str(path)!r}"
    ending = "".join(file.suffixes[-2:]).lower()
    if ending.endswith(TEXT):
        reading = read_text(file, name, encoding, header)
    elif file.suffix.lower() == ".npz":
        reading = _arrays(file, name)
    elif file.suffix.lower() == ".parquet":
        reading = Reading(_parquet(file, name), name)
    else:
        raise StatementError(
            f"The file {name} must end in .csv, .tsv, .txt (each also with .gz), .npz or .parquet. Spreadsheets export "
            f"CSV; one array is saved with its target by np.savez(path, X=X, y=y)."
        )
    return _named(reading)


def _named(reading: Reading) -> Reading:
    """Without a column of row numbers; every other column has a name of its own."""
    table, notes, problems = reading.table, list(reading.notes), Problems(reading.name)
    names = [str(c).strip(_BLANK) for c in table.columns]
    keep = np.ones(len(names), bool)
    for k, column in enumerate(names):
        if column and not column.startswith("Unnamed:"):
            continue
        if _numbers_rows(table.iloc[:, k]):
            keep[k] = False
            notes.append(f"Column {k + 1} has no name and numbers the rows; it is left out.")
        elif table.iloc[:, k].isna().all():
            keep[k] = False
            notes.append(f"Column {k + 1} has neither name nor values; it is left out.")
        else:
            problems.add(f"has no name for column {k + 1}; give it one in the first row.")
    twice = sorted(c for c, count in Counter(names).items() if c and count > 1)
    for column in twice:
        problems.add(
            f"has several columns called {column!r}; give each its own name, or the second could hold the target."
        )
    problems.stop()
    table = table.loc[:, keep]
    table.columns = [c for c, k in zip(names, keep, strict=True) if k]
    return dataclasses.replace(reading, table=table, notes=tuple(notes))


def _numbers_rows(column: pd.Series) -> bool:
    if column.dtype.kind not in "iu":
        return False
    values = column.to_numpy()
    return bool(len(values) > 1 and values[0] in (0, 1) and (np.diff(values) == 1).all())


def _arrays(path: Path, name: str) -> Reading:
    """The one matrix (N, d) of an NPZ file as columns named after it, and all arrays of N values beside it."""
    import zipfile

    if not zipfile.is_zipfile(path):
        raise StatementError(f"The file {name} is not an NPZ file: save it by np.savez(path, X=X, y=y).")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise StatementError(f"The file {name} is not an NPZ file of plain arrays: {first_line(error)}") from None
    return _joined({k: v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v for k, v in arrays.items()}, name)


def _joined(arrays: dict[str, np.ndarray], name: str) -> Reading:
    """One matrix, and the vectors as long as it has rows; other arrays are left out."""
    import pandas as pd

    shapes = listed([f"{k} {v.shape}" for k, v in arrays.items()])
    large = [k for k, v in arrays.items() if v.ndim >= 2]
    large = ["X"] if len(large) > 1 and "X" in large else large
    vectors = {k: v for k, v in arrays.items() if v.ndim == 1}
    rows = len(arrays[large[0]]) if large else max(map(len, vectors.values()), default=0)
    fitting = {k: v for k, v in vectors.items() if len(v) == rows}
    if len(large) > 1 or not fitting:
        raise StatementError(
            f"The arrays of {name} must have shapes (N, d) and (N,), as X and y in np.savez(path, X=X, y=y): "
            f"one matrix at most, and vectors as long as it has rows. It holds {shapes}.{_turned(arrays)}"
        )
    if large and arrays[large[0]].ndim > 2:
        raise StatementError(
            f"The array {large[0]} of {name} must have shape (N, d), but has {arrays[large[0]].shape}; "
            f"save {large[0]}.reshape(len({large[0]}), -1)."
        )
    odd = [k for k in (*large, *fitting) if arrays[k].dtype.kind not in "biufUSM"]
    if odd:
        raise StatementError(f"The arrays of {name} must hold real numbers or words, which {listed(odd)} do not.")
    parts = [pd.DataFrame({k: _native(v) for k, v in fitting.items()})]
    for k in large:
        stem = "x" if k == "X" else f"{k}_"
        named = [f"{stem}{j}" for j in range(arrays[k].shape[1])]
        parts.insert(0, pd.DataFrame(_native(arrays[k]), columns=named))
    others = [k for k in arrays if k not in large and k not in fitting]
    note = f"Only {listed([*large, *fitting])} are read; left out: {listed(others)}."
    return Reading(pd.concat(parts, axis=1), name, (note,) if others else ())


def _turned(arrays: dict[str, np.ndarray]) -> str:
    """A hint, if the matrix is as wide as a vector is long."""
    lengths = {len(v) for v in arrays.values() if v.ndim == 1}
    turned = [k for k, v in arrays.items() if v.ndim == 2 and v.shape[1] in lengths and len(v) not in lengths]
    return f" Samples are rows: save {turned[0]}.T." if turned else ""


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(str).astype(object) if values.dtype.kind in "US" else values


def _parquet(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
        return table if table.index.names == [None] else table.reset_index()
    except ImportError:
        raise StatementError("Parquet files need pyarrow: pip install 'asymptopia[parquet]'.") from None
    except Exception as error:
        raise StatementError(f"The file {name} is not a Parquet file: {first_line(error)}") from None
