"""Numbers as papers print them, and formulas of a few names: no code is run."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ...contract.record import StatementError, nearest

CONSTANTS = {"pi": math.pi, "e": math.e}
FUNCTIONS: dict[str, Callable[..., float]] = {
    "sqrt": math.sqrt, "log": math.log, "exp": math.exp, "acos": math.acos, "asin": math.asin, "atan": math.atan,
    "cos": math.cos, "sin": math.sin, "tanh": math.tanh, "erf": math.erf, "abs": abs, "gamma": math.gamma,
    "besseli": lambda order, x: _bessel(order, x),
}  # fmt: skip
OPERATORS: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}  # fmt: skip
PRINTED = re.compile(r"([+-]?)(\d*)\.(\d+)(?:\((\d+)\))?")
ROUND_OFF = 1e-6
"""The relative precision asked of a formula, which has no last printed digit."""


def printed(text: str) -> tuple[float, float]:
    """A published value and the half-width within which its print leaves the truth.

    `0.833` was rounded, so it leaves half a unit of its last digit; `0.83(2)` leaves the error that it names; whole
    numbers and formulas such as `pi/2 - 1` are exact, up to a relative 1e-6.

    Raises `StatementError` if the text is neither a number nor a formula of known names.
    """
    if match := PRINTED.fullmatch(text.strip()):
        sign, whole, digits, error = match.groups()
        unit = 10.0 ** -len(digits)
        return float(f"{sign}{whole or 0}.{digits}"), int(error) * unit if error else unit / 2
    value = evaluate(text, {})
    return value, ROUND_OFF * (abs(value) or 1.0)


def evaluate(text: str, names: Mapping[str, float | np.ndarray]) -> float:
    """The value of a formula: numbers, + - * / **, brackets, pi, e, elementary functions, and the names given.

    `name[2]` and `name[0, 1]` are elements of a name that stands for an array.

    Raises `StatementError` if it holds anything else or has no finite value.
    """
    try:
        value = _value(_parsed(text), dict(CONSTANTS) | dict(names))
    except (ArithmeticError, ValueError, TypeError) as error:
        raise StatementError(f"The formula {text!r} has no value: {error}.") from None
    if isinstance(value, complex) or not math.isfinite(value):
        raise StatementError(f"The formula {text!r} has no finite value.")
    return float(value)


def names_in(text: str) -> list[str]:
    """The names in a formula, functions and constants aside."""
    names = [n.id for n in ast.walk(_parsed(text)) if isinstance(n, ast.Name)]
    return [n for n in dict.fromkeys(names) if n not in FUNCTIONS and n not in CONSTANTS]


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError):
        raise StatementError(f"{text!r} is neither a number nor a formula such as pi/2 - 1.") from None


def element(text: str) -> tuple[str, tuple[int, ...]] | None:
    """The name and the index that a formula consists of, if it is but one name or one element."""
    node = _parsed(text)
    if isinstance(node, ast.Name):
        return node.id, ()
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return node.value.id, _index(node.slice)
    return None


def _value(node: ast.expr, names: Mapping[str, float | np.ndarray]) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value  # type: ignore[return-value]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand, names)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](_value(node.left, names), _value(node.right, names))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id in FUNCTIONS:
            return FUNCTIONS[node.func.id](*(_value(a, names) for a in node.args))
        raise StatementError(f"There is no function {node.func.id!r}.{nearest(node.func.id, FUNCTIONS)}")
    if isinstance(node, ast.Name):
        return _number(node.id, (), names)
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
        return _number(node.value.id, _index(node.slice), names)
    raise StatementError(f"{ast.unparse(node)!r} is neither a number nor a name, nor made of them by + - * / **.")


def _number(name: str, index: Sequence[int], names: Mapping[str, float | np.ndarray]) -> float:
    if name not in names:
        raise StatementError(f"There is no quantity {name!r}.{nearest(name, names)}")
    value = np.asarray(names[name], float)
    if value.ndim != len(index) or any(not 0 <= i < n for i, n in zip(index, value.shape, strict=True)):
        raise StatementError(f"`{name}` has the shape {value.shape}, so that it has no element {list(index)}.")
    return float(value[tuple(index)])


def _index(node: ast.expr) -> tuple[int, ...]:
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    if not all(isinstance(p, ast.Constant) and type(p.value) is int for p in parts):
        raise StatementError(f"[{ast.unparse(node)}] is not an index: indices are whole numbers >= 0.")
    return tuple(p.value for p in parts)  # type: ignore[attr-defined]


def _bessel(order: float, x: float) -> float:
    from scipy.special import iv

    return float(iv(order, x))
