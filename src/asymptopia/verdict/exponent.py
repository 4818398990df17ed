"""An exponent: the slope of an observable over sizes, in logarithms."""

from __future__ import annotations

import numpy as np

from .extrapolation import slope
from .judgement import Outcome, Question, Sample
from .mean import compare


def exponent(sample: Sample, question: Question) -> Outcome:
    nothing = np.full_like(sample.mean, np.nan)
    if len(sample.sizes) < 3:
        k, no = nothing[:, 0], np.zeros(len(nothing), bool)
        remark = "An exponent needs at least three sizes."
        return Outcome(k, k, k, k, k, no, no, sample.mean, sample.error, nothing, remark)
    fit = slope(sample.sizes, sample.mean, sample.error, sample.count)
    line = np.exp(fit.coefficient[:, :1]) * sample.sizes ** fit.intercept[:, None]
    return compare(question, fit, True, sample.mean, sample.error, line)
