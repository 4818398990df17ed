"""One writer at a time in a results folder."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

from .errors import EngineError
from .files import written

FILE = ".writing"
_EVERY = 0.2  # seconds between two looks at a folder that is in use


class FolderLock:
    """A lock by which only this process writes a folder; the system releases it when the process ends, however it ends.

    The shards of a job array write at the same time, each with a lock of its own, but not beside any other run.
    """

    def __init__(self, folder: Path, shard: str | None = None) -> None:
        self._folder, self._shard, self._files = folder, shard, list[int]()

    def take(self, message: Callable[[str], None], patience: float = float("inf")) -> None:
        """Wait until the folder is free, saying so once.

        Raises `EngineError` after `patience` seconds. On a file system without locks nothing is locked.
        """
        start, told = time.monotonic(), False
        wanted = [(FILE, self._shard is not None)] + ([(f"{FILE}-{self._shard}", False)] if self._shard else [])
        for name, shared in wanted:
            file = written(self._folder / name, os.O_RDWR)
            self._files.append(file)
            while not _locked(file, shared):
                who = os.pread(file, 40, 0).decode(errors="replace").strip() or "another process"
                if time.monotonic() - start > patience:
                    self.release()
                    raise EngineError(
                        f"{str(self._folder)!r} is being written by {who}. Try again when it is done; "
                        f"`asymptopia status {self._folder}` shows how far it is."
                    )
                if not told:
                    message(f"{self._folder} is being written by {who}: waiting for it.")
                    told = True
                time.sleep(_EVERY)
            if not shared:
                os.truncate(file, 0)
                os.pwrite(file, f"process {os.getpid()}".encode(), 0)

    @property
    def taken(self) -> bool:
        """Whether it is held now."""
        return bool(self._files)

    def release(self) -> None:
        """Let others write."""
        while self._files:
            os.close(self._files.pop())


def _locked(file: int, shared: bool) -> bool:
    """Whether the file is locked by us now; True as well where files cannot be locked."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return True
    try:
        fcntl.lockf(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EAGAIN)
    return True
