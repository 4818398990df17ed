"""The statistics behind a verdict: one observable, all its components, all sizes and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .contract.law import Observable, Statement

if TYPE_CHECKING:
    import xarray as xr

    from .numerics.extrapolation import Extrapolation

AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
POWER = 1.2816  # normal quantile: a discrepancy called detectable is seen nine times in ten
RESOLUTION = {"mean": 0.05, "fluctuation": 0.2, "exponent": 0.15, "bound": 0.05}


@dataclass(frozen=True)
class Judgement:
    """The verdict on one observable.

    table:   over (*sweep, *dims of the observable): limit, limit_error, estimate (at infinite size), error, z,
             critical (the |z| that refutes at the family-wise level), scale, detectable (the discrepancy that would
             have been seen nine times in ten), failed (realisations that gave no number).
    by_size: over (*sweep, *dims, size): value, error, and the fitted finite-size correction as `fit`.
    """

    observable: str
    verdict: str
    reason: str
    advice: str
    table: xr.Dataset
    by_size: xr.Dataset

    @property
    def largest_z(self) -> float:
        """The largest |z| over all components; nan if none could be computed."""
        z = np.abs(self.table["z"].values)
        return float(np.nanmax(z)) if np.isfinite(z).any() else math.nan


@dataclass(frozen=True)
class Question:
    """What is asked of K components: their limits and errors (K,), and how closely.

    share:  the level of each component's two-sided test.
    wanted: the discrepancy that should be detectable, in units of the observable.
    scale:  the size of the observable to which discrepancies are compared.
    bias:   the finite-size correction falls as n**-bias.
    """

    target: np.ndarray
    spread: np.ndarray
    share: float
    wanted: float
    scale: float
    bias: float


@dataclass(frozen=True)
class Sample:
    """Realisations (K, S, seeds) of K components at S sizes; their mean, standard error and number, each (K, S)."""

    sizes: np.ndarray
    values: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    count: np.ndarray

    @property
    def failed(self) -> np.ndarray:
        """How many realisations of each component gave no number."""
        return (~np.isfinite(self.values)).sum(axis=(1, 2))


@dataclass(frozen=True)
class Outcome:
    """What a statistic says of each component (K,), and by size (K, S): value, error and fitted curve."""

    estimate: np.ndarray
    error: np.ndarray
    z: np.ndarray
    critical: np.ndarray
    detectable: np.ndarray
    refuted: np.ndarray
    settled: np.ndarray
    value: np.ndarray
    value_error: np.ndarray
    fit: np.ndarray
    remark: str = ""


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
        return _fluctuation
    if observable.exponent_of:
        return _exponent
    return {None: _mean, "mean": _mean_bound, "every": _every_bound}[observable.bound]


def _mean(sample: Sample, question: Question) -> Outcome:
    from .numerics.extrapolation import extrapolate

    fit = extrapolate(sample.sizes, sample.mean, sample.error, sample.count, question.bias)
    return _compare(question, fit, len(sample.sizes) > 1, sample.mean, sample.error, fit.curve(sample.sizes))


def _fluctuation(sample: Sample, question: Question) -> Outcome:
    """n * variance, compared on a logarithmic scale, where its estimate is closest to normal."""
    from scipy.special import digamma, polygamma

    from .numerics.extrapolation import extrapolate

    finite = np.isfinite(sample.values)
    with np.errstate(invalid="ignore", divide="ignore"):
        centred = np.where(finite, sample.values - sample.mean[..., None], 0.0)
        variance = (centred**2).sum(axis=-1) / (sample.count - 1)
        kurtosis = ((centred**2 / variance[..., None]) ** 2).sum(axis=(1, 2)) / finite.sum(axis=(1, 2))
        half = (sample.count - 1) / np.maximum(kurtosis - 1, 0.5)[:, None]  # half the degrees of freedom of chi-square
        value = sample.sizes * variance
        logs = np.where(variance > 0, np.log(value) - digamma(half) + np.log(half), np.nan)
        error = np.sqrt(polygamma(1, half))
        target = np.where(question.target > 0, question.target, np.nan)
        relative = replace(
            question, target=np.log(target), spread=question.spread / target, wanted=question.wanted / question.scale
        )
        fit = extrapolate(sample.sizes, logs, error, 2 * half + 1, question.bias)
        curve = np.exp(fit.curve(sample.sizes))
        outcome = _compare(relative, fit, len(sample.sizes) > 1, value, value * error, curve)
        estimate = np.exp(outcome.estimate)
    return replace(
        outcome,
        estimate=estimate,
        error=estimate * outcome.error,
        detectable=question.scale * outcome.detectable,
        remark=outcome.remark if (question.target > 0).all() else "A fluctuation must have a positive limit.",
    )


def _exponent(sample: Sample, question: Question) -> Outcome:
    from .numerics.extrapolation import slope

    nothing = np.full_like(sample.mean, np.nan)
    if len(sample.sizes) < 3:
        k, no = nothing[:, 0], np.zeros(len(nothing), bool)
        remark = "An exponent needs at least three sizes."
        return Outcome(k, k, k, k, k, no, no, sample.mean, sample.error, nothing, remark)
    fit = slope(sample.sizes, sample.mean, sample.error, sample.count)
    line = np.exp(fit.coefficient[:, :1]) * sample.sizes ** fit.intercept[:, None]
    return _compare(question, fit, True, sample.mean, sample.error, line)


def _mean_bound(sample: Sample, question: Question) -> Outcome:
    """The mean must not exceed the bound at any size: one-sided, the level shared among the sizes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.hypot(sample.error, question.spread[:, None])
        z = (sample.mean - question.target[:, None]) / error
    worst = np.argmax(np.where(np.isfinite(z), z, -np.inf), axis=1)[:, None]
    mean, error, z, count = (np.take_along_axis(a, worst, 1)[:, 0] for a in (sample.mean, error, z, sample.count))
    critical = _critical(count - 1, 2 * question.share / len(sample.sizes))
    refuted = z > critical
    settled = ~refuted & (mean + critical * error <= question.target + question.wanted)
    nothing = np.full_like(sample.mean, np.nan)
    reach = (critical + POWER) * error
    return Outcome(mean, error, z, critical, reach, refuted, settled, sample.mean, sample.error, nothing)


