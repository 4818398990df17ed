"""An extrapolation as a page in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report import Section, Table, write_results
from .result import Extrapolation, chart

if TYPE_CHECKING:
    from .compare import Gain
    from .continuation import Continuation


def write_page(
    extrapolation: Extrapolation,
    folder: str | Path,
    title: str,
    provenance: Mapping[str, Any],
    gains: Sequence[Gain] = (),
) -> Path:
    """The page, its figure and its tables in a folder; returns the path of the page."""
    tables = [Table(columns, rows, name) for name, columns, rows in extrapolation.tables()]
    body = [f"Verdict: {extrapolation.verdict}. {extrapolation.reason}"]
    body += [extrapolation.next_run.sentence(extrapolation.ladder.names)]
    body += [gain.sentence(extrapolation.ladder.names[0]) for gain in gains]
    body += ["\n".join(f"- {note}" for note in extrapolation.notes)] if extrapolation.notes else []
    section = Section(title, "\n\n".join(body), tables, [chart(extrapolation)], extrapolation.verdict, early=True)
    return write_results(folder, [], title=title, provenance=provenance, extra_sections=[section])


def write_continuation(
    continuation: Continuation, folder: str | Path, title: str, provenance: Mapping[str, Any]
) -> Path:
    """The page of loss curves that were continued; returns its path."""
    tables = [Table(columns, rows, name) for name, columns, rows in continuation.tables()]
    notes = "\n".join(f"- {note}" for note in continuation.notes)
    body = "\n\n".join([f"Verdict: {continuation.verdict}. {continuation.reason}", notes]).strip()
    section = Section(title, body, tables, [continuation.chart()], continuation.verdict, early=True)
    return write_results(folder, [], title=title, provenance=provenance, extra_sections=[section])
