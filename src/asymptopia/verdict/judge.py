"""The verdict on one observable: all its components, all sizes and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..contract.law import Observable, Statement
from .bound import every_bound, mean_bound
from .exponent import exponent
from .fluctuation import fluctuation
from .judgement import AGREES, DISAGREES, INCONCLUSIVE, Judgement, Outcome, Question, Sample
from .mean import mean

if TYPE_CHECKING:
    import xarray as xr

RESOLUTION = {"mean": 0.05, "fluctuation": 0.2, "exponent": 0.15, "bound": 0.05}


def judge(
    statement: Statement, name: str, limit: xr.Dataset, experiment: xr.Dataset, share: float, resolution: float | None
) -> Judgement:
    """The verdict on the observable `name`, each component tested two-sided at level `share`."""
    observable = statement.law.observables[name]
    source = experiment[observable.derived_from or name]
    outer = [d for d in source.dims if d not in ("size", "seed")]
    template = limit[name].transpose(*outer)
    values = source.transpose(*outer, "size", "seed").values
    values = values.reshape(template.size, *values.shape[len(outer) :])
    question = _question(statement, name, limit, template, share, resolution)
    sample = _sample(source["size"].values, values, question.scale, observable.self_averaging)
    outcome = _statistic(observable)(sample, question)
    table, by_size = _tables(template, sample, question, outcome)
    for dataset in (table, by_size):
        dataset.attrs = {"long_name": observable.doc, "symbol": observable.symbol, "units": observable.unit or "1"}
    return Judgement(name, *_conclude(outcome, sample, question), table, by_size)


def resolution_of(observable: Observable, asked: float | None) -> float:
    """The relative discrepancy to be resolved: the one asked for, the observable's own, or the default of its kind."""
    kinds = {"fluctuation": observable.fluctuation_of, "exponent": observable.exponent_of, "bound": observable.bound}
    kind = next((k for k, v in kinds.items() if v), "mean")
    return asked or observable.resolution or RESOLUTION[kind]


def _question(
    statement: Statement, name: str, limit: xr.Dataset, template: xr.DataArray, share: float, resolution: float | None
) -> Question:
    observable = statement.law.observables[name]
    target = template.values.reshape(-1)
    spread = np.zeros_like(target)
    if f"{name}_error" in limit:
        spread = limit[f"{name}_error"].transpose(*template.dims).values.reshape(-1)
    largest = np.abs(target[np.isfinite(target)]).max(initial=0.0)
    scale = float(max(largest, observable.scale or 0.0)) or 1.0
    bias = statement.law.bias if observable.bias is None else observable.bias
    return Question(target, spread, share, resolution_of(observable, resolution) * scale, scale, bias)


def _tables(
    template: xr.DataArray, sample: Sample, question: Question, outcome: Outcome
) -> tuple[xr.Dataset, xr.Dataset]:
    import xarray as xr

    dims = list(template.dims)
    labels = {d: template.coords[d] for d in dims if d in template.coords}
    columns = {
        "limit": question.target,
        "limit_error": question.spread,
        "estimate": outcome.estimate,
        "error": outcome.error,
        "z": outcome.z,
        "critical": outcome.critical,
        "scale": np.full_like(question.target, question.scale),
        "detectable": outcome.detectable,
        "failed": sample.failed,
    }
    rows = {"value": outcome.value, "error": outcome.value_error, "fit": outcome.fit}
    shape = (*template.shape, len(sample.sizes))
    return (
        xr.Dataset({k: (dims, np.asarray(v, float).reshape(template.shape)) for k, v in columns.items()}, labels),
        xr.Dataset({k: ((*dims, "size"), v.reshape(shape)) for k, v in rows.items()}, labels | {"size": sample.sizes}),
    )


def _sample(sizes: np.ndarray, values: np.ndarray, scale: float, self_averaging: bool) -> Sample:
    """Means and errors; unanimous seeds have the error of a rare event that none of them happened to meet."""
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    filled = np.where(finite, values, 0.0)
    indicator = (finite <= ((values == 0) | (values == 1))).all(axis=(1, 2))[:, None] & (not self_averaging)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = filled.sum(axis=-1) / count
        variance = (np.where(finite, values - mean[..., None], 0.0) ** 2).sum(axis=-1) / (count - 1)
        laplace = (filled.sum(axis=-1) + 1) / (count + 2)
        error = np.sqrt(np.where(indicator, laplace * (1 - laplace), variance) / count)
        unanimous = error <= 1e-12 * np.maximum(np.abs(mean), scale)
        error = np.where(unanimous, (1 / sizes if self_averaging else scale) / count, error)
    return Sample(sizes, values, mean, np.where(count >= 2, error, np.nan), count)


def _statistic(observable: Observable) -> Callable[[Sample, Question], Outcome]:
    if observable.fluctuation_of:
        return fluctuation
    if observable.exponent_of:
        return exponent
    return {None: mean, "mean": mean_bound, "every": every_bound}[observable.bound]


def _conclude(outcome: Outcome, sample: Sample, question: Question) -> tuple[str, str, str]:
    """Verdict, reason and what would settle it."""
    target, points = question.target, len(question.target)
    if outcome.refuted.any():
        return DISAGREES, _refutation(outcome, question), ""
    if unknown := int((~np.isfinite(target)).sum()):
        return INCONCLUSIVE, f"The limit is not a number at {unknown} of {points} points.", ""
    if failed := int(sample.failed.sum()):
        reason = f"{failed} of {sample.values.size} realisations gave no number."
        return INCONCLUSIVE, reason, "Retry the failed cells."
    if not np.isfinite(outcome.detectable).all():
        return INCONCLUSIVE, outcome.remark or "The error bar could not be computed.", "Use more sizes or seeds."
    if outcome.settled.all():
        seen = f"A discrepancy of {_size(outcome.detectable.max(), question)} would have been seen."
        return AGREES, f"{seen} {outcome.remark}".strip(), ""
    worst = float(np.where(outcome.settled, 0, outcome.detectable).max())
    reason = f"Only a discrepancy of {_size(worst, question)} would have been seen. {outcome.remark}".strip()
    if worst <= question.wanted:
        return INCONCLUSIVE, reason, "Use more than one size, or a coarser resolution."
    seeds = math.ceil(int(sample.count.max()) * (worst / question.wanted) ** 2)
    return INCONCLUSIVE, reason, f"About {seeds} seeds would resolve {100 * question.wanted / question.scale:.2g} %."


def _refutation(outcome: Outcome, question: Question) -> str:
    k = int(np.argmax(np.where(outcome.refuted, np.abs(outcome.z), -1)))
    where = f" at {int(outcome.refuted.sum())} of {len(question.target)} points" if len(question.target) > 1 else ""
    strength = f"z = {outcome.z[k]:.1f}" if np.isfinite(outcome.z[k]) else "the bound is exceeded"
    numbers = f"the experiment gives {outcome.estimate[k]:.6g} +- {outcome.error[k]:.2g} ({strength})"
    return f"The limit is {question.target[k]:.6g}, {numbers}{where}. {outcome.remark}".strip()


def _size(discrepancy: float, question: Question) -> str:
    return f"{discrepancy:.2g} ({100 * discrepancy / question.scale:.2g} % of {question.scale:.3g})"
