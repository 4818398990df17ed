"""The verbs that need theory alone: limit, thresholds, atlas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from ..contract.law import Statement
from ..contract.record import StatementError
from ..derive import precision
from . import given
from .output import console, dataset_json, number, only_json, say, show_table, warn

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr

SHOWN = 4  # numbers of each axis of an array


@click.command()
@given.json_option
@click.option("--nets", type=int, metavar="K", help="Derived limits: independent nets of points, for the error.")
@click.option("--points", type=int, metavar="M", help="Derived limits: points for each wide axis, a power of two.")
@given.sweeps_option
@given.takes_statement
def limit(
    statement: str,
    law: str | None,
    files: Sequence[str],
    sweeps: Sequence[str],
    points: int | None,
    nets: int | None,
    as_json: bool,
) -> None:
    """What theory says of infinite size.

    Nothing is run.

    STATEMENT is a law such as "ERM(alpha=2.0, loss=Hinge())", or a .py file of your own laws.

    \b
    Examples:
      asymptopia limit "CurieWeiss(beta=0.5)"
      asymptopia limit "ERM(loss=Logistic(), ridge=0.01)" --sweep alpha=0.5:8:16
      asymptopia limit mylaw.py --law "Mine(field=2.0)" --json
      asymptopia limit "Mine()" --with mine.py --points 65536

    A law without `predict` has its limit derived from `realize`; then --points and --nets say how finely.

    --json prints {"statement", "coords", "values": {observable: nested lists, in the order of dims},
    "dims", "warnings"}; a value that is not a finite number is null, since JSON has no other word for it.
    """
    with only_json(as_json) as out:
        chosen = given.one_statement(statement, law, files, sweeps)
        if (points or nets) and not chosen.law.is_derived():
            name = type(chosen.law).__name__
            raise StatementError(f"`--points` and `--nets` are for derived limits, but {name} has a `predict`.")
        with precision(points, nets):
            data, warnings = chosen.limit(), chosen.warnings()
        warn(warnings)
        out.append(dataset_json(repr(chosen), data, warnings))
    if not as_json:
        _show_limit(chosen, data)


@click.command()
@given.json_option
@click.option(
    "--along", default="alpha", show_default=True, metavar="NAME", help="The field that varies, as alpha or prior.rho."
)
@given.takes_statement
def thresholds(statement: str, law: str | None, files: Sequence[str], along: str, as_json: bool) -> None:
    """The transitions met as a field varies.

    Such as existence of the estimator, recovery, order.

    \b
    Examples:
      asymptopia thresholds "ERM(loss=Logistic(), ridge=0.0)" --along alpha
      asymptopia thresholds "CurieWeiss()" --along beta --json

    --json prints {"statement", "along", "thresholds": {name: value}}; null stands for a transition that is
    never met at any finite value.
    """
    from ..contract.phases import thresholds as of

    with only_json(as_json) as out:
        chosen = given.one_statement(statement, law, files)
        if slow := chosen.law.slow_thresholds(along):
            say(slow)
        transitions = of(chosen.law, along)
        for note in chosen.law.threshold_notes(along):
            say(f"note: {note}")
        out.append(
            {"statement": repr(chosen), "along": along, "thresholds": {k: float(v) for k, v in transitions.items()}}
        )
    if not transitions:
        say(f"No transition is met along {along}.")
    elif not as_json:
        console().print(f"{chosen!r} along {along}")
        shown = [k for k in transitions if not k.endswith("_error")]
        rows = [(k, _transition(float(transitions[k]), transitions.get(f"{k}_error"))) for k in shown]
        show_table(("transition", along), rows, right=(along,))


def _transition(value: float, error: float | None) -> str:
    """The place of a transition, with its error where it is numerical."""
    return f"{value:.8g}" if error is None else number(value, float(error))


def _show_limit(statement: Statement, data: xr.Dataset) -> None:
    console().print(statement.short())  # type: ignore[attr-defined]
    names = [str(k) for k in data if not str(k).endswith("_error") or str(k) in statement.law.observables]
    if not statement.axes:
        plain = [(k, _values(data, k, {}), statement.law.observables[k].doc) for k in names]
        show_table(("observable", "limit", "meaning"), plain)
        return
    axes = list(statement.axes)
    rows: list[Sequence[str]] = []
    for index, point in zip(_indices(data, axes), statement.points(), strict=True):
        rows.append([*(given.axis_label(getattr(point, a)) for a in axes), *(_values(data, k, index) for k in names)])
    show_table([*axes, *names], rows, right=[*axes, *names], keys=len(axes))


def _indices(data: xr.Dataset, axes: list[str]) -> list[dict[str, int]]:
    import itertools

    return [dict(zip(axes, at, strict=True)) for at in itertools.product(*(range(data.sizes[a]) for a in axes))]


def _values(data: xr.Dataset, name: str, index: dict[str, int]) -> str:
    array = data[name].isel(index)
    error = data[f"{name}_error"].isel(index) if f"{name}_error" in data else None
    if array.ndim == 0:
        return number(float(array), None if error is None else float(error))
    shape = "" if max(array.shape) <= SHOWN else f" ({' x '.join(map(str, array.shape))})"
    return f"{_listed(array.values)} over {', '.join(map(str, array.dims))}{shape}"


def _listed(values: np.ndarray) -> str:
    """An array as nested lists, of each the first few numbers."""
    if values.ndim == 0:
        return number(float(values))
    return f"[{', '.join(map(_listed, values[:SHOWN]))}{', ...' if len(values) > SHOWN else ''}]"
