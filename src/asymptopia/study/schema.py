"""The checks of a study: all errors are found before anything runs."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..contract.law import Law, Statement
from ..contract.record import StatementError, nearest
from ..contract.statement import parse, parse_range, parse_value
from ..contract.sweep import sweep
from ..engine import Adaptive
from ..engine.files import printable
from ..forecast import Forecast
from ..parts.data import Data, feature_map, named_data
from ..parts.data import Table as DataTable
from ..parts.kernel_features import KernelFeatures, kernel_named
from .format import TAGS, AdaptiveSeeds, ConfrontTable, ForecastTable, StudyTable, Table
from .items import Confront, Study, StudyError, names_of
from .lines import Address, line_of

READING = ("task", "drop", "only", "missing", "encoding", "header")
"""Keys of a forecast that say how its file is read."""


@dataclasses.dataclass
class Problems:
    """The errors in a study, and where they stand."""

    text: str
    path: Path
    errors: list[tuple[int, str]] = dataclasses.field(default_factory=list)

    def add(self, address: Address, message: str, *value: Any) -> None:
        """A problem with the value at an address."""
        where = _where(address)
        shown = f" = {_short(value[0])}" if value else ""
        self.errors.append((line_of(self.text, address), f"{where}{shown}: {message}" if where else message))

    def within(self, address: Address) -> bool:
        """Whether anything is wrong in the table at an address."""
        return any(message.startswith(_where(address)) for _, message in self.errors)

    def check(self, address: Address, value: Any, action: Callable[[], Any]) -> Any:
        """What `action` returns, or None after noting why it cannot."""
        try:
            return action()
        except StatementError as error:
            self.add(address, str(error), value)
            return None

    def stop(self) -> None:
        """Raise `StudyError` if anything was found."""
        if self.errors:
            count = "one error" if len(self.errors) == 1 else f"{len(self.errors)} errors"
            lines = [f"{self.path}:{line}: {message}" for line, message in sorted(self.errors, key=lambda p: p[0])]
            raise StudyError("\n".join([*lines, f"{count} in the study; nothing was run."]))


def _where(address: Address) -> str:
    return "".join(f"[{a}]" if isinstance(a, int) else f".{a}" for a in address).lstrip(".")


def checked(text: str, path: Path, base: str | Path | None = None) -> Study:
    """The study that a TOML text states; raises `StudyError` with all that is wrong in it.

    base: the folder that the files named in it are relative to; by default that of `path`.
    """
    problems = Problems(text, path)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(f"{path}: this is not TOML: {error}. Nothing was run.") from None
    except RecursionError:
        raise StudyError(f"{path}: its arrays are nested too deeply. Nothing was run.") from None
    table = _table(raw, problems)
    folder = Path(base) if base else path.resolve().parent
    listed = raw.get("files", [])
    files = [folder / f for f in listed if isinstance(f, str)] if isinstance(listed, list) else []
    names = problems.check(("files",), listed, lambda: names_of(files)) or {}
    statements = [_confront(c, ("confront", k), names, problems) for k, c in enumerate(_tables(raw, "confront"))]
    plans = [_forecast(f, ("forecast", k), names, folder, problems) for k, f in enumerate(_tables(raw, "forecast"))]
    if not raw.get("confront") and not raw.get("forecast"):
        problems.add((), "A study needs at least one [[confront]] or [[forecast]].")
    _check_sizes(Law(), raw, (), problems)
    _check_order(raw, (), problems)
    problems.stop()
    assert table is not None
    items = [_item(asked, table, s) for asked, s in zip(table.confront, statements, strict=True) if s is not None]
    items += [_planned(asked, table, plan) for asked, plan in zip(table.forecast, plans, strict=True)]
    return Study(printable(table.title), tuple(items), text, folder)


def _table(raw: dict[str, Any], problems: Problems) -> StudyTable | None:
    try:
        return StudyTable.model_validate(raw)
    except ValidationError as error:
        for e in error.errors(include_url=False):
            address = tuple(a for k, a in enumerate(e["loc"]) if not (a in TAGS and k and _no_key(raw, e["loc"], k)))
            if e["type"] == "extra_forbidden":
                key = str(address[-1])
                problems.add(address, f"There is no key {key!r} here.{nearest(key, _keys_at(address))}")
            elif e["type"] == "missing":
                problems.add(address, "It is missing, and must be given.")
            else:
                problems.add(address, _sentence(e["msg"]), e["input"])
        return None


def _no_key(raw: Any, address: tuple[Any, ...], k: int) -> bool:
    """Whether the k-th step of pydantic's address is the tag of a union and not a key of the file."""
    for step in (a for a in address[:k] if a not in TAGS):
        raw = raw[step] if isinstance(raw, (dict, list)) else None
    return not (isinstance(raw, dict) and address[k] in raw)


def _keys_at(address: Address) -> list[str]:
    within = [a for a in address[:-1] if isinstance(a, str)]
    tables: dict[str, type[Table]] = {"confront": ConfrontTable, "forecast": ForecastTable, "seeds": AdaptiveSeeds}
    return list(tables.get(within[-1], StudyTable).model_fields if within else StudyTable.model_fields)


def _sentence(message: str) -> str:
    words = {"Input should": "It must", "a valid integer": "a whole number", "valid ": "", "dictionary": "table"}
    for theirs, ours in words.items():
        message = message.replace(theirs, ours)
    return message if message.endswith(".") else f"{message}."


