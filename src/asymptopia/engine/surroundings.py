"""Restore the state of the process after a cell, so that the next cell is computed as if it were the first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

_MODULES = ("numpy", "numpy.linalg", "numpy.random", "math", "random", "os", "json", "time")
_STREAMS = {"stdin": 0, "stdout": 1, "stderr": 2}


@contextmanager
def put_back() -> Iterator[None]:
    """Restore folder, environment, standard streams, and what was replaced in NumPy and Python's own modules.

    A process that a cell made by `os.fork` ends here: it would compute the cells that follow a second time.
    """
    process, before = os.getpid(), _Surroundings()
    try:
        yield
    finally:
        if os.getpid() != process:
            _exit(0)
        before.restore()


_exit = os._exit


class _Surroundings:
    """Those of this process, as they are when this is made."""

    def __init__(self) -> None:
        self._folder, self._mask = _folder(), _mask()
        self._environment = dict(os.environ)
        self._streams = {name: getattr(sys, name) for name in _STREAMS}
        self._files = {number: _duplicate(number) for number in _STREAMS.values()}
        modules = [sys.modules[name] for name in _MODULES if name in sys.modules]
        self._names = [(module, dict(vars(module))) for module in modules]

    def restore(self) -> None:
        """Make them so again."""
        os.umask(self._mask)
        for module, names in self._names:
            _restore_names(module, names)
        if os.environ != self._environment:
            os.environ.clear()
            os.environ.update(self._environment)
        if self._folder and _folder() != self._folder:
            with suppress(OSError):
                os.chdir(self._folder)
        for number, kept in self._files.items():
            _restore_file(number, kept)
        for name, stream in self._streams.items():
            _restore_stream(name, stream)


def _restore_names(module: ModuleType, names: dict[str, Any]) -> None:
    """What a module had before: what was replaced or deleted, not what was added, as by an import."""
    now = vars(module)
    for name, value in names.items():
        if now.get(name) is not value:
            now[name] = value


def _restore_file(number: int, kept: int | None) -> None:
    if kept is None:
        return
    with suppress(OSError):
        if not _same(number, kept):
            os.dup2(kept, number)
    with suppress(OSError):
        os.close(kept)


def _restore_stream(name: str, stream: Any) -> None:
    """The stream as it was; a new one on the same file if it was closed."""
    if stream is not None and getattr(stream, "closed", False):
        with suppress(OSError):
            file, mode = _STREAMS[name], "r" if name == "stdin" else "w"
            stream = open(file, mode, closefd=False, errors="backslashreplace")  # noqa: SIM115
    setattr(sys, name, stream)


def _same(number: int, kept: int) -> bool:
    try:
        return os.path.sameopenfile(number, kept)
    except OSError:
        return False


def _duplicate(number: int) -> int | None:
    try:
        return os.dup(number)
    except OSError:
        return None


def _mask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
