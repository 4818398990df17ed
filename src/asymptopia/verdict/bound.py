"""Bounds, on the mean over realisations and on every realisation."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from .extrapolation import SKEWED
from .judgement import NOT_ONE, POWER, Evidence, Question
from .price import besides, certain
from .sample import Sample, rare


def mean_bound(sample: Sample, question: Question) -> Evidence:
    """The mean must not exceed the bound at any size: one-sided, the level shared among the sizes."""
    slack = question.floor + sample.lost
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.hypot(sample.error, question.spread[:, None])
        excess = sample.mean - question.target[:, None]
        z = np.where(error > 0, np.maximum(np.abs(excess) - slack, 0) * np.sign(excess) / error,
                     np.where(excess > slack, np.inf, 0.0))  # fmt: skip
        critical = one_sided(sample, question.share / len(sample.sizes))
        worst = np.argmax(np.where(np.isfinite(error), z / critical, -np.inf), axis=1)[:, None]
    mean, error, z, critical, slack = (
        np.take_along_axis(np.broadcast_to(a, sample.mean.shape), worst, 1)[:, 0]
        for a in (sample.mean, error, z, critical, slack)
    )
    refuted = (z > critical) & ~rare(sample, question.wanted)
    settled = ~refuted & (mean + critical * error + slack <= question.target + question.wanted)
    reach = (critical + POWER) * error + slack
    above = mean - question.target
    theory, zero = certain(2 * question.share / len(sample.sizes)) * question.spread, np.zeros_like(mean)
    return Evidence(
        estimate=mean,
        error=error,
        extrapolation=zero,
        z=np.maximum(z, 0.0),
        critical=critical,
        detectable=reach,
        refuted=refuted,
        settled=settled,
        value=sample.mean,
        value_error=sample.error,
        fit=np.full_like(sample.mean, np.nan),
        noise=besides(critical * error, theory),
        theory=theory,
        events=zero,
        unresolved=zero,
        fixed=question.wanted - np.maximum(question.wanted - above - slack, above - slack),
    )


def one_sided(sample: Sample, share: float) -> np.ndarray:
    """How many standard errors above the bound refute it at each size, (K, S), at the one-sided level `share`."""
    freedom = 2 * (sample.count - 1) / np.maximum(sample.kurtosis - 1, 2.0)[:, None]
    t = np.asarray(stdtrit(np.maximum(freedom, 1), 1 - share))
    with np.errstate(divide="ignore"):
        skewness = np.maximum(-sample.skewness, 0)[:, None] / np.sqrt(sample.count)
    return t + SKEWED * skewness * (2 * t**2 + 1) / 6


def every_bound(sample: Sample, question: Question) -> Evidence:
    """No realisation may exceed the bound; N realisations without a violation resolve 3/N of them at best."""
    largest = np.where(np.isfinite(sample.values), sample.values, -np.inf).max(axis=-1)
    top, total = largest.max(axis=1), sample.count.sum(axis=1)
    rounding = 1e-9 * np.maximum(np.abs(question.target), 1)
    refuted = top > question.target + rounding + question.floor + question.spread
    unseen = NOT_ONE / np.maximum(total, 1)
    zero, nothing = np.zeros_like(top), np.full_like(largest, np.nan)
    return Evidence(
        estimate=top,
        error=zero,
        extrapolation=zero,
        z=np.where(refuted, np.inf, 0.0),
        critical=np.full_like(top, np.nan),
        detectable=unseen * question.scale,
        refuted=refuted,
        settled=~refuted & (unseen * question.scale <= question.wanted),
        value=largest,
        value_error=np.zeros_like(largest),
        fit=nothing,
        noise=zero,
        theory=zero,
        events=unseen * question.scale,
        unresolved=zero,
        fixed=zero,
        remark="" if refuted.any() else f"No violation in {total.min()} realisations.",
    )
