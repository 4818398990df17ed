"""Whether the outputs of a program stay as n grows, and which step makes them grow if they do not."""

from __future__ import annotations

from typing import Any

import numpy as np

from .refusal import innermost, lines_of, refusal

_LARGE = 0.2
Record = list[Any]


def check_growth(outputs: list[dict[str, np.ndarray]], records: list[Record], ratio: float, readouts: bool) -> None:
    """Raise `NoLimit` if an output grows with n, or vanishes altogether, with the power and the step responsible."""
    for name in outputs[0]:
        a, b = (np.abs(o[name]).ravel() for o in outputs)
        if not (np.isfinite(a).all() and np.isfinite(b).all()):
            raise refusal(f"no limit can be derived: {name!r} is not a finite number.", _culprit(records, ratio)[0])
        if not len(a) or not np.any(b > 1e-12):
            continue
        power = _power(a.max(), b.max(), ratio)
        if power > _LARGE:
            where, here = _culprit(records, ratio)
            if readouts and abs(here - 0.5) < 0.1:
                raise refusal(
                    f"cannot derive: {name!r} depends on this sum of order sqrt(n). Either a factor n**-0.5 is "
                    "missing, or it is a readout of order one after training near its start (the lazy, or neural "
                    "tangent, scaling), for which there is no rule; with a readout of order 1/sqrt(n) there is one.",
                    where,
                )
            raise refusal(
                f"no limit can be derived: {name!r} grows as n**{power:.2g}, and this step is the first to grow on the "
                f"way to it, as n**{here:.2g}: a factor n**{-here:.2g} is missing.",
                where,
            )
        if power < -_LARGE and b.max() < 1e-3 and not readouts:
            raise refusal(
                f"no limit can be derived: {name!r} vanishes as n**{power:.2g}; multiply it by n**{-power:.2g}.", None
            )


def check_maxima(a: dict[str, np.ndarray], b: dict[str, np.ndarray], equations: list[Any]) -> None:
    """Raise `NoLimit` if a largest value along a wide axis matters for an output."""
    for name in a:
        if not np.allclose(a[name], b[name], rtol=1e-7, atol=1e-9):
            raise refusal(
                f"no limit can be derived: {name!r} depends on the largest or smallest value along a wide axis, which "
                "is no average over its coordinates.",
                innermost([lines_of(equations[0])]),
            )


def check_fluctuations(quiet: dict[str, np.ndarray], noisy: dict[str, np.ndarray]) -> None:
    """Raise `NoLimit` if an output depends on how a sum over a wide axis fluctuates."""
    for name in quiet:
        if np.any(np.abs(quiet[name] - noisy[name]) > 0.02 + 0.1 * np.abs(quiet[name])):
            raise refusal(
                f"cannot derive: {name!r} depends on how a sum over a wide axis fluctuates, by order sqrt(n) around "
                "its mean, such as a logit q @ k / sqrt(n) of one wide head. There is a rule for such sums only where "
                "one factor is a fresh draw; divided by n they have limits.",
                None,
            )


def _power(a: float, b: float, ratio: float) -> float:
    return float(np.log(max(b, 1e-300) / max(a, 1e-300)) / np.log(ratio))


def _size(value: Any) -> float:
    if not isinstance(value, np.ndarray | np.generic):
        return 1.0
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or not array.size:
        return 1.0
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.square(array.astype(float)))))


def _culprit(records: list[Record], ratio: float) -> tuple[Any, float]:
    """The line and power of the step on the way to the output that first grows while what it takes does not."""
    makers: dict[int, int] = {}
    growing: dict[int, float] = {}
    for i, (one, two) in enumerate(zip(*records, strict=True)):
        for a, b in zip(one[3], two[3], strict=True):
            makers[id(a)] = i
            growing[id(a)] = _power(_size(a), _size(b), ratio) if _size(a) > 0 else 0.0
    at = len(records[0]) - 1
    while at >= 0 and not any(growing[id(v)] > _LARGE for v in records[0][at][3]):
        at -= 1
    while at >= 0:
        above, equation, given, _ = records[0][at]
        before = [makers[id(v)] for v in given if growing.get(id(v), 0.0) > _LARGE and makers[id(v)] < at]
        if not before:
            power = max(growing[id(v)] for v in records[0][at][3])
            return innermost([lines_of(e) for e in (*above, equation)]), power
        at = max(before)
    return None, 0.0
