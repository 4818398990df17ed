"""The verb that draws a phase diagram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from ..contract.law import Law
from ..contract.record import StatementError
from ..contract.statement import parse_range
from . import given
from .output import dataset_json, number, only_json, say, show_table

if TYPE_CHECKING:
    import xarray as xr

KINDS = (".pdf", ".svg", ".png")


@click.command()
@given.json_option
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The figure: .pdf, .svg or .png."
)
@given.sweeps_option
@given.takes_statement
def phases(
    statement: str, law: str | None, files: Sequence[str], sweeps: Sequence[str], out: Path | None, as_json: bool
) -> None:
    """Where inference is easy, hard or impossible.

    Over two fields of a law with several fixed points; fields of its parts are named as in prior.rho.

    \b
    Examples:
      asymptopia phases "BayesOptimal(prior=GaussBernoulli(), channel=Linear())" \\
        --sweep alpha=0.02:1:50 --sweep prior.rho=0.02:0.98:50 --out cs.pdf
      asymptopia phases "BayesOptimal(prior=Rademacher())" \\
        --sweep alpha=1:2:30 --sweep channel.flip=0:0.01:11 --json

    --json prints what `limit --json` does, of phase (0 impossible, 1 hard, 2 easy), overlap, best_overlap and the
    transitions along the first field, null where there is none.
    """
    from ..contract.phases import phase_diagram

    if out is not None and out.suffix.lower() not in KINDS:
        raise StatementError(f"--out must end in {', '.join(KINDS)}, but is {str(out)!r}.")
    with only_json(as_json) as printed:
        chosen = given.one_statement(statement, law, files)
        if chosen.axes:
            raise StatementError("A phase diagram is of a law, not of a sweep: give its two fields with --sweep.")
        if len(sweeps) != 2:
            raise StatementError(f"A phase diagram needs --sweep twice, for its two fields, but has {len(sweeps)}.")
        axes = [_axis(chosen.law, text) for text in sweeps]
        data = phase_diagram(chosen.law, *axes)
        if out is not None:
            from ..report.phases import save_phases

            say(f"figure: {save_phases(data, out)}")
        printed.append(dataset_json(repr(chosen), data, []))
    if not as_json:
        _show(data)


def _axis(law: Law, text: str) -> tuple[str, Sequence[float]]:
    """Name and values of a field, or of a field of a part, from a range."""
    from ..contract.fields import holder

    name, equals, values = text.partition("=")
    record, last = holder(law, name.strip())
    _, grid = parse_range(f"{last}{equals}{values}", type(record))
    return name.strip(), grid


def _show(data: xr.Dataset) -> None:
    """The transitions along the first field at each value of the second, and the phases met."""
    y, x = map(str, data["phase"].dims)
    names = sorted(str(k) for k, v in data.data_vars.items() if v.dims == (y,))
    rows = []
    for k, value in enumerate(data[y].values):
        met = [_cell(data[name].values[k]) for name in names]
        rows.append([number(float(value)), *met, _run(data["phase"].values[k])])
    show_table([y, *(f"{name} ({x})" for name in names), "phases"], rows, right=[y])


def _cell(value: Any) -> str:
    return number(float(value)) if np.isfinite(value) else ""


def _run(phases: np.ndarray) -> str:
    """The phases met along a row, in order."""
    words = ("impossible", "hard", "easy")
    kept = [int(p) for i, p in enumerate(phases) if i == 0 or p != phases[i - 1]]
    return ", ".join(words[p] for p in kept)
