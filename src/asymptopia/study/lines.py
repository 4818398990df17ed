"""Where in a TOML text a key stands; the parser of the standard library does not say."""

from __future__ import annotations

import re
from collections.abc import Iterator

Address = tuple[str | int, ...]

HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_of(text: str, address: Address) -> int:
    """The line (from 1) of the key at `address`, such as ("confront", 0, "sweep", "alpha"), or of its table."""
    known = {at: number for number, at in _keys(text)}
    lines = text.splitlines()
    for length in range(len(address), 0, -1):
        start = known.get(address[:length])
        if start is None:
            continue
        ends = [n for n in known.values() if n > start]
        last = min(ends, default=len(lines) + 1)
        return _inside(lines, start, last, address[length:])
    return 1


def _inside(lines: list[str], start: int, end: int, rest: Address) -> int:
    """The line of the last of these keys that stands in an inline table or array begun at `start`."""
    line = start
    for name in rest:
        pattern = re.compile(rf"(?<![\w-])[\"']?{re.escape(str(name))}[\"']?\s*=")
        line = next((n for n in range(line, end) if isinstance(name, str) and pattern.search(lines[n - 1])), line)
    return line


def _keys(text: str) -> Iterator[tuple[int, Address]]:
    table: Address = ()
    counts: dict[Address, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if header := HEADER.match(line):
            table = _resolve(_split(header[2]), counts)
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            yield number, table
        elif key := KEY.match(line):
            yield number, (*table, *_split(key[1]))


def _split(dotted: str) -> list[str]:
    return [piece.strip().strip("\"'") for piece in dotted.split(".")]


def _resolve(names: list[str], counts: dict[Address, int]) -> Address:
    """The address of a header, where the name of an array of tables means its newest element."""
    address: Address = ()
    for name in names[:-1]:
        address = (*address, name)
        if address in counts:
            address = (*address, counts[address])
    return (*address, names[-1])
