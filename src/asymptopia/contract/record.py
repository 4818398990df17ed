"""Immutable records whose `repr` is a statement: what laws and their parts are made of."""

from __future__ import annotations

import dataclasses
import importlib.abc
import importlib.util
import math
import sys
import types
import typing
from typing import Any, dataclass_transform

import numpy as np

from .admitted import allowed as allowed
from .admitted import number
from .refusal import NoLimit as NoLimit
from .refusal import StatementError as StatementError
from .refusal import an
from .refusal import nearest as nearest

_NUMBER = "number"


def field(
    default: Any = dataclasses.MISSING,
    doc: str = "",
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
    one_of: tuple[Any, ...] | None = None,
    needs: str | None = None,
    axis: str = "",
    unit: str = "",
    added: bool = False,
) -> Any:
    """A field of a law or part: its default, its meaning, its unit and what values are allowed.

    default: the value where none is given; a field without one must be given.
    doc:     the meaning in words, as `asymptopia show` prints it.
    above, at_least, below, at_most: the ends of the range of a number, excluded or included.
    one_of:  the values that are allowed, if they are few.
    needs:   a method of the part in this field, such as "convex" of a loss, that must return True; asked by `check`.
    axis:    the axis of array observables on which the field's values lie: numbers in the range that increase.
    unit:    in which the number is given; empty for a pure number.
    added:   whether statements were written before there was this field. Where it has its default it is left out of
             the text of a statement, so that they mean what they did, and results folders keep their cells. It needs a
             default that never changes, and stands after the older fields.

    Returns a field of a dataclass. Whenever a record is made, `StatementError` says which restriction is not met.
    Raises `StatementError` if an added field has no default.
    """
    if added and default is dataclasses.MISSING:
        raise StatementError("A field that is added to older ones needs a default, which older statements have.")
    metadata = dict(doc=doc, above=above, at_least=at_least, below=below, at_most=at_most, one_of=one_of, unit=unit)
    metadata |= dict(needs=needs, axis=axis, added=added)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass_transform(frozen_default=True)
