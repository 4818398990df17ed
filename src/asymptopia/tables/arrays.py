"""Arrays in NPZ and NPY files as columns; of matrices too large for memory a random part of the rows, in one pass."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .problems import listed
from .reading import Reading, first_line

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES, _FEWEST_ROWS, _PER_COLUMN = 2e7, 10_000, 8
_BLOCK = 2**24

Opener = Callable[[], IO[bytes]]


def read_archive(path: Path, name: str) -> Reading:
    """The one matrix (N, d) of an NPZ file as columns named after it, and all arrays of N values beside it."""
    if not zipfile.is_zipfile(path):
        raise StatementError(f"The file {name} is not an NPZ file: save it by np.savez(path, X=X, y=y).")
    try:
        with zipfile.ZipFile(path) as archive:
            members = {n.removesuffix(".npy"): n for n in archive.namelist()}
            arrays, notes = _loaded({k: lambda n=n: archive.open(n) for k, n in members.items()}, name)  # type: ignore[misc]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise StatementError(f"The file {name} is not an NPZ file of plain arrays: {first_line(error)}") from None
    if len(arrays) == 1 and (only := next(iter(arrays.values()))).dtype.names:
        return Reading(_structured(only, name), name, notes)
    return _joined({k: v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v for k, v in arrays.items()}, name, notes)


def read_array(path: Path, name: str, beside: Path | None = None) -> Reading:
    """The matrix (N, d) of an NPY file as columns x0, x1, ..., and the vector (N,) of another, by its name.

    A structured array (N,) has its fields as columns.
    """
    files = {"X": path} | ({beside.stem: beside} if beside is not None else {})
    try:
        arrays, notes = _loaded({k: lambda f=f: f.open("rb") for k, f in files.items()}, name)  # type: ignore[misc]
    except (ValueError, OSError, EOFError) as error:
        raise StatementError(f"The file {name} is not an NPY file of a plain array: {first_line(error)}") from None
    if arrays["X"].dtype.names and beside is None:
        return Reading(_structured(arrays["X"], name), name, notes)
    if arrays["X"].ndim != 2:
        raise StatementError(
            f"The array in {name} must have shape (N, d), or be structured with a field for each column, but has the "
            f"type {arrays['X'].dtype} and shape {arrays['X'].shape}. np.savez(path, n=n, loss=loss) saves columns by "
            "their names."
        )
    if beside is None:
        arrays = {f"x{k}": column for k, column in enumerate(arrays["X"].T)}
    return _joined(arrays, name, notes)


def _loaded(openers: dict[str, Opener], name: str) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """The arrays; where a matrix is large, the same random rows of all that have as many, and a note of it."""
    shapes = {k: _header(opened)[0] for k, opened in openers.items()}
    large = [k for k, shape in shapes.items() if len(shape) == 2 and math.prod(shape) > MOST_VALUES]
    if not large:
        return {k: _whole(opened) for k, opened in openers.items()}, ()
    first = "X" if "X" in large else large[0]
    N, d = shapes[first]
    rows = min(N, max(int(MOST_VALUES / d), _FEWEST_ROWS, _PER_COLUMN * d))
    chosen = np.sort(np.random.default_rng(0).choice(N, rows, replace=False))
    arrays = {}
    for k, opened in openers.items():
        if shapes[k][:1] == (N,):
            arrays[k] = _rows(opened, chosen)
        elif math.prod(shapes[k]) <= MOST_VALUES:
            arrays[k] = _whole(opened)
    note = f"{first} {shapes[first]} is large: {rows} of its {N} rows, drawn at random, are read."
    return arrays, (note,) if rows < N else ()


def _header(opened: Opener) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether columns come first, and type of an array."""
    with opened() as stream:
        return _read_header(stream)


def _read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return reader(stream)


def _whole(opened: Opener) -> np.ndarray:
    with opened() as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def _rows(opened: Opener, chosen: np.ndarray) -> np.ndarray:
    """The chosen rows (n,), in order, of an array (N, ...), read in blocks."""
    with opened() as stream:
        shape, columns_first, dtype = _read_header(stream)
        if dtype.hasobject:
            raise ValueError("Object arrays cannot be loaded.")
        if columns_first and len(shape) > 1:
            columns = (_block(stream, (shape[0],), dtype)[chosen] for _ in range(math.prod(shape[1:])))
            return np.stack(list(columns), axis=1).reshape(len(chosen), *shape[1:])
        rest, kept, start = shape[1:], [], 0
        step = max(1, _BLOCK // max(1, math.prod(rest) * dtype.itemsize))
        while start < shape[0]:
            block = _block(stream, (min(step, shape[0] - start), *rest), dtype)
            first, last = np.searchsorted(chosen, [start, start + len(block)])
            kept.append(block[chosen[first:last] - start])
            start += len(block)
        return np.concatenate(kept)


def _block(stream: IO[bytes], shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    wanted = math.prod(shape) * dtype.itemsize
    parts = bytearray()
    while len(parts) < wanted:
        part = stream.read(wanted - len(parts))
        if not part:
            raise EOFError("The file ends before its arrays do.")
        parts += part
    return np.frombuffer(bytes(parts), dtype).reshape(shape)


def _structured(array: np.ndarray, name: str) -> pd.DataFrame:
    """The fields of a structured array (N,) as columns."""
    import pandas as pd

    fields = array.dtype.names or ()
    if array.ndim != 1:
        raise StatementError(f"The structured array of {name} must have shape (N,), but has shape {array.shape}.")
    odd = [k for k in fields if array.dtype[k].shape or array.dtype[k].kind not in "biufUSM"]
    if odd:
        raise StatementError(f"The fields of {name} must hold real numbers or words, one a row, but not {listed(odd)}.")
    return pd.DataFrame({k: _native(array[k]) for k in fields})


def _joined(arrays: dict[str, np.ndarray], name: str, notes: tuple[str, ...]) -> Reading:
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
            f"one matrix at most, and vectors as long as it has rows. It holds {shapes or 'nothing'}.{_turned(arrays)}"
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
    return Reading(pd.concat(parts, axis=1), name, (*notes, note) if others else notes)


def _turned(arrays: dict[str, np.ndarray]) -> str:
    """A hint, if the matrix is as wide as a vector is long."""
    lengths = {len(v) for v in arrays.values() if v.ndim == 1}
    turned = [k for k, v in arrays.items() if v.ndim == 2 and v.shape[1] in lengths and len(v) not in lengths]
    return f" Samples are rows: save {turned[0]}.T." if turned else ""


def _native(values: np.ndarray) -> np.ndarray:
    return values.astype(str).astype(object) if values.dtype.kind in "US" else values
