"""A user's plain functions as parts of a statement."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable
from typing import Any


def name_of(function: Callable[..., Any]) -> str:
    """The name by which a statement shows a function: its own, or a checksum of its code if it has none."""
    name = getattr(function, "__name__", type(function).__name__)
    code = getattr(function, "__code__", None)
    if name.isidentifier() or code is None:
        return name
    text = repr((code.co_code, code.co_names, [c for c in code.co_consts if not hasattr(c, "co_code")]))
    return f"lambda_{zlib.crc32(text.encode()):08x}"


class OwnFunction:
    """A part made of a user's plain function; a statement shows its name, and equal functions make equal parts."""

    def _given(self) -> Callable[..., Any]:
        return getattr(self, dataclasses.fields(self)[0].name)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        return name_of(self._given())

    def short(self) -> str:
        """The statement, in full: there is nothing to leave out."""
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._given() is other._given()

    def __hash__(self) -> int:
        return hash(self._given())