class Record:
    """A frozen dataclass whose `repr` parses back to it; two records are equal if they state the same.

    Subclasses declare fields as in a dataclass, with `field(...)` where a value is restricted. Every restriction
    is checked at construction. Numbers in fields annotated `float` are stored as floats, so that `A(x=1)` and
    `A(x=1.0)` are one statement. A record is a JAX pytree: the floats and arrays in it and in its parts are its leaves,
    so that it can be traced, batched and differentiated.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, repr=False, eq=False)(cls)
        if "jax" in sys.modules:
            _register(cls)

    def __post_init__(self) -> None:
        hints = field_types(type(self))
        for f in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, f.name)
            clean = _clean(value, hints[f.name], f"`{f.name}` of {type(self).__name__}", f.metadata)
            if clean is not value:
                object.__setattr__(self, f.name, clean)
            if f.metadata.get("axis"):
                _check_axis(self, f.name, f.metadata)

    def __repr__(self) -> str:
        inside = ", ".join(
            f"{f.name}={text}"
            for f in dataclasses.fields(self)  # type: ignore[arg-type]
            if (text := _show(getattr(self, f.name))) != _unsaid(type(self), f)
        )
        return f"{type(self).__name__}({inside})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def replace(self, **changes: Any) -> typing.Self:
        """The same record with some fields changed; unknown names raise `StatementError`."""
        known = [f.name for f in dataclasses.fields(self)]  # type: ignore[arg-type]
        for name in changes:
            if name not in known:
                raise StatementError(f"{type(self).__name__} has no field {name!r}.{nearest(name, known)}")
        return dataclasses.replace(self, **changes)  # type: ignore[type-var]

    def short(self) -> str:
        """The statement with only those fields that differ from their defaults."""
        inside = ", ".join(
            f"{f.name}={v.short() if isinstance(v, Record) else _show(v)}"
            for f in dataclasses.fields(self)  # type: ignore[arg-type]
            if not _same(v := getattr(self, f.name), f.default)
        )
        return f"{type(self).__name__}({inside})"


def check_increasing(
    record: Record,
    name: str,
    must: str = "numbers >= 0 that increase",
    *,
    at_least: float = 0.0,
    at_most: float = math.inf,
    count: int = 1,
) -> None:
    """Raise `StatementError` unless a field holds at least `count` finite numbers in range that increase strictly."""
    given = getattr(record, name)
    try:
        values = np.asarray(given, float)
    except (TypeError, ValueError):
        values = np.array(math.nan)
    enough = values.ndim == 1 and len(values) >= count and np.isfinite(values).all()
    if not enough or values[0] < at_least or values[-1] > at_most or (np.diff(values) <= 0).any():
        raise StatementError(f"`{name}` of {type(record).__name__} must be {must}, but is {given}.")


def _check_axis(record: Record, name: str, limits: typing.Mapping[str, Any]) -> None:
    """Raise `StatementError` unless the values of a field along an axis are in its range and increase."""
    low, high = limits.get("at_least"), limits.get("at_most")
    if limits.get("below") is not None:
        high = float(np.nextafter(limits["below"], -math.inf))
    check_increasing(
        record, name, " ".join(filter(None, ("numbers", allowed(limits), "that increase"))),
        at_least=-math.inf if low is None else low, at_most=math.inf if high is None else high,
    )  # fmt: skip


def unmet(record: Record) -> str | None:
    """A sentence about the first part that lacks what its field needs, such as a convex loss; None if there is none."""
    for f in dataclasses.fields(record):  # type: ignore[arg-type]
        need, part = f.metadata.get("needs"), getattr(record, f.name)
        if need and part is not None and not getattr(part, need)():
            return f"`{f.name}` of {type(record).__name__} must be {need}, but {part!r} is not."
    return None


def field_types(cls: type[Record]) -> dict[str, Any]:
    """The resolved annotation of every field of a record class."""
    if "_field_types" not in cls.__dict__:
        cls._field_types = typing.get_type_hints(cls)  # type: ignore[attr-defined]
    return cls._field_types  # type: ignore[attr-defined]


def split(record: Record) -> tuple[Any, list[Any]]:
    """A record as a hashable structure, and the floats and arrays in it and in its parts; `join` is the inverse."""
    children, structure = _opened(record)
    numbers: list[Any] = []
    inside = []
    for child in children:
        if isinstance(child, Record):
            inner, more = split(child)
            inside.append(inner)
            numbers += more
        else:
            inside.append(_NUMBER)
            numbers.append(child)
    return (type(record), structure, tuple(inside)), numbers


def join(structure: Any, numbers: typing.Iterable[Any]) -> Any:
    """The record with this structure and these numbers (floats, arrays, JAX tracers), unchecked; inverse of `split`."""
    cls, own, inside = structure
    left = iter(numbers)
    return _closed(cls, own, [next(left) if s == _NUMBER else join(s, left) for s in inside])


def with_arrays(record: typing.Any, change: typing.Callable[[np.ndarray], np.ndarray]) -> typing.Any:
    """The record with `change` applied to every array in it and in its parts, unchecked; itself if it has no array."""
    structure, numbers = split(record)
    if not any(isinstance(v, np.ndarray) for v in numbers):
        return record
    return join(structure, (change(v) if isinstance(v, np.ndarray) else v for v in numbers))


def _opened(record: Record) -> tuple[tuple[Any, ...], Any]:
    """The parts, floats and arrays in a record's fields, and the rest: names of those fields, values of the others."""
    fields = [(f.name, getattr(record, f.name)) for f in dataclasses.fields(record)]  # type: ignore[arg-type]
    names = tuple(k for k, v in fields if not _fixed(v))
    return tuple(v for k, v in fields if k in names), (names, tuple((k, v) for k, v in fields if k not in names))


def _closed(cls: type[Record], structure: Any, children: typing.Iterable[Any]) -> Any:
    names, rest = structure
    record = object.__new__(cls)
    for name, value in (*zip(names, children, strict=True), *rest):
        object.__setattr__(record, name, value)
    return record


def _fixed(value: Any) -> bool:
    """Whether a field's value belongs to the structure of a record: anything but a part, a float or an array."""
    if isinstance(value, Record):
        return False
    return value is None or isinstance(value, (bool, int, str, bytes, tuple, list)) or callable(value)


