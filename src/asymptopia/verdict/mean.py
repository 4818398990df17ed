"""A mean over realisations, extrapolated to infinite size and compared with its limit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .extrapolation import GRANTED, Fit, admissible, beyond
from .judgement import NOT_ONE, POWER, Evidence, Question
from .price import besides, certain
from .richardson import ladder, resolved
from .sample import Sample, rare
from .unseen import MISSED, UNSEEN, explained, reach_of_events, reach_of_rare_events

ONE_SIZE = "One size cannot tell a finite-size correction from an error of the theory."
CLOSE = "Sizes from {} to {} are as good as one: they cannot tell a finite-size correction from an error of the theory."
SPREAD = 2.0  # two sizes, or more within this factor, show a slope and nothing else of the correction
NO_CORRECTION = "No finite-size correction is declared: judged up to the resolution, without extrapolation."
EVENTS = 10.0  # fewer than six were met; a mean of ten more would show so few less than once in a hundred times


def mean(sample: Sample, question: Question) -> Evidence:
    """Student's test of the extrapolated mean, with rules of their own for exact and for unanimous realisations."""
    fits, fine = admissible(sample, question.bias)
    shown = sample.mean, sample.error
    left = beyond(sample, question.bias, fits, question.scale)
    evidence = compare(question, fits, fine, sample, shown, left=left)
    sharp = sample.exact | ~fine.any(axis=0)
    slope = len(fits) > 1 and (len(sample.sizes) == 2 or sample.sizes[-1] <= SPREAD * sample.sizes[0])
    if slope or sharp.any():
        exact = resolved(sample, question, ladder(sample.sizes, question.bias, sample.mean), shown, GRANTED)
        evidence = replace(evidence, refuted=evidence.refuted & (exact.refuted | (not slope)))
        evidence = choose(sharp, exact, evidence)
    if sample.unanimous.any():
        evidence = choose(sample.unanimous, _unanimous(sample, question, evidence), evidence)
    evidence = _not_by_events(evidence, sample, question)
    seldom = rare(sample, question.wanted)
    events = np.where(seldom, unmet(sample, fits), 0.0)
    detectable = evidence.detectable + events
    settled = evidence.settled & ~(seldom & ~(detectable <= question.wanted))
    evidence = replace(
        evidence, refuted=evidence.refuted & ~seldom, detectable=detectable, settled=settled,
        events=evidence.events + events,
    )  # fmt: skip
    return extrapolated(evidence, sample, question)


def extrapolated(evidence: Evidence, sample: Sample, question: Question) -> Evidence:
    """The evidence, which decides nothing where a correction is expected and the sizes show nothing of it."""
    if np.isinf(question.bias) or not sample.one_size:
        return evidence
    first, last = int(sample.sizes[0]), int(sample.sizes[-1])
    nothing = np.zeros_like(evidence.refuted)
    unresolved = np.full_like(evidence.unresolved, np.inf)
    remark = ONE_SIZE if first == last else CLOSE.format(first, last)
    return replace(evidence, refuted=nothing, settled=nothing, unresolved=unresolved, remark=remark)


def _not_by_events(evidence: Evidence, sample: Sample, question: Question) -> Evidence:
    """The evidence without the refutations that events which no realisation met explain."""
    events = evidence.refuted & explained(sample, question, evidence.estimate)
    if not events.any():
        return evidence
    detectable = np.where(events, reach_of_rare_events(sample, question), evidence.detectable)
    refuted = evidence.refuted & ~events
    remark = evidence.remark if refuted.any() else MISSED
    return replace(evidence, refuted=refuted, detectable=np.fmax(detectable, evidence.detectable), remark=remark)


def unmet(sample: Sample, fits: Sequence[Fit]) -> np.ndarray:
    """How much ten more events at each size, each as large as the largest one met, would change the estimate, (K,)."""
    with np.errstate(invalid="ignore"):
        away = np.abs(sample.values - sample.mean[..., None])
    largest = np.where(np.isfinite(away), away, 0.0).max(axis=(1, 2))
    reach: np.ndarray = np.max([(np.abs(f.linear) / sample.count.clip(1)).sum(axis=1) for f in fits], axis=0)
    return EVENTS * largest * reach


