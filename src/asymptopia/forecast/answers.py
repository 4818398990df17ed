"""The answers of a forecast: a sentence each, and a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to one practical question: a sentence, and a table with the names and rows of its columns."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def plain(self) -> dict[str, Any]:
        """As a dictionary of plain values, for JSON."""
        return {
            "title": self.title,
            "text": self.text,
            "columns": list(self.columns),
            "rows": [list(r) for r in self.rows],
        }

    def __str__(self) -> str:
        cells = [list(self.columns), *([_shown(v) for v in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, self.text, *(f"  {line}" for line in lines if self.rows)])


def listed(numbers: Sequence[int]) -> str:
    """Numbers with commas between them."""
    return ", ".join(map(str, numbers))


def _shown(value: Any) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
