"""Text files of values with separators between them: encoding, separator, names, and the kind of every column."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .numbers import kinds_of
from .problems import listed
from .reading import Reading, first_line

if TYPE_CHECKING:
    import pandas as pd

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_LOOKED_AT = 1000
_HEAD = 100_000
_NUMBER = re.compile(r"\s*[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?\s*")


def read_text(path: Path, name: str, encoding: str, header: bool) -> Reading:
    """The table in a text file; see `read_table`."""
    text, remarks = _plain(_decoded(path, name, encoding))
    _check_kind(text, name)
    try:
        separator = _separator(text)
        if not re.search("[,;\t|]", text[:_HEAD]):
            text, separator = re.sub(r"(?<=\S) +(?=\S)", "\t", text), "\t"
        rows = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
        lengths, heads = _lengths(rows)
    except csv.Error as error:
        raise StatementError(f"The file {name} is not a table of comma-separated values: {error}.") from None
    first = heads[0]
    width, notes = _width(name, lengths, first, separator, header)
    others = [row for row in heads[1:] if row != first]
    if header and len(others) < len(heads) - 1 and not _is_data([first, *others]):
        raise StatementError(f"The file {name} repeats its names in row {2 + heads[1:].index(first)}; leave it out.")
    if header and _is_data(heads):
        raise StatementError(
            f"The file {name} has a first row that looks like data, not like names: {listed(first)}. "
            f"Give names in the first row, or --no-header to call the columns x1, x2, ..."
        )
    names = first[:width] if header else [f"x{k + 1}" for k in range(width)]
    columns, more = _numbers(text, separator, names, len(lengths), header), tuple[str, ...]()
    if columns is None:
        table = _parsed(text, separator, max(n for n, _ in lengths), width, header, name)
        columns, more = kinds_of(table, names, between_commas=separator == ",")
    return Reading(columns, name, (*remarks, *notes, *more))


def _plain(text: str) -> tuple[str, tuple[str, ...]]:
    """Without lines of comment and without what spreadsheets and NumPy put before the names: a line that says the
    separator, a number sign; and what was left out."""
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"\Asep=.\n", "", text)
    if "#" not in text or not re.search(r"^#", text, re.MULTILINE):
        return text, ()
    lines = text.split("\n")
    first = next((k for k, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    if first and _is_header(lines[first - 1], lines[first : first + 2]):
        lines[first - 1] = lines[first - 1].lstrip("# ")
    kept = [line for line in lines if not line.startswith("#")]
    count = len(lines) - len(kept)
    note = f"{count} lines of comment (#) are left out." if count > 1 else "A line of comment (#) is left out."
    return "\n".join(kept), (note,) if count else ()


def _is_header(comment: str, below: list[str]) -> bool:
    """Whether a comment above a table has its names: as many as the first row of the table has numbers."""
    if not comment.startswith("#") or not below:
        return False
    cells = re.split(r"[,;\t|]|\s+", below[0].strip())
    return all(map(_NUMBER.fullmatch, cells)) and len(re.split(r"[,;\t|]|\s+", comment.lstrip("# "))) == len(cells)


def _check_kind(text: str, name: str) -> None:
    """Refuse what is another kind of file."""
    start = text[:_HEAD].lstrip()
    kinds = {"<": "HTML or XML", "{": "JSON", "[{": "JSON", "@relation": "ARFF", "%PDF": "PDF"}
    kind = next((k for mark, k in kinds.items() if start.lower().startswith(mark.lower())), "")
    if kind:
        raise StatementError(f"The file {name} looks like {kind}, not like a table; save it as CSV.")


def _decoded(path: Path, name: str, encoding: str) -> str:
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (OSError, EOFError) as error:
            raise StatementError(f"The file {name} is not a whole gzip file: {first_line(error)}") from None
    if raw[:4] == b"PK\3\4":
        raise StatementError(f"The file {name} is a spreadsheet or an archive; save the table in it as CSV.")
    marked = next((e for mark, e in _MARKS.items() if raw.startswith(mark)), "")
    try:
        text = raw.decode(marked or encoding or "utf-8")
    except LookupError:
        raise StatementError(f"`encoding` must be one that Python knows, as latin-1, but is {encoding!r}.") from None
    except UnicodeError:
        if b"\0" in raw[:1000]:
            raise StatementError(_null_bytes(name)) from None
        was = encoding or "UTF-8"
        raise StatementError(
            f"The file {name} is not {was}; save it as UTF-8, or give its encoding, as in --encoding latin-1."
        ) from None
    if "\0" in text[:10000]:
        raise StatementError(_null_bytes(name))
    if not text.strip():
        raise StatementError(f"The file {name} is empty.")
    return text


def _null_bytes(name: str) -> str:
    return (
        f"The file {name} is not a table of comma-separated values: null bytes. If it is UTF-16 without a byte-order "
        f"mark, give --encoding utf-16-le (or utf-16-be)."
    )


def _separator(text: str) -> str:
    """The separator for which most of the first rows have as many values as the first, and more than one."""
    head = "\n".join(text[: 200 * _LOOKED_AT].splitlines()[:_LOOKED_AT])

    def merit(separator: str) -> tuple[float, bool, int]:
        lengths = [len(r) for r in csv.reader(io.StringIO(head), delimiter=separator, skipinitialspace=True) if r]
        usual, count = Counter(lengths).most_common(1)[0]
        return (usual > 1) * count / len(lengths), lengths[0] == usual, usual

    merits = {s: merit(s) for s in _NAMES}
    fitting = [s for s in _NAMES if merits[s][0] > 0.9 and merits[s][1]]
    return max(fitting or _NAMES, key=lambda s: merits[s][::2])


def _lengths(rows: csv._reader) -> tuple[Counter[tuple[int, bool]], list[list[str]]]:  # type: ignore[name-defined]
    """How many rows have how many values, the last empty or not; and the first rows."""
    counts: Counter[tuple[int, bool]] = Counter()
    heads: list[list[str]] = []
    for row in rows:
        if not row or (len(row) == 1 and not row[0].strip()):
            continue
        if len(heads) < _LOOKED_AT:
            heads.append([cell.strip() for cell in row])
        counts[len(row), not row[-1].strip()] += 1
    return counts, heads


def _width(
    name: str, counts: Counter[tuple[int, bool]], first: list[str], separator: str, header: bool
) -> tuple[int, tuple[str, ...]]:
    """How many columns there are; `StatementError` if rows differ in that."""
    width = len(first)
    others = counts.copy()
    others[width, not first[-1]] -= 1
    lengths = {n for (n, _), count in others.items() if count}
    ends_empty = all(empty for (_, empty), count in others.items() if count)
    if lengths <= {width}:
        if width > 1 and ends_empty and not (header and first[-1]) and others.total():
            return width - 1, ("Every row ends in a separator; the empty last column is left out.",)
        return width, ()
    if lengths == {width + 1} and ends_empty:
        return width, ("Every row ends in a separator; the empty last column is left out.",)
    usual = Counter({n: sum(c for (m, _), c in others.items() if m == n) for n in lengths}).most_common(1)[0][0]
    if len(lengths) == 1:
        mend = "Give every column a name in the first row."
        if width == 1:
            mend = "Leave out what stands above the names, or put the same separator between them as between values."
        elif usual == 2 * width and separator == ",":
            mend = "If commas are decimal ones, save with semicolons between values."
        raise StatementError(
            f"The file {name} has {width} names over rows of {usual} values ({_NAMES[separator]} between them), from "
            f"row 2 on. {mend}"
        )
    wrong = sum(c for (n, _), c in others.items() if n != usual)
    raise StatementError(
        f"The file {name} is not a table of comma-separated values: {wrong} of {counts.total()} rows have not "
        f"{usual} values but {listed(sorted(lengths - {usual}))} ({_NAMES[separator]} between them). Quote values that "
        f"hold a separator."
    )


def _is_data(rows: list[list[str]]) -> bool:
    """Whether a first row holds values rather than names: half of it numbers, other than 0, 1, 2, ... or years; or
    words and numbers, the words all among those below them."""
    first, rest = rows[0], rows[1:]
    numbers = [k for k, cell in enumerate(first) if _NUMBER.fullmatch(cell)]
    words = [k for k, cell in enumerate(first) if cell and k not in set(numbers)]
    if len(rest) > 1 and words and len(rest) < 50_000 // len(first):
        return all(first[k] in {row[k] for row in rest if len(row) > k} for k in words) or _half(first, numbers)
    return _half(first, numbers)


def _half(first: list[str], numbers: list[int]) -> bool:
    if not numbers or 2 * len(numbers) < len(first):
        return False
    values = [first[k] for k in numbers]
    whole = all(v.isdigit() for v in values)
    counted = whole and len(values) > 1 and all(int(b) - int(a) == 1 for a, b in pairwise(values))
    return not counted and not (len(numbers) < len(first) and whole)


def _numbers(text: str, separator: str, names: list[str], kinds: int, header: bool) -> pd.DataFrame | None:
    """The table, read at once where every value is a number with a decimal point; None where it is not."""
    import pandas as pd

    if kinds != 1:
        return None
    rows = csv.reader(io.StringIO(text), delimiter=separator, skipinitialspace=True)
    try:
        parsed = [np.array(row, float) for row in [r for r in rows if r][int(header) :]]
    except ValueError:
        return None
    values = np.array(parsed)
    if (
        values.ndim != 2
        or "_" in text[len(",".join(names)) :]
        or not np.isfinite(values).all()
        or np.abs(values).max(initial=0) > 2.0**53
    ):
        return None
    whole = (values == np.round(values)).all(axis=0)
    table = pd.DataFrame(values, columns=names)
    return table if not whole.any() else _whole(table, whole)


def _whole(table: pd.DataFrame, which: np.ndarray) -> pd.DataFrame:
    """With the columns of whole numbers as integers."""
    import pandas as pd

    parts = [table.loc[:, ~which], table.loc[:, which].astype("int64")]
    order = np.argsort(np.r_[np.flatnonzero(~which), np.flatnonzero(which)])
    return pd.concat(parts, axis=1).iloc[:, order]


def _parsed(text: str, separator: str, longest: int, width: int, header: bool, name: str) -> pd.DataFrame:
    """Every value as text but where a whole column is of numbers; columns by place."""
    import pandas as pd

    try:
        table = pd.read_csv(
            io.StringIO(text), sep=separator, header=None, skiprows=0, index_col=False, usecols=list(range(width)),
            names=list(range(longest)), skipinitialspace=True, keep_default_na=False, na_values=[""], dtype=str,
            engine="c",
        )  # fmt: skip
    except (ValueError, pd.errors.ParserError) as error:
        raise StatementError(f"The file {name} is not a table of comma-separated values: {first_line(error)}") from None
    table = table.dropna(how="all")
    return table.iloc[1:].reset_index(drop=True) if header else table.reset_index(drop=True)
