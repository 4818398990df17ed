"""Compute cells on a Dask cluster: a running one, processes of this machine, or workers in a SLURM or PBS queue."""

from __future__ import annotations

import faulthandler
import math
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..contract.record import StatementError
from . import watch
from .cells import Cell, Outcome, measured, outcome
from .code import rebuild, sources
from .errors import EngineError
from .surroundings import put_back

Report = Callable[[Cell, Outcome], None]

_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30),
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}
_PRELOAD = "asymptopia.engine.preload"
_AHEAD = 4  # cells in flight for each thread of the cluster
_LOSSES = 5
_MOST_PROCESSES = 1024
_TIMEOUT = 30  # seconds to reach a scheduler


def on_cluster(
    cells: Sequence[Cell], scheduler: str, jobs: int, on_result: Report, message: Callable[[str], None]
) -> None:
    """Compute the cells on the cluster that `scheduler` names; see `execute`.

    A cell whose worker died is tried on another worker. If that dies too, the cell is tried a last time at the end,
    alone, so that it endangers no other cell. Only then it counts as failed.
    """
    laws = {c.code + c.statement: c.law for c in cells}
    texts = {name: sources(law) for name, law in laws.items()}
    limit = watch.cell_timeout()
    tasks = {c: (c.statement, texts[c.code + c.statement], c.code, c.size, c.seeds, limit) for c in cells}
    with _client(scheduler, jobs) as client:
        if not client.scheduler_info()["workers"]:
            message("Waiting for workers.")
        suspects: list[Cell] = []
        _submit(client, tasks, None, on_result, lambda cell, error: suspects.append(cell))
        for cell in suspects:
            _submit(client, {cell: tasks[cell]}, 1, on_result, lambda cell, error: on_result(cell, _lost(cell, error)))


def compute_stated(
    statement: str, where: tuple[str, ...], code: str, size: int, seeds: tuple[int, ...], limit: float | None = None
) -> tuple:
    """The task of a worker: rebuild the law and compute its realisations; exceptions are part of the result.

    A worker that takes more than `limit` seconds ends itself, with a traceback on its standard error.
    """
    _limit_threads()
    if limit is not None:
        faulthandler.dump_traceback_later(limit, exit=True)
    try:
        law = rebuild(statement, where, code)
    except (StatementError, EngineError) as error:
        return "failed", {}, f"{type(error).__name__}: {error}", "", 0.0
    try:
        with put_back():
            return measured(law, size, seeds)
    finally:
        if limit is not None:
            faulthandler.cancel_dump_traceback_later()


def _submit(
    client: Any,
    tasks: dict[Cell, tuple],
    ahead: int | None,
    on_result: Report,
    killed: Callable[[Cell, Exception], None],
) -> None:
    """Keep some cells in flight; drop each future with its result, or Dask computes it again after a kill.

    A result that is lost with the worker that held it is computed again, at most `_LOSSES` times.
    """
    from distributed import KilledWorker, as_completed

    waiting, losses = deque(tasks), Counter[Cell]()
    flying: dict[str, Cell] = {}
    room = _room(client)

    def launch() -> list[Any]:
        futures = []
        for _ in range(min(len(waiting), max((ahead or room()) - len(flying), 0))):
            cell = waiting.popleft()
            future = client.submit(compute_stated, *tasks[cell], pure=False, retries=2)
            flying[future.key] = cell
            futures.append(future)
        return futures

    try:
        finished: Any = as_completed(launch(), loop=client.loop)  # type: ignore[no-untyped-call]
        for future in finished:
            cell, error = flying.pop(future.key), None
            if future.status == "finished":
                on_result(cell, outcome(cell, *future.result()))
            elif future.status == "error":
                error = future.exception()
                killed(cell, error) if isinstance(error, KilledWorker) else on_result(cell, _lost(cell, error))
            elif client.status == "running" and losses[cell] < _LOSSES:
                losses[cell] += 1
                waiting.append(cell)
            else:
                raise OSError(future.status)
            del future
            finished.update(launch())
    except OSError as error:
        raise EngineError(
            f"The Dask scheduler was lost ({error}). All finished cells are intact; run again to go on."
        ) from None


