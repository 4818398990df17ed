"""Events that no realisation happened to meet, and what they may change of a mean."""

from __future__ import annotations

import numpy as np

from .judgement import Question
from .sample import Sample

UNSEEN = 10.0  # times what one event is taken to change: an event that no seed met may be larger
HIGHEST = 3.0  # scales: how far beyond the realisations events are taken to reach
RARE = 0.035  # events of a larger probability are no rare ones, and must be met to be believed
STILL = 1e-3  # realisations within this share of the scale depend on the seed no more than exact ones
FALLING = 0.25  # the spread falls with the size if it does so faster than this power of it, halfway to n**-1/2
TINY = 1e-300
MISSED = (
    "No realisation comes as far as the limit, but rare events, which so few realisations may all have missed, could "
    "bring the mean there."
)


def reach_of_events(sample: Sample, question: Question, height: np.ndarray | float) -> np.ndarray:
    """How far events of this height that all realisations missed may bring the mean, (K,), at the level of the test.

    N realisations miss an event of probability -log(level)/N as often as the level says.
    """
    reach: np.ndarray = height * -np.log(question.share) / sample.count.sum(axis=1).clip(1)
    return reach


def reach_of_rare_events(sample: Sample, question: Question) -> np.ndarray:
    """How far rare events, within `HIGHEST` scales, that all realisations missed may bring the mean, (K,)."""
    highest = HIGHEST * question.scale
    reach: np.ndarray = np.minimum(reach_of_events(sample, question, highest), RARE * highest)
    return reach


def explained(sample: Sample, question: Question, estimate: np.ndarray) -> np.ndarray:
    """Where only events that no realisation met can bring the mean to the limit, and may, (K,).

    The limit is farther from the estimate than any realisation is from its mean. Where the spread falls with the size,
    events of a fixed probability and height die out: nothing is explained by them, nor where the seed hardly matters.
    Sizes that are as good as one show nothing of that, and are taken as they are.
    """
    with np.errstate(invalid="ignore"):
        away = np.abs(sample.values - sample.mean[..., None])
    farthest = np.where(np.isfinite(away), away, 0.0).max(axis=(1, 2))
    distance = np.abs(estimate - question.target)
    near = distance <= reach_of_rare_events(sample, question)
    noisy = (farthest > STILL * question.scale) & ~sample.exact & ~sample.unanimous
    if sample.one_size:
        return np.zeros_like(noisy)
    return noisy & near & (distance > farthest) & ~_falls(sample)


def seeds_short(sample: Sample, question: Question, estimate: np.ndarray, error: np.ndarray) -> np.ndarray:
    """How many times as many seeds would have met the events that may bring the mean to the limit, (K,).

    error: of the estimate, (K,), by which the limit may be nearer, but by half of the distance at most.
    """
    distance = np.abs(estimate - question.target)
    reach = reach_of_events(sample, question, HIGHEST * question.scale)
    with np.errstate(divide="ignore"):
        short: np.ndarray = reach / np.maximum(distance - error, distance / 2)
    return short


def _falls(sample: Sample) -> np.ndarray:
    """Whether the spread of the realisations of each component falls with the size, (K,)."""
    x = np.log(sample.sizes) - np.log(sample.sizes).mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = np.where(np.isfinite(sample.values), sample.values - sample.mean[..., None], 0.0) ** 2
        spread = np.sqrt(squares.sum(axis=-1) / sample.count.clip(1))
        exponent = np.log(np.maximum(spread, TINY)) @ x / (x @ x)
    return np.asarray(exponent < -FALLING)
