"""What cannot be derived, and where in the user's file."""

from __future__ import annotations

import linecache
import sysconfig
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..contract.record import NoLimit

_LIBRARY = tuple(sysconfig.get_paths()[k] for k in ("stdlib", "platstdlib", "purelib", "platlib"))
_OWN = str(Path(__file__).parents[1]) + "/"

Line = tuple[str, int]


class Equation(Protocol):
    """An equation of a jaxpr, as JAX states it: a primitive with parameters, and the variables in and out."""

    primitive: Any
    params: dict[str, Any]
    invars: list[Any]
    outvars: list[Any]
    source_info: Any


class Jaxpr(Protocol):
    """A program as JAX states it: equations, and the variables that enter and leave."""

    eqns: list[Equation]
    constvars: list[Any]
    invars: list[Any]
    outvars: list[Any]


class Refused(Exception):
    """A step of a program for which no limit is derived, with the reason and what to do instead."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def user_lines(frames: Iterable[Any]) -> list[Line]:
    """The lines outside installed libraries among stack frames ordered from the innermost, outermost first."""
    lines = [(f.file_name, f.line_num) for f in frames if _is_user(f.file_name)]
    return lines[::-1]


def lines_of(equation: Equation) -> list[Line]:
    """The user's lines that led to an equation of a jaxpr, outermost first."""
    trace = equation.source_info.traceback
    return user_lines(trace.frames) if trace is not None else []


def lines_of_error(error: BaseException) -> list[Line]:
    """The user's lines that led to an exception `error`, outermost first."""
    return [(f.filename, f.lineno or 0) for f in traceback.extract_tb(error.__traceback__) if _is_user(f.filename)]


def innermost(stacks: Sequence[list[Line]]) -> Line | None:
    """The user's innermost line of nested equations; None if there is none.

    stacks: the lines of each, outermost first.

    JAX keeps the trace of a function that it has met before, with the lines of the first call: lines that do not
    continue those of the surrounding equation are of such a call, and are left out.
    """
    known: list[Line] = []
    for lines in stacks:
        if lines[: len(known)] == known:
            known = lines
    return known[-1] if known else None


def is_of_sampler(equation: Equation) -> bool:
    """Whether an equation stands in a sampler of jax.random, which repeats draws until every entry is accepted."""
    trace = equation.source_info.traceback
    names = [f.file_name for f in trace.frames] if trace is not None else []
    inner = next((i for i, name in enumerate(names) if _is_user(name)), len(names))
    return any({"jax", "random"} <= set(Path(name).with_suffix("").parts) for name in names[:inner])


def refusal(reason: str, line: Line | None) -> NoLimit:
    """The error `NoLimit` that names the line of the user's file and the reason."""
    if line is None:
        return NoLimit(reason)
    name, number = line
    text = linecache.getline(name, number).strip()
    return NoLimit(f"{name}:{number}: {reason}\n    {text}")


def _is_user(name: str) -> bool:
    return not (name.startswith(("<", _OWN, *_LIBRARY)) or "site-packages" in name or name.endswith(".pyx"))