def compare(
    question: Question,
    fits: Sequence[Fit],
    fine: np.ndarray,
    sample: Sample,
    shown: tuple[np.ndarray, np.ndarray],
    granted: float = 0.0,
    left: np.ndarray | float = 0.0,
) -> Evidence:
    """The limit against every admissible extrapolation (`fine`, (models, K)): all of them must refute it.

    It is settled only if that of the estimate does not refute it either, or if all of them, with their errors, lie
    within the resolution of it.

    The estimate is that of the declared exponent, the first, or, where it misfits, of the one that fits best. Without
    a finite-size correction, an equivalence test up to the resolution.

    shown:   values and errors by size, (K, S), for the tables.
    granted: how many of its standard errors another extrapolation may lie off before that counts as a difference.
    left:    what the next order may do to each estimate, (models, K): it protects a limit from refutation, and coarsens
             the resolution, twice where it is what brings the limit within reach.
    """
    estimates, errors = np.stack([f.estimate for f in fits]), np.stack([f.error for f in fits])
    total = np.hypot(errors, question.spread)
    slack = question.floor + np.stack([(np.abs(f.linear) * sample.lost).sum(axis=1) for f in fits])
    difference = estimates - question.target
    critical = _critical(fits, difference, question.share)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.sign(difference) * np.maximum(np.abs(difference) - slack - left, 0) / total
    best = np.where(fine[0], 0, np.argmin(np.where(fine, [f.chi2 for f in fits], np.inf), axis=0))
    nearest = np.argmin(np.where(fine, np.nan_to_num(np.abs(z) / critical, nan=np.inf), np.inf), axis=0)
    between = (fine & (difference > 0)).any(axis=0) & (fine & (difference < 0)).any(axis=0)
    apart = np.maximum(np.abs(estimates - at(estimates, best)) - granted * errors, 0.0)
    order = at(np.broadcast_to(left, estimates.shape), best)
    extrapolation = np.where(fine, apart, 0.0).max(axis=0) + order
    reach = at(critical, best) * at(total, best)
    away = np.abs(at(difference, best)) - at(slack, best) - reach
    excused = np.where(away > 0, order, 0.0)
    theory = (certain(question.share) + POWER) * question.spread
    detectable = reach + POWER * at(total, best) + extrapolation + at(slack, best) + excused
    farthest = _farthest(fits, fine, difference, total, slack + left, question.share)
    within = (away > excused) & (farthest <= question.wanted)
    detectable = np.where(within, np.fmax(detectable, farthest), detectable)
    refuted = ~between & (np.abs(at(z, nearest)) > at(critical, nearest))
    evidence = Evidence(
        estimate=at(estimates, best),
        error=at(errors, best),
        extrapolation=extrapolation,
        z=np.where(between, 0.0, at(z, nearest)),
        critical=at(critical, nearest),
        detectable=detectable,
        refuted=refuted,
        settled=~refuted & (within | (away <= excused)) & (detectable <= question.wanted),
        value=shown[0], value_error=shown[1], fit=at(np.stack([f.curve for f in fits]), best),
        noise=besides(reach + POWER * at(total, best), theory), theory=theory, events=np.zeros_like(detectable),
        unresolved=extrapolation + excused, fixed=at(slack, best),
    )  # fmt: skip
    return _equivalence(evidence, question) if len(fits) == 1 else evidence


def _farthest(
    fits: Sequence[Fit], fine: np.ndarray, difference: np.ndarray, total: np.ndarray, slack: np.ndarray, share: float
) -> np.ndarray:
    """How far from the limit the end of the longest error bar of an admissible extrapolation lies, (K,)."""
    reach = np.stack([np.maximum(*f.critical(share)) for f in fits]) * total
    ends = np.where(fine, np.abs(difference) + reach + slack, 0.0).max(axis=0)
    return np.where(fine.any(axis=0), ends, np.inf)


def _critical(fits: Sequence[Fit], difference: np.ndarray, share: float) -> np.ndarray:
    """Critical |z| of each fit and component, (models, K).

    Only the declared exponent, the first, is tested at both sides: another one moves the estimate to the side of the
    correction alone.
    """
    shares = [share, *(2 * share for _ in fits[1:])]
    return np.stack([np.where(d < 0, *f.critical(s)) for f, d, s in zip(fits, difference, shares, strict=True)])


def _equivalence(evidence: Evidence, question: Question) -> Evidence:
    """Within the resolution or outside of it, with all errors: what is priced is the nearer of the two."""
    distance = np.abs(evidence.estimate - question.target)
    reach = evidence.critical * np.hypot(evidence.error, question.spread)
    theory = certain(question.share) * question.spread
    return replace(
        evidence,
        refuted=distance - reach > question.wanted,
        settled=distance + reach <= question.wanted,
        noise=besides(reach, theory),
        theory=theory,
        unresolved=np.zeros_like(distance),
        fixed=question.wanted - np.abs(question.wanted - distance),
        remark=NO_CORRECTION,
    )


def _unanimous(sample: Sample, question: Question, evidence: Evidence) -> Evidence:
    """One number throughout: an event in fewer than about 3/N of N realisations may have been missed."""
    height = UNSEEN * (sample.error * sample.count).max(axis=1)
    unmet, theory = reach_of_events(sample, question, height), question.floor + 3 * question.spread
    reach = unmet + theory
    distance = np.abs(evidence.estimate - question.target)
    one = (sample.error * sample.count)[:, -1]  # what a single event would change, times the seeds
    missed = NOT_ONE / sample.count[:, -1] * one
    detectable = missed + theory
    none, near = np.zeros_like(distance), distance <= np.minimum(reach, detectable)
    settled = near & (detectable <= question.wanted)
    return replace(
        evidence, refuted=distance > reach, settled=settled, detectable=detectable, noise=none, theory=none,
        events=np.where(near, missed, unmet), unresolved=none,
        fixed=np.where(near, theory, question.wanted - (distance - theory)),
    )  # fmt: skip


def at(models: np.ndarray, which: np.ndarray) -> np.ndarray:
    """For each component the entry of its model `which`, from an array (models, K, ...)."""
    return models[which, np.arange(models.shape[1])]


def choose(where: np.ndarray, one: Evidence, other: Evidence) -> Evidence:
    """The first evidence for the components `where`, the second for the others."""
    pairs = {k: (v, vars(other)[k]) for k, v in vars(one).items() if k != "remark"}
    return Evidence(
        **{k: np.where(where if a.ndim == 1 else where[:, None], a, b) for k, (a, b) in pairs.items()},
        remark=other.remark or one.remark,
    )
