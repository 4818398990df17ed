"""The verbs run and slurm: confront limits and experiments, here or on a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError
from . import given
from .claims import is_claims, run_claims
from .output import only_json
from .performing import Shard, finish, guard, performed
from .verdicts import done_json

BUDGET = 120.0
"""Seconds that `run` grants a statement."""

if TYPE_CHECKING:
    from ..study import Study

INSIDE = {
    "sweeps": "--sweep", "sizes": "--sizes", "seeds": "--seeds", "level": "--level", "resolution": "--resolution",
    "law": "--law", "files": "--with",
}  # fmt: skip
"""Options that a study file says itself."""


@click.command()
@given.json_option
@click.option("--strict", is_flag=True, help="Exit with status 1 if a law is refuted.")
@click.option("--shard", type=given.Part(), help="Compute only part K of N of the cells; a later run merges them.")
@given.runs
@click.option("--resolution", type=float, metavar="X", help="The discrepancy to resolve, relative to the scale.")
@click.option("--level", type=float, metavar="P", help="Chance of refuting a true law.  [default: 0.01]")
@click.option("--budget", type=float, default=BUDGET, show_default=True, metavar="S", help="Seconds to decide in.")
@click.option("--seeds", type=given.Seeds(), help="Realisations of each size, N or A:B.  [default: as it takes]")
@click.option("--sizes", type=given.WholeNumbers(), help="Sizes; by default the law's, then larger ones.")
@given.sweeps_option
@given.takes_statement
def run(
    statement: str, out: Path | None, shard: Shard, strict: bool, as_json: bool, budget: float, **options: Any
) -> None:
    """Confront limit and experiment, and report.

    Run again to resume.

    STATEMENT is a law such as "ERM(loss=Logistic())", a study (.toml), a folder of published claims, or a .py file of
    your own laws: all in it, or the one of --law. Every finished cell is stored at once; a second identical run does no
    work. Without --seeds, each statement is run in stages, with more seeds and larger sizes, until it is decided or
    --budget is spent; the level holds for all stages together.

    \b
    Examples:
      asymptopia run "ERM(loss=Logistic())" --sweep alpha=1,2,4 --sizes 200,400,800 --out results/erm
      asymptopia run studies/demo.toml --jobs 2
      asymptopia run claims/
      asymptopia run mylaw.py --law "Mine(field=2.0)" --strict
      asymptopia run "ERM(loss=my_loss)" --with mylosses.py

    \b
    Exit status: 0 done, 1 a cell failed (or, with --strict, a law is refuted), 2 bad input;
    130, 143 or 129 stopped by SIGINT, SIGTERM or SIGHUP.
    """
    if not budget >= 0:
        raise StatementError(f"`budget` must be >= 0 seconds, but is {budget:g}.")
    guard(options.pop("cell_timeout"))
    if is_claims(statement):
        return run_claims(statement, out, strict, as_json, {"shard": shard, **options})
    machine = {k: options.pop(k) for k in ("jobs", "scheduler", "retry_failed")}
    with only_json(as_json) as printed:
        study, slug = _study(statement, **options)
        done = performed(study, out or Path("results") / f"{slug}-{study.mark}", shard=shard, budget=budget, **machine)
        printed.append(done_json(study, done))
    finish(study, done, as_json, strict, shard)


@click.command()
@click.option("--cpus", default=1, show_default=True, type=int, help="Cores of each element.")
@click.option("--memory", default="4G", show_default=True, help="Memory of each element.")
@click.option("--hours", default=4.0, show_default=True, type=float, help="Time limit of each element.")
@click.option("--out", metavar="DIR", help="The results folder, on a file system that all nodes see.")
@click.option("--shards", default=16, show_default=True, type=int, metavar="N", help="Elements of the job array.")
@click.argument("study", metavar="STUDY.toml")
def slurm(study: str, shards: int, out: str | None, hours: float, memory: str, cpus: int) -> None:
    """Print a job-array script for a study.

    Element k computes shard k of N.

    \b
    Examples:
      asymptopia slurm study.toml --shards 64 > job.sbatch
      sbatch job.sbatch && asymptopia run study.toml   # when all are done: merges and reports
    """
    from ..engine import script
    from ..study import read

    folder = out or str(Path("results") / f"{Path(study).stem}-{read(study).mark}")
    click.echo(script(study, shards, out=folder, hours=hours, memory=memory, cpus=cpus), nl=False)


def _study(text: str, **options: Any) -> tuple[Study, str]:
    """What `run` is to do, and the start of its folder's name."""
    from ..study import read

    if text.strip().endswith(".toml"):
        for name, option in INSIDE.items():
            if options[name] not in (None, ()):
                raise StatementError(f"{option} belongs inside a study: write it into {text}.")
        return read(text), Path(text).stem
    return _of_statements(text, **options)


def _of_statements(
    text: str,
    sweeps: Sequence[str],
    sizes: tuple[int, ...] | None,
    seeds: int | tuple[int, ...] | None,
    level: float | None,
    resolution: float | None,
    law: str | None,
    files: Sequence[str],
) -> tuple[Study, str]:
    from ..study import Confront, Study, as_toml

    bare, names = given.stated(text, law, files)
    statements = [given.along(s, sweeps, names) for s in bare]
    level = 0.01 if level is None else level
    if not 0 < level < 1:
        raise StatementError(f"`level` must be > 0 and < 1, but is {level:g}.")
    if resolution is not None and not 0 < resolution <= 0.1:
        raise StatementError(f"`resolution` must be > 0 and <= 0.1, but is {resolution:g}.")
    for s in statements:
        s.law.sizes_and_seeds(sizes, seeds)
        s.admit()
    title = ", ".join(dict.fromkeys(type(s.law).__name__ for s in statements))
    extra = {"sizes": sizes, "seeds": seeds, "level": level, "resolution": resolution}
    own = [*files, text] if given.is_file(text) else files
    toml = as_toml(title, [{"kind": "confront", "law": repr(s), **extra} for s in statements], own)
    items = tuple(Confront(s.short(), s, sizes, seeds, level, resolution) for s in statements)  # type: ignore[attr-defined]
    slug = Path(text).stem if given.is_file(text) else type(statements[0].law).__name__.lower()
    return Study(title, items, toml, Path.cwd()), slug
