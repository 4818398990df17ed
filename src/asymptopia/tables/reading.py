"""A table as read, and the file that it is read from."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..contract.record import StatementError, nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass(frozen=True)
class Reading:
    """A table as read.

    table: the columns by name; words are text, numbers are numbers, and what is missing is nan or None.
    name:  the file, for messages.
    notes: what was changed on the way, in sentences.
    """

    table: pd.DataFrame
    name: str
    notes: tuple[str, ...] = ()


def digest_of(path: str | Path) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the file at a path: results name their data by it."""
    with existing(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def existing(path: str | Path) -> Path:
    """The path of a file that exists and is not empty.

    Raises `StatementError` otherwise, with the nearest name in its folder.
    """
    file = Path(path)
    if not file.is_file():
        files = [p.name for p in file.parent.iterdir() if p.is_file()] if file.parent.is_dir() else []
        hint = nearest(file.name, files).split(" Known:")[0]
        raise StatementError(f"There is no file {str(path)!r}.{hint}")
    if file.stat().st_size == 0:
        raise StatementError(f"The file {str(path)!r} is empty.")
    return file


def first_line(error: Exception) -> str:
    """The first line of the message of an exception, or its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
