"""A fluctuation: n times the variance over realisations, extrapolated and compared on a logarithmic scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .extrapolation import extrapolate
from .judgement import Outcome, Question, Sample
from .mean import compare


def fluctuation(sample: Sample, question: Question) -> Outcome:
    """n * variance, compared on a logarithmic scale, where its estimate is closest to normal."""
    from scipy.special import digamma, polygamma

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
        outcome = compare(relative, fit, len(sample.sizes) > 1, value, value * error, curve)
        estimate = np.exp(outcome.estimate)
    return replace(
        outcome,
        estimate=estimate,
        error=estimate * outcome.error,
        detectable=question.scale * outcome.detectable,
        remark=outcome.remark if (question.target > 0).all() else "A fluctuation must have a positive limit.",
    )
