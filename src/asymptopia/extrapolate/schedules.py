"""What a schedule of the learning rate does to a loss curve: three laws, each linear in three of its constants.

All say L = E + A S^-a + c f(s) at step s, with S = sum of the learning rates eta until s. They differ in f, to which a
fall of the rate from one step to the next, d_k at step k, or the rate itself contributes:

- annealing: $f = -\\sum_k d_k (1 - e^{-(s - k)/\\tau})$ (Tissue, Wang and Wang, arXiv:2408.11029 (2024), eq. 1, with
  $\\lambda = e^{-1/\\tau}$);
- multi-power: $f = -\\sum_k d_k (1 - (1 + (S(s) - S(k))/\\sigma)^{-\\beta})$ (Luo et al., ICLR 2025, arXiv:2503.12811,
  eq. 3, without the power of the rate beside S);
- functional: $f = \\int K(S - u)\\, \\eta(u)\\, du$ with $K(t) = (1 + t/\\sigma)^{-\\beta}$, noise of the steps that is
  forgotten as training goes on (Li et al., arXiv:2509.19189 (2025)). Integrated by parts it is the multi-power law with
  $\\beta - 1$, but for a transient.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import cached_property

import numpy as np

_MEMORIES, _SCALES, _POWERS = 24, 12, (0.25, 2.0, 6)
_KNOTS = 300


@dataclasses.dataclass(frozen=True)
class Run:
    """A run: steps, learning rates and losses (n,), nan where they are to be predicted."""

    name: str
    step: np.ndarray
    rate: np.ndarray
    loss: np.ndarray

    @cached_property
    def summed(self) -> np.ndarray:
        """The sum S (n,) of the learning rates until each step."""
        mean = 0.5 * (self.rate[1:] + self.rate[:-1])
        return np.concatenate([[self.rate[0] * self.step[0]], mean * np.diff(self.step)]).cumsum()

    @property
    def warm(self) -> int:
        """The row at which warm-up ends: the first whose rate is the largest."""
        return int(np.argmax(self.rate >= self.rate.max() * (1 - 1e-9)))

    def knots(self) -> np.ndarray:
        """Rows (K,) between which the rate is taken to change at once; where it is constant there are none."""
        rows = np.flatnonzero(np.diff(self.rate)) + 1
        rows = rows[rows > self.warm]
        return rows if len(rows) <= _KNOTS else rows[np.linspace(0, len(rows) - 1, _KNOTS).round().astype(int)]

    def shows_a_change(self) -> bool:
        """Whether more than two losses were logged after a change of the rate."""
        knots = self.knots()
        return bool(len(knots) and np.isfinite(self.loss[knots[0] :]).sum() > 2)


Columns = Callable[[Run, np.ndarray, np.ndarray], np.ndarray]
"""(run, rows (m,), constants of the kernels (G, k)) -> f at those rows (G, m)."""


@dataclasses.dataclass(frozen=True)
class ScheduleForm:
    """A law of how the loss answers to the learning rate.

    constants: the names of those of the kernel. column: f, or None for a law that does not know the schedule.
    axes: for each constant the values tried first, for steps and sums of learning rates up to these.
    """

    name: str
    formula: str
    constants: tuple[str, ...]
    column: Columns | None
    axes: Callable[[float, float], tuple[np.ndarray, ...]]


def _drops(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Falls of the rate (K,) after warm-up, and the steps and sums of rates at which they happen."""
    rows = run.knots()
    before = np.concatenate([[run.warm], rows[:-1]]).astype(int)
    return run.rate[before] - run.rate[rows], run.step[rows], run.summed[rows]


def _annealing(run: Run, rows: np.ndarray, constants: np.ndarray) -> np.ndarray:
    drops, steps, _ = _drops(run)
    since = np.maximum(run.step[rows][:, None] - steps, 0.0)
    return np.stack([np.expm1(-since / memory) @ drops for (memory,) in constants])


def _multi_power(run: Run, rows: np.ndarray, constants: np.ndarray) -> np.ndarray:
    drops, _, sums = _drops(run)
    since = np.maximum(run.summed[rows][:, None] - sums, 0.0)
    return np.stack([((1 + since / scale) ** -power - 1) @ drops for scale, power in constants])


def _functional(run: Run, rows: np.ndarray, constants: np.ndarray) -> np.ndarray:
    ends = np.unique(np.concatenate([[0], run.knots(), np.linspace(0, len(run.step) - 1, _KNOTS).round().astype(int)]))
    sums = np.concatenate([[0.0], run.summed[ends]])
    rates = np.concatenate([[run.rate[0]], 0.5 * (run.rate[ends][1:] + run.rate[ends][:-1])])
    since = np.maximum(run.summed[rows][:, None] - sums, 0.0)
    columns = []
    for scale, power in constants:
        kept = (
            scale * np.log1p(since / scale)
            if abs(power - 1) < 1e-6
            else (1 + since / scale) ** (1 - power) * scale / (1 - power)
        )
        columns.append(-np.diff(kept, axis=1) @ rates)
    return np.stack(columns)


def _no_kernel(steps: float, sums: float) -> tuple[np.ndarray, ...]:
    return ()


def _memories(steps: float, sums: float) -> tuple[np.ndarray, ...]:
    return (np.geomspace(1e-3 * steps, 2 * steps, _MEMORIES),)


def _scales(steps: float, sums: float) -> tuple[np.ndarray, ...]:
    return np.geomspace(1e-4 * sums, sums, _SCALES), np.geomspace(*_POWERS)


SCHEDULE_FORMS = (
    ScheduleForm("sum of rates alone", "E + A S^-a", (), None, _no_kernel),
    ScheduleForm("annealing", "E + A S^-a - c sum d_k (1 - e^(-(s-k)/tau))", ("tau",), _annealing, _memories),
    ScheduleForm(
        "multi-power",
        "E + A S^-a - c sum d_k (1 - (1 + (S-S_k)/sigma)^-beta)",
        ("sigma", "beta"),
        _multi_power,
        _scales,
    ),
    ScheduleForm(
        "functional", "E + A S^-a + c int (1 + (S-u)/sigma)^-beta lr du", ("sigma", "beta"), _functional, _scales
    ),
)
"""The forms, from the simplest."""
