"""The verb `extrapolate`: what a larger run will reach, from a table of runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError
from . import given
from .output import only_json, say, show_table

if TYPE_CHECKING:
    from ..extrapolate import Extrapolation, Gain


@click.command()
@given.json_option
@click.option("--strict", is_flag=True, help="Exit with status 1 unless the verdict is agrees.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Results folder.  [default: results/...]")
@click.option("--encoding", default="", metavar="NAME", help="Encoding of a text file, as latin-1.  [default: UTF-8]")
@click.option("--share", default=0.9, show_default=True, metavar="P", help="Share of runs that intervals are to hold.")
@click.option(
    "--run", "run_column", metavar="NAME", help="A column of runs: the last row of each counts; with --lr, all."
)
@click.option("--by", metavar="NAME", help="A column that names recipes: the others are compared with the first.")
@click.option("--lr", metavar="NAME", help="A column of learning rates: rows without y are predicted, x is the step.")
@click.option("--at", multiple=True, type=given.Numbers(), help="Sizes; with two x, one of each.")
@click.option("--y", required=True, metavar="NAME", help="The column of what was reached: a loss or an error.")
@click.option("--x", required=True, metavar="NAME[,NAME]", help="The column of sizes; or two, parameters and tokens.")
@click.argument("table", metavar="FILE")
def extrapolate(
    table: str, x: str, y: str, at: tuple[tuple[float, ...], ...], lr: str | None, by: str | None,
    run_column: str | None, share: float, encoding: str, out: Path | None, strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """What a larger run will reach.

    Laws of scale are fitted to the runs in FILE (CSV, NPZ, NPY, Parquet or JSON lines, one row a run) and averaged: an
    interval for a run of each size asked for, a verdict on each law, the largest runs predicted from the smaller ones,
    and the cheapest next run that would halve the interval.

    With --lr, FILE holds loss curves, and rows with a step and a learning rate but no loss are predicted: the rest of a
    run, or a run under another schedule.

    \b
    Examples:
      asymptopia extrapolate runs.csv --x flops --y loss --at 1e22
      asymptopia extrapolate runs.csv --x params,tokens --y loss --at 7e10,1.4e12
      asymptopia extrapolate runs.csv --x flops --y loss --at 1e22 --by recipe  # faster?
      asymptopia extrapolate curves.csv --x step --y loss --run name --at 1e6 --strict
      asymptopia extrapolate curves.csv --x step --y loss --lr lr --run name

    \b
    Exit status: 0 done, 1 (with --strict) the verdict is not agrees, 2 bad input.
    """  # fmt: skip
    from ..engine.provenance import provenance
    from ..extrapolate import compare
    from ..extrapolate import extrapolate as extrapolated
    from ..extrapolate.page import write_page
    from ..tables import name_of

    if lr is not None:
        _continue(table, x, y, lr, at, by, run_column, share, encoding, out, strict, as_json)
        return
    if not at:
        raise StatementError("--at must have a size, as --at 1e22; or give --lr to continue loss curves.")
    names = [name.strip() for name in x.split(",")]
    how: dict[str, Any] = {"share": share, "run": run_column, "encoding": encoding}
    with only_json(as_json) as printed:
        places = _places(names, at)
        gains: tuple[Gain, ...] = ()
        if by is not None:
            gains = compare(table, names[0] if len(names) == 1 else x, y, by, [p[0] for p in places], **how)
        extrapolation = extrapolated(table, names, y, places, by=by, **how)
        folder = out or Path("results") / f"extrapolate-{name_of(table)}"
        page = write_page(extrapolation, folder, f"{y} of larger runs: {Path(table).name}", provenance(), gains)
        extra = {"comparisons": [vars(g) for g in gains], "report": str(page)}
        printed.append(extrapolation.plain() | extra)
    if not as_json:
        _show(extrapolation, gains, names[0])
        click.echo(f"report: {page}")
    if strict and extrapolation.verdict != "agrees":
        raise SystemExit(1)


def _continue(
    table: str, step: str, loss: str, lr: str, at: tuple[tuple[float, ...], ...], by: str | None,
    run_column: str | None, share: float, encoding: str, out: Path | None, strict: bool, as_json: bool,
) -> None:  # fmt: skip
    """Loss curves continued under the schedule in the column `lr`."""
    from ..engine.provenance import provenance
    from ..extrapolate import continue_runs
    from ..extrapolate.page import write_continuation
    from ..tables import name_of

    for option, value in (("--at", at), ("--by", by)):
        if value:
            raise StatementError(f"{option} does not go with --lr, which predicts the rows of the file without {loss}.")
    with only_json(as_json) as printed:
        continuation = continue_runs(table, step, loss, lr, run=run_column, share=share, encoding=encoding)
        folder = out or Path("results") / f"extrapolate-{name_of(table)}"
        page = write_continuation(continuation, folder, f"{loss} under a schedule: {Path(table).name}", provenance())
        printed.append(continuation.plain() | {"report": str(page)})
    if not as_json:
        for note in continuation.notes:
            say(f"note: {note}")
        for title, columns, rows in continuation.tables():
            show_table(columns, rows, title)
        click.echo(f"verdict: {continuation.verdict}. {continuation.reason}")
        click.echo(f"report: {page}")
    if strict and continuation.verdict != "agrees":
        raise SystemExit(1)


def _places(names: list[str], at: tuple[tuple[float, ...], ...]) -> list[tuple[float, ...]]:
    if len(names) == 1:
        return [(value,) for values in at for value in values]
    for place in at:
        if len(place) != len(names):
            shown = ",".join(map(str, place))
            raise StatementError(
                f"--at must have one size for each of {', '.join(names)}, as 1e9,2e10, but is {shown}."
            )
    return list(at)


def _show(extrapolation: Extrapolation, gains: tuple[Gain, ...], x: str) -> None:
    for note in extrapolation.notes:
        say(f"note: {note}")
    for title, columns, rows in extrapolation.tables():
        show_table(columns, rows, title)
    for gain in gains:
        click.echo(gain.sentence(x))
    click.echo(extrapolation.next_run.sentence(extrapolation.ladder.names))
    click.echo(f"verdict: {extrapolation.verdict}. {extrapolation.reason}")
