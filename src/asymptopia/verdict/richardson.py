"""Richardson's extrapolation, where noise does not hide the next order; its truncation error is estimated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .extrapolation import DECLARED, SPAN, fit_of
from .judgement import POWER, Evidence, Question
from .price import besides, certain
from .sample import Sample

CAUTION, BARE = 1.5, 2.0  # the truncation error is estimated, not bounded; two values show nothing of the next order
HIGHEST = 4  # values that the highest order goes through
FINE = 181  # exponents between the least and the largest that are admitted
SURE = 3.0  # errors of a theory without random realisations


def ladder(sizes: np.ndarray, bias: float, values: np.ndarray) -> list[np.ndarray]:
    """Extrapolations to infinite size, as weights (S,) or (K, S) of the values (K, S).

    Polynomials in n**-b through the largest sizes, that of the declared b first, then those of every admitted one, and
    through one size less. Of three sizes, two tell nothing of the exponent: there the power law through all three is
    taken instead.
    """
    bias = bias if np.isfinite(bias) else 1.0
    count = min(len(sizes), HIGHEST)
    tried = bias * np.array([SPAN[DECLARED], *SPAN])
    ways = [_polynomial(sizes, count, b) for b in tried]
    if count == 3:
        return [*ways, _power_law(sizes, bias, values)]
    return [*ways, *(_polynomial(sizes, count - 1, b) for b in tried if count > 1)]


def _power_law(sizes: np.ndarray, bias: float, values: np.ndarray) -> np.ndarray:
    """The weights (K, S) of limit + c n**-b through the three largest sizes, with b as near as the span has it."""
    x = sizes[-3:]
    exponents = bias * np.geomspace(SPAN[0], SPAN[-1], FINE)
    ways = np.stack([_polynomial(x, 2, b) for b in exponents])
    reach = (x[0] ** -exponents - x[2] ** -exponents) / (x[1] ** -exponents - x[2] ** -exponents)
    first, second, third = values[:, -3:].T
    misses = first - third - reach[:, None] * (second - third)
    chosen = ways[np.nan_to_num(np.abs(misses), nan=np.inf).argmin(axis=0)]
    return np.hstack([np.zeros((len(values), len(sizes) - 3)), chosen])


def resolved(
    sample: Sample,
    question: Question,
    ways: Sequence[np.ndarray],
    shown: tuple[np.ndarray, np.ndarray],
    granted: float = 0.0,
) -> Evidence:
    """Test the limit against the first extrapolation; how far the others lie off is the truncation error.

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
    theory = np.where(first.error > 0, certain(question.share), critical) * question.spread
    detectable = reach + POWER * first.error
    return Evidence(
        estimate=first.estimate, error=first.error, extrapolation=left, z=z, critical=critical, detectable=detectable,
        refuted=refuted, settled=~refuted & (detectable <= question.wanted), value=shown[0], value_error=shown[1],
        fit=np.full_like(sample.mean, np.nan),
        noise=besides(critical * total + POWER * first.error, theory), theory=theory,
        events=np.zeros_like(detectable), unresolved=left,
        fixed=question.floor + (np.abs(first.linear) * sample.lost).sum(axis=1),
        remark="The realisations do not depend on the seed." if sample.exact.all() else "",
    )  # fmt: skip


def _polynomial(sizes: np.ndarray, count: int, bias: float) -> np.ndarray:
    """The weights (S,) of the values in the polynomial in n**-bias through the `count` largest, at infinite size."""
    x = sizes[-count:] ** -bias
    weights = [np.prod([b / (b - a) for j, b in enumerate(x) if j != i]) for i, a in enumerate(x)]
    return np.concatenate([np.zeros(len(sizes) - count), weights])
