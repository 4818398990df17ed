"""The verb that sets published values against ours: landmarks, which laws must reproduce, and claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ..contract.catalogue import law_classes
from ..contract.law import Landmark, Law
from ..contract.record import StatementError
from ..study import names_of
from . import given
from .output import only_json, say, show_table
from .showing import fields_of

COLUMNS = ("statement", "observable", "published", "ours", "deviation", "tolerance", "verdict", "source")
CLAIM_COLUMNS = ("claim", "statement", "quantity", "published", "ours", "verdict", "source")


@click.command()
@given.json_option
@click.option("--claims", type=click.Path(path_type=Path), metavar="FOLDER", help="Published claims, judged as well.")
@click.argument("laws", nargs=-1, metavar="[LAW|FILE.py]...")
def atlas(laws: Sequence[str], claims: Path | None, as_json: bool) -> None:
    """Published values against ours.

    Of all laws, of those named, or of those in a file of yours.

    Exit status 1 if one is missed. With --claims, the claims in a folder are judged too; `run` on it says more.

    \b
    Examples:
      asymptopia atlas
      asymptopia atlas ERM MaxMargin --json
      asymptopia atlas mylaw.py
      asymptopia atlas Capacity --claims claims/
    """
    classes = law_classes()
    chosen: dict[str, type[Law]] = {}
    for name in laws:
        if given.is_file(name):
            chosen |= given.laws_in(name, names_of([name]))
        else:
            chosen[name] = given.law_class(name, classes)
    chosen = chosen or classes
    with only_json(as_json) as out:
        judged = [] if claims is None else judged_claims(claims, chosen)
        rows = [reproduced(cls, mark) for cls in chosen.values() for mark in cls.landmarks]
        out.append({"landmarks": rows} | ({} if claims is None else {"claims": judged}))
    if not as_json:
        show_table(COLUMNS, [[_cell(row[c]) for c in COLUMNS] for row in rows], right=COLUMNS[2:6], keys=2)
        for row in rows:
            if row["note"]:
                say(f"{row['statement']}: {row['note']}")
        if judged:
            told = [{**row, "claim": row["name"], "statement": row["law"], "source": row["paper"]} for row in judged]
            show_table(CLAIM_COLUMNS, [[_cell(row[c]) for c in CLAIM_COLUMNS] for row in told], "Claims")
    say(f"{len(rows)} landmarks, {len(judged)} claims")
    missed = [row for row in rows if row["verdict"] != "reproduced"]
    if missed:
        say(f"{len(missed)} of {len(rows)} published values are not reproduced.")
        raise SystemExit(1)


def judged_claims(folder: Path, chosen: dict[str, type[Law]]) -> list[dict[str, Any]]:
    """The claims of a folder about these laws, or laws of its own files, each with its ruling."""
    from ..study.claims import read_claims
    from ..study.claims.judging import plain, rule

    known = law_classes()
    asked = [c for c in read_claims(folder) if type(c.law).__name__ in chosen or len(chosen) == len(known)]
    return [plain(claim, rule(claim)) for claim in asked]


def reproduced(cls: type[Law], mark: Landmark) -> dict[str, Any]:
    """A landmark beside our value: reproduced, missed, or why there is none."""
    statement, ours, problem = f"{cls.__name__}({fields_of(mark)})", None, ""
    try:
        law = cls(**mark.fields)
        if mark.along:
            ours = float(law.thresholds(mark.along)[mark.observable])
        else:
            ours = float(law.limit()[mark.observable].values[mark.at])
    except (StatementError, ArithmeticError, KeyError, RuntimeError) as error:
        problem = f"failed: {error}"
    deviation = None if ours is None else ours - mark.value
    inside = deviation is not None and abs(deviation) <= mark.tolerance
    return {
        "statement": statement,
        "observable": f"{mark.observable} along {mark.along}" if mark.along else mark.observable,
        "published": mark.value,
        "ours": ours,
        "deviation": deviation,
        "tolerance": mark.tolerance,
        "verdict": problem or ("reproduced" if inside else "missed"),
        "source": mark.source,
        "note": mark.note,
    }


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.8g}" if isinstance(value, float) else str(value)
