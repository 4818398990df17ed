"""The memory that is left, so that an array that would not fit is refused before work begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def available() -> float:
    """The bytes that this process may still allocate, by the machine and its control group; inf if neither says."""
    return min(_machine(), _group())


def _machine() -> float:
    try:
        lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return 1024.0 * int(lines["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        pass
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, OSError, ValueError):
        return float("inf")


def _group() -> float:
    folder = Path("/sys/fs/cgroup")
    try:
        return float((folder / "memory.max").read_text()) - float((folder / "memory.current").read_text())
    except (OSError, ValueError):
        return float("inf")


def largest(high: int, fits: Callable[[int], bool]) -> int:
    """The largest whole number n < high with fits(n), by bisection; 0 if there is none."""
    low = 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
