"""What would decide what is open: how many times as many seeds, or a larger size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from .judgement import Evidence, Question
from .sample import Sample, rare
from .unseen import MISSED, explained, seeds_short

UNKNOWN = 16.0  # where the error could not be computed
STEP = 4.0  # what a larger size is worth in seeds


@dataclass(frozen=True)
class Price:
    """What each component lacks, (K,).

    seeds: how many times as many would decide; at most one where it is decided, infinite where no number does.
    sizes: how much larger sizes are lacking, on the same scale; 0 where they mend nothing.

    Where a larger size is lacking at least as much as seeds, it comes first. Where both are of no use, seeds are
    infinite and sizes 0.
    """

    seeds: np.ndarray
    sizes: np.ndarray


def price(evidence: Evidence, sample: Sample, question: Question) -> Price:
    """What would decide each component: seeds or a larger size.

    What must come below `wanted` is the sum of what nothing mends, of what larger sizes mend (at most half of what the
    former leaves is counted), of the errors of seeds and theory, of which the first fall as the square root of the
    number of seeds, and of what events may do that no realisation met, which falls as the number itself. If all
    realisations are one number, there is nothing but such events.

    Where that says that nothing is lacking and yet nothing is decided, only a larger size tells a correction from an
    error. Where events that none met keep a limit from being refuted, there must be so many seeds that they would have
    been met; the component that needs fewest of them decides.
    """
    decided = evidence.settled | evidence.refuted
    if evidence.remark == MISSED:
        short = np.full(len(decided), kept_by_events(evidence, sample, question).min())
        return Price(np.where(decided, np.minimum(short, 1.0), short), np.zeros(len(decided)))
    half = np.maximum(question.wanted - alone(evidence), 0.0) / 2
    alike = _alike(sample.values)
    known = np.isfinite(evidence.noise + evidence.events) & ~np.isnan(alone(evidence) + evidence.unresolved)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        room = question.wanted - np.fmin(evidence.unresolved, half) - evidence.fixed
        noise, events = np.where(alike, 0.0, evidence.noise), evidence.events + np.where(alike, evidence.noise, 0.0)
        seeds = np.where(np.isinf(evidence.unresolved), np.inf, _factor(noise, evidence.theory, events, room))
        seeds, sizes = np.where(known, seeds, UNKNOWN), np.where(known, evidence.unresolved / half, 0.0) ** 2
    stuck, by_seeds = seeds <= 1, rare(sample, question.wanted) | np.isinf(question.bias)
    sizes = np.where(stuck & ~by_seeds, np.maximum(sizes, STEP), np.where(np.isinf(seeds), np.inf, sizes))
    seeds = np.where(decided, np.minimum(seeds, 1.0), np.where(stuck & by_seeds, UNKNOWN, seeds))
    return Price(seeds, np.where(decided | (half == 0), 0.0, sizes))


def alone(evidence: Evidence) -> np.ndarray:
    """What is left of each component with any number of seeds at any sizes, (K,)."""
    left: np.ndarray = evidence.fixed + evidence.theory
    return left


def certain(share: float) -> float:
    """How many errors refute with any number of seeds, at the two-sided level `share`."""
    return float(-ndtri(share / 2))


def besides(both: np.ndarray, theory: np.ndarray) -> np.ndarray:
    """The errors of the seeds which, in squares with those of the theory, make both, (K,)."""
    seeds: np.ndarray = np.sqrt(np.maximum(both**2 - theory**2, 0.0))
    return seeds


def kept_by_events(evidence: Evidence, sample: Sample, question: Question) -> np.ndarray:
    """How many times as many seeds would have met the events that alone keep a limit from being refuted, (K,).

    Infinite where something else keeps it.
    """
    short = seeds_short(sample, question, evidence.estimate, evidence.critical * evidence.error)
    kept = explained(sample, question, evidence.estimate) & (np.abs(evidence.z) > evidence.critical)
    return np.where(kept, short, np.inf)


def _alike(values: np.ndarray) -> np.ndarray:
    """Whether all realisations (K, S, seeds) of a component are one number, (K,)."""
    there = np.isfinite(values)
    least, largest = np.where(there, values, np.inf).min(axis=(1, 2)), np.where(there, values, -np.inf).max(axis=(1, 2))
    alike: np.ndarray = least == largest
    return alike


def _factor(noise: np.ndarray, theory: np.ndarray, events: np.ndarray, room: np.ndarray) -> np.ndarray:
    """The factor f for which hypot(noise / sqrt(f), theory) + events / f is `room`, (K,); infinite if there is none."""
    n, t, e = (a / np.where(room > 0, room, np.nan) for a in (noise, theory, events))
    half = n**2 / 2 + e
    factor = (half + np.sqrt(n**2 * (n**2 / 4 + e) + (t * e) ** 2)) / np.where(t < 1, 1 - t**2, np.nan)
    return np.where(np.isnan(factor), np.inf, factor)
