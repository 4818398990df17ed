"""The code behind a statement: its fingerprint, and where another process finds it."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import pickle
import sys
import types
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from ..contract.law import Law, Statement
from ..contract.record import Record, StatementError
from ..contract.statement import load_file, parse
from .errors import EngineError
from .reach import EVERY, Reach
from .syntax import LIBRARY, Module, is_installed

RECIPE = 2
"""The number of the recipe of fingerprints; cells of another recipe cannot be told from cells of other code."""

_CONTRACT = {cls.__module__ for cls in Law.__mro__ if issubclass(cls, (Record, Statement))}
_ROOTS = ("realize", "realize_all")
_THEORY = ("predict", "valid", "check", "thresholds", "fixed_points", "fixed_points_along", "landmarks", "coords")
_PACKAGES = ("numpy", "jax", "jaxlib")
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "yaml": "pyyaml"}


def fingerprint(law: Law) -> str:
    """A hash of the code that the law's realisations depend on, without comments, docstrings and theory."""
    known = getattr(law, "stored_code", None)
    return known if isinstance(known, str) else _hash_of(behind(law))


def theory_fingerprint(law: Law) -> str:
    """A hash of the code that the law's predictions depend on."""
    from .. import __version__

    return _hash_of(_reached(*_things(law), theory=True) | {"asymptopia": __version__})


def behind(law: Law) -> dict[str, str]:
    """The digests of all code that the law's realisations depend on, by file and name, and the versions of packages.

    These are `realize`, the functions, methods and values that it uses, in this library or in the user's files, what
    they use in turn, and the part of the contract that seeds and batches realisations. Functions and classes without a
    file (lambdas, closures, those typed at a prompt) enter by their code.
    """
    return _reached(*_things(law), theory=False) | {"observables": " ".join(law.observed())}


def _things(law: Law) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """What the statement is made of, and the modules of its folder."""
    things = tuple(dict.fromkeys(_definitions(law)))
    return things, tuple(m for m in map(law.in_folder, ("experiment", "theory")) if m is not None)


@lru_cache(maxsize=512)
def _reached(things: tuple[Any, ...], folder: tuple[types.ModuleType, ...], theory: bool) -> dict[str, str]:
    reach = Reach(() if theory else _THEORY)
    typed: dict[str, str] = {}
    for thing in things:
        law = isinstance(thing, type) and issubclass(thing, Law)
        if _in_a_file(thing):
            members = (EVERY, f"self.{EVERY}") if theory else _ROOTS if law else ()
            reach.start(_file_of(thing), thing.__qualname__.split(".")[0], members, law)
        else:
            typed |= _typed(thing, reach, theory)
    for module in folder:
        if theory or module.__name__.endswith(".experiment"):
            for name in ("predict",) if module.__name__.endswith(".theory") else ("realize", "realize_all"):
                reach.start(Path(str(module.__file__)).resolve(), name)
    reach.finish()
    return dict(sorted((reach.parts | typed | _contract() | _versions(reach.packages)).items()))


@cache
def _contract() -> dict[str, str]:
    """How the contract makes realisations out of seeds."""
    reach = Reach()
    reach.start(LIBRARY / "contract" / "batching.py", "realize_block")
    reach.finish()
    return reach.parts


def _versions(packages: set[str]) -> dict[str, str]:
    known = {name: _version(name) for name in {*packages, *_PACKAGES} if name not in sys.stdlib_module_names}
    return {f"version of {name}": number for name, number in known.items() if number}


@cache
def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(_DISTRIBUTIONS.get(package, package))
    except (PackageNotFoundError, ValueError):
        return str(getattr(sys.modules.get(package), "__version__", ""))


def syntax_digest(file: Path) -> str:
    """The hash of a file of the user and of those beside it that it imports, without comments and docstrings.

    Nothing is run. Empty if there is no such file.
    """
    texts, left = dict[Path, str](), [file.resolve()]
    while left:
        here = left.pop()
        if here in texts or not here.is_file():
            continue
        module = Module(here)
        texts[here] = module.text()
        imports = [t.file for t in module.imports.values()] + [t.file for t in module.inside()]
        left += [f for f in imports if f and not f.is_relative_to(LIBRARY) and not is_installed(f)]
    return _hash(*(texts[f] for f in sorted(texts))) if texts else ""


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> str:
    """In words, what differs between two results of `behind`."""
    words = [f"{k} changed" for k in old if k in new and old[k] != new[k]]
    words += [f"{k} is new" for k in new if k not in old] + [f"{k} is gone" for k in old if k not in new]
    shown = "; ".join(words[:4]) + (f"; and {len(words) - 4} more" if len(words) > 4 else "")
    return shown or "its code changed"


