"""Laws and parts of the library by name: found by the names of their files, so that listing them imports none."""

from __future__ import annotations

import importlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .law import Law
    from .record import Record

_LIBRARY = __name__.split(".")[0]
_ROOMS = Path(__file__).parent.parent
_NOT_LAWS = ("__init__", "common")


@cache
def law_modules() -> dict[str, str]:
    """The module of every law by the law's name; none is imported. `L1Recovery` is in `<field>/l1_recovery.py`."""
    modules = {}
    for field in sorted(p for p in (_ROOMS / "laws").iterdir() if (p / "__init__.py").exists()):
        for path in sorted([*field.glob("*.py"), *field.glob("*/__init__.py")]):
            stem = path.stem if path.parent == field else path.parent.name
            if stem not in _NOT_LAWS:
                modules[_class_named_as(stem, path)] = f"{_LIBRARY}.laws.{field.name}.{stem}"
    return dict(sorted(modules.items()))


def law_named(name: str) -> type[Law] | None:
    """The class of the law with this name, imported; None if the library has no such law."""
    module = law_modules().get(name)
    return getattr(importlib.import_module(module), name) if module else None


def law_classes() -> dict[str, type[Law]]:
    """Every law class of the library by name; imports all of them."""
    return {name: getattr(importlib.import_module(module), name) for name, module in law_modules().items()}


@cache
def part_classes() -> tuple[type[Record], ...]:
    """Every part of the library: the records that the modules of `parts/` export in their `__all__`."""
    classes: dict[type[Record], None] = {}
    for path in sorted([*(_ROOMS / "parts").glob("*.py"), *(_ROOMS / "parts").glob("*/__init__.py")]):
        stem = path.stem if path.parent.name == "parts" else path.parent.name
        if stem != "__init__":
            module = importlib.import_module(f"{_LIBRARY}.parts.{stem}")
            classes |= {v: None for k in getattr(module, "__all__", ()) if _is_part(v := getattr(module, k))}
    return tuple(classes)


def part_named(name: str) -> type[Record] | None:
    """The part class with this name, or None. If two modules export the name, the later module wins."""
    return {cls.__name__: cls for cls in part_classes()}.get(name)


def part_names() -> list[str]:
    """The names of all parts and of their families, such as `Loss`."""
    return sorted({cls.__name__ for cls in part_classes()})


def _class_named_as(stem: str, path: Path) -> str:
    """The class that a law's file is named by: that whose name is the file's without capitals and underscores."""
    names = re.findall(r"^class (\w+)\(", path.read_text(), re.MULTILINE)
    for name in names:
        if name.lower() == stem.replace("_", ""):
            return name
    raise ImportError(f"{path.name} must define a law named as the file, but defines {', '.join(names) or 'no class'}.")


def _is_part(thing: Any) -> bool:
    from .record import Record

    return isinstance(thing, type) and issubclass(thing, Record)
