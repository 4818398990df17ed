"""What a larger run will reach: laws of scale fitted to a ladder of runs, averaged, with intervals that are checked.

    found = extrapolate("runs.csv", x="flops", y="loss", at=1e22)
    print(found)

Each form has the posterior of its constants and its evidence, with noise whose size is unknown; the prediction averages
over forms with their probabilities. `benchmarks/extrapolate_coverage.py` measures how often intervals hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .checks import left_out, next_run
from .compare import Gain, gains
from .continuation import Continuation, continue_runs
from .discrepancy import Departing
from .fit import Fit, fitted, weights_of
from .ladder import Ladder, read_ladders
from .mixture import Mixture
from .result import AGREES, DISAGREES, ENOUGH, INCONCLUSIVE, REFUTED, Extrapolation, Prediction, predicted, said

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Continuation", "Extrapolation", "Gain", "Prediction", "compare", "continue_runs", "extrapolate"]

SHARE = 0.9
_DEPARTS = (
    "Runs depart from the law together, smoothly and by about {:.2g} %: what they show of that is in the predictions, "
    "and where they show nothing the intervals are wider by as much."
)
_ENOUGH, _FARTHEST, _MOST_OUT, _ROUNDS = 20, 5.0, 0.1, 5


def extrapolate(
    table: str | Path | pd.DataFrame,
    x: str | Sequence[str],
    y: str,
    at: float | Sequence[float] | Sequence[Sequence[float]],
    *,
    share: float = SHARE,
    by: str | None = None,
    run: str | None = None,
    encoding: str = "",
) -> Extrapolation:
    """What runs of larger sizes will reach, with an interval that averages over laws of scale.

    table:  a CSV, NPZ or Parquet file, or a pandas DataFrame, with one row a run; rows of equal x are repeated runs.
    x:      the column of sizes, as flops or tokens; or two, parameters and tokens, for Chinchilla's law.
    y:      the column of what was reached, which falls with x: a loss or an error, > 0.
    at:     the sizes asked for: a number, several, or (with two x) a pair or several.
    share:  of single runs that the interval is to hold.
    by:     a column that names recipes; the runs of the last one met are extrapolated. See `compare`.
    run:    a column that names runs, if rows are points of training curves: the last of each counts.
    encoding: of a text file, as in `asymptopia.tables.read_table`.

    Forms in one variable are power laws with and without a floor, an exponential, and broken power laws; in two
    Chinchilla's law, Kaplan's, and a product of powers. Each is tested for lack of fit. The largest runs are left out
    and predicted from the others; where that fails, or no form fits, intervals are widened by as much as it failed. Of
    20 runs or more that depart from the likeliest form together, the departure is learned; see `Departing`.

    Raises `StatementError` with everything that is wrong with the table.
    """
    names = [x] if isinstance(x, str) else list(x)
    places = _places(names, at)
    _check_share(share)
    ladder = list(read_ladders(table, names, y, by, run, encoding).values())[-1]
    return _extrapolated(ladder, places, share)


def compare(
    table: str | Path | pd.DataFrame,
    x: str,
    y: str,
    by: str,
    at: float | Sequence[float] = (),
    *,
    share: float = SHARE,
    run: str | None = None,
    encoding: str = "",
) -> tuple[Gain, ...]:
    """Whether a recipe is faster: by what factor the first needs more x to reach what each other one reaches.

    table, share, run, encoding: as in `extrapolate`.
    x:  the column of sizes, as flops or tokens.
    y:  the column of what was reached, which falls with x: a loss or an error, > 0.
    by: the column that names the recipe of each run; the first one met is what the others are compared with.
    at: sizes beyond the largest that both have, if any.

    Returns a `Gain` for each other recipe. Raises `StatementError` if the table has fewer than two recipes, and with
    everything else that is wrong with it.
    """
    places = _places([x], at)[:, 0] if np.size(at) else np.empty(0)
    _check_share(share)
    ladders = read_ladders(table, [x], y, by, run, encoding)
    if len(ladders) < 2:
        raise StatementError(f"`by` must be a column of two or more recipes, but {by} has one value only.")
    mixtures = {k: Mixture.of(_cleaned(v)[1]) for k, v in ladders.items()}
    return gains(ladders, mixtures, places, share)


def _extrapolated(ladder: Ladder, places: np.ndarray, share: float) -> Extrapolation:
    notes = list(ladder.notes)
    ladder, fits, note = _cleaned(ladder)
    notes += [note] if note else []
    mixture, checks = Mixture.of(fits), left_out(ladder, share)
    departing = Departing.of(mixture)
    forms = said(mixture, places, share)
    refuted = all(f.verdict == DISAGREES for f in forms)
    missed = sum(c.inside for c in checks) < ENOUGH * share * sum(c.runs for c in checks)
    missed |= any(c.surprise(share) < REFUTED for c in checks)
    failed = max((c.deviation for c in checks), default=1.0)
    widened = max(1.0, failed) if missed or (refuted and departing is None) else 1.0
    verdict, reason = _verdict(refuted, missed, bool(checks), widened)
    if departing is not None:
        reason += f" {_DEPARTS.format(100 * departing.size)}"
    return Extrapolation(
        ladder, mixture, departing, share, predicted(departing or mixture, places, share, widened), forms, checks,
        next_run(departing or mixture, ladder, places[-1], share), widened, verdict, reason,
        tuple(notes),
    )  # fmt: skip


def _verdict(refuted: bool, missed: bool, checked: bool, widened: float) -> tuple[str, str]:
    wider = f" Intervals are {widened:.2g} times wider for that." if widened > 1 else ""
    if refuted:
        return DISAGREES, f"No form fits these runs (lack of fit, p < {REFUTED:g}).{wider}"
    if missed:
        return DISAGREES, f"The largest runs are not where the smaller ones said.{wider}"
    if not checked:
        return INCONCLUSIVE, "There are too few sizes to leave the largest out and predict it."
    return AGREES, "A form fits, and the largest runs are where the smaller ones said."


def _cleaned(ladder: Ladder) -> tuple[Ladder, list[Fit], str]:
    """The ladder without outliers where it has 20 runs or more, its fits, and a note of what was left out.

    Outliers are five robust standard deviations from the most likely form, a tenth of the runs at most.
    """
    kept, out = np.ones(len(ladder.y), bool), 0
    for _ in range(_ROUNDS if len(ladder.y) >= _ENOUGH else 0):
        part = dataclasses.replace(ladder, x=ladder.x[kept], y=ladder.y[kept])
        fits = fitted(part, tested=False, points=400)
        best = fits[int(np.argmax(weights_of(fits)))]
        residual = np.log(ladder.y / best.curve(ladder.x)[best.best])
        off = np.abs(residual - np.median(residual[kept]))
        bound = max(_FARTHEST * 1.4826 * np.median(off[kept]), np.quantile(off, 1 - _MOST_OUT), 1e-12)
        if ((off <= bound) == kept).all():
            break
        kept = off <= bound
        out = int((~kept).sum())
    part = dataclasses.replace(ladder, x=ladder.x[kept], y=ladder.y[kept])
    note = f"{out} of {len(kept)} runs are far from every law and left out." if out else ""
    return part, fitted(part), note


def _places(names: Sequence[str], at: object) -> np.ndarray:
    """The sizes asked for, (M, v)."""
    try:
        places = np.atleast_1d(np.asarray(at, float))
    except (TypeError, ValueError):
        raise StatementError(f"`at` must be numbers > 0, but is {at!r}.") from None
    if places.ndim == 1:
        places = places[:, None] if len(names) == 1 else places[None]
    if places.ndim != 2 or not places.size or places.shape[1] != len(names) or len(names) not in (1, 2):
        raise StatementError(
            f"`at` must have a size for each of {', '.join(names)}, one or two of them, but is {at!r}."
        )
    if not (np.isfinite(places) & (places > 0)).all():
        raise StatementError(f"`at` must be numbers > 0, but is {at!r}.")
    return places


def _check_share(share: float) -> None:
    if not 0 < share < 1:
        raise StatementError(f"`share` must be > 0 and < 1, but is {share!r}.")
