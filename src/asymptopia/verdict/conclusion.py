"""From numbers to words: the verdict on an observable, its reason, and what would settle it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .judgement import AGREES, DISAGREES, INCONCLUSIVE, Evidence, Question
from .price import Price, kept_by_events
from .sample import Sample, rare
from .unseen import MISSED

if TYPE_CHECKING:
    import xarray as xr


def conclude(
    evidence: Evidence,
    sample: Sample,
    question: Question,
    asked: Price,
    failed: np.ndarray,
    warned: np.ndarray,
    template: xr.DataArray,
    mend: str = "",
) -> tuple[str, str, str]:
    """Verdict, reason and advice.

    asked:    the price of a verdict.
    failed:   how many realisations of each component gave no number; warned: where the limit cannot be trusted.
    template: the components in their shape, with the coordinates that name them.
    mend:     what would mend the warning.
    """
    target, points = question.target, len(question.target)
    if evidence.refuted.any():
        return DISAGREES, _refutation(evidence, question, template), ""
    if unknown := int((~np.isfinite(target)).sum()):
        reason = f"The {question.claim} is not a number at {unknown} of {points} points."
        return INCONCLUSIVE, reason, "Find out why theory gives none there, or leave these points out."
    if count := int(failed.sum()):
        run = int(sample.count.sum()) + count
        reason = f"{count} of {run} realisations gave no number, and may differ from the others."
        advice = "Find out why they fail; leave them out only if that has nothing to do with their values."
        return INCONCLUSIVE, reason, advice
    if warned.any():
        return INCONCLUSIVE, f"The {question.claim} cannot be trusted here; see the warning.", mend
    if evidence.settled.all():
        seen = f"A discrepancy of {_share(evidence.detectable.max(), question)} would have been seen."
        return AGREES, f"{seen} {evidence.remark}".strip(), ""
    if few := rests_on(sample, question.wanted):
        return INCONCLUSIVE, few, "Use many more seeds, or an observable that does not rest on rare events."
    if not np.isfinite(evidence.detectable).all():
        return INCONCLUSIVE, evidence.remark or "The error bar could not be computed.", "Use more sizes or seeds."
    return INCONCLUSIVE, *_undecided(evidence, sample, question, asked, template)


def rests_on(sample: Sample, matters: float) -> str:
    """In words, how few realisations the mean of a component rests on; empty if they are not few."""
    total = sample.count.sum(axis=1)
    carrying = total / sample.kurtosis
    few = rare(sample, matters)
    if not few.any():
        return ""
    k = int(np.argmin(np.where(few, carrying, np.inf)))
    return f"The mean rests on {max(round(carrying[k]), 1)} of {total[k]} realisations."


def place(template: xr.DataArray, k: int) -> str:
    """What the component `k` is called, such as "alpha = 0.2, time = 1"; empty if there is but one."""
    if not template.ndim:
        return ""
    at = dict(zip(template.dims, np.unravel_index(k, template.shape), strict=True))
    values = {d: template.coords[d].values[i] if d in template.coords else i for d, i in at.items()}
    return ", ".join(f"{d} = {v:.4g}" if isinstance(v, float) else f"{d} = {v}" for d, v in values.items())


def _undecided(
    evidence: Evidence, sample: Sample, question: Question, asked: Price, template: xr.DataArray
) -> tuple[str, str]:
    """Reason and advice where a wrong limit could not have been seen, or a right one is not near enough."""
    if evidence.remark == MISSED:
        return _kept_by_events(evidence, sample, question, template)
    k = _most_lacking(asked, evidence)
    worst, open_, wanted = float(evidence.detectable[k]), float(evidence.unresolved[k]), question.wanted
    at = f"At {where}: " if (where := place(template, k)) else ""
    share = f"{100 * wanted / question.scale:.2g} %"
    larger = f"Add a larger size, such as {2 * int(sample.sizes[-1])}."
    if math.isinf(open_) and asked.sizes[k]:
        reason = f"{at}{_distance(evidence, question, k)}. {evidence.remark}"
        return reason, f"{larger[:-1]}; or declare by an infinite `bias` that the {question.claim} holds at this size."
    if worst <= wanted:
        near = "not near enough to agree and, with all its errors, not far enough to disagree."
        reason = f"{at}{_distance(evidence, question, k)}: {near} {evidence.remark}".strip()
    else:
        reason = f"{at}Only a discrepancy of {_share(worst, question)} would have been seen, and {share} are asked for."
        reason = f"{reason} {evidence.remark}".strip()
    if asked.sizes[k] >= asked.seeds[k]:
        if open_ > wanted / 2:
            left = f"{100 * open_ / question.scale:.2g} %"
            reason += f" The unknown form of the finite-size correction alone leaves {left} open."
        return reason, larger
    if math.isinf(asked.seeds[k]):
        left = f"{100 * (evidence.theory[k] + question.floor) / question.scale:.2g} %"
        return reason, f"Compute the limit more precisely: the error of the theory alone leaves {left} open."
    resolved = worst > wanted and math.isfinite(question.bias) and question.claim != "bound"
    goal = f"resolve {share}" if resolved else "decide"
    return reason, f"About {_seeds(sample, k, asked.seeds[k])} would {goal}."


def _most_lacking(asked: Price, evidence: Evidence) -> int:
    """The open component that lacks most: first what nothing mends, then by its price."""
    most, hopeless = np.maximum(asked.seeds, asked.sizes), np.isinf(asked.seeds) & (asked.sizes == 0)
    return int(np.lexsort((evidence.detectable, most, hopeless, ~evidence.settled))[-1])


def _kept_by_events(evidence: Evidence, sample: Sample, question: Question, template: xr.DataArray) -> tuple[str, str]:
    """Reason and advice where nothing but events that no realisation met keeps a limit from being refuted."""
    short = kept_by_events(evidence, sample, question)
    k = int(np.argmin(short))
    at = f"At {where}: " if (where := place(template, k)) else ""
    reason = f"{at}{_distance(evidence, question, k)}. {evidence.remark}"
    return reason, f"About {_seeds(sample, k, short[k])} would decide."


def _seeds(sample: Sample, k: int, factor: float) -> str:
    """So many times the seeds of a component, in words."""
    least, most = int(sample.count[k].min()), int(sample.count[k].max())
    return f"{factor:.2g} times as many seeds" if least < most else f"{_upwards(most * factor)} seeds at each size"


def _distance(evidence: Evidence, question: Question, k: int) -> str:
    """What the experiment gives, and how far that is from the limit."""
    apart = _share(abs(float(evidence.estimate[k] - question.target[k])), question)
    return (
        f"The experiment gives {_measured(evidence, question, k)}, which is {apart} from the {question.claim} "
        f"{question.target[k]:.6g}"
    )


def _refutation(evidence: Evidence, question: Question, template: xr.DataArray) -> str:
    k = int(np.argmax(np.where(evidence.refuted, np.abs(evidence.z), -1)))
    start = f"At {where} the" if (where := place(template, k)) else "The"
    text = f"{start} {question.claim} is {question.target[k]:.6g}, but the experiment gives "
    text += _measured(evidence, question, k)
    text += f", z = {evidence.z[k]:.1f}" if np.isfinite(evidence.z[k]) else ""
    points, refuted = len(question.target), int(evidence.refuted.sum())
    text += f"; {refuted} of {points} points disagree{'s' if refuted == 1 else ''}" if points > 1 else ""
    return f"{text}. {evidence.remark}".strip()


def _measured(evidence: Evidence, question: Question, k: int) -> str:
    """The estimate with its errors: 0.3015 +- 0.0027 (seeds) +- 0.0033 (extrapolation)."""
    sources = {"seeds": evidence.error, "theory": question.spread, "extrapolation": evidence.extrapolation}
    errors = {name: float(e[k]) for name, e in sources.items() if e[k] > 0}
    return " +- ".join([_rounded(float(evidence.estimate[k]), errors), *(f"{e:.2g} ({n})" for n, e in errors.items())])


def _rounded(value: float, errors: dict[str, float]) -> str:
    """A number with the digits that the smallest of its errors has."""
    least = min((e for e in errors.values() if math.isfinite(e)), default=0.0)
    places = max(1 - math.floor(math.log10(least)), 0) if least > 0 else math.inf
    return f"{value:.{places}f}" if places < 9 else f"{value:.6g}"


def _upwards(number: float) -> int:
    """A number rounded up to two digits."""
    unit = 10 ** max(math.floor(math.log10(number)) - 1, 0)
    return math.ceil(number / unit) * unit


def _share(discrepancy: float, question: Question) -> str:
    return f"{discrepancy:.2g} ({100 * discrepancy / question.scale:.2g} % of {question.scale:.3g})"
