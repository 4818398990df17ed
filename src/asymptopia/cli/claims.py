"""What `run` does with a folder of published claims."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ..contract.record import StatementError
from .output import only_json, say, show_table

NOT_HERE = {
    "sweeps": "--sweep", "sizes": "--sizes", "seeds": "--seeds", "level": "--level", "resolution": "--resolution",
    "law": "--law", "files": "--with", "shard": "--shard",
}  # fmt: skip


def is_claims(text: str) -> bool:
    """Whether a word of the command names a folder of claims, or the file of one."""
    path = Path(text.strip())
    if os.path.isdir(path):  # of a path that is too long, too
        return True
    if path.suffix != ".toml" or not os.path.isfile(path):
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.partition("=")[0].strip() == "claim" for line in lines)


def run_claims(path: str, out: Path | None, strict: bool, as_json: bool, options: dict[str, Any]) -> None:
    """Rule on every claim, print the rulings, and write a page; exit status 1 if one could not be computed."""
    from ..study.claims import read_claims
    from ..study.claims.judging import plain
    from ..study.claims.perform import perform, summary, write_page

    for name, option in NOT_HERE.items():
        if options.get(name) not in (None, ()):
            raise StatementError(f"{option} does not apply to claims: each file in {path} states what it needs.")
    claims = read_claims(path)
    folder = out or Path("results") / Path(path).resolve().stem
    with only_json(as_json) as items:
        rulings = perform(claims, folder, say)
        page = write_page(claims, rulings, folder)
        items.append({"folder": str(folder), "claims": [plain(c, r) for c, r in zip(claims, rulings, strict=True)]})
    verdicts = [r.verdict for r in rulings]
    if not as_json:
        rows = [(c.name, c.said.value, f"{r.ours:.6g}", r.verdict, f"{r.seconds:.1f}", r.reason if r.verdict != "agrees"
                 else "") for c, r in zip(claims, rulings, strict=True)]  # fmt: skip
        show_table(
            ("claim", "published", "ours", "verdict", "CPU s", "why"), rows, right=("published", "ours", "CPU s")
        )
        say(f"{summary(rulings)} The page: {page}")
    if "failed" in verdicts or (strict and "disagrees" in verdicts):
        raise SystemExit(1)
