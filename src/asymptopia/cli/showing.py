"""The verb that shows a law in full."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Sequence
from typing import Any

import click

from ..contract.catalogue import law_modules, law_named
from ..contract.law import Landmark, Law, Observable
from ..contract.record import Record, StatementError, allowed, field_types, nearest
from ..contract.statement import parts_of
from ..derive import THEOREM
from ..study import names_of
from . import given
from .catalogue import law_names
from .output import console, only_json, reflowed, show_table
from .plot import default_plot


@click.command()
@given.json_option
@click.option("--plot", is_flag=True, help="Draw the limit, along its axis or along a field around its default.")
@click.option("--bibtex", is_flag=True, help="Print only the citation, for a bibliography.")
@click.option("--with", "files", multiple=True, metavar="FILE.py", help=given.WITH_HELP)
@click.argument("law", metavar="LAW", shell_complete=law_names)
def show(law: str, files: Sequence[str], bibtex: bool, plot: bool, as_json: bool) -> None:
    """A law in full, and how to cite it.

    Shows the problem, fields, observables, where it is trusted, transitions and published values.

    \b
    Examples:
      asymptopia show ERM
      asymptopia show CurieWeiss --plot
      asymptopia show ERM --json
      asymptopia show ERM --bibtex >> paper.bib
      asymptopia show mylaw.py
    """
    classes = given.laws_in(law, names_of([*files, law])) if given.is_file(law) else None
    name = law.split("(")[0].strip()
    chosen = classes or {name: _named(name)}
    if bibtex:
        for name, cls in chosen.items():
            click.echo(cls.bibtex.strip() or f"% {name}: {cls.source or 'no source given'}")
        return
    with only_json(as_json) as out:
        plain = [_plain(cls) for cls in chosen.values()] if as_json else []
        out.append({"laws": plain} if classes else plain[0] if plain else None)
    for cls in () if as_json else chosen.values():
        _show(cls)
        if plot:
            click.echo("\n".join(default_plot(cls())))


def _named(name: str) -> type[Law]:
    cls = law_named(name)
    if cls is None:
        raise StatementError(f"There is no law {name!r}.{nearest(name, law_modules())}")
    return cls


def _plain(cls: type[Law]) -> dict[str, Any]:
    """The law as `--json` prints it."""
    rows = [_field_row(cls, f) for f in dataclasses.fields(cls)]
    fields = [dict(zip(("name", "default", "allowed", "unit", "meaning"), row, strict=True)) for row in rows]
    seen = [_observable_row(k, o) for k, o in cls().observables.items()]
    observables = [dict(zip(("name", "shape", "compared_as", "unit", "meaning"), row, strict=True)) for row in seen]
    marks = [{"statement": f"{cls.__name__}({fields_of(m)})", "observable": m.observable, "along": m.along,
              "value": m.value, "tolerance": m.tolerance, "source": m.source} for m in cls.landmarks]  # fmt: skip
    return {
        "law": cls.__name__, "summary": cls.summary(), "doc": inspect.cleandoc(cls.__doc__ or ""), "fields": fields,
        "observables": observables, "size": cls.size, "sizes": cls.sizes, "seeds": cls.seeds, "bias": cls.bias,
        "status": cls.status, "landmarks": marks, "source": cls.source, "bibtex": cls.bibtex.strip(),
    }  # fmt: skip


def _show(cls: type[Law]) -> None:
    out = console()
    out.print(f"{cls()!r}\n\n{reflowed(inspect.cleandoc(cls.__doc__ or ''), out.width)}\n")
    fields = [_field_row(cls, f) for f in dataclasses.fields(cls)]
    show_table(("field", "default", "allowed", "unit", "meaning"), fields, "Fields")
    observables = [_observable_row(k, o) for k, o in cls().observables.items()]
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
        _show_landmarks(cls.landmarks)
    out.print(f"Source: {cls.source or 'none given'}")


def _show_landmarks(landmarks: Sequence[Landmark]) -> None:
    """The published values, those of each source together."""
    columns = ("at", "observable", "value", "tolerance")
    for source in dict.fromkeys(m.source for m in landmarks):
        console().print(f"\nLandmarks: {source}")
        marks = [(fields_of(m), m.observable, f"{m.value:.8g}", f"{m.tolerance:g}")
                 for m in landmarks if m.source == source]  # fmt: skip
        show_table(columns, marks, right=columns[2:], keys=2)


def fields_of(mark: Landmark) -> str:
    """The fields of a published value, as in its statement."""
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
