"""Read files with a row for each sample or run; their ending names the format."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .lines import read_lines
from .problems import Problems, listed
from .reading import Reading, existing, first_line
from .text import read_text

if TYPE_CHECKING:
    import pandas as pd

_BLANK = " \t\r\n\u00a0\u200b\ufeff"
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
ARRAYS = (".npz", ".npy", ".parquet")


def name_of(path: str | Path) -> str:
    """The name of a table without its ending: runs for results/runs.csv.gz."""
    name = Path(path).name
    endings = sorted((e for e in (*TEXT, *LINES, *ARRAYS) if name.lower().endswith(e)), key=len)
    return (name[: -len(endings[-1])] if endings else Path(name).stem) or name


def read_table(path: str | Path, *, encoding: str = "", header: bool = True) -> Reading:
    """Read the table in a CSV (also .tsv, .txt, .gz), NPZ, NPY, Parquet or JSON lines file; every column gets a name.

    encoding: of a text file; by default UTF-8, or UTF-16 if it begins with that byte-order mark.
    header:   whether the first row of a text file has the names of the columns; without, they are x1, x2, ...

    Separators are commas, semicolons or tabs, whichever gives every row as many values as there are names; decimal
    commas are understood where commas do not separate. A column without a name that numbers the rows is left out.
    An NPY file, or an NPZ file of one array, may hold a structured array: its fields are the columns. Each line of a
    .jsonl or .ndjson file is a JSON object of one row.

    Raises `StatementError` with all problems of the file.
    """
    file, name = existing(path), f"{str(path)!r}"
    ending = "".join(file.suffixes[-2:]).lower()
    if ending.endswith(TEXT):
        reading = read_text(file, name, encoding, header)
    elif ending.endswith(LINES):
        reading = Reading(read_lines(file, name), name)
    elif file.suffix.lower() == ".npz":
        reading = _arrays(file, name)
    elif file.suffix.lower() == ".npy":
        reading = Reading(_structured(_array(file, name), name), name)
    elif file.suffix.lower() == ".parquet":
        reading = Reading(_parquet(file, name), name)
    else:
        raise StatementError(
            f"The file {name} must end in .csv, .tsv, .txt, .jsonl, .ndjson (each also with .gz), .npz, .npy or "
            f".parquet. Spreadsheets export CSV; one array is saved with its target by np.savez(path, X=X, y=y)."
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
    if len(arrays) == 1 and (only := next(iter(arrays.values()))).dtype.names:
        return Reading(_structured(only, name), name)
    return _joined({k: v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v for k, v in arrays.items()}, name)


def _array(path: Path, name: str) -> np.ndarray:
    try:
        array = np.load(path, allow_pickle=False)
        return array if isinstance(array, np.ndarray) else np.empty(0)
    except (ValueError, OSError, EOFError) as error:
        raise StatementError(f"The file {name} is not an NPY file of plain numbers: {first_line(error)}") from None


def _structured(array: np.ndarray, name: str) -> pd.DataFrame:
    """The fields of a structured array (N,) as columns."""
    import pandas as pd

    fields = array.dtype.names or ()
    if array.ndim != 1 or not fields:
        raise StatementError(
            f"The array in {name} must be structured, with a field for each column and shape (N,), but has the type "
            f"{array.dtype} and shape {array.shape}. np.savez(path, n=n, loss=loss) saves columns by their names."
        )
    odd = [k for k in fields if array.dtype[k].shape or array.dtype[k].kind not in "biufUSM"]
    if odd:
        raise StatementError(f"The fields of {name} must hold real numbers or words, one a row, but not {listed(odd)}.")
    return pd.DataFrame({k: _native(array[k]) for k in fields})


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
