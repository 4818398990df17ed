"""Dates as people write them: years first, or days and months in the order that the column itself shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_TIME = r"([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?)?"
_YEAR_FIRST = re.compile(rf"\d{{4}}-\d\d?-\d\d?{_TIME}", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d\d?)([./-])(\d\d?)\2(\d{{4}}){_TIME}", re.ASCII)


def read_dates(words: pd.Series) -> pd.Series | None:
    """The moments that texts mean, in UTC, or None if they are no dates.

    "13/01/2024" is a day first, "01/13/2024" a month first; where a column has neither, slashes and dashes do not tell
    and it is not read. With points the day is first.
    """
    import pandas as pd

    if not words.map(lambda w: bool(_YEAR_FIRST.fullmatch(w))).all():
        order = _order(words)
        if order is None:
            return None
        words = words.str.replace(_YEAR_LAST, order, regex=True)
    moments = pd.to_datetime(words, errors="coerce", utc=True, format="mixed")
    return moments if moments.notna().all() else None


def is_undecided(words: pd.Series) -> bool:
    """Whether texts are dates of which nothing tells whether the day or the month is first."""
    parts = words.str.extract(rf"^{_YEAR_LAST.pattern}$")
    return (
        bool(parts[0].notna().all())
        and _order(words) is None
        and bool((parts[[0, 2]].astype(int) <= 12).to_numpy().all())
    )


def _order(words: pd.Series) -> str | None:
    """What a date with the year last is replaced by, to have it first."""
    parts = words.str.extract(rf"^{_YEAR_LAST.pattern}$")
    if parts[0].isna().any():
        return None
    first, third = (int(parts[k].astype(int).max()) for k in (0, 2))
    day_first = first > 12 or bool((parts[1] == ".").all())
    month_first = third > 12
    if day_first == month_first:
        return None
    return r"\4-\3-\1\5" if day_first else r"\4-\1-\3\5"
