"""Read files of JSON lines: each line is an object, a row of the table."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

from .problems import Problems

if TYPE_CHECKING:
    import pandas as pd

MOST = 5  # lines named in a message
PLAIN = (bool, int, float, str, type(None))


def read_lines(file: Path, name: str) -> pd.DataFrame:
    """The rows of a .jsonl or .ndjson file, also compressed; what a row does not have is missing.

    Raises `StatementError` with the lines that are no JSON object of numbers and words.
    """
    import pandas as pd

    problems, rows = Problems(name), []
    for number, line in enumerate(_text(file, problems).split("\n"), 1):
        if not line.strip():
            continue
        if len(problems.sentences) == MOST:
            break
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            problems.add(f"has no JSON in line {number}: {line[:40]!r}.")
            continue
        if not isinstance(row, dict):
            problems.add(f'has no object in line {number}, as in {{"n": 100, "loss": 0.25}}, but {line[:40]!r}.')
        elif nested := [k for k, v in row.items() if not isinstance(v, PLAIN)]:
            problems.add(f"must have numbers or words in line {number}, but {nested[0]!r} is a list or an object.")
        else:
            rows.append(row)
    if not rows and not problems.sentences:
        problems.add("has no rows.")
    problems.stop()
    return pd.DataFrame(rows)


def _text(file: Path, problems: Problems) -> str:
    content = file.read_bytes()
    try:
        return (gzip.decompress(content) if file.suffix.lower() == ".gz" else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error):
        problems.add("is not compressed by gzip, or is cut off.")
    except UnicodeDecodeError:
        problems.add("must be text in UTF-8.")
    problems.stop()
    return ""
