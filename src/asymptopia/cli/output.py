"""The output of the command line: one JSON object or tables on standard output, messages on standard error."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import xarray as xr
    from rich.console import Console

PIPE_WIDTH = 100
"""Columns of what is written into a pipe or a file, where COLUMNS does not say how many there are."""

FOLDED = 12
"""Columns that a column of words takes at least, if it must be folded."""

GAP = 3
"""Columns between two cells of a table."""


def console(stderr: bool = False) -> Console:
    """A plain console: no markup in statements, no colours or line breaks where there is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=width_of(stream), markup=False, highlight=False, emoji=False)


def width_of(stream: IO[str]) -> int:
    """The columns that a line may take: COLUMNS, or those of the terminal, or `PIPE_WIDTH` where there is none."""
    there = os.environ.get("COLUMNS", "")
    if there.isdigit() and int(there) > 0:
        return max(int(there), 40)
    return shutil.get_terminal_size().columns if stream.isatty() else PIPE_WIDTH


def fitted(text: str, width: int) -> str:
    """The text in one line of that width; what is cut off is three dots."""
    return text if len(text) <= width else text[: max(width - 3, 0)].rstrip(" ,;") + "..."


def reflowed(text: str, width: int) -> str:
    """Paragraphs broken anew to that width; lists, formulas and what is indented stay as they are."""
    blocks = []
    for block in re.split(r"\n\s*\n", text):
        kept = any(re.match(r"\s|- |\$\$|\w+:", line) for line in block.split("\n"))
        words = textwrap.fill(" ".join(block.split()), width, break_long_words=False, break_on_hyphens=False)
        blocks.append(block if kept else words)
    return "\n\n".join(blocks)


def say(text: str = "") -> None:
    """A message to the person at the keyboard, on standard error."""
    click.echo(text, err=True)


def warn(warnings: Sequence[str]) -> None:
    """Each warning on a line of its own, on standard error."""
    for text in warnings:
        say(f"warning: {text}")


def say_failures(lines: Sequence[str], most: int = 20) -> None:
    """Print the failures, one a line; of many only the first."""
    for line in lines[:most]:
        say(f"failed: {line}")
    if len(lines) > most:
        say(f"failed: {len(lines) - most} more, which run.log and the report tell.")


def show_table(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str = "", right: Sequence[str] = (), keys: int = 1
) -> None:
    """A table on standard output; the columns named in `right` are aligned to the right, and no cell of them is cut.

    Where they do not fit beside each other the table goes on beneath, with its first `keys` columns again.
    """
    from rich import box
    from rich.table import Table

    cells = [[str(cell) for cell in row] for row in rows]
    needed = [_needed(name, [row[i] for row in cells], name in right) for i, name in enumerate(columns)]
    for part, chosen in enumerate(_side_by_side(needed, keys, width_of(sys.stdout))):
        heading = title if part == 0 else ""
        table = Table(
            title=heading or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False
        )
        for i in chosen:
            name = columns[i]
            table.add_column(name, justify="right" if name in right else "left", no_wrap=name in right, overflow="fold")
        for row in cells:
            table.add_row(*(row[i] for i in chosen))
        console().print(table)


def _needed(name: str, cells: Sequence[str], whole: bool) -> int:
    """The columns of the terminal that a column of a table needs: its widest cell, or what can be folded into."""
    widest = max(map(len, [name, *cells]))
    return widest if whole else min(widest, FOLDED)


def _side_by_side(needed: Sequence[int], keys: int, width: int) -> list[list[int]]:
    """The columns of each part of a table that is too wide, each part with the first `keys` columns."""
    first = list(range(min(keys, len(needed))))
    parts, used = [list(first)], sum(needed[i] + GAP for i in first)
    start = used
    for i in range(len(first), len(needed)):
        if used + needed[i] + GAP > width and len(parts[-1]) > len(first):
            parts.append(list(first))
            used = start
        parts[-1].append(i)
        used += needed[i] + GAP
    return parts


def number(value: float, error: float | None = None, digits: int = 6) -> str:
    """So many significant digits, and the error of a numerical theory where these digits show it."""
    text = f"{value:.{digits}g}"
    if error is None or not math.isfinite(error) or error < abs(value) * 10.0 ** -(digits + 1):
        return text
    return f"{text} ± {error:.1g}"


def strict(value: Any) -> Any:
    """The value as strict JSON, which has neither nan nor infinity: they become null."""
    import numpy as np

    if isinstance(value, Mapping):
        return {str(k): strict(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return strict(value.tolist())
    if isinstance(value, (list, tuple)):
        return [strict(v) for v in value]
    if isinstance(value, np.generic):
        return strict(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)


def dataset_json(statement: str, data: xr.Dataset, warnings: Sequence[str]) -> dict[str, Any]:
    """A labelled Dataset as the object that `--json` prints."""
    return {
        "statement": statement,
        "coords": {str(k): v.values for k, v in data.coords.items()},
        "values": {str(k): v.values for k, v in data.items()},
        "dims": {str(k): [str(d) for d in v.dims] for k, v in data.items()},
        "warnings": list(warnings),
    }


@contextlib.contextmanager
def only_json(wanted: bool) -> Iterator[list[Any]]:
    """Keep standard output for the one object put into the list; whatever else is printed goes to standard error."""
    printed: list[Any] = []
    if not wanted:
        yield printed
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield printed
    click.echo(json.dumps(strict(printed[0]), allow_nan=False, ensure_ascii=False))