def _every_bound(sample: Sample, question: Question) -> Outcome:
    """No realisation may exceed the bound; N realisations without a violation resolve 3/N of them at best."""
    largest = np.where(np.isfinite(sample.values), sample.values, -np.inf).max(axis=-1)
    top, total = largest.max(axis=1), sample.count.sum(axis=1)
    refuted = top > question.target + 1e-9 * np.maximum(np.abs(question.target), 1) + question.spread
    unseen = 3 / np.maximum(total, 1)
    zero, nothing = np.zeros_like(top), np.full_like(largest, np.nan)
    return Outcome(
        estimate=top,
        error=zero,
        z=np.where(refuted, np.inf, 0.0),
        critical=np.full_like(top, np.nan),
        detectable=unseen * question.scale,
        refuted=refuted,
        settled=~refuted & (unseen * question.scale <= question.wanted),
        value=largest,
        value_error=np.zeros_like(largest),
        fit=nothing,
        remark="" if refuted.any() else f"No violation in {total.min()} realisations.",
    )


def _compare(
    question: Question,
    fit: Extrapolation,
    extrapolated: bool,
    value: np.ndarray,
    value_error: np.ndarray,
    curve: np.ndarray,
) -> Outcome:
    """Student's test of the intercept; with one size an equivalence test up to the resolution."""
    critical = _critical(fit.degrees, question.share)
    total = np.hypot(fit.error, question.spread)
    difference = fit.intercept - question.target
    with np.errstate(invalid="ignore", divide="ignore"):
        z = difference / total
    detectable = (critical + POWER) * total
    if extrapolated:
        refuted = np.abs(z) > critical
        settled = ~refuted & (detectable <= question.wanted)
        remark = ""
    else:
        refuted = np.abs(difference) - critical * total > question.wanted
        settled = np.abs(difference) + critical * total <= question.wanted
        remark = "One size only: judged up to the resolution, without extrapolation."
    estimate, error = fit.intercept, fit.error
    return Outcome(estimate, error, z, critical, detectable, refuted, settled, value, value_error, curve, remark)


def _critical(degrees: np.ndarray, share: float) -> np.ndarray:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(degrees, 1), 1 - share / 2))


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
