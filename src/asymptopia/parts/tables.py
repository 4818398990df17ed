"""Files with one sample a row: read, checked, and split into numeric columns and a target."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError, nearest

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 10
_FEW_VALUES = 10


@dataclasses.dataclass(frozen=True)
class Columns:
    """A table as read: X of shape (N, d) with the names of its columns, and the target y of shape (N,).

    kind:    "classification" (labels -1 and 1) or "regression".
    meaning: what the target is, in words.
    """

    X: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    kind: str
    meaning: str


def digest_of(path: str | Path) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of a file."""
    return hashlib.sha256(existing(path).read_bytes()).hexdigest()[:12]


def existing(path: str | Path) -> Path:
    """The path of a file that exists and is not empty; `StatementError` otherwise."""
    found = Path(path)
    if not found.is_file():
        near = (
            nearest(found.name, [p.name for p in found.parent.iterdir() if p.is_file()])
            if found.parent.is_dir()
            else ""
        )
        hint = near.split(" Known:")[0]
        raise StatementError(f"There is no file {str(path)!r}.{hint}")
    if found.stat().st_size == 0:
        raise StatementError(f"The file {str(path)!r} is empty.")
    return found


def read_columns(path: str | Path, target: str, task: str = "auto") -> Columns:
    """The samples in a CSV, NPZ or Parquet file: all numeric columns but the target, and the target.

    target: the name of a column, or "column=value" for the samples of that value against all others. An NPZ file
            holds the arrays X (N, d) and y (N,); its target is "y" or "y=value".
    task:   "regression", "classification", or "auto": regression if the target has more than 10 different numbers.

    Raises `StatementError` for what cannot be used, saying which columns and rows, and what would help.
    """
    name = f"{str(path)!r}"
    found = existing(path)
    kinds = {".csv": _read_csv, ".npz": _read_npz, ".parquet": _read_parquet}
    if found.suffix.lower() not in kinds:
        raise StatementError(f"The file {name} must end in .csv, .npz or .parquet.")
    table = kinds[found.suffix.lower()](found)
    column, equals, value = target.partition("=")
    if target in table.columns:
        column, equals, value = target, "", ""
    if column not in table.columns:
        raise StatementError(
            f"The file {name} has no column {column!r} for a target.{nearest(column, list(map(str, table.columns)))}"
        )
    check_values(table, name)
    y, kind, meaning = _target(table[column], column, value if equals else None, task, name)
    inputs = table.drop(columns=[column])
    return Columns(check_inputs(inputs, name), y, tuple(map(str, inputs.columns)), kind, meaning)


def check_values(table: pd.DataFrame, name: str) -> None:
    """At least 10 rows, a name for each column, and a value in each place."""
    if len(table) < FEWEST:
        raise StatementError(f"The file {name} has {len(table)} samples; at least {FEWEST} are needed.")
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise StatementError(f"The file {name} has several columns called {str(twice[0])!r}; give each its own name.")
    missing = table.isna()
    if missing.to_numpy().any():
        counts = missing.sum()
        rows = int(missing.any(axis=1).sum())
        raise StatementError(
            f"The file {name} has missing values in {rows} of {len(table)} rows, in the columns "
            f"{_list([f'{c} ({k})' for c, k in counts.items() if k])}. Fill them in, or drop those rows or columns."
        )


def check_inputs(inputs: pd.DataFrame, name: str) -> np.ndarray:
    """The columns as one array of finite numbers, none of them constant."""
    if inputs.shape[1] == 0:
        raise StatementError(f"The file {name} has no column but the target.")
    words = [str(c) for c in inputs.columns if inputs[c].dtype.kind not in "biuf"]
    if words:
        raise StatementError(
            f"The file {name} has columns that are not numbers: {_list(words)}. Encode them as numbers, or drop them."
        )
    X = inputs.to_numpy(float)
    infinite = ~np.isfinite(X).all(axis=0)
    if infinite.any():
        raise StatementError(f"The file {name} has infinite values in the columns {_list(_named(inputs, infinite))}.")
    constant = np.ptp(X, axis=0) == 0
    if constant.any():
        raise StatementError(
            f"The file {name} has constant columns, which tell nothing: {_list(_named(inputs, constant))}. Drop them."
        )
    return X


