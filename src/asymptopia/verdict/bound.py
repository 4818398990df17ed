"""Bounds, on the mean over realisations and on every realisation."""

from __future__ import annotations

import numpy as np

from .judgement import POWER, Outcome, Question, Sample
from .mean import critical_value


def mean_bound(sample: Sample, question: Question) -> Outcome:
    """The mean must not exceed the bound at any size: one-sided, the level shared among the sizes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.hypot(sample.error, question.spread[:, None])
        z = (sample.mean - question.target[:, None]) / error
    worst = np.argmax(np.where(np.isfinite(z), z, -np.inf), axis=1)[:, None]
    mean, error, z, count = (np.take_along_axis(a, worst, 1)[:, 0] for a in (sample.mean, error, z, sample.count))
    critical = critical_value(count - 1, 2 * question.share / len(sample.sizes))
    refuted = z > critical
    settled = ~refuted & (mean + critical * error <= question.target + question.wanted)
    nothing = np.full_like(sample.mean, np.nan)
    reach = (critical + POWER) * error
    return Outcome(mean, error, z, critical, reach, refuted, settled, sample.mean, sample.error, nothing)


def every_bound(sample: Sample, question: Question) -> Outcome:
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
