"""The verbs that need no experiment: list, show, limit, thresholds, atlas."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..contract.catalogue import law_classes
from ..contract.law import Landmark, Law, Observable, Statement
from ..contract.record import Record, StatementError, allowed, field_types
from ..contract.statement import parts_of
from ..derive import THEOREM, precision
from ..study import names_of
from . import given
from .output import console, dataset_json, number, only_json, show_table, warn

if TYPE_CHECKING:
    import xarray as xr


@click.command("list")
@click.argument("word", required=False, metavar="[WORD]")
def list_laws(word: str | None) -> None:
    """The laws, each with a line and its source.

    With WORD, those that mention it.

    \b
    Examples:
      asymptopia list
      asymptopia list margin
    """
    laws = law_classes()
    if word:
        laws = {name: cls for name, cls in laws.items() if word.lower() in _text(cls).lower()}
        if not laws:
            raise StatementError(f"No law mentions {word!r}. Known: {', '.join(law_classes())}.")
    show_table(("law", "says", "source"), [(name, cls.summary(), cls.source) for name, cls in laws.items()])


@click.command()
@click.option("--bibtex", is_flag=True, help="Print only the citation, for a bibliography.")
@click.option("--with", "files", multiple=True, metavar="FILE.py", help=given.WITH_HELP)
@click.argument("law", metavar="LAW")
def show(law: str, files: Sequence[str], bibtex: bool) -> None:
    """A law in full, and how to cite it.

    Shows the problem, fields, observables, where it is trusted, transitions and published values.

    \b
    Examples:
      asymptopia show ERM
      asymptopia show ERM --bibtex >> paper.bib
      asymptopia show mylaw.py
    """
    classes = given.laws_in(law, names_of([*files, law])) if given.is_file(law) else law_classes()
    names = list(classes) if given.is_file(law) else [law.split("(")[0].strip()]
    for name in names:
        cls = given.law_class(name, classes)
        if bibtex:
            click.echo(cls.bibtex.strip() or f"% {name}: {cls.source or 'no source given'}")
        else:
            _show(cls)


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
        found = of(chosen.law, along)
        out.append({"statement": repr(chosen), "along": along, "thresholds": {k: float(v) for k, v in found.items()}})
    if not as_json:
        console().print(f"{chosen!r} along {along}")
        show_table(("transition", along), [(k, f"{float(v):.8g}") for k, v in found.items()], right=(along,))


def _text(cls: type[Law]) -> str:
    words = [cls.__name__, cls.__doc__ or "", cls.source, cls.__module__]
    for name, observable in cls.observables.items():
        words += [name, observable.doc]
    for f in dataclasses.fields(cls):
        words += [f.name, f.metadata.get("doc", ""), *parts_of(field_types(cls)[f.name])]
    return "\n".join(words)


def _show(cls: type[Law]) -> None:
    out = console()
    out.print(f"{cls()!r}\n\n{inspect.cleandoc(cls.__doc__ or '')}\n")
    fields = [_field_row(cls, f) for f in dataclasses.fields(cls)]
    show_table(("field", "default", "allowed", "unit", "meaning"), fields, "Fields")
    observables = [_observable_row(k, o) for k, o in cls.observables.items()]
    show_table(("observable", "shape", "compared as", "unit", "meaning"), observables, "Observables")
    sizes = ", ".join(map(str, cls.sizes))
    out.print(f"Grows: {cls.size}; by default {sizes}, {cls.seeds} seeds each; corrections fall as n**-{cls.bias:g}.")
    for method, heading in (("valid", "Trusted"), ("check", "Exists"), ("thresholds", "Transitions")):
        text = inspect.cleandoc(getattr(cls, method).__doc__ or "")
        if getattr(cls, method) is not getattr(Law, method) and text:
            out.print(f"{heading}: {text}")
    if cls.is_derived():
        out.print(f"Limit: {THEOREM}")
    if cls.status:
        out.print(f"Status: {cls.status}")
    if cls.landmarks:
        marks = [(_fields(m), m.observable, f"{m.value:.8g}", f"{m.tolerance:g}", m.source) for m in cls.landmarks]
        columns = ("at", "observable", "value", "tolerance", "source")
        show_table(columns, marks, "Landmarks", right=columns[2:4])
    out.print(f"Source: {cls.source or 'none given'}")


def _fields(mark: Landmark) -> str:
    return ", ".join(f"{k}={v!r}" for k, v in mark.fields.items())


def _observable_row(name: str, observable: Observable) -> tuple[str, ...]:
    shape = ", ".join(observable.dims) or "a number"
    return name, shape, _statistic(observable), observable.unit, f"{observable.doc} (${observable.symbol}$)"


def _field_row(cls: type[Law], f: dataclasses.Field[Any]) -> tuple[str, ...]:
    default = f.default.short() if isinstance(f.default, Record) else str(f.default)
    default = "required" if f.default is dataclasses.MISSING else default
    parts = parts_of(field_types(cls)[f.name], f.metadata.get("needs"))
    kinds = allowed(f.metadata) or ", ".join(parts) or "any"
    return f.name, default, kinds, f.metadata.get("unit", ""), f.metadata.get("doc", "")


def _statistic(observable: Observable) -> str:
    if observable.limit_only:
        return "theory only"
    if observable.fluctuation_of:
        return f"n times the variance of {observable.fluctuation_of}"
    if observable.exponent_of:
        return f"exponent of the growth of {observable.exponent_of}"
    if observable.bound:
        return "bound on the mean" if observable.bound == "mean" else "bound on every realisation"
    return "mean"


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
    show_table([*axes, *names], rows, right=[*axes, *names])


def _indices(data: xr.Dataset, axes: list[str]) -> list[dict[str, int]]:
    import itertools

    return [dict(zip(axes, at, strict=True)) for at in itertools.product(*(range(data.sizes[a]) for a in axes))]


def _values(data: xr.Dataset, name: str, index: dict[str, int]) -> str:
    found = data[name].isel(index)
    error = data[f"{name}_error"].isel(index) if f"{name}_error" in data else None
    if found.ndim == 0:
        return number(float(found), None if error is None else float(error))
    flat = found.values.ravel()
    shown = ", ".join(number(float(v)) for v in flat[:4])
    return f"[{shown}{', ...' if flat.size > 4 else ''}] over {' x '.join(f'{d}: {n}' for d, n in found.sizes.items())}"