def _named(inputs: pd.DataFrame, which: np.ndarray) -> list[str]:
    return [str(c) for c, bad in zip(inputs.columns, which, strict=True) if bad]


def _list(words: list[str], most: int = 8) -> str:
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "")


def _target(column: Any, title: str, value: str | None, task: str, name: str) -> tuple[np.ndarray, str, str]:
    numeric = column.dtype.kind in "biuf"
    values = sorted(column.unique().tolist(), key=lambda v: (isinstance(v, str), v))
    shown = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    if len(values) == 1:
        raise StatementError(
            f"The target {title!r} of {name} has one value only, {shown[0]}: there is nothing to learn."
        )
    if value is not None:
        chosen = _chosen(values, shown, value, title, name)
        return np.where(column == chosen, 1.0, -1.0), "classification", f"{title} is {value}"
    if len(values) == 2 and task != "regression":
        return np.where(column == values[1], 1.0, -1.0), "classification", f"{title} is {shown[1]}, not {shown[0]}"
    if numeric and (task == "regression" or (task == "auto" and len(values) > _FEW_VALUES)):
        y = column.to_numpy(float)
        if not np.isfinite(y).all():
            raise StatementError(f"The target {title!r} of {name} has infinite values.")
        return y, "regression", title
    if not numeric and task == "regression":
        raise StatementError(f"The target {title!r} of {name} is not a number, as regression needs.")
    other = ' or, for regression, task="regression"' if numeric else ""
    raise StatementError(
        f"The target {title!r} of {name} has {len(values)} classes: {_list(shown)}. "
        f'Choose one against the rest, as in target="{title}={shown[0]}"{other}.'
    )


def _chosen(values: list[Any], shown: list[str], value: str, title: str, name: str) -> Any:
    for v, text in zip(values, shown, strict=True):
        if value == text or value == str(v):
            return v
    try:
        return next(v for v in values if not isinstance(v, str) and float(v) == float(value))
    except (ValueError, StopIteration):
        known = shown if len(shown) <= 20 else []
        raise StatementError(f"The target {title!r} of {name} is never {value!r}.{nearest(value, known)}") from None


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        with path.open(encoding="utf-8") as file:
            head = file.readline()
        if "\0" in head:
            raise UnicodeError("null bytes")
        separator = max(",;\t", key=head.count)
        table = pd.read_csv(path, sep=separator, encoding="utf-8", skipinitialspace=True, low_memory=False)
    except (UnicodeError, pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OSError) as error:
        raise StatementError(
            f"The file {str(path)!r} is not a table of comma-separated values: {_first_line(error)}"
        ) from None
    table.columns = table.columns.map(lambda c: str(c).strip())
    return table


def _read_npz(path: Path) -> pd.DataFrame:
    import zipfile

    import pandas as pd

    try:
        with np.load(path, allow_pickle=False) as file:
            if not isinstance(file, np.lib.npyio.NpzFile) or not {"X", "y"} <= set(file.files):
                names = ", ".join(getattr(file, "files", ())) or "none"
                raise StatementError(f"The file {str(path)!r} must hold the arrays X and y; it holds {names}.")
            X, y = file["X"], file["y"]
    except StatementError:
        raise
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise StatementError(
            f"The file {str(path)!r} is not an NPZ file of plain arrays: {_first_line(error)}"
        ) from None
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise StatementError(
            f"The arrays of {str(path)!r} must have shapes (N, d) and (N,), but have {X.shape} and {y.shape}."
        )
    return pd.DataFrame(X, columns=[f"x{k}" for k in range(X.shape[1])]).assign(y=y)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError:
        raise StatementError("Parquet files need pyarrow: pip install 'asymptopia[parquet]'.") from None
    except Exception as error:
        raise StatementError(f"The file {str(path)!r} is not a Parquet file: {_first_line(error)}") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
