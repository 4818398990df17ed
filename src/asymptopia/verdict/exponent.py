"""An exponent: the slope of an observable over sizes, in logarithms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .extrapolation import GRANTED, MISFIT, SPAN, Fit, declared_first, fitting, linear_fit, next_order
from .judgement import Evidence, Question
from .mean import choose, compare, extrapolated
from .richardson import ladder, resolved
from .sample import Sample, smooth

FEWEST = 3
LARGEST = 5.0  # the largest coefficient of a correction that a power law leaves out
PLAIN = 2  # power laws without a correction: of all sizes, and of all but the smallest


def exponent(sample: Sample, question: Question) -> Evidence:
    """The exponent b of |x| ~ n**b: of a power law, and of power laws with all admitted corrections to them."""
    if len(sample.sizes) < FEWEST:
        nothing = np.full_like(sample.mean, np.nan)
        k, no = nothing[:, 0], np.zeros(len(nothing), bool)
        remark = "An exponent needs at least three sizes."
        zero, larger = np.zeros_like(k), np.full_like(k, np.inf)
        priced = zero, zero, zero, larger, zero
        return Evidence(k, k, k, k, k, k, no, no, sample.mean, sample.error, nothing, *priced, remark)
    logs, shown = _logarithms(sample), (sample.mean, sample.error)
    fits, fine = slopes(logs, question.bias)
    left = np.zeros((1, len(sample.mean)))
    if np.isfinite(question.bias):
        left = np.stack([next_order(f, _correction(f, logs), 1.0) for f in fits])
        left[:PLAIN] += _unseen(fits, logs, question.bias)
    evidence = compare(question, fits, fine, logs, shown, GRANTED, left)
    sharp = resolved(logs, question, _local(logs, question.bias), shown, GRANTED)
    if len(sample.sizes) == FEWEST and np.isfinite(question.bias):
        evidence = replace(evidence, refuted=evidence.refuted & sharp.refuted)
    evidence = replace(evidence, fit=np.exp(evidence.fit))
    return extrapolated(choose(sample.exact | ~fine.any(axis=0), sharp, evidence), sample, question)


def slopes(logs: Sample, bias: float) -> tuple[list[Fit], np.ndarray]:
    """A power law of all sizes, of the larger ones, and of all with each correction; and which of them fit.

    With an infinite bias, which declares that there is no correction, the first alone.
    """
    x, size = np.log(logs.sizes), logs.sizes / logs.sizes[0]
    line = np.stack([x - x.mean(), np.ones_like(x)], 1)
    if np.isinf(bias):
        return [_slope(line, logs)], np.ones((1, len(logs.mean)), bool)
    plain = [_slope(line, logs, first) for first in range(PLAIN)]
    corrected = [_slope(np.column_stack([line, size ** -(bias * f)]), logs) for f in SPAN]
    fits, fine = declared_first(corrected, fitting(np.stack([f.chi2 for f in corrected]), len(x) - 3))
    return [*plain, *fits], np.vstack([[f.probability > MISFIT for f in plain], fine])


def _unseen(fits: Sequence[Fit], logs: Sample, bias: float) -> np.ndarray:
    """What a correction that the plain power laws leave out may do to their exponents, (PLAIN, K).

    Its coefficient is as large as the sizes allow (that of the declared exponent, with its error), at most `LARGEST`.
    """
    shape = logs.sizes**-bias
    corrected = fits[PLAIN]
    per_unit = [(f.linear * shape).sum(axis=1) for f in fits[:PLAIN]]
    with np.errstate(divide="ignore", invalid="ignore"):
        allowed = [np.abs(f.estimate - corrected.estimate) + GRANTED * corrected.error for f in fits[:PLAIN]]
    return np.stack([np.fmin(LARGEST * np.abs(u), a) for u, a in zip(per_unit, allowed, strict=True)])


def _slope(design: np.ndarray, logs: Sample, first: int = 0) -> Fit:
    y, e, w = (a[:, first:] for a in (logs.mean, logs.error, logs.weight))
    return linear_fit(design[first:], design, y, e, w, logs, first)


def _logarithms(sample: Sample) -> Sample:
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.abs(sample.mean)
        return replace(
            sample, mean=np.log(size), error=sample.error / size, lost=sample.lost / size,
            weight=smooth(sample.error / size, sample.sizes), skewness=sample.skewness * np.sign(sample.mean[:, -1]),
        )  # fmt: skip


def _correction(fit: Fit, logs: Sample) -> np.ndarray:
    away = fit.curve - fit.estimate[:, None] * np.log(logs.sizes)
    return away - away[:, -1:]


def _local(logs: Sample, bias: float) -> list[np.ndarray]:
    """Weights of the logarithms: the exponents between neighbouring sizes, extrapolated."""
    neighbours = np.diff(np.eye(len(logs.sizes)), axis=0) / np.diff(np.log(logs.sizes))[:, None]
    between = np.sqrt(logs.sizes[1:] * logs.sizes[:-1])
    return [w @ neighbours for w in ladder(between, bias, logs.mean @ neighbours.T)]
