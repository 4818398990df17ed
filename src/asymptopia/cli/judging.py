"""The command line: a verdict on numbers that somebody already has."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..contract.record import StatementError
from . import given
from .output import only_json
from .verdicts import confrontation_json, show_verdicts

if TYPE_CHECKING:
    from ..verdict.confront import Confrontation

CLAIMS = ("exponent", "bound", "fluctuation", "scale")


@click.command()
@given.json_option
@click.option("--strict", is_flag=True, help="Exit with status 1 if a claim is refuted.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder of the report.")
@click.option("--resolution", type=float, metavar="X", help="The discrepancy to resolve, relative to the scale.")
@click.option("--level", type=float, default=0.01, show_default=True, metavar="P", help="Chance of refuting the truth.")
@click.option("--bias", type=float, default=1.0, show_default=True, metavar="B", help="Corrections fall as size**-B.")
@click.option("--scale", multiple=True, metavar="[VALUE=]X", help="Natural size, to which discrepancies are compared.")
@click.option("--fluctuation", multiple=True, metavar="[VALUE=]X", help="Size times the variance tends to X.")
@click.option("--bound", multiple=True, metavar="[VALUE=]X", help="The mean never exceeds X.")
@click.option("--exponent", multiple=True, metavar="[VALUE=]X", help="The mean grows as size**X.")
@click.option("--limit", multiple=True, metavar="[VALUE=]X", help="The mean tends to X: a number, a column or a law.")
@click.option("--with", "files", multiple=True, metavar="FILE.py", help=given.WITH_HELP)
@click.option("--by", multiple=True, metavar="COLUMN", help="A parameter: each of its values is judged on its own.")
@click.option("--value", multiple=True, required=True, metavar="COLUMN", help="An observable; loss_* are its seeds.")
@click.option("--no-header", is_flag=True, help="The first row of a text file is data: the columns are x1, x2, ...")
@click.option("--seed", metavar="COLUMN", help="The seed; without it every row is a realisation of its own.")
@click.option("--size", metavar="COLUMN", help="The size that grows; without it, columns named by numbers are sizes.")
@click.argument("table", metavar="TABLE")
def judge(
    table: str,
    value: Sequence[str],
    out: Path | None,
    as_json: bool,
    strict: bool,
    by: Sequence[str],
    files: Sequence[str],
    limit: Sequence[str],
    no_header: bool,
    **options: Any,
) -> None:
    """A verdict on numbers that you already have.

    TABLE is a CSV, NPZ, NPY, Parquet or JSON lines file of runs of any program: one row a run, or a column for each
    seed (--value "loss_*"), or one for each size. Without a claim the runs are extrapolated to infinite size. Where the
    limit is that of a law, columns of parameters (--by) are its fields, and columns of values its observables.

    \b
    Examples:
      asymptopia judge runs.csv --size n --seed seed --value loss --limit 0.25
      asymptopia judge runs.csv --size width --value "err_*" --by alpha --limit theory
      asymptopia judge runs.csv --size d --value test_error --by alpha --limit "ERM(loss=Square())"
      asymptopia judge runs.csv --size n --value loss --value gap --limit loss=0.25 --exponent gap=-1
      asymptopia judge runs.csv --size n --value loss
    """
    from ..verdict.runs import judge as verdict_on

    claims = {kind: _claim(kind, options.pop(kind)) for kind in CLAIMS} | {"limit": _limit(limit, files)}
    with only_json(as_json) as printed:
        confrontation = verdict_on(table, value=value, by=list(by), header=not no_header, **claims, **options)
        page = _report(confrontation, table, out)
        printed.append({"table": table, "report": str(page), **confrontation_json(confrontation)})
    if not as_json:
        show_verdicts(Path(table).name, [(confrontation.name, confrontation)])
        click.echo(f"report: {page}")
    if strict and confrontation.verdict == "disagrees":
        raise SystemExit(1)


def _limit(said: Sequence[str], files: Sequence[str]) -> Any:
    """The law that is stated, or what `_claim` makes of numbers and columns."""
    if len(said) == 1 and said[0].rstrip().endswith(")"):
        stated = given.one_statement(said[0], None, files)
        if stated.axes:
            raise StatementError("--limit takes a law, not a sweep: --by says along which fields the runs go.")
        return stated.law
    return _claim("limit", said)


def _claim(kind: str, said: Sequence[str]) -> Any:
    """`X` for the only value, or `VALUE=X` for one of several; numbers as numbers."""
    named = dict(s.rsplit("=", 1) for s in said if "=" in s)
    plain = [s for s in said if "=" not in s]
    if plain and (named or len(plain) > 1):
        raise StatementError(f"--{kind} must say of which value it is, as in --{kind} loss={plain[0]}.")
    return _number(plain[0]) if plain else {k.strip(): _number(v) for k, v in named.items()} or None


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _report(confrontation: Confrontation, table: str, out: Path | None) -> Path:
    from ..report import write_results
    from ..tables import digest_of, name_of

    folder = out or Path("results") / f"judge-{name_of(table)}"
    provenance = {"table": Path(table).name, "sha256": digest_of(table)}
    return write_results(folder, [confrontation], title=f"A verdict on {Path(table).name}", provenance=provenance)