def _tables(raw: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    entries = raw.get(kind, [])
    return [t if isinstance(t, dict) else {} for t in entries] if isinstance(entries, list) else []


def _confront(table: dict[str, Any], at: Address, names: Mapping[str, Any], problems: Problems) -> Statement | None:
    _check_order(table, at, problems)
    text = table.get("law")
    if not isinstance(text, str):
        return None
    statement = problems.check((*at, "law"), text, lambda: parse(text, names))
    if statement is None:
        return None
    axes, ranges = {}, table.get("sweep", {})
    for name, values in ranges.items() if isinstance(ranges, dict) else ():
        values = problems.check((*at, "sweep", name), values, lambda: _axis(name, values, statement, names))
        if values is not None:
            axes[name] = values
    _check_sizes(statement.law, table, at, problems)
    if problems.within(at):
        return None
    whole = sweep(statement.law, **{**statement.axes, **axes}) if axes else statement
    problems.check((*at, "law"), text, whole.admit)
    return whole


def _axis(name: str, values: Any, statement: Statement, names: Mapping[str, Any]) -> tuple[Any, ...] | None:
    law = statement.law
    if name in statement.axes:
        raise StatementError(f"`{name}` is swept by the statement of the law already.")
    if isinstance(values, str):
        _, parsed = parse_range(f"{name}={values}", type(law), names)
    elif isinstance(values, list):
        parsed = tuple(parse_value(v, type(law), name, names) if isinstance(v, str) else v for v in values)
    else:
        return None
    return sweep(law, **{name: parsed}).axes[name]


def _check_sizes(law: Law, table: Mapping[str, Any], at: Address, problems: Problems) -> None:
    sizes = table.get("sizes")
    if isinstance(sizes, list) and sizes and all(type(n) is int and n >= 1 for n in sizes):
        problems.check((*at, "sizes"), sizes, lambda: law.sizes_and_seeds(sizes, None))


def _check_order(table: Mapping[str, Any], at: Address, problems: Problems) -> None:
    seeds = table.get("seeds")
    least, most = (seeds.get("min"), seeds.get("max")) if isinstance(seeds, dict) else (0, 0)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        problems.add((*at, "seeds"), "`min` must be at most `max`.", seeds)


def _forecast(table: dict[str, Any], at: Address, names: Mapping[str, Any], folder: Path, problems: Problems) -> Any:
    """The plan of a forecast, with its data read."""
    from ..contract.catalogue import law_classes
    from ..forecast import forecast

    law = law_classes()["GaussianCovariate"]
    data, target, features, loss = (table.get(k) for k in ("data", "target", "features", "loss"))
    part: Any = None
    if isinstance(loss, str):
        part = problems.check((*at, "loss"), loss, lambda: parse_value(loss, law, "loss", names))
    kernel: Any = None
    if isinstance(features, str) and features.startswith("kernel:"):
        kernel = problems.check((*at, "features"), features, partial(kernel_named, features, names))
        features = "none"
    elif isinstance(features, str):
        problems.check((*at, "features"), features, lambda: feature_map(features))
    if isinstance(data, str) and (target is None or isinstance(target, str)):
        reading = {k: tuple(v) if isinstance(v, list) else v for k in READING if (v := table.get(k)) is not None}
        data_set = _data(data, target, reading, at, folder, problems)
        if data_set is not None and not problems.within(at):
            data_set = data_set if kernel is None else KernelFeatures(data=data_set, kernel=kernel)
            ridge, samples, seeds = table.get("ridge", "auto"), table.get("samples"), table.get("seeds")
            return problems.check(
                (*at, "data"), data, lambda: forecast(data_set, part, ridge, features, samples=samples, seeds=seeds)
            )
    return None


def _data(
    text: str, target: str | None, reading: Mapping[str, Any], at: Address, folder: Path, problems: Problems
) -> Data | None:
    try:
        return data_at(text, target, folder, reading)
    except StatementError as error:
        blamed = "target" if target and repr(target.partition("=")[0]) in str(error) else "data"
        problems.add((*at, blamed), str(error), target if blamed == "target" else text)
        return None


def data_at(text: str, target: str | None, folder: Path, reading: Mapping[str, Any]) -> Data:
    """The data of that name; a file is looked for from a folder, and read as the options of `Table` say."""
    data_set = named_data(text, target, **reading)
    if isinstance(data_set, DataTable):
        data_set = data_set.replace(path=str(folder / text))
    data_set.columns()
    return data_set


def _item(asked: ConfrontTable, study: StudyTable, statement: Statement) -> Confront:
    sizes = asked.sizes if asked.sizes is not None else study.sizes
    seeds = asked.seeds if asked.seeds is not None else study.seeds
    return Confront(
        printable(asked.name or statement.short()),  # type: ignore[attr-defined]
        statement,
        tuple(sizes) if sizes else None,
        _seeds(seeds),
        asked.level if asked.level is not None else study.level,
        asked.resolution if asked.resolution is not None else study.resolution,
    )


def _seeds(said: AdaptiveSeeds | list[int] | int | None) -> Adaptive | tuple[int, ...] | int | None:
    if isinstance(said, AdaptiveSeeds):
        return Adaptive(said.min, said.max, said.target)
    return tuple(said) if isinstance(said, list) else said


def _planned(asked: ForecastTable, study: StudyTable, plan: Forecast) -> Confront:
    level = asked.level if asked.level is not None else study.level
    resolution = asked.resolution if asked.resolution is not None else study.resolution
    name = printable(asked.name or f"forecast of {asked.data}")
    return Confront(name, plan.statement, None, plan.seeds, level, resolution, plan, tuple(asked.errors))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
