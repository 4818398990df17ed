"""From numbers to words: the verdict on an observable, its reason, and what would settle it."""

from __future__ import annotations

import math

import numpy as np

from .judgement import AGREES, DISAGREES, INCONCLUSIVE, Evidence, Question
from .sample import Sample, rare


def conclude(
    evidence: Evidence, sample: Sample, question: Question, failed: np.ndarray, warned: np.ndarray
) -> tuple[str, str, str]:
    """Verdict, reason and advice.

    failed: how many realisations of each component gave no number; warned: where the limit cannot be trusted.
    """
    target, points = question.target, len(question.target)
    if evidence.refuted.any():
        return DISAGREES, _refutation(evidence, question), ""
    if unknown := int((~np.isfinite(target)).sum()):
        return INCONCLUSIVE, f"The limit is not a number at {unknown} of {points} points.", ""
    if count := int(failed.sum()):
        reason = f"{count} of {sample.values.size} realisations gave no number; perhaps they are not like the others."
        return INCONCLUSIVE, reason, "Find out why they fail; more seeds do not help."
    if warned.any():
        return INCONCLUSIVE, "The limit cannot be trusted here; see the warning.", ""
    if evidence.settled.all():
        return AGREES, f"{_seen('A', evidence.detectable.max(), question)} {evidence.remark}".strip(), ""
    if few := rests_on(sample, question.wanted):
        return INCONCLUSIVE, few, "Many more seeds, or an observable that does not rest on rare events."
    if not np.isfinite(evidence.detectable).all():
        return INCONCLUSIVE, evidence.remark or "The error bar could not be computed.", "Use more sizes or seeds."
    return INCONCLUSIVE, *_undecided(evidence, sample, question)


def rests_on(sample: Sample, matters: float) -> str:
    """In words, how few realisations the mean of a component rests on; empty if they are not few."""
    total = sample.count.sum(axis=1)
    carrying = total / sample.kurtosis
    few = rare(sample, matters)
    if not few.any():
        return ""
    k = int(np.argmin(np.where(few, carrying, np.inf)))
    return f"The mean rests on {max(round(carrying[k]), 1)} of {total[k]} realisations."


def _undecided(evidence: Evidence, sample: Sample, question: Question) -> tuple[str, str]:
    """Reason and advice where a wrong limit could not have been seen."""
    k = int(np.argmax(np.where(evidence.settled, -1, evidence.detectable)))
    worst, wanted = float(evidence.detectable[k]), question.wanted
    reason = f"{_seen('Only a', worst, question)} {evidence.remark}".strip()
    if len(sample.sizes) == 1 and math.isfinite(question.bias):
        return reason, "Use more than one size."
    if worst <= wanted:
        return f"The estimate lies at the edge of what is admitted. {evidence.remark}".strip(), "Use more seeds."
    noise = worst - float(evidence.extrapolation[k])
    if evidence.extrapolation[k] > wanted / 2:
        share = 100 * evidence.extrapolation[k] / question.scale
        reason += f" {share:.2g} % are what the form of the finite-size correction leaves open."
        return reason, f"Larger sizes, such as {2 * int(sample.sizes[-1])}, would settle it."
    left = wanted - float(evidence.extrapolation[k])
    seeds = math.ceil(int(sample.count.max()) * (noise / left) ** (1 if sample.unanimous[k] else 2))
    return reason, f"About {seeds} seeds would resolve {100 * wanted / question.scale:.2g} %."


def _refutation(evidence: Evidence, question: Question) -> str:
    k = int(np.argmax(np.where(evidence.refuted, np.abs(evidence.z), -1)))
    where = f" at {int(evidence.refuted.sum())} of {len(question.target)} points" if len(question.target) > 1 else ""
    strength = f"z = {evidence.z[k]:.1f}" if np.isfinite(evidence.z[k]) else "the bound is exceeded"
    errors = [f"{evidence.error[k]:.2g} (seeds)"]
    errors += [f"{question.spread[k]:.2g} (theory)"] if question.spread[k] > 0 else []
    errors += [f"{evidence.extrapolation[k]:.2g} (extrapolation)"] if evidence.extrapolation[k] > 0 else []
    numbers = f"the experiment gives {evidence.estimate[k]:.6g} +- {' +- '.join(errors)}, {strength}"
    return f"The limit is {question.target[k]:.6g}, {numbers}{where}. {evidence.remark}".strip()


def _seen(start: str, discrepancy: float, question: Question) -> str:
    share = 100 * discrepancy / question.scale
    return f"{start} discrepancy of {discrepancy:.2g} ({share:.2g} % of {question.scale:.3g}) would have been seen."
