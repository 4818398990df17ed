"""Whether the outputs of a program stay as n grows, and which step makes them grow if they do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .refusal import Line, innermost, lines_of, refusal

_LARGE, _DISCORD, _UNSURE = 0.2, 0.2, 0.03
_ALL, _TRIALS = 2**30, 3
Record = list[Any]
Outputs = dict[str, np.ndarray]


def check_growth(
    outputs: list[Outputs], records: list[Record], ratio: float, readouts: bool, makers: dict[str, Line | None]
) -> None:
    """Raise `NoLimit` if an output grows with n, or vanishes altogether, with the power and the step responsible.

    outputs:  of the same program at two sizes, whose quotient is `ratio`.
    records:  of each run its equations, with what went in and came out.
    readouts: whether there are sums of order sqrt(n) of fresh draws.
    makers:   the line that makes each output.
    """
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
                    "missing, or it is a readout of order one whose weights the program uses in other ways too, for "
                    "which there is no rule; with a readout of order 1/sqrt(n) there is one.",
                    where,
                )
            raise refusal(
                f"no limit can be derived: {name!r} grows as n**{power:.2g}, and this step is the first to grow on the "
                f"way to it, as n**{here:.2g}: a factor n**{-here:.2g} is missing.",
                where,
            )
        if power < -_LARGE and b.max() < 1e-3 and not readouts:
            raise refusal(
                f"no limit can be derived: {name!r} vanishes as n**{power:.2g}; multiply it by n**{-power:.2g}.",
                makers.get(name),
            )


def check_errors(limit: Outputs) -> None:
    """Raise `NoLimit` if the nets do not agree on an output: `limit` has each output and `<name>_error`."""
    for name in limit:
        error = limit.get(f"{name}_error")
        if error is not None and np.any(error > _DISCORD * np.maximum(1, np.abs(limit[name]))):
            raise refusal(
                f"cannot derive: independent nets of points give values of {name!r} that differ by "
                f"{100 * np.max(error / np.maximum(1, np.abs(limit[name]))):.0f} %. Either an average has no bounded "
                "moments, or the program amplifies small differences; more `points` may help.",
                None,
            )


def check_maxima(a: dict[str, np.ndarray], b: dict[str, np.ndarray], equations: list[Any]) -> None:
    """Raise `NoLimit` if an output depends on a largest value along a wide axis, which is no average.

    a, b: outputs of runs with different such values. equations: those that take them.
    """
    for name in a:
        if not np.allclose(a[name], b[name], rtol=1e-7, atol=1e-9):
            raise refusal(
                f"no limit can be derived: {name!r} depends on the largest or smallest value along a wide axis, which "
                "is no average over its coordinates.",
                innermost([lines_of(equations[0])]),
            )


def check_fluctuations(run: Callable[[int, int], tuple[Outputs, Line | None]]) -> None:
    """Raise `NoLimit` if an output depends on how a sum over a wide axis fluctuates.

    `run(k, trial)` gives the outputs where the first k sums fluctuate, and the line of the last of them. The sum that
    matters is found by bisection.
    """
    quiet = run(0, 0)[0]
    moved = {trial: _moved(quiet, run(_ALL, trial)[0]) for trial in range(_TRIALS)}
    trial = next((t for t in moved if moved[t]), None)
    if trial is None:
        return
    name, low, high = moved[trial], 0, 1
    while high < _ALL and not _moved(quiet, run(high, trial)[0]):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _moved(quiet, run(middle, trial)[0]) else (middle, high)
    raise refusal(
        f"cannot derive: {name!r} depends on how this sum over a wide axis fluctuates, by order sqrt(n) around its "
        "mean, such as a logit q @ k / sqrt(n) of one wide head. There is a rule for such sums only where one factor "
        "is a fresh draw; divided by n they have limits.",
        run(high, trial)[1],
    )


def powers(runs: list[list[Outputs]], ratio: float) -> dict[str, float]:
    """The power of n of each output, a multiple of 1/4, on which all runs agree; else nan.

    runs:  the outputs at two sizes, of a coarse and of a fine net, with sums that fluctuate and with other maxima.
    ratio: of the sizes.

    nan for an output that is zero or not finite, that goes as no such power, or of which runs differ by a factor of
    two.
    """
    seen = {}
    for name in runs[0][0]:
        pairs = [[_size(np.asarray(outputs[name])) for outputs in run] for run in runs]
        each = [_power(a, b, ratio) if np.isfinite(a + b) and min(a, b) > 0 else np.nan for a, b in pairs]
        quarters = np.round(4 * np.array(each))
        sizes = [b for _, b in pairs]
        sure = np.all(np.abs(4 * np.array(each) - quarters) < 4 * _UNSURE) and np.ptp(quarters) == 0
        seen[name] = float(quarters[0]) / 4 if sure and max(sizes) < 2 * min(sizes) else np.nan
    return seen


def _moved(quiet: Outputs, noisy: Outputs) -> str | None:
    """The first output that differs."""
    for name in quiet:
        if np.any(np.abs(quiet[name] - noisy[name]) > 0.002 + 0.01 * np.abs(quiet[name])):
            return name
    return None


def _power(a: float, b: float, ratio: float) -> float:
    return float(np.log(max(b, 1e-300) / max(a, 1e-300)) / np.log(ratio))


def _size(value: Any) -> float:
    if not isinstance(value, np.ndarray | np.generic):
        return 1.0
    array = np.asarray(value)
    if array.dtype.kind not in "fiubc" or not array.size:
        return 1.0
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.square(np.abs(array).astype(float)))))


def _culprit(records: list[Record], ratio: float) -> tuple[Any, float]:
    """The line and power of the step on the way to the output that first grows while what it takes does not."""
    makers: dict[int, int] = {}
    growing: dict[int, float] = {}
    for i, (one, two) in enumerate(zip(*records, strict=False)):  # loops may end at another step
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
