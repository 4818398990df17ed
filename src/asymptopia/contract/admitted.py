"""What a number in a field may be: its range, in words and as a check."""

from __future__ import annotations

import math
import numbers
import operator
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from .refusal import StatementError


def allowed(metadata: Mapping[str, Any]) -> str:
    """What a field admits, in words: `> 0`, `>= 0 and <= 1`, `one of ...`; empty if anything of its type."""
    if metadata.get("one_of"):
        return "one of " + ", ".join(map(repr, metadata["one_of"]))
    signs = {"above": ">", "at_least": ">=", "below": "<", "at_most": "<="}
    return " and ".join(f"{s} {metadata[k]:g}" for k, s in signs.items() if metadata.get(k) is not None)


def number(value: Any, real: bool, text: bool, name: str, metadata: Mapping[str, Any]) -> Any:
    """The number that is stored for a value given to a field, checked against what the field admits.

    real: whether it is stored as a float, else as a whole number. text: whether a string may stand for it. name: of the
    field, for the messages. metadata: its restrictions. Arrays and JAX tracers are kept as they are. Raises
    `StatementError` for what is no finite number or not admitted.
    """
    kind = "a number" if real else "a whole number"
    if isinstance(value, (bool, str, bytes, tuple, list, dict, set)) or value is None:
        if text and isinstance(value, str):
            return value
        raise StatementError(f"{name} must be {kind}, but is {value!r}.")
    if isinstance(value, np.generic) and not isinstance(value, np.ndarray):
        value = value.item()
    if isinstance(value, numbers.Real):
        value = _real(value, name) if real else _whole(value, name)
    elif not hasattr(value, "shape"):
        raise StatementError(f"{name} must be {kind}, but is {value!r}.")
    if isinstance(value, (float, int, np.ndarray)):
        _check_range(value, name, metadata)
    return value


def _real(value: Any, name: str) -> float:
    if abs(value) > sys.float_info.max and isinstance(value, numbers.Integral):
        raise StatementError(f"{name} must be finite, but is too large.")
    if not math.isfinite(value):
        raise StatementError(f"{name} must be finite, but is {value!r}.")
    return float(value)


def _whole(value: Any, name: str) -> int:
    if isinstance(value, numbers.Integral):
        return operator.index(value)
    if not math.isfinite(value):
        raise StatementError(f"{name} must be finite, but is {value!r}.")
    if not float(value).is_integer():
        raise StatementError(f"{name} must be a whole number, but is {value!r}.")
    return int(value)


def _check_range(value: Any, name: str, metadata: Mapping[str, Any]) -> None:
    array = np.asarray(value)
    bad = np.zeros(array.shape, bool)
    outsides = {"above": np.less_equal, "at_least": np.less, "below": np.greater_equal, "at_most": np.greater}
    for key, outside in outsides.items():
        if metadata.get(key) is not None:
            bad |= outside(array, metadata[key])
    if bad.any():
        raise StatementError(f"{name} must be {allowed(metadata)}, but is {array[bad].flat[0]:g}.")
