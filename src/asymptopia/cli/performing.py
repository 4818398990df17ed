"""What `run` and `forecast` share: watched processes, progress, interruptions and the exit status."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.record import StatementError
from .output import say, say_failures, warn
from .stopping import stoppable
from .verdicts import show_done

if TYPE_CHECKING:
    from ..study import Study
    from ..study.publish import Done

Shard = tuple[int, int] | None


def guard(cell_timeout: float | None) -> None:
    """Compute in a process that is watched, where that is possible."""
    from ..engine import watch

    if watch.can_guard():
        watch.stand_guard(cell_timeout)
    elif cell_timeout is not None:
        raise StatementError(
            "--cell-timeout needs a process that can be divided: use it from a shell, on Linux or macOS."
        )


def performed(study: Study, folder: Path, **how: Any) -> Done:
    """Do what is missing, with progress on standard error; SIGINT, SIGTERM and SIGHUP keep what is finished."""
    from ..engine import Interrupted, progress_on, watch
    from ..study.perform import perform

    for item in study.items:
        warn(item.plan.warnings() if item.plan else item.statement.warnings(item.sizes))
        for note in item.plan.notes if item.plan else ():
            say(f"note: {note}")
    try:
        with stoppable():
            return perform(study, folder, progress=progress_on(sys.stderr), **how)
    except Interrupted as stop:
        say(f"stopped with {stop.done} of {stop.total} cells safe in {stop.folder}; go on with")
        number = stop.signal
    except KeyboardInterrupt as stop:
        say(f"stopped; every finished cell is safe in {folder}; go on with")
        number = getattr(stop, "signal", 2)
    say(f"  {shlex.join(['asymptopia', *sys.argv[1:]])}")
    watch.leave(128 + number)


def finish(study: Study, done: Done, as_json: bool, strict: bool, shard: Shard) -> None:
    if shard is not None:
        say(f"shard {shard[0]}/{shard[1]} is done in {done.folder}; run without --shard to merge all and report")
    elif not as_json:
        show_done(study, done)
    for line in done.unanswered:
        say(f"not answered: {line}")
    for line in done.notes:
        say(f"note: {line}")
    say_failures(done.failures)
    if done.failures:
        say("Run again with --retry-failed to compute them anew.")
    refuted = [c for c in done.confrontations if c.verdict == "disagrees"]
    if done.failures or done.unanswered or (strict and refuted):
        raise SystemExit(1)
