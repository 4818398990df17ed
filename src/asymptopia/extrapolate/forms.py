"""The laws that a ladder of runs may follow: each a curve, its formula, and a prior of its parameters.

Sizes enter as logarithms relative to the largest run, so that a curve is its value there times a shape. A prior is the
image of the uniform one on a unit cube: shares are uniform, exponents and scales uniform in their logarithm.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

EXPONENTS = (0.01, 2.0)
SHARPNESS = (0.1, 1.0)
_CHANGE = 0.8

Shape = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(points of the cube (N, k), logarithms of sizes (M, v) relative to the largest, ends (2, v) of the data's) -> log of
the curve relative to the largest run (N, M)."""

Constants = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(points of the cube, log of the curve at the largest run (N,), logarithms of the largest sizes (v,), ends) -> the
constants of the formula (N, constants)."""


@dataclasses.dataclass(frozen=True)
class Form:
    """A law form.

    name, formula: as people write it.
    parameters:    how many the shape has; the value at the largest run is one more.
    constants:     the names of the constants in the formula, and the function that gives them.
    least:         how many different sizes it takes to fit.
    """

    name: str
    formula: str
    parameters: int
    shape: Shape
    constants: tuple[str, ...]
    values: Constants
    least: int


def within(u: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """Uniform in the logarithm between two ends, from uniform in (0, 1)."""
    low, high = np.log(ends)
    return np.asarray(np.exp(low + (high - low) * u))


def _power(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return -within(u[:, :1], EXPONENTS) * logs[:, 0]


def _raised(share: np.ndarray, log_rest: np.ndarray) -> np.ndarray:
    """log(share + (1 - share) exp(log_rest)): a curve with a floor, which is that share of it at the largest run."""
    return np.asarray(np.logaddexp(np.log(share), np.log1p(-share) + log_rest))


def _floor(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return _raised(u[:, :1], _power(u[:, 1:], logs, ends))


def _exponential(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return _raised(u[:, :1], (1 - np.exp(logs[:, 0])) / within(u[:, 1:2], (0.03, 10.0)))


def _broken(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    before, after = _exponents(u)
    before, after, sharp = before[:, None], after[:, None], within(u[:, 3:4], SHARPNESS)
    place = _break(u[:, 2:3], ends)
    bend = np.logaddexp(0, (logs[:, 0] - place) / sharp) - np.logaddexp(0, -place / sharp)
    return -before * logs[:, 0] - (after - before) * sharp * bend


def _exponents(u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Before and after a break; the second is of the order of the first: the logarithm of their ratio is normal."""
    from scipy.special import ndtri

    before = within(u[:, 0], EXPONENTS)
    return before, np.asarray(before * np.exp(_CHANGE * ndtri(u[:, 1])))


def _break(u: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return np.asarray(ends[0, 0] * (0.9 - 0.8 * u))


def _broken_floor(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return _raised(u[:, :1], _broken(u[:, 1:], logs, ends))


def _of_power(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    b = within(u[:, 0], EXPONENTS)
    return np.column_stack([np.exp(top + b * largest[0]), b])


def _of_floor(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    rest = _of_power(u[:, 1:], top + np.log1p(-u[:, 0]), largest, ends)
    return np.column_stack([np.exp(top) * u[:, 0], rest])


def _of_exponential(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    scale = within(u[:, 1], (0.03, 10.0))
    E = np.exp(top) * u[:, 0]
    return np.column_stack([E, (np.exp(top) - E) * np.exp(1 / scale), scale * np.exp(largest[0])])


def _of_broken(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    b, c = _exponents(u)
    return np.column_stack([b, c, np.exp(largest[0] + _break(u[:, 2], ends))])


def _of_broken_floor(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return np.column_stack([np.exp(top) * u[:, 0], _of_broken(u[:, 1:], top, largest, ends)])


def _chinchilla(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    first = np.log(u[:, 1:2]) - within(u[:, 2:3], EXPONENTS) * logs[:, 0]
    second = np.log1p(-u[:, 1:2]) - within(u[:, 3:4], EXPONENTS) * logs[:, 1]
    return _raised(u[:, :1], np.logaddexp(first, second))


def _of_chinchilla(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    a, b = within(u[:, 2], EXPONENTS), within(u[:, 3], EXPONENTS)
    rest = np.exp(top) * (1 - u[:, 0])
    A, B = rest * u[:, 1] * np.exp(a * largest[0]), rest * (1 - u[:, 1]) * np.exp(b * largest[1])
    return np.column_stack([np.exp(top) * u[:, 0], A, a, B, b])


def _product(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return _raised(u[:, :1], -within(u[:, 1:2], EXPONENTS) * logs[:, 0] - within(u[:, 2:3], EXPONENTS) * logs[:, 1])


def _of_product(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    a, b = within(u[:, 1], EXPONENTS), within(u[:, 2], EXPONENTS)
    A = np.exp(top + a * largest[0] + b * largest[1]) * (1 - u[:, 0])
    return np.column_stack([np.exp(top) * u[:, 0], A, a, b])


def _kaplan(u: np.ndarray, logs: np.ndarray, ends: np.ndarray) -> np.ndarray:
    a, b = within(u[:, 1:2], EXPONENTS), within(u[:, 2:3], EXPONENTS)
    first, second = np.log(u[:, :1]) - a / b * logs[:, 0], np.log1p(-u[:, :1]) - logs[:, 1]
    return b * np.logaddexp(first, second)


def _of_kaplan(u: np.ndarray, top: np.ndarray, largest: np.ndarray, ends: np.ndarray) -> np.ndarray:
    a, b = within(u[:, 1], EXPONENTS), within(u[:, 2], EXPONENTS)
    N = np.exp(largest[0] + (top / b + np.log(u[:, 0])) * b / a)
    return np.column_stack([N, a, np.exp(largest[1] + top / b + np.log1p(-u[:, 0])), b])


CURVES = (
    Form("power law", "A x^-b", 1, _power, ("A", "b"), _of_power, 3),
    Form("power law with floor", "E + A x^-b", 2, _floor, ("E", "A", "b"), _of_floor, 4),
    Form("exponential", "E + A exp(-x/x0)", 2, _exponential, ("E", "A", "x0"), _of_exponential, 4),
    Form(
        "broken power law", "x^-b before x0, x^-c after", 4, _broken, ("b", "c", "x0"), _of_broken, 6,
    ),
    Form(
        "broken power law with floor", "E + x^-b before x0, x^-c after", 5, _broken_floor, ("E", "b", "c", "x0"),
        _of_broken_floor, 8,
    ),
)  # fmt: skip
"""Forms in one variable."""

SURFACES = (
    Form("Chinchilla", "E + A N^-a + B D^-b", 4, _chinchilla, ("E", "A", "a", "B", "b"), _of_chinchilla, 6),
    Form("product", "E + A N^-a D^-b", 3, _product, ("E", "A", "a", "b"), _of_product, 5),
    Form("Kaplan", "((N0/N)^(a/b) + D0/D)^b", 3, _kaplan, ("N0", "a", "D0", "b"), _of_kaplan, 5),
)  # fmt: skip
"""Forms in two variables, as parameters N and tokens D."""