def sources(law: Law) -> tuple[str, ...]:
    """Where another process finds the code outside the library: paths of files, names of importable modules.

    Raises `EngineError` if the law cannot be rebuilt from its statement there.
    """
    things = list(_definitions(law))
    files = []
    for name in sorted({thing.__module__ for thing in things}):
        if name.split(".")[0] == __name__.split(".")[0]:
            continue
        module = sys.modules.get(name)
        if name == "__main__" or module is None or not getattr(module, "__file__", None):
            raise EngineError(
                f"{law!r} cannot be sent to another process: part of it is defined in the running script or session. "
                "Put it in a file of its own and load that, or run it here or on threads (jobs=...)."
            )
        files.append(name if "." in name else str(Path(str(module.__file__)).resolve()))
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
    return tuple(files)


@lru_cache(maxsize=4096)
def rebuild(statement: str, sources: tuple[str, ...], code: str) -> Law:
    """The law of a statement, rebuilt in another process. Raises `EngineError` if the code there is another one."""
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


def _file_of(thing: Any) -> Path:
    return Path(str(sys.modules[thing.__module__].__file__)).resolve()


def _in_a_file(thing: Any) -> bool:
    module = sys.modules.get(thing.__module__)
    return bool(getattr(module, "__file__", None)) and "<" not in thing.__qualname__


def _typed(thing: Any, reach: Reach, theory: bool) -> dict[str, str]:
    """The digests of what no file defines: a lambda, a closure, or what was typed at a prompt; with what it names."""
    digests: dict[str, str] = {}
    left = [thing]
    while left:
        thing = left.pop()
        label = f"{getattr(thing, '__qualname__', type(thing).__qualname__)} (typed)"
        while label in digests:
            label += "'"
        if isinstance(thing, type):
            skipped = () if theory else _THEORY
            functions = {
                k: inspect.unwrap(f) for k, v in vars(thing).items() if (f := _function(v)) and k not in skipped
            }
            digests[label] = _hash(*(f"{k} {_of_function(f)}" for k, f in sorted(functions.items())))
            named = [g for f in functions.values() for g in _globals(f)]
        else:
            digests[label] = _of_function(thing) if isinstance(thing, types.FunctionType) else _content(thing)
            named = list(_globals(thing)) if isinstance(thing, types.FunctionType) else []
        for name, value in named:
            if isinstance(value, type | types.FunctionType) and value.__module__ in sys.modules:
                if not _in_a_file(value):
                    new = f"{value.__qualname__} (typed)" not in digests and value is not thing
                    left += [value] if new else []
                elif value.__module__ not in _CONTRACT:
                    reach.start(_file_of(value), value.__qualname__.split(".")[0])
            elif isinstance(value, types.ModuleType):
                reach.packages.add(value.__name__.split(".")[0])
            else:
                digests[f"{name} (typed)"] = _content(value)
    return digests


def _function(value: Any) -> types.FunctionType | None:
    value = getattr(value, "__func__", getattr(value, "fget", value))
    return value if isinstance(value, types.FunctionType) else None


def _globals(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    """What a function and those inside it name at the top of their module."""
    codes = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        yield from ((n, function.__globals__[n]) for n in code.co_names if n in function.__globals__)


def _of_function(function: types.FunctionType) -> str:
    inside = [c.cell_contents for c in function.__closure__ or ()]
    plain = [v if not isinstance(v, types.FunctionType) else _of_function(v) for v in inside]
    return _hash(
        *_code(function.__code__, function.__doc__), _content((function.__defaults__, function.__kwdefaults__, plain))
    )


def _code(code: types.CodeType, doc: str | None = None) -> Iterator[str]:
    yield from (code.co_code.hex(), repr(code.co_names), repr(code.co_varnames))
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        elif doc is None or constant != doc:
            yield repr(constant)


def _content(value: Any) -> str:
    try:
        return hashlib.sha256(pickle.dumps(value)).hexdigest()
    except Exception:  # what cannot be pickled counts by its text
        return _hash(repr(value))


def _hash_of(parts: Mapping[str, str]) -> str:
    """The hash of the digests, whatever the files that hold them are called or where they lie."""
    named = sorted(v if ": " in k else f"{k} {v}" for k, v in parts.items())
    return f"{RECIPE}-{_hash(*named)}"


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


__all__: list[str] = ["behind", "changes", "fingerprint", "rebuild", "sources", "theory_fingerprint"]
