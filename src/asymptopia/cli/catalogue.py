"""The verb that lists the laws, and their names for the Tab key."""

from __future__ import annotations

import itertools
import sys
import textwrap
from collections.abc import Sequence

import click

from ..contract.catalogue import law_modules
from ..contract.refusal import StatementError, nearest
from ..contract.search import Entry, entries, matching
from .output import fitted, only_json, width_of

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on standard output, nothing else."
)


def law_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The laws whose names go on as typed, for the Tab key."""
    return [name for name in law_modules() if name.lower().startswith(incomplete.lower())]


@click.command("list")
@json_option
@click.argument("words", nargs=-1, metavar="[WORD]...")
def list_laws(words: Sequence[str], as_json: bool) -> None:
    """The laws by field, each with a line.

    With WORDs, those that have all of them: first in their name or in what researchers call them, then elsewhere.

    \b
    Examples:
      asymptopia list
      asymptopia list double descent
      asymptopia list ising --json
    """
    known = entries()
    groups = matching(" ".join(words), known) if words else [known, [], []]
    if not any(groups):
        topics = {t for e in known for t in (e.name, e.field, *e.topics)}
        raise StatementError(f"No law mentions {' '.join(words)!r}.{nearest(' '.join(words), topics)}")
    with only_json(as_json) as out:
        out.append({"laws": [_plain(e) for group in groups for e in group]})
    if as_json:
        return
    width, name = width_of(sys.stdout), max(len(e.name) for e in known) + 2
    best = sorted([*groups[0], *groups[1]], key=lambda e: e.field)
    for entry_field, group in itertools.groupby(best, lambda e: e.field):
        click.echo(entry_field.replace("_", " "))
        for e in group:
            click.echo(f"  {e.name:{name}}{fitted(e.summary, width - name - 2)}")
    if groups[2]:
        names = ", ".join(e.name for e in groups[2])
        click.echo(textwrap.fill(f"mentioned by: {names}", width, subsequent_indent="  "))


def _plain(entry: Entry) -> dict[str, object]:
    return {
        "law": entry.name,
        "field": entry.field,
        "summary": entry.summary,
        "source": entry.source,
        "topics": list(entry.topics),
    }
