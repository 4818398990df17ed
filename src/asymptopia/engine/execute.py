"""Compute cells in this process, on local threads or on a cluster; the outcomes are the same."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

from ..contract.batching import seed_keys
from . import watch
from .cells import Cell, Outcome, attempt, outcome

Report = Callable[[Cell, Outcome], None]
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def execute(
    cells: Sequence[Cell],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    on_result: Report,
    message: Callable[[str], None] = lambda text: None,
) -> None:
    """Compute the cells and pass each outcome to `on_result`, in this thread, as soon as it is known.

    A cell that raises, returns nan or kills its worker has an outcome that says so; other cells are not affected.
    Ctrl-C raises KeyboardInterrupt once the outcomes of finished cells have been passed on.
    """
    cells = _after_losses(cells, on_result)
    if not cells:
        return
    if watch.guarded() and scheduler is None:
        seed_keys(1, (0,))  # JAX is loaded before the first cell is timed
    if scheduler is not None:
        from .cluster import on_cluster

        on_cluster(cells, scheduler, jobs, on_result, message)
    elif jobs > 1:
        with one_thread_each():
            _on_threads(cells, jobs, on_result, message)
    else:
        with one_thread_each():
            for cell in cells:
                _handed(cell, attempt(cell), on_result)


def _after_losses(cells: Sequence[Cell], on_result: Report) -> list[Cell]:
    """The cells but for those that killed a process of this run, which have failed; and the suspects, tried alone."""
    left = []
    for cell in cells:
        if (loss := watch.lost(cell.name)) is not None:
            on_result(cell, outcome(cell, "failed", {}, loss.error + _at(cell, loss), loss.traceback, 0.0))
        else:
            left.append(cell)
    for cell in [c for c in left if watch.suspected(c.name)]:
        with one_thread_each():
            _handed(cell, attempt(cell), on_result)
        left.remove(cell)
    return left


def _handed(cell: Cell, outcome: Outcome, on_result: Report) -> None:
    """Hand an outcome over; a cell that has left its process unable to do so is the one to blame."""
    with watch.watched(cell.name):
        on_result(cell, outcome)


def _at(cell: Cell, loss: watch.Loss) -> str:
    """Where the law is realised, if the process did not say where it was."""
    code = getattr(getattr(type(cell.law), "realize", None), "__code__", None)
    if loss.traceback or code is None:
        return ""
    return f" ({os.path.basename(code.co_filename)}, line {code.co_firstlineno})"


def compilations(cells: Sequence[Cell]) -> int:
    """How many programs the cells need, at most (some may be on the disk already)."""
    return len({cell.shape for cell in cells} - {None})


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Linear algebra on one thread: parallelism is over cells, and sums are in the same order everywhere."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    limits = _limit_loaded()
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        limits.restore_original_limits()


def _limit_loaded() -> Any:
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def _on_threads(cells: Sequence[Cell], jobs: int, on_result: Report, message: Callable[[str], None]) -> None:
    """The first cell of each shape compiles its program; the others of that shape wait for it."""
    ready: deque[Cell] = deque()
    waiting: dict[Any, list[Cell]] = {}
    for cell in cells:
        if cell.shape is None or cell.shape not in waiting:
            ready.append(cell)
            waiting.setdefault(cell.shape, [])
        else:
            waiting[cell.shape].append(cell)
    pool = ThreadPoolExecutor(jobs, "asymptopia", initializer=_limit_loaded)
    running: dict[Future[Outcome], Cell] = {}

    def collect() -> None:
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            cell = running.pop(future)
            ready.extend(waiting.pop(cell.shape, ()))
            _handed(cell, future.result(), on_result)

    try:
        while ready or running:
            while ready and len(running) < jobs:
                cell = ready.popleft()
                running[pool.submit(attempt, cell)] = cell
            collect()
    except KeyboardInterrupt:
        if running:
            message(f"Finishing the {len(running)} cells that are running; Ctrl-C again drops them.")
        try:
            while running:
                collect()
        finally:
            for future in [f for f in running if f.done()]:
                on_result(running.pop(future), future.result())
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
