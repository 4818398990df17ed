"""Statements as text: `parse(repr(law)) == law`, ranges of a sweep, and where laws are found."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import sys
import typing
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .catalogue import law_modules, law_named, part_classes
from .law import Law, Statement
from .record import Record, StatementError, field_types, kind_of, nearest, record_types
from .sweep import sweep


def load_file(path: str | Path) -> dict[str, Any]:
    """The public names that a user's Python file defines: its laws, parts and functions.

    path: of the file, which is run once.

    Raises `StatementError` if the file does not exist or fails to run.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise StatementError(f"There is no file {str(path)!r}.")
    name = f"{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    _let_import_beside(path)
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise StatementError(f"{str(path)!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise StatementError(f"{path.name} does not run: {type(error).__name__}: {error}") from error
    return {k: v for k, v in vars(module).items() if not k.startswith("_") and callable(v)}


_ROOT_FILES: dict[str, bytes] = {}
_ROOT_FOLDERS: set[str] = set()


def _let_import_beside(path: Path) -> None:
    """Let a user's file import those beside it, as Python does for a script; those of another folder are forgotten."""
    folder = str(path.parent)
    if folder in sys.path:
        sys.path.remove(folder)
    sys.path.insert(0, folder)
    for beside in [*path.parent.glob("*.py"), *path.parent.glob("*/__init__.py")]:
        name = beside.stem if beside.parent == path.parent else beside.parent.name
        file = getattr(sys.modules.get(name), "__file__", None)
        content = beside.read_bytes()
        other = file is not None and Path(file) != beside and Path(file).parent in map(Path, _ROOT_FOLDERS)
        if other or (file is not None and Path(file) == beside and _ROOT_FILES.get(str(beside), content) != content):
            del sys.modules[name]
        _ROOT_FILES[str(beside)] = content
    _ROOT_FOLDERS.add(folder)


def laws_of_file(path: str | Path) -> dict[str, type[Law]]:
    """The laws that a user's Python file defines, by name."""
    names = load_file(path)
    module = next(
        (
            m
            for m in map(sys.modules.get, {getattr(v, "__module__", "") for v in names.values()})
            if m is not None and getattr(m, "__file__", None) == str(Path(path).resolve())
        ),
        None,
    )
    return _laws_defined_in(module) if module else {}


def parse(text: str, names: Mapping[str, Any] | None = None) -> Statement:
    """The law, or sweep of a law, that a text states, such as `ERM(alpha=2.0, loss=Logistic())`.

    text:  calls of known names on literals, and nothing else; a part without parentheses stands for its defaults.
    names: a user's own laws, parts and functions, by name (see `load_file`); they come before those of the library.

    Raises `StatementError` naming the unknown law, part or field with the nearest known one.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise StatementError(f"{text!r} is not a statement such as ERM(alpha=2.0): {error}") from None
    own = dict(names or {})
    try:
        return _law(tree, own, text)
    except RecursionError:
        raise StatementError(f"{text[:60]!r}... is nested too deeply to be a statement.") from None


def parse_value(text: str, cls: type[Record], field: str, names: Mapping[str, Any] | None = None) -> Any:
    """The value that a text states for one field of a law or part."""
    if field not in field_types(cls) or field not in field_names(cls):
        raise StatementError(f"{cls.__name__} has no field {field!r}.{nearest(field, field_names(cls))}")
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise StatementError(f"{text!r} is not a value for `{field}` of {cls.__name__}.") from None
    return _value(node, field_types(cls)[field], dict(names or {}), f"`{field}` of {cls.__name__}")


def parse_range(text: str, cls: type[Record], names: Mapping[str, Any] | None = None) -> tuple[str, tuple[Any, ...]]:
    """The field and values of a sweep: `alpha=1,2,4`, `alpha=0.5:8:16`, `ridge=log:1e-3:10:5`, `loss=Square,Hinge`.

    `start:stop:count` is spaced evenly with both ends, `log:start:stop:count` geometrically.
    """
    field, equals, values = text.partition("=")
    field = field.strip()
    how = "write NAME=1,2,4 or NAME=start:stop:count or NAME=log:start:stop:count"
    if not equals or not values.strip():
        raise StatementError(f"The range {text!r} is malformed: {how}.")
    if field not in field_names(cls):
        raise StatementError(f"{cls.__name__} has no field {field!r}.{nearest(field, field_names(cls))}")
    if ":" in values:
        grid = _grid(values, text, how)
        if field_types(cls)[field] is int:
            if not np.all(grid == np.round(grid)):
                raise StatementError(f"The range {text!r} has fractions, but `{field}` of {cls.__name__} is whole.")
            return field, tuple(int(v) for v in grid)
        return field, tuple(float(v) for v in grid)
    return field, tuple(parse_value(item, cls, field, names) for item in _split(values, text, how))


def field_names(cls: type[Record]) -> list[str]:
    """The names of a record's fields, in order."""
    return [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]


def parts_of(hint: Any, need: str | None = None) -> dict[str, type[Record]]:
    """The parts that a field with this annotation admits, by name.

    need: a method that must return True for the part's defaults, such as "convex" for a loss.
    """
    families = tuple(record_types(hint))
    beside = [v for f in families for v in vars(sys.modules[f.__module__]).values() if isinstance(v, type)]
    every = {
        cls for cls in (*part_classes(), *beside) if issubclass(cls, families) and not cls.__name__.startswith("_")
    }
    concrete = [c for c in every if not any(c in other.__mro__[1:] for other in every)]
    fit = [c for c in concrete if need is None or getattr(c(), need)()]
    return {c.__name__: c for c in sorted(fit, key=lambda c: c.__name__)}


def _laws_defined_in(module: ModuleType) -> dict[str, type[Law]]:
    return {
        v.__name__: v
        for k, v in vars(module).items()
        if isinstance(v, type) and issubclass(v, Law) and v.__module__ == module.__name__ and not k.startswith("_")
    }


def _grid(values: str, text: str, how: str) -> np.ndarray:
    pieces = [p.strip() for p in values.split(":")]
    logarithmic = pieces[0] == "log"
    pieces = pieces[1:] if logarithmic else pieces
    try:
        start, stop, count = float(pieces[0]), float(pieces[1]), int(pieces[2])
    except (ValueError, IndexError):
        raise StatementError(f"The range {text!r} is malformed: {how}.") from None
    if len(pieces) != 3 or count < 1 or not np.isfinite([start, stop]).all():
        raise StatementError(f"The range {text!r} is malformed: {how}, with finite ends and at least one value.")
    if count > 10**6:
        raise StatementError(f"The range {text!r} has {count} values; at most 1000000 are allowed.")
    if logarithmic and not (start > 0 and stop > 0):
        raise StatementError(f"The range {text!r} is logarithmic, so both ends must be > 0.")
    grid = np.geomspace(start, stop, count) if logarithmic else np.linspace(start, stop, count)
    return np.array([float(f"{v:.15g}") for v in grid])  # 0.6 and not 0.6000000000000001


def _split(values: str, text: str, how: str) -> list[str]:
    pieces, depth = [""], 0
    for character in values:
        depth += character in "(["
        depth -= character in ")]"
        if character == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    if not all(p.strip() for p in pieces):
        raise StatementError(f"The range {text!r} is malformed: {how}.")
    return pieces


def _law(node: ast.expr, own: dict[str, Any], text: str) -> Statement:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "sweep":
        if len(node.args) != 1:
            raise StatementError(f"A sweep is stated as sweep(ERM(), alpha=(1.0, 2.0)), not as {text!r}.")
        law = _law(node.args[0], own, text)
        if not isinstance(law, Law):
            raise StatementError(f"A sweep is of a law, not of a sweep: give all ranges at once in {text!r}.")
        return sweep(law, **{str(k.arg): _axis(k, type(law), own) for k in node.keywords})
    name = _name(node)
    if name is None:
        raise StatementError(f"{text!r} is not a statement such as ERM(alpha=2.0).")
    mine = {k: v for k, v in own.items() if isinstance(v, type) and issubclass(v, Law) and v is not Law}
    cls = mine.get(name) or law_named(name)
    if cls is None:
        raise StatementError(f"There is no law {name!r}.{nearest(name, [*law_modules(), *mine])}")
    return _call(node, cls, own)


def _name(node: ast.expr) -> str | None:
    """The name that is called, or that stands alone."""
    called = node.func if isinstance(node, ast.Call) else node
    return called.id if isinstance(called, ast.Name) else None


def _axis(keyword: ast.keyword, cls: type[Record], own: dict[str, Any]) -> tuple[Any, ...]:
    name = str(keyword.arg)
    if name not in field_names(cls):
        raise StatementError(f"{cls.__name__} has no field {name!r}.{nearest(name, field_names(cls))}")
    if not isinstance(keyword.value, ast.Tuple | ast.List):
        raise StatementError(f"`{name}` of a sweep must be a tuple of values.")
    where = f"`{name}` of {cls.__name__}"
    return tuple(_value(v, field_types(cls)[name], own, where) for v in keyword.value.elts)


def _call(node: ast.expr, cls: type[Record], own: dict[str, Any]) -> Any:
    if isinstance(node, ast.Name):
        return cls()
    assert isinstance(node, ast.Call)
    names, values = field_names(cls), {}
    if len(node.args) > len(names):
        raise StatementError(f"{cls.__name__} has {len(names)} fields, but {len(node.args)} values were given.")
    pairs = list(zip(names, node.args, strict=False)) + [(k.arg, k.value) for k in node.keywords]
    for name, argument in pairs:
        if name not in names:
            raise StatementError(f"{cls.__name__} has no field {name!r}.{nearest(str(name), names)}")
        if name in values:
            raise StatementError(f"`{name}` of {cls.__name__} is given twice.")
        values[name] = _value(argument, field_types(cls)[name], own, f"`{name}` of {cls.__name__}")
    try:
        return cls(**values)
    except TypeError as error:
        raise StatementError(f"{cls.__name__} cannot be stated so: {error}") from None


def _value(node: ast.expr, hint: Any, own: dict[str, Any], where: str) -> Any:
    name = _name(node)
    if name is not None:
        parts = parts_of(hint)
        if name in parts:
            return _call(node, parts[name], own)
        if name in own:
            thing = own[name]
            if isinstance(thing, type) and issubclass(thing, Record):
                return _call(node, thing, own)
            if isinstance(node, ast.Name):
                return thing
        if isinstance(node, ast.Call) or parts:
            kinds = sorted({kind_of(cls) for cls in part_classes() if cls.__name__ == name})
            which = f", which is {' and '.join(kinds)}" if kinds else ""
            raise StatementError(f"{where} cannot be {name!r}{which}.{nearest(name, parts)}")
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(
            _value(*pair, own, where) for pair in zip(node.elts, _item_hints(hint, len(node.elts)), strict=True)
        )
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        text = _shown(node)
        raise StatementError(f"{where} cannot be {text!r}: write a number, a string, a tuple or a part.") from None


def _item_hints(hint: Any, count: int) -> list[Any]:
    """The annotations of the items of a tuple such as `tuple[float, Channel]` or `tuple[float, ...]`, else its own."""
    inside = typing.get_args(hint) if typing.get_origin(hint) is tuple else ()
    if len(inside) == 2 and inside[1] is Ellipsis:
        return [inside[0]] * count
    return list(inside) if len(inside) == count else [hint] * count


def _shown(node: ast.expr) -> str:
    """A piece of a statement for a message; what is endless is cut."""
    try:
        text = ast.unparse(node)
    except RecursionError:
        return "..."
    return text if len(text) <= 200 else f"{text[:200]}..."
