"""The verbs that need theory alone: limit, thresholds, atlas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from ..contract.catalogue import law_classes
from ..contract.law import Landmark, Law, Statement
from ..contract.record import StatementError
from ..derive import precision
from . import given
<<<<<<< HEAD
from .output import console, dataset_json, number, only_json, say, show_table, warn
from .showing import fields_of
=======
from .output import console, dataset_json, number, only_json, show_table, warn
>>>>>>> main

if TYPE_CHECKING:
    import xarray as xr


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
    if not found:
        say(f"No transition is met along {along}.")
    elif not as_json:
        console().print(f"{chosen!r} along {along}")
        show_table(("transition", along), [(k, f"{float(v):.8g}") for k, v in found.items()], right=(along,))


<<<<<<< HEAD
@click.command()
@given.json_option
@click.argument("laws", nargs=-1, metavar="[LAW]...")
def atlas(laws: Sequence[str], as_json: bool) -> None:
    """Published values against ours.

    Exit status 1 if one is missed.

    \b
    Examples:
      asymptopia atlas
      asymptopia atlas ERM MaxMargin --json
    """
    classes = law_classes()
    chosen = {name: given.law_class(name, classes) for name in laws} or classes
    with only_json(as_json) as out:
        rows = [_landmark(cls, mark) for cls in chosen.values() for mark in cls.landmarks]
        out.append({"landmarks": rows})
    if not as_json:
        columns = ("statement", "observable", "published", "ours", "deviation", "tolerance", "verdict", "source")
        show_table(columns, [[_cell(row[c]) for c in columns] for row in rows], right=columns[2:6])
        for row in rows:
            if row["note"]:
                say(f"{row['statement']}: {row['note']}")
    missed = [row for row in rows if row["verdict"] != "reproduced"]
    if missed:
        say(f"{len(missed)} of {len(rows)} published values are not reproduced.")
        raise SystemExit(1)


def _landmark(cls: type[Law], mark: Landmark) -> dict[str, Any]:
    statement, ours, problem = f"{cls.__name__}({fields_of(mark)})", None, ""
    try:
        law = cls(**mark.fields)
        if mark.along:
            ours = float(law.thresholds(mark.along)[mark.observable])
        else:
            ours = float(law.limit()[mark.observable].values[mark.at])
    except (StatementError, ArithmeticError, KeyError, RuntimeError) as error:
        problem = f"failed: {error}"
    deviation = None if ours is None else ours - mark.value
    inside = deviation is not None and abs(deviation) <= mark.tolerance
    return {
        "statement": statement,
        "observable": f"{mark.observable} along {mark.along}" if mark.along else mark.observable,
        "published": mark.value,
        "ours": ours,
        "deviation": deviation,
        "tolerance": mark.tolerance,
        "verdict": problem or ("reproduced" if inside else "missed"),
        "source": mark.source,
        "note": mark.note,
    }


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.8g}" if isinstance(value, float) else str(value)
=======
def _text(cls: type[Law]) -> str:
    words = [cls.__name__, cls.__doc__ or "", cls.source, cls.__module__]
    for name, observable in cls.observables.items():
        words += [name, observable.doc]
    for f in dataclasses.fields(cls):  # type: ignore[arg-type]
        words += [f.name, f.metadata.get("doc", ""), *parts_of(field_types(cls)[f.name])]
    return "\n".join(words)


def _show(cls: type[Law]) -> None:
    out = console()
    out.print(f"{cls()!r}\n\n{inspect.cleandoc(cls.__doc__ or '')}\n")
    fields = [_field_row(cls, f) for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
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
>>>>>>> main


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
