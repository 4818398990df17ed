"""Realisations without randomness: extrapolated by Richardson's rule, with an estimate of what it leaves."""

from __future__ import annotations

import numpy as np

from .judgement import Outcome, Question
from .sample import Sample

CAUTION = 1.5  # the truncation error is estimated, not bounded


def exact(sample: Sample, question: Question) -> Outcome:
    """Richardson's extrapolation in powers of n**-bias, its truncation error from the spread of three others.

    They are the same on the largest sizes alone, of first order on the two largest, and with the exponent that the
    three largest show (Aitken, if they are in geometric progression). With two sizes the truncation error is the
    correction at the larger; with one there is no estimate of it.
    """
    sizes, values = sample.sizes, sample.mean
    others = [_neville(sizes[-k:], values[:, -k:], question.bias) for k in range(2, len(sizes) + 1)]
    if len(sizes) >= 3:
        others.append(_free(sizes[-3:], values[:, -3:], question.bias))
    estimate = others[len(sizes) - 2] if len(sizes) > 1 else values[:, -1]
    if len(sizes) < 3:
        others.append(values[:, -1])
    left = CAUTION * np.max([np.abs(o - estimate) for o in others], axis=0)
    left = left if len(sizes) > 1 else np.full_like(left, question.wanted + question.scale)
    reach = left + question.floor + 3 * question.spread
    difference = estimate - question.target
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(reach > 0, difference / reach, np.where(difference == 0, 0.0, np.inf))
    refuted = np.abs(difference) > reach
    zero = np.zeros_like(estimate)
    return Outcome(
        estimate=estimate, error=zero, extrapolation=left, z=z, critical=zero + 1.0, detectable=reach,
        refuted=refuted, settled=~refuted & (reach <= question.wanted), value=values,
        value_error=np.zeros_like(values), fit=np.full_like(values, np.nan),
        remark="The realisations do not depend on the seed.",
    )  # fmt: skip


def _neville(sizes: np.ndarray, values: np.ndarray, bias: float) -> np.ndarray:
    """The polynomial in n**-bias through all values, at infinite size."""
    x = sizes ** -(bias if np.isfinite(bias) else 1.0)
    weights = [np.prod([b / (b - a) for j, b in enumerate(x) if j != i]) for i, a in enumerate(x)]
    return values @ np.array(weights)


def _free(sizes: np.ndarray, values: np.ndarray, bias: float) -> np.ndarray:
    """limit + c n**-b through three values, with b between a third of and twice the declared one."""
    b = (bias if np.isfinite(bias) else 1.0) * np.geomspace(1 / 3, 2, 200)
    x = sizes[:, None] ** -b
    shown = (x[0] - x[1]) / (x[1] - x[2])
    d = -np.diff(values, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = np.where(d[:, 1] != 0, d[:, 0] / d[:, 1], np.inf)
        b = np.interp(np.nan_to_num(seen, posinf=np.inf), shown, b)
        step = sizes[1] ** -b - sizes[2] ** -b
        return values[:, 2] - d[:, 1] * sizes[2] ** -b / step
