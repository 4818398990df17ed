"""The format of a claim, and every way in which its file can be wrong."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...contract.law import Law
from ...contract.record import StatementError, nearest
from ...contract.statement import parse
from ..items import names_of
from ..lines import Address, line_of
from .formula import element, names_in, printed

Text = Annotated[str, Field(min_length=1)]


class ExperimentTable(BaseModel):
    """`[experiment]`: the finite systems that the claimed value is set against."""

    model_config = ConfigDict(strict=True, extra="forbid")
    sizes: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] | None = None
    seeds: Annotated[int, Field(ge=2)] | None = None
    resolution: Annotated[float, Field(gt=0, le=0.1)] = 0.05


class ClaimTable(BaseModel):
    """One published claim; see `Claim`."""

    model_config = ConfigDict(strict=True, extra="forbid")
    claim: Text
    paper: Text
    year: Annotated[int, Field(ge=1900, le=2100)]
    place: Text
    found: Text
    law: Text
    files: list[str] = []
    quantity: Text
    along: str | None = None
    slope: list[Annotated[float, Field(gt=0)]] | None = None
    minimum: list[Annotated[float, Field(gt=0)]] | None = None
    relation: Literal["=", "<=", ">="] = "="
    value: Text
    reading: Annotated[float, Field(ge=0)] = 0.0
    theory: bool = True
    note: str = ""
    experiment: ExperimentTable | None = None


def checked(text: str, path: Path) -> tuple[ClaimTable | None, Law | None, list[str]]:
    """The claim in a TOML text, its statement, and everything that is wrong with it, each with its line."""
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        return None, None, [f"{path}: this is not TOML: {error}."]
    try:
        table = ClaimTable.model_validate(raw)
    except ValidationError as error:
        return None, None, [_problem(e, text, path) for e in error.errors(include_url=False)]
    key = "law"
    try:
        law = _law(table, path)
        key = "value"
        printed(table.value)
        key = "quantity"
        _check_quantity(table, law)
    except StatementError as problem:
        return None, None, [f"{path}:{line_of(text, (key,))}: {key} = {getattr(table, key)!r}: {problem}"]
    return table, law, []


def _problem(error: Any, text: str, path: Path) -> str:
    address: Address = tuple(error["loc"])
    where = ".".join(map(str, address))
    at = f"{path}:{line_of(text, address)}: {where}"
    if error["type"] == "extra_forbidden":
        kinds = ExperimentTable if address[0] == "experiment" else ClaimTable
        return f"{at}: There is no key {address[-1]!r} here.{nearest(str(address[-1]), kinds.model_fields)}"
    if error["type"] == "missing":
        return f"{at}: It is missing, and must be given."
    if address == ("value",) and isinstance(error["input"], int | float):
        return f'{at} = {error["input"]!r}: Write it as text, "{error["input"]}", so that its digits are kept.'
    return f"{at} = {error['input']!r}: {error['msg'].replace('Input should', 'It must')}."


def _law(table: ClaimTable, path: Path) -> Law:
    statement = parse(table.law, names_of([path.parent / f for f in table.files]))
    if statement.axes:
        raise StatementError("A claim is about one statement, not about a sweep.")
    return statement.law


def _check_quantity(table: ClaimTable, law: Law) -> None:
    swept = table.slope or table.minimum
    if table.slope and table.minimum:
        raise StatementError("A claim is about a slope or a minimum, not both.")
    if swept and (table.along is None or len(swept) != 2 or not swept[0] < swept[1]):
        raise StatementError("`slope` and `minimum` are two numbers, the smaller first, of the field named by `along`.")
    numbers = numbers_of(law)
    if swept and table.along not in numbers:
        raise StatementError(f"There is no field {table.along!r} of numbers.{nearest(str(table.along), numbers)}")
    known = [*numbers, *law.observables]
    for name in names_in(table.quantity) if swept or not table.along else ():
        if name not in known:
            raise StatementError(f"There is no quantity {name!r}.{nearest(name, known)}")
    if table.experiment and (element(table.quantity) or ("", ()))[0] not in law.observables:
        raise StatementError("An experiment needs one observable, or one element of it, as its `quantity`.")
    if not table.experiment and not table.theory:
        raise StatementError("Without `theory` there must be an [experiment].")


def numbers_of(law: Law) -> dict[str, float]:
    """The fields of a law that hold a number."""
    found = ((name, getattr(law, name)) for name in law.__dataclass_fields__)
    return {k: float(v) for k, v in found if isinstance(v, int | float) and not isinstance(v, bool)}
