"""Probabilities whose limit is 0 or 1: near a threshold they are steps, smoothed over a window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .judgement import Evidence, Question
from .sample import Sample


def step(sample: Sample, question: Question, evidence: Evidence) -> Evidence:
    """The judgement on a mean, corrected where it is that of an indicator whose limit is 0 or 1.

    The probability p(n) of the other value tends to zero, but not as a power: within some n**-1/2 of a threshold it is
    anywhere between 0 and 1/2 (a step, smoothed). Such a limit is refuted only by a p(n) that is above 1/2 at the
    largest size, or grows.
    """
    values = sample.values
    indicator = np.where(np.isfinite(values), (values == 0) | (values == 1), True).all(axis=(1, 2))
    sure = indicator & np.isin(question.target, (0.0, 1.0)) & (question.spread == 0)
    if not sure.any():
        return evidence
    other, error = np.abs(sample.mean - question.target[:, None]), sample.error
    with np.errstate(invalid="ignore", divide="ignore"):
        above = (other[:, -1] - 0.5) / error[:, -1]
        growth = (other[:, -1] - other[:, 0]) / np.hypot(error[:, -1], error[:, 0])
    worst = np.fmax(above, growth) if values.shape[1] > 1 else above
    return replace(evidence, refuted=np.where(sure, evidence.refuted & (worst > evidence.critical), evidence.refuted))
