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

`files = ["mylaw.py"]` makes the laws, parts and functions of your own files known; paths are relative to the study. A
study says nothing about machines: the number of workers is given on the command line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..contract.record import StatementError
from .items import Confront, Study, StudyError, names_of

__all__ = ["Confront", "Study", "StudyError", "as_toml", "names_of", "read"]


def read(path: str | Path) -> Study:
    """The study in a TOML file.

    path: of the file; others that it names are relative to it.

    Raises `StudyError` with all errors in it, or `StatementError` if it cannot be read.
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


def as_toml(title: str, entries: Sequence[Mapping[str, Any]], files: Sequence[str | Path] = ()) -> str:
    """The text of a study: each entry a mapping with `kind` ("confront" or "forecast") and the keys of its table.

    title: of its report. entries: in order. files: of the user, with laws and parts. `read` gives the same study back.
    """
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
