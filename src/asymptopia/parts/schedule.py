"""Schedules of a learning rate: its share of the peak over the course of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..contract.record import Record, StatementError, field
from .own_function import OwnFunction

__all__ = ["Constant", "Cosine", "PowerDecay", "Schedule", "WarmupStableDecay"]

NEAR_END = np.array([1e-4, 1e-6])


class Schedule(Record):
    """The rate as a share of its peak, as a function of the elapsed share u of the run, elementwise on [0, 1].

    A schedule of your own defines `__call__(self, u)`, or is a plain function.
    """

    def __call__(self, u: np.ndarray) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, u)`.")

    @classmethod
    def from_callable(cls, function: Callable[[Any], Any]) -> Schedule:
        """A plain function f(u) as a schedule; a statement shows the function's name."""
        return _Own(function)

    def breaks(self) -> tuple[float, ...]:
        """The elapsed shares inside (0, 1) at which the schedule has a kink or jumps."""
        return ()

    def order(self) -> float:
        """The power p with which the schedule vanishes as (1 - u)**p at the end; 0 if it does not vanish."""
        far, near = np.asarray(self(1 - NEAR_END), float)
        return max(0.0, float(np.log(far / near) / np.log(NEAR_END[0] / NEAR_END[1]))) if near > 0 else np.inf

    def check(self) -> None:
        """Raise `StatementError` if the schedule is negative, not finite, or zero throughout."""
        u = np.linspace(0, 1, 1001)
        with np.errstate(all="ignore"):
            share = np.broadcast_to(np.asarray(self(u), float), u.shape)
        if not (np.isfinite(share).all() and (share >= 0).all() and share[:-1].max() > 0):
            worst = share[~np.isfinite(share) | (share < 0)]
            value = f"{worst[0]:g}" if len(worst) else "0 throughout"
            raise StatementError(f"A schedule must be >= 0, finite and not 0 throughout, but {self!r} is {value}.")


class Constant(Schedule):
    """The peak rate throughout."""

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return np.ones_like(u)

    def order(self) -> float:
        return 0.0


class Cosine(Schedule):
    """Cosine decay from the peak to the share `final`."""

    final: float = field(0.0, "share of the peak at the end", at_least=0, at_most=1)

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return self.final + (1 - self.final) * np.cos(np.pi * u / 2) ** 2

    def order(self) -> float:
        return 0.0 if self.final > 0 else 2.0


class PowerDecay(Schedule):
    """The decay (1 - u)**power to zero."""

    power: float = field(1.0, "power of the share of the run that is left", above=0)

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return (1 - u) ** self.power

    def order(self) -> float:
        return float(self.power)


class WarmupStableDecay(Schedule):
    """A linear rise over a share `warmup` of the run, the peak, then a linear fall to 0 over a share `decay`."""

    warmup: float = field(0.05, "share of the run until the peak", at_least=0, below=1)
    decay: float = field(0.2, "share of the run from the peak to its end", above=0, at_most=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.warmup + self.decay > 1:
            raise StatementError(
                f"`decay` of WarmupStableDecay must be <= 1 - `warmup`, but is {self.decay:g}, "
                f"with a warm-up of {self.warmup:g}."
            )

    def __call__(self, u: np.ndarray) -> np.ndarray:
        up = u / self.warmup if self.warmup > 0 else np.ones_like(u)
        return np.clip(np.minimum(up, (1 - u) / self.decay), 0.0, 1.0)

    def breaks(self) -> tuple[float, ...]:
        return tuple(b for b in (self.warmup, 1 - self.decay) if 0 < b < 1)

    def order(self) -> float:
        return 1.0


class _Own(OwnFunction, Schedule):
    """A plain function of the share of the run."""

    function: Callable[[Any], Any] = np.ones_like

    def __call__(self, u: np.ndarray) -> np.ndarray:
        return self.function(u)
