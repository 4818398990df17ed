"""Signals that ask a command to stop: what is finished is kept, and the exit status says which it was."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_ONE = 0.1  # seconds within which two signals are one: a terminal sends it to this process and to its guard


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise `Stopped` at the first signal, again at the second, and no more after that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    from ..engine.errors import Stopped

    seen: list[float] = []

    def stop(number: int, frame: Any) -> None:
        again = bool(seen) and time.monotonic() - seen[-1] < _ONE
        seen.append(time.monotonic())
        if not again and len(seen) <= 4:
            raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
