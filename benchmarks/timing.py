"""What the benchmarks share: process CPU time, interleaved medians, options with a quick default, rows of one table."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

QUICK = "--quick" in sys.argv
ROWS = "BENCHMARK_ROWS"  # the environment names the file where rows are collected


def pick(full: Any, quick: Any) -> Any:
    """The second where the run is to be quick."""
    return quick if QUICK else full


def options(doc: str | None, **defaults: tuple[Any, Any]) -> argparse.Namespace:
    """Options of the command line, by name: the default, and that of a quick run."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, and do both sides agree?")
    for name, (full, quick) in defaults.items():
        parser.add_argument(f"--{name}", type=type(full), default=pick(full, quick))
    return parser.parse_args()


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Process CPU time of a call, and its result."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def medians(sides: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each side, interleaved, after a first call of each that is not counted."""
    for call in sides.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, call in sides.items():
            taken[name].append(seconds(call)[0])
    return {name: statistics.median(times) for name, times in taken.items()}


def row(
    case: str, ours: float | None = None, peer: float | None = None, name: str = "", unit: str = "s", note: str = ""
) -> None:
    """Print what was measured, and add it to the table: ours and the peer `name` in the same unit of time."""
    values = dict(case=case, ours=ours, peer=peer, name=name, unit=unit, note=note)
    print(shown(values), flush=True)
    if os.environ.get(ROWS):
        with open(os.environ[ROWS], "a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def shown(values: Mapping[str, Any]) -> str:
    """A row as text: case, ours, the peer, how many times as long it takes, and what is to be said."""

    def time_of(value: float | None) -> str:
        return "" if value is None else f"{value:.3g} {values['unit']}"

    ours, peer = values["ours"], values["peer"]
    ratio = f"{peer / ours:.2f} x" if ours and peer is not None else ""
    text = f"{values['case']:44} {time_of(ours):>11} {time_of(peer):>11} {ratio:>10}  {values['name']}"
    return f"{text}  {values['note']}".rstrip()
