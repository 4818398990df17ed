"""The target of a table: numbers, two classes, one class against the rest, or several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import nearest
from .numbers import ABSENT, FEW_VALUES, mostly_numbers, odd_ones
from .problems import Problems, listed

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 20
_LARGEST, _ROUNDING = 1e140, 1e-12


def read_target(
    column: pd.Series, title: str, value: str | None, task: str, problems: Problems
) -> tuple[np.ndarray, str, str, tuple[str, ...]]:
    """The target of each sample, its kind, its meaning in words, and the names of several classes; see `Columns`."""
    nothing: tuple[np.ndarray, str, str, tuple[str, ...]] = np.empty(0), "", "", ()
    if column.isna().any() or not len(column):
        return nothing
    numeric = column.dtype.kind in "biuf"
    values = sorted(column.unique().tolist(), key=lambda v: (isinstance(v, str), v if numeric else str(v)))
    shown = _shown(values)
    if len(values) == 1:
        problems.add(f"has a target {title!r} with one value only, {shown[0]}: there is nothing to learn.")
        return nothing
    if value is not None:
        chosen = [v for v, text in zip(values, shown, strict=True) if _is(v, text, value)]
        if not chosen:
            known = shown if len(shown) <= MOST_CLASSES else []
            problems.add(f"has a target {title!r} that is never {value!r}.{nearest(value, known)}")
            return nothing
        return np.where(column == chosen[0], 1.0, -1.0), "classification", f"{title} is {value}", ()
    if numeric and (task == "regression" or (task == "auto" and len(values) > FEW_VALUES)):
        return _numbers(column.to_numpy(float), title, problems), "regression", title, ()
    if not numeric and (task == "regression" or mostly_numbers(column)):
        odd = odd_ones(column) if mostly_numbers(column) else f"as {shown[0]!r}"
        problems.add(f"has a target {title!r} that is not a number, as regression needs: {odd}. Mend these values.")
        return nothing
    if len(values) == 2:
        return np.where(column == values[1], 1.0, -1.0), "classification", f"{title} is {shown[1]}, not {shown[0]}", ()
    if len(values) > MOST_CLASSES:
        problems.add(
            f"has a target {title!r} with {len(values)} classes, {MOST_CLASSES} at most: {listed(shown)}. "
            f'Choose one against the rest, as in target="{title}={shown[0]}" (--target {title}={shown[0]}).'
        )
        return nothing
    places = {v: k for k, v in enumerate(values)}
    return np.array([places[v] for v in column], float), "classes", f"{title} is {', '.join(shown)}", tuple(shown)


def _numbers(y: np.ndarray, title: str, problems: Problems) -> np.ndarray:
    if not np.isfinite(y).all():
        problems.add(f"has infinite values in the target {title!r}; leave those rows out.")
    elif np.abs(y).max() > _LARGEST or np.ptp(y) < 1 / _LARGEST:
        problems.add(f"has a target {title!r} too large or too constant to be squared; give it in other units.")
    elif np.ptp(y) <= _ROUNDING * np.abs(y).max():
        problems.add(
            f"has a target {title!r} with one value only, up to rounding, {y[0]:g}: there is nothing to learn."
        )
    return y


def absent_words(column: pd.Series) -> list[str]:
    """The words of a column that may mean a missing value, such as "NA", if it has at least two others."""
    if column.dtype.kind in "biuf":
        return []
    words = column.dropna().map(str).unique()
    absent = [w for w in words if w.lower() in ABSENT]
    return absent if len(words) - len(absent) >= 2 else []


def _shown(values: list[Any]) -> list[str]:
    """Values as text, with all their digits."""
    return [f"{v:.0f}" if isinstance(v, float) and v.is_integer() and abs(v) < 1e15 else str(v) for v in values]


def _is(value: Any, text: str, asked: str) -> bool:
    if asked in (text, str(value)):
        return True
    try:
        return not isinstance(value, str) and float(value) == float(asked)
    except ValueError:
        return False
