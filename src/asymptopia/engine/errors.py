"""The exceptions that stop a run; everything finished by then is stored."""

from __future__ import annotations


class EngineError(RuntimeError):
    """The run cannot go on: the disk is full, the cluster is gone, a law cannot be sent to it.

    The message says what to do.
    """


class Interrupted(KeyboardInterrupt):
    """The user, or the signal of this number, stopped the run.

    `done` of `total` cells are finished, and safe in `folder` if there is one.
    """

    def __init__(self, done: int, total: int, folder: str | None = None, signal: int = 2) -> None:
        self.done, self.total, self.folder, self.signal = done, total, folder, signal
        where = f"safe in {folder}" if folder else "done, but kept nowhere (give --out to keep them)"
        super().__init__(f"stopped with {done} of {total} cells {where}")


class Stopped(KeyboardInterrupt):
    """A signal of this number asks the run to stop."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"signal {signal}")
        self.signal = signal
