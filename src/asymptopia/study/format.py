"""The format of a study: its tables, their keys, and the admitted values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag


class Table(BaseModel):
    """A table with exact types and without unknown keys."""

    model_config = ConfigDict(strict=True, extra="forbid")


class AdaptiveSeeds(Table):
    """Seeds until two standard errors are below `target` of the limit's scale."""

    min: int = Field(ge=2)
    max: int = Field(ge=2)
    target: float = Field(gt=0)


def _seeds_kind(value: Any) -> str:
    return "table" if isinstance(value, Mapping) else "list" if isinstance(value, list) else "number"


def _text_or(other: str) -> Callable[[Any], str]:
    return lambda value: "text" if isinstance(value, str) else other


Level = Annotated[float, Field(gt=0, lt=1)]
Resolution = Annotated[float, Field(gt=0)]
Sizes = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
Count = Annotated[int, Field(ge=2)]
SeedList = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2)]
Seeds = Annotated[
    Annotated[Count, Tag("number")] | Annotated[AdaptiveSeeds, Tag("table")] | Annotated[SeedList, Tag("list")],
    Discriminator(_seeds_kind),
]
Values = Annotated[Annotated[str, Tag("text")] | Annotated[list[Any], Tag("list")], Discriminator(_text_or("list"))]
Ridge = Annotated[
    Annotated[Literal["auto"], Tag("text")] | Annotated[Annotated[float, Field(gt=0)], Tag("number")],
    Discriminator(_text_or("number")),
]
TAGS = {"number", "table", "text", "list"}


class ConfrontTable(Table):
    """`[[confront]]`: a law, perhaps along ranges of its fields."""

    law: str
    sweep: dict[str, Values] = {}
    sizes: Sizes | None = None
    seeds: Seeds | None = None
    level: Level | None = None
    resolution: Resolution | None = None
    name: str | None = None


class ForecastTable(Table):
    """`[[forecast]]`: the learning curve of a data set."""

    data: str
    target: str | None = None
    task: Literal["auto", "regression", "classification"] | None = None
    drop: list[str] | None = None
    only: list[str] | None = None
    missing: Literal["refuse", "drop", "median"] | None = None
    encoding: str | None = None
    header: bool | None = None
    loss: str | None = None
    features: str = "none"
    ridge: Ridge = "auto"
    samples: Annotated[list[Annotated[int, Field(ge=2)]], Field(min_length=1)] | None = None
    errors: list[Annotated[float, Field(gt=0)]] = []
    seeds: Count | None = None
    level: Level | None = None
    resolution: Resolution | None = None
    name: str | None = None


class StudyTable(Table):
    """The whole file."""

    title: str
    files: list[str] = []
    sizes: Sizes | None = None
    seeds: Seeds | None = None
    level: Level = 0.01
    resolution: Resolution | None = None
    confront: list[ConfrontTable] = []
    forecast: list[ForecastTable] = []
