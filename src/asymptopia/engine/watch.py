"""A watch over the process that computes: a cell that kills it, exits or hangs loses only its own outcome.

`stand_guard` forks the process. The child computes, as fast as without a guard, and notes in shared memory which cells
it is computing. The parent waits. When the child dies, it records which cells were being computed, and a new child goes
on from the journal without them.
"""

from __future__ import annotations

import atexit
import dataclasses
import faulthandler
import mmap
import os
import re
import select
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from .syntax import LIBRARY, is_installed

NAME = 20  # characters in the name of a cell
_PLACES = 512  # cells at work at once
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGINT,)
_exit = os._exit
_LINES = 14  # of the traceback of a process that died
_GRACE = 3.0  # seconds for a traceback before a hanging process is killed


@dataclasses.dataclass(frozen=True)
class Loss:
    """Why a cell was lost: in a sentence, and where its process was."""

    error: str
    traceback: str


class Board:
    """Shared memory in which a child notes the cells that it computes, their starting times, and its own end."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1 + _PLACES * (NAME + 16))

    def take(self, place: int, cell: str) -> None:
        self._write(place, f"{cell:{NAME}.{NAME}}{time.monotonic():<16.4f}"[: NAME + 16])

    def free(self, place: int) -> None:
        self._write(place, "\0" * (NAME + 16))

    def _write(self, place: int, text: str) -> None:
        start = 1 + place * (NAME + 16)
        self._memory[start : start + NAME + 16] = text.encode()

    def at_work(self) -> dict[str, float]:
        """The cells being computed, and for how many seconds."""
        ages = {}
        for place in range(_PLACES):
            start = 1 + place * (NAME + 16)
            text = self._memory[start : start + NAME + 16]
            if text[:1] != b"\0":
                ages[text[:NAME].decode()] = time.monotonic() - float(text[NAME:])
        return ages

    @property
    def ended(self) -> bool:
        return self._memory[:1] == b"\1"

    def end(self) -> None:
        self._memory[:1] = b"\1"

    def clear(self) -> None:
        self._memory[:] = b"\0" * len(self._memory)


@dataclasses.dataclass
class _Guarded:
    """What a child knows of its guard: the board, the cells that were lost, and those that may have killed a child."""

    board: Board | None = None
    lost: dict[str, Loss] = dataclasses.field(default_factory=dict)
    suspects: set[str] = dataclasses.field(default_factory=set)
    places: dict[int, int] = dataclasses.field(default_factory=dict)
    timeout: float | None = None


_state = _Guarded()


def lost(cell: str) -> Loss | None:
    """Why the cell of this name was lost by an earlier child of this run; None if it was not."""
    return _state.lost.get(cell)


def suspected(cell: str) -> bool:
    """Whether the cell of this name was being computed when a child died, so that it is now computed alone."""
    return cell in _state.suspects


def cell_timeout() -> float | None:
    """Seconds that a cell may take."""
    return _state.timeout


def leave(status: Any) -> NoReturn:
    """End this process, at once if threads are still at work that nobody waits for, those of a law among them."""
    if any(not t.daemon and t is not threading.main_thread() for t in threading.enumerate()):
        if _state.board is not None:
            _state.board.end()
        sys.stdout.flush()
        sys.stderr.flush()
        _exit(status if isinstance(status, int) else int(status is not None))
    raise SystemExit(status)


def guarded() -> bool:
    """Whether this process computes under a guard."""
    return _state.board is not None


@contextmanager
def watched(cell: str) -> Iterator[None]:
    """Note that the cell of this name is at work; it still is, for the guard, if its process ends by an error."""
    if _state.board is None:
        yield
        return
    thread = threading.get_ident()
    place = _state.places.setdefault(thread, len(_state.places) % _PLACES)
    _state.board.take(place, cell)
    yield
    _state.board.free(place)


def can_guard() -> bool:
    """Whether this process can be divided: it is a POSIX process of one thread in which JAX has not been loaded."""
    return (
        hasattr(os, "fork")
        and "jax" not in sys.modules
        and threading.active_count() == 1
        and threading.current_thread() is threading.main_thread()
    )


def stand_guard(cell_timeout: float | None = None) -> None:
    """Return in a child process that computes; this process watches over it, and exits as it does.

    cell_timeout: seconds after which a cell is given up, its process killed.
    """
    board, state = Board(), _Guarded()
    while True:
        board.clear()
        with tempfile.TemporaryFile() as trace:
            child, alive = _divide(board, state, trace)
            if child == 0:
                _state.timeout = cell_timeout
                return
            status, late = _wait(child, alive, board, cell_timeout)
            if board.ended:
                _leave(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
            _blame(state, board, status, late, _traceback(trace), cell_timeout)


def _divide(board: Board, state: _Guarded, trace: BinaryIO) -> tuple[int, int]:
    """Fork; the child has its settings made. Returns its number, 0 in the child, and a pipe that ends with it."""
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    os.close(reading)
    _die_with(parent)
    faulthandler.enable(os.dup(trace.fileno()))
    _state.board, _state.lost, _state.suspects = board, state.lost, state.suspects
    atexit.register(board.end)
    sys.excepthook = _with_blame(sys.excepthook, board, trace)
    os._exit = _no_exit(os._exit, os.getpid())
    return 0, writing


def _with_blame(told: Any, board: Board, trace: BinaryIO) -> Any:
    """What becomes of an error that nothing caught: while a cell is at work, its guard is told, and blames the cell."""
    file = os.dup(trace.fileno())

    def hook(kind: type[BaseException], error: BaseException, where: Any) -> None:
        if not board.at_work():
            return told(kind, error, where)
        with suppress(OSError):  # a law may have closed it
            os.write(file, "".join(traceback.format_exception(kind, error, where)[-_LINES:]).encode(errors="replace"))
        _exit(1)

    return hook


def _no_exit(real: Any, process: int) -> Any:
    """`os._exit` that ends a cell rather than the run."""

    def leave(status: int = 0) -> NoReturn:
        if os.getpid() == process and threading.get_ident() in _state.places and _state.board is not None:
            raise SystemExit(f"os._exit({status})")
        real(status)
        raise AssertionError

    return leave


def _die_with(parent: int) -> None:
    """Have this process killed when its parent is."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _wait(child: int, alive: int, board: Board, timeout: float | None) -> tuple[int, dict[str, float]]:
    """The exit status of the child, and the cells for whose slowness it was killed."""
    before = {s: signal.signal(s, lambda number, frame: os.kill(child, number)) for s in _FORWARDED}
    late: dict[str, float] = {}
    try:
        while True:
            closed = bool(select.select([alive], [], [], 0.25)[0])
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return status, late
            if closed:  # a law has closed the pipe of its process, or the process is about to end
                time.sleep(0.02)
            if timeout is not None and not late:
                late = {name: seconds for name, seconds in board.at_work().items() if seconds > timeout}
                if late:
                    return _killed(child), late
    finally:
        os.close(alive)
        for number, handler in before.items():
            signal.signal(number, handler)


