"""The command line: a law put to work off its defaults."""

from __future__ import annotations

from typing import Any

import click

from ..contract.catalogue import law_classes
from ..contract.exercises import exercises
from ..contract.law import Law
from ..contract.record import StatementError
from ..study import names_of
from . import given
from .output import only_json, say, show_table, warn
from .verdicts import confrontation_json, show_verdicts

BUDGET = 120.0
"""Seconds for each statement."""


@click.command()
@given.json_option
@click.option(
    "--budget", type=float, default=BUDGET, show_default=True, metavar="S", help="Seconds for each statement."
)
@click.argument("law", required=False, metavar="[LAW]")
def check(law: str | None, budget: float, as_json: bool) -> None:
    """Confront a law where all its terms matter.

    The defaults of a law switch some of its terms off, such as a noise or a temperature of zero. Its exercises are
    statements off the defaults. LAW is a name or a .py file of your own laws; without it, all exercises are listed.
    Nothing is stored.

    \b
    Examples:
      asymptopia check
      asymptopia check SGDDynamics
      asymptopia check mylaw.py --budget 30

    \b
    Exit status: 0 none is refuted, 1 one is, 2 bad input.
    """
    if not budget >= 0:
        raise StatementError(f"`budget` must be >= 0 seconds, but is {budget:g}.")
    if law is None:
        return _list(as_json)
    statements = [s for cls in _classes(law) for s in (cls(), *exercises(cls))]
    with only_json(as_json) as printed:
        confrontations = []
        for statement in statements:
            warn(statement.warnings())
            say(f"{statement.short()}: running")
            confrontations.append(_settled(statement, budget))
        printed.append({"law": law, "confrontations": [confrontation_json(c) for c in confrontations]})
    if not as_json:
        show_verdicts(law, [(repr(c.statement), c) for c in confrontations])
    refuted = sum(c.verdict == "disagrees" for c in confrontations)
    agreed = sum(c.verdict == "agrees" for c in confrontations)
    say(f"{agreed} of {len(confrontations)} statements agree, {refuted} are refuted")
    if refuted:
        raise SystemExit(1)


def _settled(statement: Law, budget: float) -> Any:
    from ..verdict.stages import settle

    return settle(statement, budget, message=say)


def _classes(law: str) -> list[type[Law]]:
    if given.is_file(law):
        return list(given.laws_in(law, names_of([law])).values())
    return [given.law_class(law, law_classes())]


def _list(as_json: bool) -> None:
    """The exercises that laws state; the others have all their numbers moved."""
    stated = {k: [repr(s) for s in exercises(c)] for k, c in law_classes().items() if c.exercises}
    with only_json(as_json) as printed:
        printed.append({"exercises": stated})
    if not as_json:
        show_table(("law", "exercise"), [(k if i == 0 else "", s) for k, v in stated.items() for i, s in enumerate(v)])
        others = [k for k, c in law_classes().items() if not c.exercises]
        click.echo(f"With every number moved off its default: {', '.join(others)}.")
