"""Job arrays: element k of N computes shard k/N and writes its own journal; any later run reads all journals."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ..contract.record import StatementError

MOST_HOURS, MOST = 10_000, 1_000_000


def script(
    study: str | Path,
    shards: int,
    *,
    out: str | Path | None = None,
    hours: float = 4.0,
    memory: str = "4G",
    cpus: int = 1,
    command: str = "asymptopia",
) -> str:
    """A job script for `sbatch`: an array of `shards` elements, each `asymptopia run STUDY --shard k/N`.

    study: a TOML file; out: its results folder. hours, memory, cpus: what each element asks for. command: how
    asymptopia is called there. Returns the text. Raises `StatementError` for numbers out of range, and text of more
    than one line.
    """
    if shards < 1:
        raise StatementError(f"`shards` must be at least 1, but is {shards}.")
    if cpus < 1:
        raise StatementError(f"`cpus` must be at least 1, but is {cpus}.")
    if not 0 < hours <= MOST_HOURS:
        raise StatementError(f"`hours` must be > 0 and <= {MOST_HOURS}, but is {hours}.")
    for name, text in {"study": study, "out": out, "memory": memory, "command": command}.items():
        if text is not None and not str(text).isprintable():
            raise StatementError(f"`{name}` must be in one line of printable characters, but is {str(text)!r}.")
    if not re.fullmatch(r"\d+(\.\d+)?[KMGT]?B?", memory):
        raise StatementError(f"`memory` must be a number with K, M, G or T, as 4G, but is {memory!r}.")
    if max(shards, cpus) > MOST:
        raise StatementError(f"`shards` and `cpus` must be at most {MOST}, but are {shards} and {cpus}.")
    target = f" --out {shlex.quote(str(out))}" if out is not None else ""
    seconds = round(hours * 3600)
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    again = f"{command} run {shlex.quote(str(study))}{target}"
    return f"""#!/bin/bash
#SBATCH --job-name=asymptopia
#SBATCH --array=0-{shards - 1}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={cpus}
#SBATCH --mem={memory}
#SBATCH --time={clock}
#SBATCH --output=slurm-%A_%a.log
#
# Submit with sbatch from the folder of the study. An element that was stopped can be submitted again: it computes
# only what is missing. When all are done, `{again}`
# merges their journals and writes the report.

export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1
exec {again} --jobs {cpus} --shard "$SLURM_ARRAY_TASK_ID/{shards}"
"""
