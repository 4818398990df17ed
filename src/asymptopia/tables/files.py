"""Read files with a row for each sample or run; their ending names the format."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .arrays import read_archive, read_array
from .lines import read_lines
from .problems import Problems
from .reading import Reading, existing, first_line
from .text import read_text

if TYPE_CHECKING:
    import pandas as pd

_BLANK = " \t\r\n\u00a0\u200b\ufeff"
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
ARRAYS = (".npz", ".npy", ".parquet")


def name_of(path: str | Path) -> str:
    """The name of the table at a path without its ending: runs for results/runs.csv.gz."""
    name = Path(path).name
    endings = sorted((e for e in (*TEXT, *LINES, *ARRAYS) if name.lower().endswith(e)), key=len)
    return (name[: -len(endings[-1])] if endings else Path(name).stem) or name


def read_table(
    path: str | Path, *, encoding: str = "", header: bool = True, beside: str | Path | None = None
) -> Reading:
    """Read the table in a CSV (also .tsv, .txt, .gz), NPZ, NPY, Parquet or JSON lines file; every column gets a name.

    path:     of the file, whose ending says what it is.
    encoding: of a text file; by default UTF-8, or UTF-16 if it begins with that byte-order mark.
    header:   whether the first row of a text file has the names of the columns; without, they are x1, x2, ...
    beside:   with an NPY file, another with one value for each row, as labels.npy: the column "labels".

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
        reading = read_archive(file, name)
    elif file.suffix.lower() == ".npy":
        reading = read_array(file, name, None if beside is None else existing(beside))
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


def _parquet(path: Path, name: str) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
        return table if table.index.names == [None] else table.reset_index()
    except ImportError:
        raise StatementError("Parquet files need pyarrow: pip install 'asymptopia[parquet]'.") from None
    except Exception as error:
        raise StatementError(f"The file {name} is not a Parquet file: {first_line(error)}") from None