def _killed(child: int) -> int:
    """Kill a process, after it has said where it is."""
    os.kill(child, signal.SIGABRT)
    end = time.monotonic() + _GRACE
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _blame(state: _Guarded, board: Board, status: int, late: dict[str, float], trace: str, limit: float | None) -> None:
    """Note which cells are lost or suspected; exit if none was at work, or the child was asked to stop."""
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in _FORWARDED:
        print("stopped; every finished cell is safe", file=sys.stderr)
        _leave(128 + os.WTERMSIG(status))
    how = _how(status)
    working = late or board.at_work()
    if not working:
        print(f"The run {how} outside of any cell; finished cells are safe.\n{trace}".rstrip(), file=sys.stderr)
        _leave(1)
    print(f"A process {'was stopped' if late else how}; going on without its cell.", file=sys.stderr, flush=True)
    for name in working:
        if late:
            state.lost[name] = Loss(f"it took more than {limit:g} seconds{_place(trace)}", trace)
        elif len(working) == 1:
            state.lost[name] = Loss(f"the process that computed it {how}{_place(trace)}", trace)
        else:
            state.suspects.add(name)


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        return f"was killed by {signal.Signals(number).name} (signal {number})"
    return f"ended by itself with exit status {os.WEXITSTATUS(status)}"


def _traceback(trace: BinaryIO) -> str:
    trace.seek(0)
    text = trace.read(20_000).decode(errors="replace").partition("\nExtension modules:")[0].strip()
    lines = [line for line in text.splitlines() if str(LIBRARY / "cli") not in line and "/click/" not in line]
    return "\n".join(lines[:_LINES])


def _place(trace: str) -> str:
    """Where in the user's own files, or this library's, the process was."""
    for file, line in re.findall(r'File "(.+)", line (\d+)', trace):
        if "<" not in file and not is_installed(Path(file)) and not Path(file).is_relative_to(LIBRARY / "engine"):
            return f" ({Path(file).name}, line {line})"
    return ""


def _leave(status: int) -> NoReturn:
    """End this process, which has nothing left to do, without the handlers of its end."""
    sys.stdout.flush()
    sys.stderr.flush()
    _exit(status)
