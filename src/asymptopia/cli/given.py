"""Arguments and options that several verbs share, and the statements that they give."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from ..contract.law import MOST_SEEDS, Law, Statement
from ..contract.record import Record, StatementError, nearest
from ..contract.statement import parse, parse_range
from ..contract.sweep import sweep
from ..study import names_of
from .catalogue import json_option as json_option
from .catalogue import law_names


def _completed(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Laws as statements, and files, for the Tab key."""
    laws = [CompletionItem(f"{name}(") for name in law_names(ctx, param, incomplete)]
    return laws or [CompletionItem(incomplete, type="file")]


F = TypeVar("F", bound=Callable[..., Any])

SWEEP_HELP = """Values of a field: NAME=1,2,4, NAME=start:stop:count, NAME=log:start:stop:count or NAME=Part,Part.
Repeat for a grid."""
WITH_HELP = "A Python file whose laws, parts and functions may be named, as in ERM(loss=my_loss)."


class WholeNumbers(click.ParamType[Any]):
    """`200,400,800` as a tuple of whole numbers."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(piece) for piece in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not a list of whole numbers such as 200,400,800.", param, ctx)


class Seconds(click.ParamType[Any]):
    """A time above 0."""

    name = "SECONDS"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = float(value)
        except ValueError:
            seconds = 0.0
        if not 0 < seconds <= 1e9:
            self.fail(f"{value!r} is not a number of seconds > 0, at most 1e9.", param, ctx)
        return seconds


class Seeds(click.ParamType[Any]):
    """`40` seeds, 0 to 39, or the seeds from `5000:5060` up to but not including the last."""

    name = "N|A:B"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, int | tuple):
            return value
        first, colon, last = value.partition(":")
        try:
            chosen = range(int(first), int(last)) if colon else int(first)
        except ValueError:
            self.fail(f"{value!r} is neither a number of seeds nor a range such as 5000:5060.", param, ctx)
        if isinstance(chosen, int):
            return chosen
        if not 2 <= chosen.stop - chosen.start <= MOST_SEEDS:
            self.fail(f"{value!r} is not a range A:B of 2 to {MOST_SEEDS} seeds, from A to B - 1.", param, ctx)
        return tuple(chosen)


class Part(click.ParamType[Any]):
    """`k/N`: part k of N, counted from 0."""

    name = "K/N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        k, slash, n = value.partition("/")
        if not (slash and k.isdigit() and n.isdigit() and int(k) < int(n)):
            self.fail(f"{value!r} is not a part k/N with k = 0, ..., N - 1, such as 0/64.", param, ctx)
        return int(k), int(n)


class Numbers(click.ParamType[Any]):
    """`0.1,0.05` as a tuple of positive numbers."""

    name = "X,X,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(piece) for piece in value.split(","))
        except ValueError:
            numbers = ()
        if not numbers or not all(0 < x < float("inf") for x in numbers):
            self.fail(f"{value!r} is not a list of numbers > 0 such as 0.1,0.05.", param, ctx)
        return numbers


def runs(command: F) -> F:
    """How and where cells are computed."""
    for option in (
        click.option("--retry-failed", is_flag=True, help="Compute cells again that failed before."),
        click.option(
            "--cell-timeout",
            type=Seconds(),
            metavar="SECONDS",
            help="Give up a cell that takes longer, compilation included.",
        ),
        click.option("--scheduler", metavar="ADDRESS", help="Dask: an address, local:2, slurm or pbs."),
        click.option("--jobs", default=1, show_default=True, type=click.IntRange(1, 1024), help="Threads."),
        click.option(
            "--out", type=click.Path(path_type=Path), metavar="DIR", help="Results folder.  [default: results/...]"
        ),
    ):
        command = option(command)
    return command


def takes_statement(command: F) -> F:
    """The argument and options of every verb about one statement."""
    for option in (
        click.option("--with", "files", multiple=True, metavar="FILE.py", help=WITH_HELP),
        click.option("--law", "law", metavar="STATEMENT", help="With a .py file: the law meant, as 'Mine(field=2.0)'."),
        click.argument("statement", metavar="STATEMENT", shell_complete=_completed),
    ):
        command = option(command)
    return command


trust_option = click.option(
    "--trust", is_flag=True, help="Run the files that the study names, to make its theory anew: they may do anything."
)
sweeps_option = click.option("--sweep", "sweeps", multiple=True, metavar="NAME=RANGE", help=SWEEP_HELP)


def is_file(text: str) -> bool:
    """Whether a word of the command names a file of laws rather than a statement."""
    return text.strip().endswith(".py")


def stated(text: str, law: str | None, files: Sequence[str]) -> tuple[list[Statement], dict[str, Any]]:
    """The statements meant by a statement, or by a file and perhaps `--law`; and the user's own names."""
    if not is_file(text):
        if law is not None:
            raise StatementError(
                f"--law goes with a file, as in mylaw.py --law {law!r}, but {text!r} is not a .py file."
            )
        names = names_of(files)
        return [parse(text, names)], names
    names = names_of([*files, text])
    if law is not None:
        return [parse(law, names)], names
    return [cls() for cls in laws_in(text, names).values()], names


def laws_in(path: str, names: dict[str, Any]) -> dict[str, type[Law]]:
    """The laws that the user's file defines, without those it imports."""
    here = str(Path(path).resolve())
    laws = {k: v for k, v in names.items() if isinstance(v, type) and issubclass(v, Law)}
    own = {k: v for k, v in laws.items() if getattr(sys.modules.get(v.__module__), "__file__", None) == here}
    if not own:
        raise StatementError(f"{path} defines no law: a class derived from `Law`.")
    return own


def one_statement(text: str, law: str | None, files: Sequence[str], sweeps: Sequence[str] = ()) -> Statement:
    """The one statement that a command is about, along the ranges of `--sweep`."""
    statements, names = stated(text, law, files)
    if len(statements) > 1:
        options = ", ".join(type(s.law).__name__ for s in statements)
        raise StatementError(f"{text} defines several laws ({options}): say which with --law.")
    return along(statements[0], sweeps, names)


def along(statement: Statement, sweeps: Sequence[str], names: dict[str, Any]) -> Statement:
    """The statement along further ranges; a field cannot be swept twice."""
    if not sweeps:
        return statement
    axes: dict[str, Sequence[Any]] = dict(statement.axes)
    for text in sweeps:
        name, values = parse_range(text, type(statement.law), names)
        if name in axes:
            raise StatementError(f"`{name}` is swept twice: write all its values in one range.")
        axes[name] = values
    return sweep(statement.law, **axes)


def law_class(name: str, classes: dict[str, type[Law]]) -> type[Law]:
    """The law of that name, or `StatementError` with the nearest one."""
    if name not in classes:
        raise StatementError(f"There is no law {name!r}.{nearest(name, classes)}")
    return classes[name]


def axis_label(value: Any) -> str:
    """A value of a swept field in a table: a number, or the short statement of a part."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.short() if isinstance(value, Record) else str(value)
