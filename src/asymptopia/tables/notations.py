"""Numbers as people write them: decimal commas, marks between thousands, signs of per cent or of a currency."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|[-+]?inf(inity)?|nan", re.ASCII | re.IGNORECASE)
_CURRENCIES = "$€£¥"
_MINUS = str.maketrans({"\u2212": "-", "\ufe63": "-", "\uff0d": "-"})


@dataclasses.dataclass(frozen=True)
class Notation:
    """A way to write numbers: its pattern, the mark between thousands, the decimal mark, and a note of its use."""

    pattern: re.Pattern[str]
    mark: str
    point: str
    note: str

    def read(self, texts: Sequence[str]) -> list[float] | None:
        """The numbers, or None if a text is not of this notation."""
        if not all(map(self.pattern.fullmatch, texts)):
            return None
        return [float((t.replace(self.mark, "") if self.mark else t).replace(self.point, ".")) for t in texts]


def _grouped(mark: str, point: str, name: str) -> Notation:
    pattern = rf"[-+]?\d{{1,3}}({re.escape(mark)}\d{{3}})*({re.escape(point)}\d*)?"
    return Notation(re.compile(pattern, re.ASCII), mark, point, f"{name} are read as separating thousands")


PLAIN = Notation(_PLAIN, "", ".", "")
DECIMAL_COMMA = Notation(
    re.compile(r"[-+]?(\d+,?\d*|,\d+)([eE][-+]?\d+)?", re.ASCII), "", ",", "Decimal commas are read as points"
)
COMMAS = _grouped(",", ".", "Commas")
_OTHERS = (
    DECIMAL_COMMA, COMMAS, _grouped(".", ",", "Points"),
    *(_grouped(m, p, "Spaces" if m.isspace() else "Apostrophes") for m in " \u00a0\u202f'\u2019" for p in ".,"),
)  # fmt: skip


def stripped(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Texts without the sign of per cent or of a currency that all of them have, and notes on it."""
    texts, notes = [t.translate(_MINUS) for t in texts], []
    if all(t.endswith("%") for t in texts):
        texts = [t[:-1].rstrip() for t in texts]
        notes.append("Signs of per cent are left out: 50% is read as 50")
    for sign in _CURRENCIES:
        if all(t.count(sign) == 1 and (t.lstrip("+-").startswith(sign) or t.endswith(sign)) for t in texts):
            texts = [t.replace(sign, "").strip() for t in texts]
            notes.append(f"The sign {sign} is left out")
    return texts, notes


def read_numbers(texts: Sequence[str], settled: Notation | None) -> tuple[list[float] | None, list[str], set[str]]:
    """The texts as numbers in the one notation that fits them all, notes on it, and what their marks show: see `shown`.

    None if they fit no notation, or several that differ; `settled` is the one of them that is taken then.
    """
    texts, notes = stripped(texts)
    values = PLAIN.read(texts)
    if values is not None:
        return values, notes, shown(PLAIN, texts)
    readings = {n: v for n in _OTHERS if (v := n.read(texts)) is not None}
    if settled in readings:
        readings = {settled: readings[settled]}
    first = next(iter(readings.items()), None)
    if first is None or any(v != first[1] for v in readings.values()):
        return None, [], set()
    return first[1], [*notes, first[0].note], shown(first[0], texts)


def shown(notation: Notation, texts: Sequence[str]) -> set[str]:
    """What texts show in a notation: "decimal commas", "decimal points" or "thousands" between commas."""
    uses = {"decimal commas": ",", "decimal points": "."}
    marks = {use for use, point in uses.items() if notation.point == point and any(point in t for t in texts)}
    return marks | ({"thousands"} if notation.mark == "," and any("," in t for t in texts) else set())


def settling(shows: set[str], between_commas: bool) -> Notation | None:
    """How "1,234" is read in a table that shows this in other columns, or None if that is not clear.

    between_commas: whether commas separate its columns. Where they do not and no column tells, they are decimal ones,
    unless others have decimal points.
    """
    if {"decimal commas", "thousands"} <= shows:
        return None
    if "thousands" in shows:
        return COMMAS
    return DECIMAL_COMMA if "decimal commas" in shows or not (between_commas or "decimal points" in shows) else None


def is_ambiguous(texts: Sequence[str]) -> bool:
    """Whether the texts fit several notations that differ, as "1,234" does."""
    readings = [v for n in _OTHERS if (v := n.read(stripped(texts)[0])) is not None]
    return any(v != readings[0] for v in readings)


def is_number(text: str) -> bool:
    """Whether a text is a number with a decimal point."""
    return bool(_PLAIN.fullmatch(text.translate(_MINUS)))
