"""The code behind a statement: what identifies it, and where another process finds it."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import importlib
import pickle
import sys
import types
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..contract.law import Law
from ..contract.record import Record, StatementError
from ..contract.statement import load_file, parse
from .errors import EngineError

_CONTRACT = {Record.__module__, Law.__module__}
_ROOMS = {"numerics", "parts", "theory", "algorithms", "measure", "laws"}
_LIBRARY = Path(__file__).parents[1]
_DEPTH = len(_LIBRARY.parts)


def fingerprint(law: Law) -> str:
    """A hash of the library's version and of the source files that define the law, its parts and its functions.

    Of the library's own rooms (`_ROOMS`) the files that those import count too, and so on. Functions without a name of
    their own in a file (lambdas, closures, those typed at a prompt) count by their code.
    """
    from .. import __version__

    things = list(_definitions(law))
    modules = {thing.__module__ for thing in things} - _CONTRACT
    loaded = {module: Path(f) for m in modules if (f := getattr(module := sys.modules.get(m), "__file__", None))}
    told = (law.in_folder(name) for name in ("theory", "experiment"))
    loaded |= {m: Path(str(m.__file__)) for m in told if m is not None}
    digests = sorted(_digest(f, module) for module, f in loaded.items())
    digests += sorted(_digest(f, None) for f in set().union(*map(_behind, loaded.values())) - set(loaded.values()))
    digests += [_digest_of_code(thing) for thing in things if not _in_a_file(thing)]
    return _hash(__version__, *digests)


def sources(law: Law) -> tuple[str, ...]:
    """Where another process finds what the library does not define: paths of files, names of importable modules.

    Raises `EngineError` if the law cannot be rebuilt from its statement there.
    """
    things = list(_definitions(law))
    found = []
    for name in sorted({thing.__module__ for thing in things}):
        if name.split(".")[0] == __name__.split(".")[0]:
            continue
        module = sys.modules.get(name)
        if name == "__main__" or module is None or not getattr(module, "__file__", None):
            raise EngineError(
                f"{law!r} cannot be sent to another process: part of it is defined in the running script or session. "
                "Put it in a file of its own and load that, or run it here or on threads (jobs=...)."
            )
        found.append(name if "." in name else str(Path(str(module.__file__)).resolve()))
    names = {t.__name__: t for t in things if t.__qualname__ == t.__name__ and not t.__name__.startswith("_")}
    try:
        same = parse(repr(law), names) == law
    except StatementError as error:
        raise EngineError(
            f"{law!r} cannot be sent to another process, because its statement does not say all of it: {error} "
            "Name the function or part in a file, or run it here or on threads (jobs=...)."
        ) from None
    if not same:
        raise EngineError(f"{law!r} cannot be sent to another process: its statement reads back as something else.")
    return tuple(found)


@lru_cache(maxsize=4096)
def rebuild(statement: str, sources: tuple[str, ...], code: str) -> Law:
    """The law of a statement in another process; raises `EngineError` if the code found there is not the same."""
    law = parse(statement, _load(sources, code)).law
    if fingerprint(law) != code:
        where = ", ".join(sources) or "this library"
        raise EngineError(
            f"The worker has other code for {statement} than the run: {where} was edited, or differs there."
        )
    return law


@lru_cache(maxsize=64)
def _load(sources: tuple[str, ...], code: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for source in sources:
        if source.endswith(".py"):
            names |= load_file(source)
        else:
            names |= {k: v for k, v in vars(importlib.import_module(source)).items() if callable(v)}
    return names


def _definitions(value: Any) -> Iterator[Any]:
    """The classes and functions that a record is made of."""
    if isinstance(value, Record):
        yield from (c for c in type(value).__mro__ if issubclass(c, Record) and c.__module__ not in _CONTRACT)
        for f in dataclasses.fields(value):  # type: ignore[arg-type]
            yield from _definitions(getattr(value, f.name))
    elif isinstance(value, tuple):
        for item in value:
            yield from _definitions(item)
    elif callable(value):
        yield value if hasattr(value, "__module__") and hasattr(value, "__qualname__") else type(value)


def _in_a_file(thing: Any) -> bool:
    module = sys.modules.get(thing.__module__)
    return bool(getattr(module, "__file__", None)) and "<" not in thing.__qualname__


@cache
def _digest(file: Path, module: types.ModuleType | None) -> str:
    """The hash of a module's file when first asked for: about when its code was loaded, not when it was last edited."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@cache
def _behind(file: Path) -> frozenset[Path]:
    """The files in the library's rooms that a file of the library imports, in functions too, directly or not."""
    found: set[Path] = set()
    waiting = [file]
    while waiting:
        new = _imported(waiting.pop()) - found
        found |= new
        waiting += new
    return frozenset(found)


@cache
def _imported(file: Path) -> frozenset[Path]:
    if not file.is_relative_to(_LIBRARY):
        return frozenset()
    named = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            named |= {base.with_suffix(".py"), *(base / f"{a.name}.py" for a in node.names), base / "__init__.py"}
    return frozenset(f for f in named if f.is_relative_to(_LIBRARY) and f.parts[_DEPTH] in _ROOMS and f.is_file())


def _digest_of_code(thing: Any) -> str:
    if isinstance(thing, type):
        return _hash(
            thing.__qualname__, *(_digest_of_code(v) for v in vars(thing).values() if isinstance(v, types.FunctionType))
        )
    if isinstance(thing, types.FunctionType):
        inside = [c.cell_contents for c in thing.__closure__ or ()]
        return _hash(*_code(thing.__code__), _content((thing.__defaults__, thing.__kwdefaults__, inside)))
    return _content(thing)


def _code(code: types.CodeType) -> Iterator[str]:
    yield from (code.co_code.hex(), repr(code.co_names), repr(code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        else:
            yield repr(constant)


def _content(value: Any) -> str:
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:  # what cannot be pickled counts by its text
        return _hash(repr(value))


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


__all__: list[str] = ["fingerprint", "rebuild", "sources"]
