"""Descriptions of laws in a results folder, so that it can be read without running the files that define them."""

from __future__ import annotations

import ast
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from ..contract.law import Defaults, Landmark, Law, Observable, Statement
from ..contract.record import Record, StatementError, _show, field
from ..contract.sweep import sweep
from .code import fingerprint

_PLAIN = (str, int, float, bool, type(None))
_METHODS = {"observables", "landmarks"}
_DEFAULTS = ("sizes", "seeds", "bias", "block")
_CALLED = (
    *("admit", "axes", "check", "coords", "in_folder", "law", "landmarks", "observables", "observed", "points"),
    *("predict", "realize", "reason_to_doubt", "short", "sizes_and_seeds", "too_small", "valid", "warnings"),
)
"""What every law has and a folder's laws are asked for: none of their fields may have such a name."""
_READ: Mapping[str, type | tuple[type, ...]] = {"source": str, "bibtex": str, "seeds": int, "bias": (int, float)}
"""What is read of them too: a field of such a name must hold this."""
_Told = TypeVar("_Told", Observable, Landmark)


class NameTaken(StatementError):
    """A folder's law has a field with the name of something that every law has, and cannot be read."""


def portrait(statement: Statement, sizes: Sequence[int] | None = None) -> dict[str, Any]:
    """The description of a statement and its law, as JSON; sizes: of its experiment, by default the law's own."""
    law, points = statement.law, statement.points()
    codes = [fingerprint(p) for p in points]
    unique = list(dict.fromkeys(codes))
    values = [v for axis in statement.axes.values() for v in axis if isinstance(v, Record)]
    return {
        "statement": repr(statement),
        "law": type(law).__name__,
        "doc": type(law).__doc__ or "",
        "fields": [_field(f) for f in dataclasses.fields(law)],
        "class": _class_values(type(law)),
        "observables": {k: dataclasses.asdict(o) for k, o in law.observables.items()},
        "landmarks": [_landmark(m) for m in law.landmarks],
        "coords": _coords(points),
        "reasons": {repr(p): reason for p in points if (reason := p.reason_to_doubt(sizes))},
        "shorts": {repr(v): v.short() for v in values},
        "codes": unique,
        "code_of_point": [unique.index(c) for c in codes] if len(unique) > 1 else [],
    }


def statement_of(told: Mapping[str, Any]) -> Statement:
    """The statement that a portrait describes; its law has fields and texts, but neither predicts nor realises.

    Raises `StatementError` if the portrait is damaged.
    """
    try:
        if "\\u0000" in json.dumps(told, ensure_ascii=False).encode().decode():
            raise ValueError("a text holds a null character.")
        cls = _law_of(told)
        statement = _parsed(str(told["statement"]), cls, dict(told["shorts"]))
        codes, which = list(told["codes"]), list(told["code_of_point"])
        points = statement.points()
        _check_read(name=str(told["law"]), points=points)
        texts = [repr(p) for p in points]
        cls.codes = dict(zip(texts, [codes[i] for i in which] or codes * len(texts), strict=False))
    except StatementError:
        raise
    except (
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        IndexError,
        RecursionError,
        SyntaxError,
        OverflowError,
    ) as error:
        raise StatementError(
            f"The folder's description of its law is damaged ({type(error).__name__}: {error})."
        ) from None
    return statement


class Told(Law):
    """A law that is known only by its description in a results folder."""

    codes: ClassVar[Mapping[str, str]] = {}
    reasons: ClassVar[Mapping[str, str]] = {}
    _any_field_name: ClassVar[bool] = True

    def valid(self) -> str | None:
        """The answer of the law itself at this statement, as stored."""
        return self.reasons.get(repr(self))

    @property
    def stored_code(self) -> str:
        """The code that its cells were last computed by."""
        return str(self.codes.get(repr(self), "unknown"))

    def predict(self) -> dict[str, Any]:
        raise StatementError(f"The theory of {type(self).__name__} is not run; --trust runs the files of the study.")

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        raise StatementError(f"{type(self).__name__} is not realised; --trust runs the files of the study.")


class Other:
    """A value of a field that only the study's own files could evaluate, as its text."""

    def __init__(self, text: str, short: str = "") -> None:
        self._text, self._short = text, short or text

    def __repr__(self) -> str:
        return self._text

    def __str__(self) -> str:
        return self._short

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Other) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def _check_read(name: str, points: Sequence[Law]) -> None:
    """Raise `NameTaken` where the value of a field stands for what is read of every law."""
    for field_name, kind in _READ.items():
        if any(field_name in vars(p) and not isinstance(vars(p)[field_name], kind) for p in points):
            raise _taken(name, field_name)


def _taken(law: str, name: str) -> NameTaken:
    return NameTaken(
        f"{law} has a field `{name}`, which every law has for something else, so that its description cannot be read, "
        "with --trust neither. `xarray.open_datatree` reads the numbers in results.nc; rename the field to run the "
        "study anew."
    )


