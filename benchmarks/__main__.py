"""Every benchmark, each in a process of its own, and one table of what they found.

    python benchmarks [--quick] [NAME ...]

A benchmark stops where its two sides do not agree: its row says so, and the exit status is then 1.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import ROWS, shown

HERE = Path(__file__).parent
NAMES = sorted(p.stem for p in HERE.glob("*.py") if p.stem not in ("__main__", "timing"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all if none is given")
    parser.add_argument("--quick", action="store_true", help="small sizes: two minutes altogether")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.names) - set(NAMES))
    if unknown:
        parser.error(f"no benchmark is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    found = {name: measure(name, chosen.quick) for name in chosen.names or NAMES}
    print(f"{'benchmark':18} {'case':44} {'ours':>11} {'peer':>11} {'peer/ours':>10}  peer")
    for name, (rows, failure) in found.items():
        for values in rows:
            print(f"{name:18} {shown(values)}")
        if failure:
            print(f"{name:18} failed: {failure}")
    return int(any(failure for _, failure in found.values()))


def measure(name: str, quick: bool) -> tuple[list[dict[str, object]], str]:
    """The rows of a benchmark, and the last line of what stopped it."""
    before = _spent()
    with tempfile.TemporaryDirectory() as folder:
        rows = Path(folder, "rows")
        rows.touch()
        script = HERE / f"{name}.py"
        if quick and "from timing import" not in script.read_text(encoding="utf-8"):
            return [_text("has no quick run")], ""
        command = [sys.executable, str(script), *(["--quick"] if quick else [])]
        done = subprocess.run(command, env=os.environ | {ROWS: str(rows)}, capture_output=True, text=True)
        collected = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    print(f"{name}: {_spent() - before:.0f} s of processor time", file=sys.stderr, flush=True)
    if not collected and done.stdout:  # a script that writes its own table
        collected = [_text(line) for line in done.stdout.splitlines()]
    said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    return collected, said[-1] if done.returncode else ""


def _text(line: str) -> dict[str, object]:
    """A row that is one line of text."""
    return dict(case=line, ours=None, peer=None, name="", unit="", note="")


def _spent() -> float:
    """Processor seconds of the benchmarks that are done."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main())
