"""A fluctuation: n times the variance over realisations, extrapolated and compared on a logarithmic scale."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .extrapolation import admissible
from .judgement import Evidence, Question
from .mean import compare, extrapolated
from .sample import Sample, rare, smooth

FEWEST = 5  # realisations; the variance of fewer may be a constant, as of two-valued ones
CARRYING = 15.0  # realisations that carry the spread of a variance
CAREFUL, WORTH = 9.0, 40  # the kurtosis of an exponential law is worth this many realisations of evidence
PARTS = ("detectable", "noise", "theory", "events", "unresolved", "fixed")  # in units of the scale
NORMAL_SKEWNESS, NORMAL_KURTOSIS = 8**0.5, 15.0  # of the square of a normal variable


def fluctuation(sample: Sample, question: Question) -> Evidence:
    """n * variance: its logarithm is closest to normal, with the kurtosis of the realisations in its error."""
    target = np.where(question.target > 0, question.target, np.nan)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        relative = replace(
            question, target=np.log(target), spread=question.spread / target, wanted=question.wanted / question.scale,
            floor=0.0,
        )  # fmt: skip
        logs = logarithms(sample)
        value = sample.sizes * (centred(sample) ** 2).sum(axis=-1) / (sample.count - 1)
        evidence = compare(relative, *admissible(logs, question.bias), logs, (value, value * logs.error))
        estimate = np.exp(evidence.estimate)
        evidence = replace(
            evidence,
            estimate=estimate,
            error=estimate * evidence.error,
            extrapolation=estimate * evidence.extrapolation,
            **{part: question.scale * vars(evidence)[part] for part in PARTS},
            fit=np.exp(evidence.fit),
        )
    enough = sample.count.min(axis=1) >= FEWEST
    kept = enough & ~rare(sample, 0.0, CARRYING)
    evidence = replace(evidence, refuted=evidence.refuted & kept, settled=evidence.settled & enough)
    if not enough.all():
        evidence = replace(evidence, remark=f"Too few seeds: a fluctuation needs at least {FEWEST}.")
    evidence = extrapolated(evidence, sample, question)
    return evidence if (question.target > 0).all() else replace(evidence, remark="A fluctuation needs a limit > 0.")


def logarithms(sample: Sample) -> Sample:
    """The logarithms of n * variance as if they were means, with their errors.

    (N - 1) s**2 / sigma**2 is taken as chi-square with 2 (N - 1) / (kurtosis - 1) degrees of freedom, times a factor:
    the mean and variance of its logarithm are digamma and trigamma functions.
    """
    from scipy.special import digamma, polygamma

    deviations = centred(sample)
    total = sample.count.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = (deviations**2).sum(axis=-1) / (sample.count - 1)
        squares = deviations**2 / np.where(variance > 0, variance, np.nan)[..., None]
        there = np.isfinite(sample.values)
        kurtosis, spread, third, fourth = (
            np.where(there, m, 0.0).sum(axis=(1, 2)) / total
            for m in (squares**2, *((squares - 1) ** k for k in (2, 3, 4)))
        )
        kurtosis = (total * kurtosis + WORTH * CAREFUL) / (total + WORTH)
        half = (sample.count - 1) / np.maximum(kurtosis - 1, 0.5)[:, None]
        value = np.where(variance > 0, sample.sizes * variance, np.nan)
        error = np.sqrt(polygamma(1, half))
        skewness, peaked = third / spread**1.5, fourth / spread**2
        lost = np.log1p(sample.lost**2 / variance)
    return replace(
        sample,
        mean=log_mean(value, half, digamma),
        error=error,
        weight=smooth(error, sample.sizes),
        lost=lost,
        skewness=np.fmax(skewness, NORMAL_SKEWNESS),
        kurtosis=np.fmax(peaked, NORMAL_KURTOSIS),
    )


def log_mean(value: np.ndarray, half: np.ndarray, digamma: np.ufunc) -> np.ndarray:
    """The logarithm of the variance behind a chi-square estimate of it with 2 * half degrees of freedom, unbiased."""
    return np.log(value) - digamma(half) + np.log(half)


def centred(sample: Sample) -> np.ndarray:
    """Deviations from the mean, zero where there is no number."""
    return np.where(np.isfinite(sample.values), sample.values - sample.mean[..., None], 0.0)
