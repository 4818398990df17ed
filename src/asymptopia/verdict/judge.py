"""The verdict on one observable: all its components, all sizes and seeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..contract.law import Observable, Statement
from .bound import every_bound, mean_bound
from .conclusion import conclude
from .exponent import exponent
from .fluctuation import fluctuation
from .indicator import step
from .judgement import COARSEST, Evidence, Judgement, Question
from .mean import mean
from .price import Price, price
from .sample import Sample, sample_of

if TYPE_CHECKING:
    import xarray as xr

RESOLUTION = {"mean": 0.05, "fluctuation": 0.1, "exponent": 0.1, "bound": 0.05}
ROUND_OFF = 1.5e-8  # the square root of the machine's precision, in units of the scale


def judge(
    statement: Statement,
    name: str,
    limit: xr.Dataset,
    experiment: xr.Dataset,
    share: float,
    resolution: float | None = None,
    doubtful: np.ndarray | None = None,
    mend: str = "",
) -> Judgement:
    """The verdict on the observable `name`, each component tested two-sided at level `share`.

    doubtful: for each point of the sweep, whether the limit cannot be trusted there; such points refute nothing.
    mend:     what would mend that, as advice.
    """
    observable = statement.law.observables[name]
    source = experiment[observable.derived_from or name]
    outer = [d for d in source.dims if d not in ("size", "seed")]
    template = limit[name].transpose(*outer)
    values = source.transpose(*outer, "size", "seed").values
    values = values.reshape(template.size, *values.shape[len(outer) :])
    question = _question(statement, name, limit, template, share, resolution)
    sample = sample_of(source["size"].values, values, question.scale, observable.self_averaging, question.target)
    failed = sample.failed
    if observable.conditional:
        failed = np.isinf(values).sum(axis=(1, 2))
        with np.errstate(invalid="ignore", divide="ignore"):
            sample = replace(sample, lost=np.nan_to_num(sample.lost * (failed / sample.failed)[:, None]))
    evidence = statistic(observable)(sample, question)
    warned = np.zeros(template.size, bool)
    if doubtful is not None:
        warned = np.broadcast_to(doubtful.reshape(-1, 1), (doubtful.size, template.size // doubtful.size)).reshape(-1)
    evidence = replace(evidence, refuted=evidence.refuted & ~warned)
    asked = price(evidence, sample, question)
    table, by_size = _tables(template, sample, question, evidence, asked, failed)
    for dataset in (table, by_size):
        dataset.attrs = {"long_name": observable.doc, "symbol": observable.symbol, "units": observable.unit or "1"}
    concluded = conclude(evidence, sample, question, asked, failed, warned, template, mend)
    return Judgement(name, *concluded, table, by_size, question.wanted)


def resolution_of(observable: Observable, asked: float | None = None) -> float:
    """The relative discrepancy to be resolved: the one asked for, the observable's own, or the default of its kind.

    Never coarser than a tenth.
    """
    kinds = {"fluctuation": observable.fluctuation_of, "exponent": observable.exponent_of, "bound": observable.bound}
    kind = next((k for k, v in kinds.items() if v), "mean")
    return min(asked or observable.resolution or RESOLUTION[kind], COARSEST)


def statistic(observable: Observable) -> Callable[[Sample, Question], Evidence]:
    """What compares realisations with the limit of an observable of this kind."""
    if observable.fluctuation_of:
        return fluctuation
    if observable.exponent_of:
        return exponent
    return {None: _mean_or_step, "mean": mean_bound, "every": every_bound}[observable.bound]


def _mean_or_step(sample: Sample, question: Question) -> Evidence:
    return step(sample, question, mean(sample, question))


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
    floor = ROUND_OFF * scale if observable.floor is None else observable.floor
    claim = "bound" if observable.bound else "exponent" if observable.exponent_of else "limit"
    return Question(target, spread, share, resolution_of(observable, resolution) * scale, scale, bias, floor, claim)


def _tables(
    template: xr.DataArray, sample: Sample, question: Question, evidence: Evidence, asked: Price, failed: np.ndarray
) -> tuple[xr.Dataset, xr.Dataset]:
    import xarray as xr

    dims = list(template.dims)
    labels = {d: template.coords[d] for d in dims if d in template.coords}
    columns = {
        "limit": question.target,
        "limit_error": question.spread,
        "estimate": evidence.estimate,
        "error": evidence.error,
        "extrapolation": evidence.extrapolation,
        "z": evidence.z,
        "critical": evidence.critical,
        "scale": np.full_like(question.target, question.scale),
        "detectable": evidence.detectable,
        "refuted": evidence.refuted,
        "settled": evidence.settled,
        "failed": failed,
        "needed": asked.seeds,
        "larger": asked.sizes,
    }
    rows = {"value": evidence.value, "error": evidence.value_error, "fit": evidence.fit}
    shape = (*template.shape, len(sample.sizes))
    sizes = {"size": sample.sizes.astype(int)}
    return (
        xr.Dataset({k: (dims, np.asarray(v, float).reshape(template.shape)) for k, v in columns.items()}, labels),
        xr.Dataset({k: ((*dims, "size"), v.reshape(shape)) for k, v in rows.items()}, labels | sizes),
    )
