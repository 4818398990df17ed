"""Dates as people write them: years first, or days and months in the order that the column itself shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_TIME = r"([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?)?"
_YEAR_FIRST = re.compile(rf"\d{{4}}-\d\d?-\d\d?{_TIME}", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d\d?)([./-])(\d\d?)\2(\d{{4}}){_TIME}", re.ASCII)


def read_dates(words: pd.Series) -> tuple[pd.Series, str] | None:
    """The moments that texts mean, in UTC, or None if they are no dates; and in words, what told days from months.

    "13/01/2024" is a day first, "01/13/2024" a month first; where a column has neither, slashes and dashes do not tell
    and it is not read. With points the day is first.
    """
    moments, why = _moments(words)
    return None if moments is None or moments.isna().any() else (moments, why)


def unlike_dates(words: pd.Series) -> str:
    """In words, why texts of which most look like dates are none, with the first that shows it; "" if they do not."""
    parts = words.str.extract(rf"^{_YEAR_LAST.pattern}$")
    last, first = parts[0].notna(), words.map(lambda w: bool(_YEAR_FIRST.fullmatch(w)))
    dated, other = (last, first) if last.sum() > first.sum() else (first, last)
    if 2 * dated.sum() <= len(words):
        return ""
    if not dated.all():
        ending = " with the year first" if dated is first and other.any() else ""
        ending = " with the year last" if dated is last and other.any() else ending
        return f"as {words[~dated].iloc[0][:30]!r} among dates{ending}"
    moments, _ = _moments(words)
    if moments is not None:
        return f"as {words[moments.isna()].iloc[0]!r}, which is no date" if moments.isna().any() else ""
    day, month = (parts[k].astype(int) > 12 for k in (0, 2))
    if (day & month).any():
        return f"as {words[day & month].iloc[0]!r}, which is no date"
    if day.any():
        return f"where the day is first in {words[day].iloc[0]!r} and the month in {words[month].iloc[0]!r}"
    if month.any():
        return f"as {words[month].iloc[0]!r}, where points say that the day is first"
    return f"as {words.iloc[0]!r}, where the day or the month may be first"


def _moments(words: pd.Series) -> tuple[pd.Series | None, str]:
    """The moments, those that no calendar has missing; None where texts have another form or no order."""
    import pandas as pd

    why = ""
    if not words.map(lambda w: bool(_YEAR_FIRST.fullmatch(w))).all():
        order, why = _order(words)
        if not order:
            return None, ""
        words = words.str.replace(_YEAR_LAST, order, regex=True)
    return pd.to_datetime(words, errors="coerce", utc=True, format="mixed"), why


def _order(words: pd.Series) -> tuple[str, str]:
    """What a date with the year last is replaced by, to have it first, and in words which order that is and what shows
    it; "" if nothing or too much does."""
    parts = words.str.extract(rf"^{_YEAR_LAST.pattern}$")
    if parts[0].isna().any():
        return "", ""
    day, month = (parts[k].astype(int) > 12 for k in (0, 2))
    points = bool((parts[1] == ".").all())
    if (points or day.any()) == month.any():
        return "", ""
    name, showing, order = ("month", month, r"\4-\1-\3\5") if month.any() else ("day", day, r"\4-\3-\1\5")
    if points:
        return order, f", the {name} first as points say"
    only = "only " if len(words) > 1 and showing.sum() == 1 else ""
    return order, f", the {name} first as {only}{words[showing].iloc[0]!r} shows"
