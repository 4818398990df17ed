"""Confront limit and experiment: extrapolate to infinite size, and judge each observable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.law import Statement, describe
from ..contract.record import StatementError
from ..contract.shown import Shown, drawing
from .judge import judge
from .judgement import AGREES, COARSEST, DISAGREES, ESTIMATED, INCONCLUSIVE, Judgement

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Confrontation(Shown):
    """A limit, an experiment and the judgements on their observables; made by `confront`.

    name: its name in a study or a report; empty for that of the statement.
    """

    statement: Statement
    limit: xr.Dataset
    experiment: xr.Dataset
    judgements: tuple[Judgement, ...]
    level: float
    warnings: tuple[str, ...]
    name: str = ""

    @property
    def verdict(self) -> str:
        """The worst of the observables' verdicts: disagrees, inconclusive, agrees; estimated without a claim."""
        verdicts = {j.verdict for j in self.judgements}
        return next((v for v in (DISAGREES, INCONCLUSIVE, AGREES, ESTIMATED) if v in verdicts), AGREES)

    @property
    def precision(self) -> float:
        """The largest discrepancy that could have been missed, as a share of its observable's scale."""
        return max((j.precision for j in self.judgements if j.verdict != ESTIMATED), default=math.nan)

    @property
    def headline(self) -> str:
        """The verdict, with what it is worth: "agrees to 1.2 %"."""
        return f"agrees to {100 * self.precision:.2g} %" if self.verdict == AGREES else self.verdict

    @property
    def advice(self) -> str:
        """What would settle it; empty if it is settled."""
        return " ".join(dict.fromkeys(j.advice for j in self.judgements if j.advice))

    def report(self, folder: str | Path | None = None, show: bool = True) -> Path:
        """Write the page, its figures and tables, and open it in a browser unless `show` is False; returns its path.

        folder: where; by default a new temporary one.
        """
        return drawing("open_report")(self, folder, show)

    def __getitem__(self, observable: str) -> Judgement:
        return next(j for j in self.judgements if j.observable == observable)

    def __str__(self) -> str:
        lines = [f"{self.name or repr(self.statement)}: {self.headline}"]
        lines += [f"  {j.observable}: {j.headline}. {j.reason} {j.advice}".rstrip() for j in self.judgements]
        return "\n".join([*lines, *(f"  warning: {w}" for w in self.warnings)])


def confront(
    statement: Statement,
    experiment: xr.Dataset | None = None,
    limit: xr.Dataset | None = None,
    *,
    sizes: Sequence[int] | None = None,
    seeds: int | Sequence[int] | None = None,
    level: float = 0.01,
    resolution: float | None = None,
) -> Confrontation:
    """Judge a law or a sweep of it: does the experiment, extrapolated to infinite size, agree with the limit?

    An observable **disagrees** if one of its components differs from its limit by more than its critical number of
    standard errors, under every admissible extrapolation; over all components of all observables a true theory is
    refuted with probability at most `level` (Sidak). It does not where only rare events, which all realisations may
    have missed, could make up the difference (see the guide on verdicts). It **agrees** if none does and a discrepancy
    of `resolution` times the observable's scale would have been seen with probability 0.9; otherwise it is
    **inconclusive**, with what would settle it. A nan never agrees. Where a law warns that its limit cannot be trusted,
    it neither agrees nor disagrees. One size, or several within a quarter of each other, cannot tell a finite-size
    correction from an error of the theory: means, fluctuations and exponents are then inconclusive unless their law
    declares that there is none (an infinite `bias`).

    statement:  the law or sweep.
    experiment, limit: from `Statement.experiment` and `Statement.limit`; computed if not given.
    sizes, seeds: of the experiment, as in `Statement.experiment`; by default the law's.
    level:      the probability of refuting a true theory, > 0 and < 1.
    resolution: > 0 and at most 0.1; by default the observable's own or 0.05 (0.1 for fluctuations and exponents).

    Raises `StatementError` if `level` or `resolution` is out of range.
    """
    if not 0 < level < 1:
        raise StatementError(f"`level` must be > 0 and < 1, but is {level!r}.")
    if resolution is not None and not 0 < resolution <= COARSEST:
        raise StatementError(f"`resolution` must be > 0 and <= {COARSEST:g}, but is {resolution!r}.")
    limit = statement.limit() if limit is None else limit
    experiment = statement.experiment(sizes, seeds) if experiment is None else experiment
    names = [k for k, o in statement.law.observables.items() if not o.limit_only]
    count = sum(int(np.isfinite(limit[k]).sum()) for k in names)
    share = 1 - (1 - level) ** (1 / max(count, 1))
    sizes = [int(n) for n in experiment["size"].values]
    reasons = [p.reason_to_doubt(sizes) for p in statement.points()]
    warnings, doubtful = tuple(describe(statement, reasons)), np.array([bool(reason) for reason in reasons])
    mend = _sizes_that_do(statement, sizes) if doubtful.any() else ""
    judgements = tuple(judge(statement, name, limit, experiment, share, resolution, doubtful, mend) for name in names)
    return Confrontation(statement, limit, experiment, judgements, level, warnings)


def _sizes_that_do(statement: Statement, sizes: Sequence[int]) -> str:
    """Larger sizes at which nothing is in doubt, as advice; empty if up to 16 times these do not help."""
    points = statement.points()
    if not any(p.too_small(sizes) for p in points) or any(p.valid() for p in points):
        return ""
    tried = ([factor * n for n in sizes] for factor in (2, 4, 8, 16))
    large = next((ns for ns in tried if not any(p.too_small(ns) for p in points)), None)
    return f"Use larger sizes, such as {', '.join(map(str, large))}." if large else ""
