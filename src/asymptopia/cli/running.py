"""The verbs that compute: run, forecast, slurm."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError
from . import given
from .claims import is_claims, run_claims
from .output import only_json, say, say_failures, warn
from .stopping import stoppable
from .verdicts import done_json, show_done

BUDGET = 120.0
"""Seconds that `run` grants a statement."""

if TYPE_CHECKING:
    from ..study import Study
    from ..study.publish import Done

Shard = tuple[int, int] | None
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
    _guard(options.pop("cell_timeout"))
    if is_claims(statement):
        return run_claims(statement, out, strict, as_json, {"shard": shard, **options})
    machine = {k: options.pop(k) for k in ("jobs", "scheduler", "retry_failed")}
    with only_json(as_json) as printed:
        study, slug = _study(statement, **options)
        done = _performed(study, out or Path("results") / f"{slug}-{study.mark}", shard=shard, budget=budget, **machine)
        printed.append(done_json(study, done))
    _finish(study, done, as_json, strict, shard)


@click.command()
@given.json_option
@given.runs
@click.option("--with", "files", multiple=True, metavar="FILE.py", help=given.WITH_HELP)
@click.option(
    "--level", type=float, default=0.01, show_default=True, metavar="P", help="Chance of refuting a true theory."
)
@click.option("--resolution", type=float, metavar="X", help="The discrepancy to resolve, relative to the scale.")
@click.option("--errors", type=given.Numbers(), help="Test errors for which the number of samples is wanted.")
@click.option("--seeds", type=int, metavar="N", help="Random subsets of each size.")
@click.option("--samples", type=given.WholeNumbers(), help="Numbers of training samples; by default eight.")
@click.option(
    "--ridge", default="auto", show_default=True, metavar="auto|VALUE", help="The ridge; auto is the best at each size."
)
@click.option(
    "--features",
    default="none",
    show_default=True,
    metavar="none|NAME:P|ntk:DEPTH|kernel:FILE.py:NET",
    help="P random features of an activation, as in relu:2000; the tangent kernel of a deep network, as in ntk:3, or "
    "that of your own, as the verb `kernels` takes it; or another kernel, as in kernel:RBF.",
)
@click.option("--no-header", "headless", is_flag=True, help="The first row is data; columns are x1, x2, ...")
@click.option("--encoding", metavar="NAME", help="Encoding of a text file, as latin-1.  [default: UTF-8]")
@click.option(
    "--missing", type=click.Choice(["drop", "median"]), help="Leave out rows with missing values, or fill them."
)
@click.option("--only", multiple=True, metavar="COLUMN", help="An input to keep; repeat. By default all columns.")
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column to leave out; repeat.")
@click.option(
    "--task",
    type=click.Choice(["regression", "classification"]),
    help="What kind of target it is, if not seen.",
)
@click.option(
    "--loss",
    metavar="LOSS",
    help='Default: "Logistic()" for two classes, "Softmax()" for several, "Square()" for numbers.',
)
@click.option("--target", metavar="NAME", help='What to predict: a column, or "column=value" for one class.')
@click.argument("data", metavar="DATA")
def forecast(data: str, out: Path | None, as_json: bool, **options: Any) -> None:
    """Learning curves of your data.

    Predicted by theory, and measured by training on many random subsets.

    DATA is digits, breast_cancer, wine, diabetes, patches, or a file: CSV, NPZ, Parquet or JSON lines. Says also how
    many samples a test error takes, which ridge is best at each size, and whether the theory holds for these data.

    \b
    Examples:
      asymptopia forecast digits --target odd --loss "Logistic()"
      asymptopia forecast mine.csv --target price --features relu:2000
      asymptopia forecast mine.csv --target price --drop id --missing median
      asymptopia forecast digits --loss "Square()" --features ntk:3
      asymptopia forecast breast_cancer --features kernel:mymodel.py:net
      asymptopia forecast mine.csv --target kind=cat --ridge 0.1 --errors 0.1,0.05
      asymptopia forecast wine --target cultivar
    """
    from ..tables import name_of

    _guard(options.pop("cell_timeout"))
    machine = {k: options.pop(k) for k in ("jobs", "scheduler", "retry_failed")}
    with only_json(as_json) as printed:
        study = _forecast(data, **options)
        slug = "forecast-" + name_of(data)
        done = _performed(study, out or Path("results") / f"{slug}-{study.mark}", shard=None, **machine)
        printed.append(done_json(study, done))
    _finish(study, done, as_json, strict=False, shard=None)


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


def _forecast(
    data: str,
    target: str | None,
    loss: str | None,
    features: str,
    ridge: str,
    samples: tuple[int, ...] | None,
    seeds: int | None,
    errors: tuple[float, ...] | None,
    level: float,
    resolution: float | None,
    files: Sequence[str],
    task: str | None,
    drop: Sequence[str],
    only: Sequence[str],
    missing: str | None,
    encoding: str | None,
    headless: bool,
) -> Study:
    from ..study import as_toml
    from ..study.schema import checked

    try:
        amount: float | str = ridge if ridge == "auto" else float(ridge)
    except ValueError:
        raise StatementError(f'`ridge` must be "auto" or a number > 0, but is {ridge!r}.') from None
    features, files = _own_kernel(features, files)
    entry = {
        "kind": "forecast", "data": data, "target": target, "loss": loss, "features": features, "ridge": amount,
        "samples": samples, "seeds": seeds, "errors": errors, "level": level, "resolution": resolution, "task": task,
        "drop": drop or None, "only": only or None, "missing": missing, "encoding": encoding,
        "header": False if headless else None,
    }  # fmt: skip
    return checked(as_toml(f"Forecast of {data}", [entry], files), Path("the forecast"), base=Path.cwd())


def _own_kernel(features: str, files: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Features such as `kernel:FILE.py:NET` as those of a function's name, and its file among the others."""
    from .spectrum import named

    asked = features.removeprefix("kernel:")
    if asked == features or ".py" not in asked.partition("(")[0]:
        return features, files
    path, _, network = asked.rpartition(":")
    if not path.endswith(".py"):
        raise StatementError(
            "`--features` must be kernel:FILE.py:NET, where NET is a function of the file that the verb `kernels` "
            f"takes, but is {features!r}."
        )
    named(asked)
    return f"kernel:{network}", [*files, path]


def _guard(cell_timeout: float | None) -> None:
    """Compute in a process that is watched, where that is possible."""
    from ..engine import watch

    if watch.can_guard():
        watch.stand_guard(cell_timeout)
    elif cell_timeout is not None:
        raise StatementError(
            "--cell-timeout needs a process that can be divided: use it from a shell, on Linux or macOS."
        )


def _performed(study: Study, folder: Path, **how: Any) -> Done:
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


def _finish(study: Study, done: Done, as_json: bool, strict: bool, shard: Shard) -> None:
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