def _law_of(told: Mapping[str, Any]) -> Any:
    name = str(told["law"])
    if not name.isidentifier():
        raise StatementError(f"The folder's description of its law is damaged: {name!r} is not the name of a law.")
    space: dict[str, Any] = {**_attributes(told["class"], name), "__module__": __name__}
    space["__annotations__"] = {str(f["name"]): "object" for f in told["fields"]}
    for f in told["fields"]:
        if f["name"] in _CALLED:
            raise _taken(name, f["name"])
        default = {} if f["default"] is None else {"default": _literal(f["default"])}
        allowed = {k: _typed("float", v, k) for k, v in f["allowed"].items()}
        added = _typed("bool", f.get("added", False), "added")
        space[str(f["name"])] = field(**default, doc=str(f["doc"]), unit=str(f["unit"]), added=added, **allowed)
    space["__doc__"] = str(told["doc"])
    space["observables"] = {str(k): _record(Observable, o) for k, o in told["observables"].items()}
    marks = [_record(Landmark, m) for m in told["landmarks"]]
    space["landmarks"] = tuple(
        dataclasses.replace(m, fields={k: _literal(v) for k, v in m.fields.items()}) for m in marks
    )
    coords = {str(k): _typed("array", v, k) for k, v in told["coords"].items()}
    space["reasons"] = {str(k): str(v) for k, v in told["reasons"].items()}
    space["coords"] = lambda self: dict(coords)
    return type(name, (Told,), space)


def _attributes(told: Mapping[str, Any], law: str) -> dict[str, Any]:
    """The attributes of a law's class; what every law has must be of the kind that it has there."""
    names = [k for k in told if k.isidentifier() and k[0] != "_"]
    plain: dict[str, Any] = {k: tuple(told[k]) if isinstance(told[k], list) else told[k] for k in names}
    given = {k: v for k in _DEFAULTS if (v := plain.pop(k, None)) is not None}
    Defaults(**given).check(law)
    for name, value in plain.items():
        if not isinstance(value, (*_PLAIN, tuple)) or not isinstance(value, type(getattr(Told, name, value))):
            raise ValueError(f"`{name}` of {law} cannot be {value!r}.")
    return given | plain


def _record(kind: type[_Told], told: Mapping[str, Any]) -> _Told:
    """An observable or landmark, its fields of the types that they are declared with."""
    types = {f.name: str(f.type) for f in dataclasses.fields(kind)}
    return kind(**{k: _typed(types[k], v, k) for k, v in told.items()})


def _typed(declared: str, value: Any, name: str) -> Any:
    """A value read from JSON, of the type that is declared. Raises `ValueError` for another."""
    if value is None and "None" in declared:
        return None
    kind = declared.split(" | ")[0]
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        right: Any = None if math.isnan(number) else number
    elif kind == "array":
        array = np.asarray(value)
        right = array if array.ndim and array.dtype.kind in "biufU" else None
    elif kind.startswith("tuple") and isinstance(value, list):
        right = tuple(value) if all(type(v).__name__ in kind for v in value) else None
    else:
        names = {"str": str, "bool": bool, "Mapping[str, Any]": Mapping}
        right = value if isinstance(value, names.get(kind, ())) else None
    if right is None:
        raise ValueError(f"`{name}` cannot be {value!r}.")
    return right


def _parsed(text: str, cls: Any, shorts: Mapping[str, str]) -> Statement:
    call = ast.parse(text, mode="eval").body
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise StatementError("The folder's description of its law is damaged: its statement cannot be read.")

    lines = text.encode().splitlines()  # `ast.get_source_segment` splits the text anew for each of 10**4 values

    def value(node: ast.expr) -> Any:
        one_line = node.lineno == node.end_lineno
        piece = lines[node.lineno - 1][node.col_offset : node.end_col_offset].decode() if one_line else None
        return _literal(str(ast.get_source_segment(text, node)) if piece is None else piece, shorts)

    if call.func.id != "sweep":
        return cls(**{str(k.arg): value(k.value) for k in call.keywords})
    inner = call.args[0]
    assert isinstance(inner, ast.Call)
    law = cls(**{str(k.arg): value(k.value) for k in inner.keywords})
    axes = {str(k.arg): tuple(map(value, getattr(k.value, "elts", ()))) for k in call.keywords}
    return sweep(law, **axes)


def _literal(text: str, shorts: Mapping[str, str] | None = None) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return Other(text, str((shorts or {}).get(text, "")))


def _field(f: Any) -> dict[str, Any]:
    bounds = ("above", "at_least", "below", "at_most")
    return {
        "name": f.name,
        "default": None if f.default is dataclasses.MISSING else _show(f.default),
        "doc": f.metadata.get("doc", ""),
        "unit": f.metadata.get("unit", ""),
        "allowed": {k: f.metadata[k] for k in bounds if f.metadata.get(k) is not None},
    } | ({"added": True} if f.metadata.get("added") else {})


def _class_values(cls: type[Law]) -> dict[str, Any]:
    """The plain attributes of a law's class: what grows, sources, default sizes and the like."""
    fields = {f.name for f in dataclasses.fields(cls)}
    constants: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            plain = isinstance(value, _PLAIN) or (
                isinstance(value, tuple) and all(isinstance(v, _PLAIN) for v in value)
            )
            if plain and not name.startswith("_") and name not in fields | _METHODS:
                constants[name] = list(value) if isinstance(value, tuple) else value
    return constants


def _landmark(mark: Landmark) -> dict[str, Any]:
    plain = {f.name: getattr(mark, f.name) for f in dataclasses.fields(mark)}
    return {**plain, "fields": {k: _show(v) for k, v in mark.fields.items()}, "at": list(mark.at)}


def _coords(points: list[Law]) -> dict[str, list[Any]]:
    """The coordinates that all points have in common."""
    every = [p.coords() for p in points]
    common = {}
    for name, value in every[0].items():
        array = np.asarray(value)
        if all(name in c and np.array_equal(np.asarray(c[name]), array) for c in every):
            common[name] = array.tolist()
    return common
