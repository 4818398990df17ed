"""The verdict on existing numbers: runs of any program, in a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..contract.law import Law, Observable
from ..contract.record import StatementError
from ..tables import name_of
from .conclusion import place
from .confront import Confrontation, confront
from .extrapolation import decay
from .judgement import ESTIMATED, INCONCLUSIVE, Judgement
from .runs_claims import Columns
from .runs_law import with_limit_of
from .runs_table import Runs, read
from .sample import sample_of

if TYPE_CHECKING:
    import pandas as pd

Claim = float | str | Mapping[str, float | str] | None
MOST = 4  # numbers named in a sentence


def judge(
    table: str | Path | pd.DataFrame | Mapping[str, Sequence[Any]],
    *,
    value: str | Sequence[str],
    size: str | None = None,
    seed: str | None = None,
    by: str | Sequence[str] = (),
    limit: Claim | Law = None,
    exponent: Claim = None,
    bound: Claim = None,
    fluctuation: Claim = None,
    scale: Claim = None,
    bias: float = 1.0,
    level: float = 0.01,
    resolution: float | None = None,
    name: str = "",
    header: bool = True,
) -> Confrontation:
    """A verdict on runs of any program: do they, extrapolated to infinite size, agree with a limit?

    table:  a CSV, NPZ, NPY (structured), Parquet or JSON lines file, a DataFrame, or a mapping of columns.
    value:  the column of an observable, or several; `loss_*` takes all such columns as seeds of one observable `loss`.
    size:   the column of the size that grows; without it the columns named by numbers are sizes (and `value` is what
            the observable shall be called).
    seed:   the column of the seed; without it every row is a realisation of its own.
    by:     columns of parameters: each combination of their values is judged on its own, all as one family.
    limit, exponent, bound, fluctuation: the claims about infinite size: the mean tends to `limit`; |mean| grows as
            size**exponent; the mean never exceeds `bound`; size times the variance tends to `fluctuation`. A number,
            the name of a column (it may vary with `by`), or a mapping from observables to either. `limit` may be a law:
            then `by` names its fields and `value` its observables. Without a claim the runs are extrapolated, and
            nothing is refuted.
    scale:  natural size of an observable, to which discrepancies are compared; by default that of its limit.
    bias:   the finite-size correction falls about as size**-bias; exponents from half to 2.4 times that are admitted.
            Infinite if there is none, so that one size is enough.
    level, resolution: as in `confront`.
    name:   of the confrontation; by default that of the file.
    header: whether the first row of a text file names the columns; without, they are x1, x2, ...

    Raises `StatementError` with all problems of the table and the claims.
    """
    values = [value] if isinstance(value, str) else list(value)
    stated = limit if isinstance(limit, Law) else None
    claims = {"limit": None if stated else limit, "exponent": exponent, "bound": bound, "fluctuation": fluctuation}
    columns = Columns(values, size, seed, [by] if isinstance(by, str) else list(by), claims, scale)
    runs = read(table, columns, header)
    runs = runs if stated is None else with_limit_of(stated, runs)
    law = _law(runs, bias, name or (name_of(table) if isinstance(table, str | Path) else "runs"))
    return replace(_judged(law, runs, level, resolution), name=name or law.title)


class Measured(Law):
    """Numbers measured by another program."""

    title: ClassVar[str] = "runs"
    stated: ClassVar[Mapping[str, np.ndarray]] = {}
    places: ClassVar[Mapping[str, np.ndarray]] = {}

    def predict(self) -> dict[str, Any]:
        return dict(self.stated)

    def coords(self) -> dict[str, Any]:
        return dict(self.places)


def _law(runs: Runs, bias: float, title: str) -> Measured:
    """The law that claims what is claimed of the columns."""
    if not bias > 0:
        raise StatementError(f"`bias` must be > 0, or infinite without a finite-size correction, but is {bias!r}.")
    observables: dict[str, Observable] = {}
    stated: dict[str, np.ndarray] = {}
    for column, (kind, numbers) in runs.claims.items():
        scale = runs.scales.get(column)
        base = Observable("", f"column {column}", dims=tuple(runs.places), scale=scale, conditional=True)
        observables[column] = replace(base, bound="mean") if kind == "bound" else base
        stated[column] = numbers if kind in ("limit", "bound") else np.full_like(numbers, np.nan)
        if kind == "exponent":
            doc = f"exponent of the growth of {column} over {runs.size}"
            observables[f"{column}_exponent"] = replace(base, doc=doc, exponent_of=column)
        elif kind == "fluctuation":
            doc = f"{runs.size} times the variance of {column}"
            observables[f"{column}_fluctuation"] = replace(base, doc=doc, fluctuation_of=column)
        if kind in ("exponent", "fluctuation"):
            stated[f"{column}_{kind}"] = numbers
        if column in runs.errors:
            stated[f"{column}_error"] = runs.errors[column]
    doc = f"{title}: measured by another program, {', '.join(runs.claims)} over {runs.size}."
    made = type("Runs", (Measured,), {
        "__doc__": doc, "observables": observables, "size": runs.size, "bias": float(bias), "title": title,
        "stated": stated, "places": runs.places, "sizes": tuple(map(int, runs.sizes)), "seeds": runs.seeds,
        "source": runs.source, "status": "a claim about numbers of your own",
    })  # fmt: skip
    return made()


def _judged(law: Measured, runs: Runs, level: float, resolution: float | None) -> Confrontation:
    import xarray as xr

    dims = tuple(runs.places)
    coords = {**runs.places, "size": runs.sizes, "seed": np.arange(runs.seeds)}
    experiment = xr.Dataset({k: ((*dims, "size", "seed"), v) for k, v in runs.values.items()}, coords)
    limit = xr.Dataset({k: (dims, np.asarray(v, float)) for k, v in law.stated.items()}, dict(runs.places))
    confrontation = confront(law, experiment, limit, level=level, resolution=resolution)
    judgements = [
        _estimated(j, runs) if np.isnan(law.stated[j.observable]).all() else j for j in confrontation.judgements
    ]
    return replace(confrontation, judgements=tuple(_noted(j, runs.notes) for j in judgements))


def _noted(judgement: Judgement, notes: Mapping[str, str]) -> Judgement:
    note = notes.get(judgement.observable, "")
    return replace(judgement, reason=f"{judgement.reason} {note}") if note else judgement


def _estimated(judgement: Judgement, runs: Runs) -> Judgement:
    """The judgement where nothing is claimed: what the runs extrapolate to, and how fast."""
    if judgement.verdict != INCONCLUSIVE:
        return judgement
    table, one_size = judgement.table, len(runs.sizes) == 1
    error = np.asarray(table["error"] if one_size else table["error"] + table["extrapolation"])
    numbers = []
    for k, (v, e) in enumerate(zip(table["estimate"].values.flat, error.flat, strict=True)):
        where = place(table["estimate"], k)
        numbers.append(shorthand(float(v), float(e)) + (f" at {where}" if where else ""))
    some = "; ".join(numbers[:MOST]) + ("; ..." if len(numbers) > MOST else "")
    failed = int(table["failed"].sum())
    end = f"; {failed} values are no numbers." if failed else "."
    if one_size:
        text = f"The mean at size {runs.sizes[0]} is {some}; one size says nothing about infinite size{end}"
        return replace(judgement, verdict=ESTIMATED, reason=text, advice="Use at least three sizes.")
    text = f"Extrapolates to {some}" + (
        f" (seeds {float(table['error'].max()):.2g}, extrapolation {float(table['extrapolation'].max()):.2g})"
    )
    values = runs.values[judgement.observable]
    b, spread = decay(sample_of(runs.sizes, values.reshape(-1, *values.shape[-2:]), 1.0))
    if len(b) == 1 and np.isfinite(b[0]):
        text += f"; the correction falls with exponent {shorthand(float(b[0]), float(spread[0]))}"
    return replace(judgement, verdict=ESTIMATED, reason=text + end, advice="")


def shorthand(value: float, error: float) -> str:
    """A number with its error in the last digits: 0.2513(9)."""
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return f"{value:.6g}"
    places = -math.floor(math.log10(error))
    if round(error * 10**places) < 2:
        places += 1
    if places <= 0:
        return f"{value:.0f}({math.ceil(error):d})"
    return f"{value:.{places}f}({math.ceil(error * 10**places - 1e-9):d})" if places < 15 else f"{value:.6g}"