def _room(client: Any) -> Callable[[], int]:
    """How many cells to keep in flight, asked anew from time to time, for clusters grow and shrink."""
    asked, threads = -math.inf, 1

    def room() -> int:
        nonlocal asked, threads
        if time.monotonic() - asked > 2.0:
            asked, threads = time.monotonic(), sum(client.nthreads().values())
        return _AHEAD * max(1, threads)

    return room


def _lost(cell: Cell, error: Exception) -> Outcome:
    words = "the worker died each time this cell ran on it (killed, out of memory, or crashed)"
    kind = type(error).__name__
    return outcome(cell, "failed", {}, f"{kind}: {words if kind == 'KilledWorker' else error}", "", 0.0)


@cache
def _limit_threads() -> Any:
    from threadpoolctl import threadpool_limits

    os.environ.update({k: v for k, v in _ENVIRONMENT.items() if k.endswith("_NUM_THREADS")})
    return threadpool_limits(1)


@contextmanager
def _client(scheduler: str, jobs: int) -> Iterator[Any]:
    import dask
    from distributed import Client

    settings = {
        "distributed.nanny.pre-spawn-environ": _ENVIRONMENT,
        "distributed.worker.preload": [_PRELOAD],
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.worker-saturation": 1.0,
        "distributed.worker.profile.enabled": False,
    }
    with dask.config.set(settings), _cluster(scheduler, jobs) as cluster:
        try:
            client = Client(cluster, timeout=_TIMEOUT, set_as_default=False)  # type: ignore[no-untyped-call]
        except (OSError, ValueError) as error:
            raise StatementError(f"There is no Dask scheduler at {scheduler!r}: {error}.") from None
        with client:
            yield client


def check_scheduler(scheduler: str) -> None:
    """Raise `StatementError` unless `scheduler` names a cluster."""
    kind, _, count = scheduler.partition(":")
    if kind == "local":
        named = count.isdigit() and 1 <= int(count) <= _MOST_PROCESSES
    else:
        named = scheduler in ("slurm", "pbs") or "://" in scheduler or count.isdigit()
    if not named:
        raise StatementError(
            f"`scheduler` must be an address, local:PROCESSES with 1 to {_MOST_PROCESSES} processes, slurm or pbs, "
            f"but is {scheduler!r}."
        )


@contextmanager
def _cluster(scheduler: str, jobs: int) -> Iterator[Any]:
    kind, _, count = scheduler.partition(":")
    if kind == "local":
        from distributed import LocalCluster

        shape = dict(n_workers=int(count), threads_per_worker=1, processes=True)
        try:
            cluster = LocalCluster(**shape, dashboard_address="127.0.0.1:0", silence_logs=50)  # type: ignore
        except RuntimeError as error:
            raise EngineError(
                f"The local Dask processes did not start: {error} A script that starts processes must do so below "
                'if __name__ == "__main__": , because each of them reads the script.'
            ) from error
        with cluster:
            yield cluster
    elif scheduler in ("slurm", "pbs"):
        with _queue(scheduler) as cluster:
            cluster.scale(jobs=jobs)
            yield cluster
    else:
        yield scheduler


def _queue(kind: str) -> Any:
    """Workers in a batch queue; Dask's own configuration (jobqueue.yaml) gives cores, memory, queue and walltime."""
    try:
        import dask_jobqueue
    except ImportError:
        raise StatementError(f"--scheduler {kind} needs dask-jobqueue: pip install 'asymptopia[slurm]'.") from None
    import dask

    given = dask.config.get(f"jobqueue.{kind}", {})
    return getattr(dask_jobqueue, {"slurm": "SLURMCluster", "pbs": "PBSCluster"}[kind])(
        cores=given.get("cores") or 1,
        memory=given.get("memory") or "4GiB",
        job_script_prologue=[f"export {k}={v}" for k, v in _ENVIRONMENT.items()],
        worker_extra_args=["--preload", _PRELOAD],
    )
