"""A checked study: statements to confront, the forecasts they belong to, and the names that its files define."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from ..contract.statement import load_file

if TYPE_CHECKING:
    from ..engine import Adaptive
    from ..forecast import Forecast


class StudyError(StatementError):
    """All errors in a study, each with its line; nothing was run."""


@dataclasses.dataclass(frozen=True)
class Confront:
    """A statement to be confronted with experiment, and its name in the report.

    plan:   the forecast that it belongs to, if any; its answers are reported too.
    errors: the test errors whose number of samples the forecast is asked for.
    """

    name: str
    statement: Statement
    sizes: tuple[int, ...] | None = None
    seeds: int | tuple[int, ...] | Adaptive | None = None
    level: float = 0.01
    resolution: float | None = None
    plan: Forecast | None = None
    errors: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Study:
    """The checked entries of a study; `text` is its TOML, with files relative to `base`.

    told: whether its laws are known only by their descriptions in a results folder, and neither predict nor realise.
    """

    title: str
    items: tuple[Confront, ...]
    text: str
    base: Path
    told: bool = False

    @property
    def mark(self) -> str:
        """Eight characters that identify the statements of the study."""
        return hashlib.sha256("\n".join(repr(c.statement) for c in self.items).encode()).hexdigest()[:8]


def names_of(files: Sequence[str | Path]) -> dict[str, Any]:
    """The definitions in the user's files, by name; two definitions of one name are an error.

    files: Python files with laws, parts and functions. Raises `StatementError` where two files define one name.
    """
    names: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for path in dict.fromkeys(Path(f).resolve() for f in files):
        for name, value in load_file(path).items():
            if name in names and names[name] is not value:
                raise StatementError(f"{name!r} is defined in {origin[name]} and in {path.name}; rename one of them.")
            names[name], origin[name] = value, path.name
    return names
