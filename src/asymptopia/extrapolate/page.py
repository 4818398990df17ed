"""An extrapolation as a chart, and as a page in a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..report import Chart, Curve, Measured, Section, Table, curve_figure, write_results

if TYPE_CHECKING:
    from .compare import Gain
    from .result import Extrapolation

_GRID = 60


def chart(extrapolation: Extrapolation) -> Chart:
    """Runs, the average over forms with its interval, the forms that are not refuted, and the sizes asked for.

    With two variables, what runs reached against what the law says of them.
    """
    return _line(extrapolation) if len(extrapolation.ladder.names) == 2 else _against(extrapolation)


def _line(extrapolation: Extrapolation) -> Chart:
    ladder, places = extrapolation.ladder, np.array([p.at for p in extrapolation.predictions])
    x = np.geomspace(ladder.x.min(), max(places.max(), ladder.x.max()), _GRID)
    curves = extrapolation.mixture.curves(x[:, None])
    ends = np.quantile(curves, [(1 - extrapolation.share) / 2, 0.5, (1 + extrapolation.share) / 2], axis=0)
    asked = Measured(
        "asked for, a single run", places[:, 0], np.array([p.median for p in extrapolation.predictions]),
        np.array([(p.high - p.low) / 2 for p in extrapolation.predictions]), role="size",
    )  # fmt: skip
    runs = Measured("runs", ladder.x[:, 0], ladder.y)
    average = Curve(
        "average over forms", x, ends[1], extrapolation.widened * (ends[2] - ends[0]) / 2, measured=(runs, asked)
    )
    return curve_figure(
        [average], name="extrapolation", title=f"{ladder.names[1]} against {ladder.names[0]}", xlabel=ladder.names[0],
        ylabel=ladder.names[1], xlog=True, ylog=True, line="average over forms",
        caption=f"The band and the bars hold {100 * extrapolation.share:g} %: of curves, and of single runs.",
    )  # fmt: skip


def _against(extrapolation: Extrapolation) -> Chart:
    ladder, y = extrapolation.ladder, extrapolation.ladder.names[-1]
    said = np.median(extrapolation.mixture.curves(ladder.x), axis=0)
    ends = np.array([min(said.min(), ladder.y.min()), max(said.max(), ladder.y.max())])
    line = Curve("as predicted", ends, ends, measured=(Measured("runs", said, ladder.y),))
    return curve_figure(
        [line], name="extrapolation", title=f"{y}: runs against the law", xlabel=f"{y} by the law",
        ylabel=f"{y} reached", xlog=True, ylog=True, line="as predicted",
        caption="Each point is a run; the line is where both are equal.",
    )  # fmt: skip


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
    body += [] if extrapolation.next_run is None else [extrapolation.next_run.sentence(extrapolation.ladder.names)]
    body += [gain.sentence(extrapolation.ladder.names[0]) for gain in gains]
    body += ["\n".join(f"- {note}" for note in extrapolation.notes)] if extrapolation.notes else []
    section = Section(title, "\n\n".join(body), tables, [chart(extrapolation)], extrapolation.verdict, early=True)
    return write_results(folder, [], title=title, provenance=provenance, extra_sections=[section])
