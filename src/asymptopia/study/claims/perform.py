"""A folder of claims, ruled on: what is done already is kept, and one page says it all."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...engine.code import fingerprint, theory_fingerprint
from ...verdict.judgement import AGREES, DISAGREES, INCONCLUSIVE
from . import Claim
from .judging import FAILED, Ruling, plain, rule

KEPT = "claims.json"
ORDER = (DISAGREES, FAILED, INCONCLUSIVE, AGREES)


def perform(claims: Sequence[Claim], folder: Path, message: Callable[[str], None]) -> list[Ruling]:
    """The ruling on each claim; what a results folder holds of the same claim and code is not computed again.

    Every ruling is stored as soon as it is made, so that an interrupted run is resumed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kept = _read(folder / KEPT)
    rulings = []
    for k, claim in enumerate(claims):
        mark = _mark(claim)
        known = kept.get(claim.name, {})
        if known.get("mark") == mark and known.get("verdict") != FAILED:
            ruling = _ruling(known)
        else:
            ruling = rule(claim)
            message(f"{k + 1}/{len(claims)} {claim.name}: {ruling.verdict} ({ruling.seconds:.1f} s)")
            kept[claim.name] = {"mark": mark, **plain(claim, ruling)}
            _write(folder / KEPT, kept)
        rulings.append(ruling)
    return rulings


def write_page(claims: Sequence[Claim], rulings: Sequence[Ruling], folder: Path) -> Path:
    """One page: how many claims stand, those that do not and why, and all of them with precision and price."""
    from ... import __version__
    from ...report import Section, Table, write_report

    both = sorted(zip(claims, rulings, strict=True), key=lambda p: (ORDER.index(p[1].verdict), p[0].name))
    header = ("claim", "published", "ours", "experiment", "verdict", "within", "CPU s")
    numeric = (False, False, True, True, False, True, True)
    all_of_them = Table(header, [row(c, r) for c, r in both], caption=summary(rulings), numeric=numeric)
    doubted = [_doubt(c, r) for c, r in both if r.verdict != AGREES]
    body = (
        "Each line is a sentence of a paper in our words. Our limit is compared with the printed value at the "
        "precision of its print; an experiment is finite systems, extrapolated, against the same printed value. "
        "The column `within` has the largest relative deviation that the claim can still have."
    )
    return write_report(
        folder / "report.html",
        [],
        title="Published claims, judged",
        provenance={"asymptopia": __version__, "python": platform.python_version()},
        extra_sections=[
            Section("All claims", body, [all_of_them], early=True),
            *([Section("Those that do not stand, and why", "\n\n".join(doubted), early=True)] if doubted else []),
            Section("What was computed, and how each was found", tables=[_origins(both)]),
        ],
        downloads=[KEPT],
    )


def summary(rulings: Sequence[Ruling]) -> str:
    """How many claims have which verdict, and what it cost."""
    count = {v: sum(r.verdict == v for r in rulings) for v in ORDER}
    said = ", ".join(f"{n} {v}" for v, n in count.items() if n)
    return f"{len(rulings)} claims: {said}; {sum(r.seconds for r in rulings):.0f} s of CPU time."


def row(claim: Claim, ruling: Ruling) -> tuple[str, ...]:
    """A claim as a line of a table."""
    said = claim.said
    relation = "" if said.relation == "=" else {"<=": "≤ ", ">=": "≥ "}[said.relation]
    return (
        f"{said.claim} {said.paper} ({said.year}), {said.place}.",
        f"{relation}{said.value}",
        _number(ruling.ours, ruling.error),
        _number(ruling.estimate, ruling.spread),
        ruling.verdict,
        "" if ruling.precision != ruling.precision else f"{ruling.precision:.1g}",
        f"{ruling.seconds:.1f}",
    )


def asked(claim: Claim) -> str:
    """What of which statement is claimed, as code."""
    said = claim.said
    kind = " slope along" if said.slope else " minimised along" if said.minimum else " along"
    along = f"{kind} `{said.along}`" if said.along else ""
    return f"`{said.quantity}`{along} of `{said.law}`"


def _doubt(claim: Claim, ruling: Ruling) -> str:
    note = f" {claim.said.note}" if claim.said.note else ""
    return f"{claim.name} {ruling.verdict}. {claim.said.claim} Published: {claim.said.value}. {ruling.reason}{note}"


def _origins(both: Sequence[tuple[Claim, Ruling]]) -> Any:
    from ...report import Table

    rows = [(c.name, asked(c), c.said.found, c.said.note) for c, _ in both]
    return Table(("claim", "quantity", "how it was found", "note"), rows, numeric=(False,) * 4)


def _number(value: float, error: float) -> str:
    if value != value:
        return ""
    return f"{value:.6g}" + (f" ± {error:.1g}" if error > 0 else "")


def _mark(claim: Claim) -> str:
    code = [claim.text, theory_fingerprint(claim.law)]
    code += [fingerprint(claim.law)] if claim.said.experiment else []
    return hashlib.sha256("\n".join(code).encode()).hexdigest()[:16]


def _ruling(known: dict[str, Any]) -> Ruling:
    return Ruling(**{f.name: known[f.name] for f in dataclasses.fields(Ruling)})


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """What a folder holds; nothing where it holds nothing readable."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {k: v for k, v in found.items() if {"mark", *Ruling.__dataclass_fields__} <= set(v)}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _write(path: Path, kept: dict[str, dict[str, Any]]) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    fresh.replace(path)
