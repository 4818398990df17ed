"""Richardson's extrapolation, where noise does not hide the next order; its truncation error is estimated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .extrapolation import DECLARED, SPAN, fit_of
from .judgement import POWER, Outcome, Question
from .sample import Sample

CAUTION, BARE = 1.5, 2.0  # the truncation error is estimated, not bounded; two values show nothing of the next order
HIGHEST = 4  # values that the highest order goes through
SURE = 3.0  # errors of a theory without random realisations


def ladder(sizes: np.ndarray, bias: float) -> list[np.ndarray]:
    """Ways to infinite size, as weights (S,) of the values: polynomials in n**-b, that of the declared b first.

    They go through the largest sizes and, for every admitted b, through one of those less.
    """
    bias = bias if np.isfinite(bias) else 1.0
    count = min(len(sizes), HIGHEST)
    tried = [SPAN[DECLARED], *SPAN]
    return [_polynomial(sizes, k, bias * f) for k in range(count, max(count - 2, 0), -1) for f in tried]


def resolved(
    sample: Sample,
    question: Question,
    ways: Sequence[np.ndarray],
    shown: tuple[np.ndarray, np.ndarray],
    granted: float = 0.0,
) -> Outcome:
    """The limit against the first of the ways; how far the others lie off is the truncation error.

    ways:    from `ladder`, or linear in its results.
    shown:   values and errors by size, (K, S), for the tables.
    granted: how many of its standard errors another way may lie off before that counts.
    """
    first, *others = [fit_of(np.broadcast_to(w, sample.mean.shape), sample) for w in ways]
    apart = [np.maximum(np.abs(o.estimate - first.estimate) - granted * o.error, 0.0) for o in others]
    nodes = np.count_nonzero(ways[0])
    left = (CAUTION if nodes > 2 else BARE) * np.max(apart, axis=0)
    if len(sample.sizes) == 1:
        left = np.full_like(left, question.wanted + question.scale)
    difference, total = first.estimate - question.target, np.hypot(first.error, question.spread)
    critical = np.where(difference < 0, *first.critical(question.share))
    critical = np.where(first.error > 0, critical, SURE)
    reach = left + question.floor + (np.abs(first.linear) * sample.lost).sum(axis=1) + critical * total
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(reach == 0, np.where(difference == 0, 0.0, np.inf), critical * difference / reach)
    refuted = np.abs(difference) > reach
    detectable = reach + POWER * first.error
    return Outcome(
        estimate=first.estimate, error=first.error, extrapolation=left, z=z, critical=critical, detectable=detectable,
        refuted=refuted, settled=~refuted & (detectable <= question.wanted), value=shown[0], value_error=shown[1],
        fit=np.full_like(sample.mean, np.nan),
        remark="The realisations do not depend on the seed." if sample.exact.all() else "",
    )  # fmt: skip


def _polynomial(sizes: np.ndarray, count: int, bias: float) -> np.ndarray:
    """The weights (S,) of the values in the polynomial in n**-bias through the `count` largest, at infinite size."""
    x = sizes[-count:] ** -bias
    weights = [np.prod([b / (b - a) for j, b in enumerate(x) if j != i]) for i, a in enumerate(x)]
    return np.concatenate([np.zeros(len(sizes) - count), weights])