def _register(cls: type[Record]) -> None:
    from jax import tree_util

    def with_keys(record: Record) -> tuple[Any, Any]:
        children, structure = _opened(record)
        return [(tree_util.GetAttrKey(k), v) for k, v in zip(structure[0], children, strict=True)], structure

    tree_util.register_pytree_with_keys(cls, with_keys, lambda s, c: _closed(cls, s, c), _opened)


class _OnceJaxIsThere(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Registers all records as pytrees as soon as anybody loads JAX, which what only states problems does not need."""

    def __init__(self) -> None:
        self.searching = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name != "jax" or self.searching:
            return None
        self.searching = True
        try:
            spec = importlib.util.find_spec(name)
        finally:
            self.searching = False
        if spec is not None and spec.loader is not None:
            self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec: Any) -> Any:
        return self.loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self.loader  # type: ignore[union-attr]
        self.loader.exec_module(module)
        sys.meta_path.remove(self)
        todo: list[type[Record]] = [Record]
        done: set[type[Record]] = set()
        while todo:
            cls = todo.pop()
            if cls not in done:
                _register(cls)
                done.add(cls)
                todo += cls.__subclasses__()


def record_types(hint: Any) -> list[type[Record]]:
    """The record classes that an annotation admits: `Loss` gives [Loss], `Loss | None` too, `float` nothing."""
    options = typing.get_args(hint) if _is_union(hint) else (hint,)
    return [t for t in options if isinstance(t, type) and issubclass(t, Record)]


def kind_of(part: type[Record]) -> str:
    """The family of a part, with its article: "an Activation" for `Relu`, which the catalogue tells from `ReLU`."""
    return an([cls.__name__ for cls in part.__mro__ if issubclass(cls, Record) and cls is not Record][-1])


def _is_union(hint: Any) -> bool:
    return typing.get_origin(hint) in (typing.Union, types.UnionType)


def _unsaid(cls: type[Record], f: dataclasses.Field[Any]) -> str | None:
    """The text of a field's value with which a statement leaves the field out; None if it is always there."""
    if not f.metadata.get("added"):
        return None
    return _show(_clean(f.default, field_types(cls)[f.name], f"`{f.name}` of {cls.__name__}", f.metadata))


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and repr(a) == repr(b)


def _show(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (tuple, list)):
        inside = ", ".join(map(_show, value))
        return f"({inside},)" if len(value) == 1 else f"({inside})"
    if callable(value) and hasattr(value, "__name__"):
        return value.__name__
    return repr(value)


def _clean(value: Any, hint: Any, name: str, metadata: typing.Mapping[str, Any]) -> Any:
    if value is None and type(None) in typing.get_args(hint):
        return value
    options = tuple(t for t in typing.get_args(hint) if t is not type(None)) if _is_union(hint) else (hint,)
    families = record_types(hint)
    if families:
        words = an(*(t.__name__ for t in families))
        if isinstance(value, type) and issubclass(value, tuple(families)):
            value = value()
        if isinstance(value, Record):
            if not isinstance(value, tuple(families)):
                raise StatementError(f"{name} must be {words}, but is {value!r}, {kind_of(type(value))}.")
            return value
        for family in families:
            if callable(value) and hasattr(family, "from_callable"):
                return family.from_callable(value)
        if len(options) == len(families):
            raise StatementError(f"{name} must be {words}, but is {value!r}.")
    if metadata.get("one_of") and value not in metadata["one_of"]:
        known = [v for v in metadata["one_of"] if isinstance(v, str)]
        hint_text = nearest(value, known) if isinstance(value, str) and known else ""
        raise StatementError(f"{name} must be {allowed(metadata)}, but is {value!r}.{hint_text}")
    if float in options or int in options:
        value = number(value, float in options, str in options, name, metadata)
    elif bool in options and not isinstance(value, bool):
        raise StatementError(f"{name} must be True or False, but is {value!r}.")
    elif options == (str,) and not isinstance(value, str):
        raise StatementError(f"{name} must be a string, but is {value!r}.")
    elif isinstance(value, list):
        value = _tuples(value)
    return value


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


if "jax" in sys.modules:
    _register(Record)
else:
    sys.meta_path.insert(0, _OnceJaxIsThere())
