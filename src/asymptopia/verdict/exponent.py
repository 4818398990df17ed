"""An exponent: the slope of an observable over sizes, in logarithms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .exact import exact
from .extrapolation import MISFIT, Fit, linear_fit
from .judgement import Outcome, Question
from .mean import choose, compare
from .sample import Sample, smooth

FEWEST = 3
GRANTED = 2.0  # a correction to a power law is seen, or is not counted against an agreement


def exponent(sample: Sample, question: Question) -> Outcome:
    """The exponent b of |x| ~ n**b: a power law of all sizes, of the larger ones, and with a correction n**-bias."""
    if len(sample.sizes) < FEWEST:
        nothing = np.full_like(sample.mean, np.nan)
        k, no = nothing[:, 0], np.zeros(len(nothing), bool)
        remark = "An exponent needs at least three sizes."
        return Outcome(k, k, k, k, k, k, no, no, sample.mean, sample.error, nothing, remark)
    logs = _logarithms(sample)
    fits = slopes(logs, question.bias)
    fine = np.stack([f.probability > MISFIT for f in fits])
    fine[2:] = True
    found = compare(question, fits, fine, logs, (sample.mean, sample.error), GRANTED)
    found = replace(found, fit=np.exp(found.fit))
    return choose(sample.exact, _local(sample, question), found) if sample.exact.any() else found


def slopes(logs: Sample, bias: float) -> list[Fit]:
    """The admissible fits: the last two, with a correction to the power law, fit wherever a power law does."""
    x, size = np.log(logs.sizes), logs.sizes / logs.sizes[0]
    line = np.stack([x - x.mean(), np.ones_like(x)], 1)
    bias = bias if np.isfinite(bias) else 1.0
    choices = [(line, 0), (line, 1), *((np.column_stack([line, size**-b]), 0) for b in (bias, bias / 2))]
    return [linear_fit(d[k:], d, logs.mean[:, k:], logs.error[:, k:], logs.weight[:, k:], logs, k) for d, k in choices]


def _logarithms(sample: Sample) -> Sample:
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(sample.mean)
        return replace(
            sample, mean=np.log(size), error=sample.error / size, lost=sample.lost / size,
            weight=smooth(sample.error / size, sample.sizes), skewness=sample.skewness * np.sign(sample.mean[:, -1]),
        )  # fmt: skip


def _local(sample: Sample, question: Question) -> Outcome:
    """Of exact values: the exponents between neighbouring sizes, extrapolated."""
    with np.errstate(divide="ignore", invalid="ignore"):
        local = np.diff(np.log(np.abs(sample.mean)), axis=1) / np.diff(np.log(sample.sizes))
    middle = np.sqrt(sample.sizes[1:] * sample.sizes[:-1])
    found = exact(replace(sample, sizes=middle, mean=local), question)
    nothing = np.full_like(sample.mean, np.nan)
    return replace(found, value=sample.mean, value_error=np.zeros_like(sample.mean), fit=nothing)
