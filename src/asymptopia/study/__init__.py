"""A study: several confrontations and forecasts in one TOML file, checked as a whole before anything runs.

    title = "Square against logistic loss"
    sizes = [200, 400]                  # defaults for what follows
    seeds = 20

    [[confront]]
    law = "ERM(loss=Logistic())"
    sweep = {alpha = "0.5:8:16"}
    seeds = {min = 16, max = 512, target = 0.02}

    [[forecast]]
    data = "digits"
    target = "odd"
    loss = "Logistic()"

`files = ["mylaw.py"]` makes the laws, parts and functions of your own files known, relative to the study. A study says
nothing about machines: how many workers there are is said on the command line.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from ..contract.statement import load_file

if TYPE_CHECKING:
    from ..engine import Adaptive
    from ..forecast import Forecast


class StudyError(StatementError):
    """Everything that is wrong with a study, each with its line; nothing was run."""


@dataclasses.dataclass(frozen=True)
class Confront:
    """A statement to be confronted with experiment, under the name of its section in the report.

    plan:   the forecast that it belongs to, if the statement is about a data set; its answers are reported too.
    errors: the test errors whose number of samples the forecast is asked for.
    """

    name: str
    statement: Statement
    sizes: tuple[int, ...] | None = None
    seeds: int | Adaptive | None = None
    level: float = 0.01
    resolution: float | None = None
    plan: Forecast | None = None
    errors: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True)
class Study:
    """What is to be done, all of it checked; `text` is the TOML that says the same, with files relative to `base`."""

    title: str
    items: tuple[Confront, ...]
    text: str
    base: Path

    @property
    def mark(self) -> str:
        """Eight characters that differ between studies of different statements."""
        return hashlib.sha256("\n".join(repr(c.statement) for c in self.items).encode()).hexdigest()[:8]


def read(path: str | Path) -> Study:
    """The study in a TOML file.

    Raises `StudyError` with everything that is wrong in it, or `StatementError` if it cannot be read.
    """
    from .schema import checked

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StatementError(
            f"The study {str(path)!r} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    return checked(text, path)


def names_of(files: Sequence[str | Path]) -> dict[str, Any]:
    """What the user's files define, by name; one name for two things is an error."""
    names: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for path in dict.fromkeys(Path(f).resolve() for f in files):
        for name, value in load_file(path).items():
            if name in names and names[name] is not value:
                raise StatementError(f"{name!r} is defined in {origin[name]} and in {path.name}; rename one of them.")
            names[name], origin[name] = value, path.name
    return names


def as_toml(title: str, entries: Sequence[Mapping[str, Any]], files: Sequence[str | Path] = ()) -> str:
    """The text of a study: each entry a mapping with `kind` ("confront" or "forecast") and the keys of its table."""
    lines = [f"title = {_toml(title)}"]
    if files:
        lines.append(f"files = {_toml([str(Path(f).resolve()) for f in files])}")
    for entry in entries:
        lines += ["", f"[[{entry['kind']}]]"]
        lines += [f"{k} = {_toml(v)}" for k, v in entry.items() if k != "kind" and v is not None]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        import json

        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(map(_toml, value)) + "]"
