"""How many times as many seeds would decide what is open."""

from __future__ import annotations

import numpy as np

from .judgement import Evidence, Question
from .sample import Sample
from .unseen import MISSED, explained, seeds_short

UNKNOWN = 16.0  # where the error could not be computed
LEAST = 1e-150


def seeds_needed(evidence: Evidence, sample: Sample, question: Question) -> np.ndarray:
    """How many times as many seeds would decide each component, (K,); at most one where they suffice.

    The discrepancy that would be seen is the sum of what no seeds mend (the extrapolation, of which half of the
    resolution is counted at most: a larger size mends it), of errors that fall as the square root of the number of
    seeds, and of what events may do that no realisation met, which falls as the number itself. If all realisations are
    one number, there is nothing but such events.

    Where such events alone keep a limit from being refuted, there must be so many seeds that they would have been met;
    the component that needs fewest of them decides.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        room = question.wanted - np.fmin(evidence.extrapolation, question.wanted / 2)
        seen = np.maximum(evidence.detectable - evidence.extrapolation, 0.0)
        events = np.where(_alike(sample.values), seen, evidence.events)
        needed = priced(np.maximum(seen - events, 0.0), events, room)
        if evidence.remark == MISSED:
            short = seeds_short(sample, question, evidence.estimate, evidence.critical * evidence.error)
            kept = explained(sample, question, evidence.estimate) & (np.abs(evidence.z) > evidence.critical)
            needed = np.full_like(needed, np.where(kept, short, np.inf).min())
    return np.where(np.isfinite(needed), needed, UNKNOWN)


def _alike(values: np.ndarray) -> np.ndarray:
    """Whether all realisations (K, S, seeds) of a component are one number, (K,)."""
    there = np.isfinite(values)
    least, largest = np.where(there, values, np.inf).min(axis=(1, 2)), np.where(there, values, -np.inf).max(axis=(1, 2))
    alike: np.ndarray = least == largest
    return alike


def priced(noise: np.ndarray, events: np.ndarray, room: np.ndarray | float) -> np.ndarray:
    """The factor f for which noise / sqrt(f) + events / f is `room`, (K,)."""
    factor: np.ndarray = ((noise + np.sqrt(noise**2 + 4 * events * room)) / np.maximum(2 * room, LEAST)) ** 2
    return factor
