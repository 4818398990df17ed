"""What is claimed of the columns of a table: numbers, or columns of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import nearest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean; see `judge`."""

    value: list[str]
    size: str | None
    seed: str | None
    by: list[str]
    claims: Mapping[str, Any]
    scale: Any


def claims_of(
    frame: pd.DataFrame, columns: Columns, places: dict[str, np.ndarray], wrong: list[str]
) -> dict[str, tuple[str, np.ndarray]]:
    """Of each observable what is claimed; a limit that is nan where nothing is."""
    shape = tuple(len(v) for v in places.values())
    claims: dict[str, tuple[str, np.ndarray]] = {}
    for kind, claim in columns.claims.items():
        for name, said in _by_observable(kind, claim, columns.value, wrong).items():
            if name in claims:
                wrong.append(f"{name!r} has two claims, `{claims[name][0]}` and `{kind}`: judge one after the other.")
            claims[name] = kind, _claimed(frame, columns, places, kind, said, wrong)
    return {k: claims.get(k, ("limit", np.full(shape, np.nan))) for k in columns.value}


def _by_observable(kind: str, claim: Any, value: Sequence[str], wrong: list[str]) -> dict[str, Any]:
    if claim is None:
        return {}
    if isinstance(claim, Mapping):
        for name in claim:
            if name not in value:
                wrong.append(f"`{kind}` speaks of {name!r}, which is no `value`.{nearest(str(name), value)}")
        return {k: v for k, v in claim.items() if k in value}
    if len(value) > 1:
        wrong.append(f"`{kind}` must say of which value it is, as in {{{value[0]!r}: ...}}: there are {len(value)}.")
        return {}
    return {value[0]: claim}


def _claimed(
    frame: pd.DataFrame, columns: Columns, places: dict[str, np.ndarray], kind: str, said: Any, wrong: list[str]
) -> np.ndarray:
    shape = tuple(len(v) for v in places.values())
    try:
        number = float(said)
        if not np.isfinite(number):
            wrong.append(f"`{kind}` must be finite, but is {number}.")
        return np.full(shape, number)
    except (TypeError, ValueError):
        pass
    if said not in frame.columns:
        wrong.append(f"`{kind}` must be a number or a column, but is {said!r}.{nearest(str(said), frame.columns)}")
        return np.full(shape, np.nan)
    numbers = np.full(shape, np.nan)
    groups = frame.groupby(columns.by)[said] if columns.by else [((), frame[said])]
    for at, group in groups:
        if len(set(group)) > 1:
            where = f" at {', '.join(map(str, at))}" if columns.by else ""
            wrong.append(f"Column {said!r} must hold one `{kind}`{where}, but has {len(set(group))} values.")
            continue
        numbers[tuple(np.searchsorted(places[k], v) for k, v in zip(columns.by, at, strict=True))] = group.iloc[0]
    return numbers


def scales_of(columns: Columns, wrong: list[str]) -> dict[str, float]:
    said = _by_observable("scale", columns.scale, columns.value, wrong)
    for name, number in said.items():
        if not (isinstance(number, int | float) and 0 < number < np.inf):
            wrong.append(f"`scale` of {name!r} must be a number > 0, but is {number!r}.")
    return {k: float(v) for k, v in said.items() if isinstance(v, int | float)}


def columns_of(columns: Columns) -> list[str]:
    """Columns that claims name."""
    said = [v for c in columns.claims.values() for v in (c.values() if isinstance(c, Mapping) else [c])]
    return [v for v in said if isinstance(v, str)]


def without_scale(claims: Mapping[str, tuple[str, np.ndarray]], scales: Mapping[str, float]) -> dict[str, str]:
    """A note for each observable whose limit is zero, so that it has no scale of its own."""
    zero = [k for k, (_, numbers) in claims.items() if k not in scales and (numbers == 0).all()]
    return {k: "Discrepancies are compared with 1, as the claim is 0; `scale` states another size." for k in zero}
