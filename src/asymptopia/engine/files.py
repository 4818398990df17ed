"""Files of a results folder, which may be anybody's: only regular ones are read, and none is written through a link."""

from __future__ import annotations

import errno
import os
import re
import stat
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_NO_WAIT = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
MOST = 1 << 32  # bytes that are read at once


def opened(path: Path) -> BinaryIO:
    """A regular file, to be read; raises `OSError` for a pipe, which would never end, a device or a folder."""
    file = os.open(path, os.O_RDONLY | _NO_WAIT)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    return os.fdopen(file, "rb")


def content(path: Path) -> bytes:
    """All bytes of a regular file; raises `OSError` as `opened` does, and for one that is too large for memory."""
    with opened(path) as file:
        if os.fstat(file.fileno()).st_size > MOST:
            raise OSError(errno.EFBIG, f"it is larger than {MOST >> 30} GiB", str(path))
        return file.read()


def is_text(value: object) -> bool:
    """Whether a value is a text that files can hold, without null characters and halves of surrogate pairs."""
    return isinstance(value, str) and "\0" not in value and value == value.encode(errors="replace").decode()


def printable(text: str) -> str:
    """A text without characters that steer a terminal or turn lines round."""
    return _STEERING.sub("\ufffd", text)


def written(path: Path, flags: int) -> int:
    """A file of the folder itself, made if need be, to be written; raises `OSError` where a link leads elsewhere."""
    return os.open(path, os.O_CREAT | _NO_LINK | _NO_WAIT | flags, 0o644)


def refuse_links(folder: Path, names: Iterable[str]) -> None:
    """Raise `OSError` if one of these in a folder is a link: what is written into it would lie elsewhere."""
    for name in names:
        if (folder / name).is_symlink():
            raise OSError(errno.ELOOP, f"{name!r} in it is a link, through which nothing is written")


def replace(path: Path, new: bytes) -> None:
    """Write a file whole or not at all, and only if it changes; a link of that name is replaced, not followed."""
    if path.is_file() and not path.is_symlink() and path.stat().st_size == len(new) and content(path) == new:
        with path.open("ab"):  # is it writable?
            return
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        temporary.write_bytes(new)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
