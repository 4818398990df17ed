"""A mean over realisations, extrapolated to infinite size and compared by Student's test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .extrapolation import extrapolate
from .judgement import POWER, Outcome, Question, Sample

if TYPE_CHECKING:
    from .extrapolation import Extrapolation


def mean(sample: Sample, question: Question) -> Outcome:
    fit = extrapolate(sample.sizes, sample.mean, sample.error, sample.count, question.bias)
    return compare(question, fit, len(sample.sizes) > 1, sample.mean, sample.error, fit.curve(sample.sizes))


def compare(
    question: Question,
    fit: Extrapolation,
    extrapolated: bool,
    value: np.ndarray,
    value_error: np.ndarray,
    curve: np.ndarray,
) -> Outcome:
    """Student's test of the intercept; with one size an equivalence test up to the resolution."""
    critical = critical_value(fit.degrees, question.share)
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


def critical_value(degrees: np.ndarray, share: float) -> np.ndarray:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(np.maximum(degrees, 1), 1 - share / 2))
