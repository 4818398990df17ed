"""The verbs about results folders: report, status, diff, export; and doctor."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..contract.record import StatementError
from . import given
from .output import console, only_json, say, say_failures, show_table
from .verdicts import show_done

if TYPE_CHECKING:
    import xarray as xr

folder_argument = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.command()
@click.option("--open/--no-open", "show", default=True, show_default=True, help="Open the page in a browser.")
@given.trust_option
@folder_argument
def report(folder: Path, trust: bool, show: bool) -> None:
    """Rebuild and open a report.

    Figures and tables too; no cell is computed again, and no file that the study names is run: a folder of somebody
    else's can be looked at. With --trust those files are run, and the theory is made anew.

    \b
    Examples:
      asymptopia report results/erm
      asymptopia report results/erm --no-open
      asymptopia report results/mylaw --trust
    """
    from ..study.kept import damage, reopened
    from ..study.publish import rebuilt

    study, results = reopened(folder, trust)
    for line in damage(results):
        say(line)
    done = rebuilt(study, results)
    show_done(study, done)
    for line in done.notes:
        say(f"note: {line}")
    say_failures(done.failures)
    if show and done.page is not None:
        webbrowser.open(done.page.resolve().as_uri())


@click.command()
@given.json_option
@folder_argument
def status(folder: Path, as_json: bool) -> None:
    """Cells done, failed and missing.

    \b
    Examples:
      asymptopia status results/erm
      watch -n 60 asymptopia status results/erm
    """
    from ..study.kept import damage, progress_of, reopened

    with only_json(as_json) as out:
        study, results = reopened(folder)
        for line in damage(results):
            say(line)
        rows = progress_of(study, results)
        out.append({"title": study.title, "folder": str(folder), "statements": rows})
    if not as_json:
        columns = ("name", "cells", "done", "failed", "missing")
        show_table(columns, [[row[c] for c in columns] for row in rows], study.title, right=columns[1:])
    if any(row["failed"] for row in rows):
        say("Cells failed: see run.log; `asymptopia run ... --retry-failed` computes them again.")


@click.command()
@given.json_option
@click.option("--strict", is_flag=True, help="Exit with status 1 if anything differs.")
@click.argument("first", metavar="A", type=click.Path(path_type=Path))
@click.argument("second", metavar="B", type=click.Path(path_type=Path))
def diff(first: Path, second: Path, strict: bool, as_json: bool) -> None:
    """Compare two results folders.

    Statements, predictions, and means of realisations in standard errors.

    \b
    Examples:
      asymptopia diff results/erm results/erm-gpu
      asymptopia diff before after --strict --json
    """
    from ..engine import EngineError, Results

    with only_json(as_json) as out:
        try:
            left, right = ({_name(k, v): v for k, v in Results.open(f).load().items()} for f in (first, second))
        except EngineError as error:
            raise StatementError(f"No results.nc to compare: {error} `asymptopia report DIR` writes it.") from None
        rows = [row for name in left if name in right for row in _compared(name, left[name], right[name])]
        alone = {str(first): [n for n in left if n not in right], str(second): [n for n in right if n not in left]}
        out.append({"a": str(first), "b": str(second), "compared": rows, "only": alone})
    if not as_json:
        columns = ("what", "observable", "difference", "largest", "in standard errors")
        show_table(columns, [[_cell(row[c]) for c in columns] for row in rows], right=columns[3:])
        for folder, names in alone.items():
            for name in names:
                console().print(f"only in {folder}: {name}")
    if strict and (any(row["difference"] != "identical" for row in rows) or any(alone.values())):
        raise SystemExit(1)


@click.command()
@click.option("--pdf", is_flag=True, help="The figures, as PDF and SVG.")
@click.option("--csv", "as_csv", is_flag=True, help="All numbers with full precision.")
@click.option("--tex", is_flag=True, help="The table for a paper, and the bibliography.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where to.  [default: the results folder]")
@given.trust_option
@folder_argument
def export(folder: Path, trust: bool, out: Path | None, tex: bool, as_csv: bool, pdf: bool) -> None:
    """Tables and figures for a paper.

    All of them unless some are asked for.

    \b
    Examples:
      asymptopia export results/erm --tex --pdf --out paper
      asymptopia export results/erm --csv
    """
    from ..engine.files import replace
    from ..report import bibliography, csv_text, save_figures, tex_text
    from ..report.page import prefixes
    from ..study.publish import judged

    confrontations = judged(folder, trust)
    target = out or folder
    every = not (tex or as_csv or pdf)
    texts = {"table.csv": csv_text(confrontations)} if as_csv or every else {}
    if tex or every:
        texts |= {"table.tex": tex_text(confrontations), "CITE.bib": bibliography(confrontations)}
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            replace(target / name, text.encode())
        paths = [target / name for name in texts]
        if pdf or every:
            for confrontation, prefix in zip(confrontations, prefixes(confrontations), strict=True):
                paths += save_figures(confrontation, target / "figures", prefix)
    except OSError as error:
        reason = error.strerror or error
        raise StatementError(
            f"Cannot write into {str(target)!r}: {reason}. Choose another folder with --out."
        ) from None
    for path in paths:
        click.echo(path)


@click.command()
@given.json_option
def doctor(as_json: bool) -> None:
    """Is this installation in order?

    Versions, devices, and whether compiled programs are kept between runs; exit status 1 if not.

    \b
    Examples:
      asymptopia doctor
      asymptopia doctor --json
    """
    from ..engine import doctor as examine

    with only_json(as_json) as out:
        checks = examine()
        out.append({"checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in checks]})
    if not as_json:
        marks = {True: "ok", False: "PROBLEM", None: ""}
        show_table(("what", "", "detail"), [(c.name, marks[c.ok], c.detail) for c in checks])
    if any(c.ok is False for c in checks):
        raise SystemExit(1)


def _name(group: str, data: xr.Dataset) -> str:
    return f"{group.rpartition('/')[2]} of {data.attrs.get('statement', group)}"


_SAME = {"difference": "identical", "largest": 0.0, "in standard errors": None}


def _compared(name: str, left: xr.Dataset, right: xr.Dataset) -> list[dict[str, Any]]:
    rows = []
    for observable in dict.fromkeys([*map(str, left), *map(str, right)]):
        row: dict[str, Any] = {"what": name, "observable": observable, **_SAME}
        if observable not in left or observable not in right:
            row |= {"difference": "only in one", "largest": None}
        elif not left[observable].identical(right[observable]):
            row |= _difference(left[observable], right[observable])
        rows.append(row)
    return rows


def _difference(a: xr.DataArray, b: xr.DataArray) -> dict[str, Any]:
    """Realisations are compared by their means over seeds, predictions directly; where coordinates coincide."""
    error = None
    if "seed" in a.dims and "seed" in b.dims:
        error = np.hypot(a.std("seed", ddof=1) / a.sizes["seed"] ** 0.5, b.std("seed", ddof=1) / b.sizes["seed"] ** 0.5)
        a, b = a.mean("seed"), b.mean("seed")
    gap = abs(a - b)
    if gap.size == 0:
        return {"difference": "no common coordinates", "largest": None}
    largest = float(gap.max())
    if error is None:
        return {"difference": "differs" if largest else "identical values", "largest": largest}
    word = "other realisations" if largest else "identical means"
    return {"difference": word, "largest": largest, "in standard errors": float((gap / error).max())}


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
