"""Loops until a fixed point: when points can resolve no more of it, and whether it is stable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..context import Context
from ..refusal import Refused
from ..trace import is_key, wide_axes
from ..wide import Flat, Wide

_FIRST, _LATER = 36, 1.25  # the first step at which convergence is looked for, and the ratio of later ones
_WINDOW, _FALL, _RISES, _RISE = 12, 0.7, 0.25, 1e-3
_RESOLUTION = 0.1  # of a squared move, times the number of points
_CHANGE, _LARGEST_CHANGE, _STEPS = 0.03, 0.3, 8
_DIRECTIONS = 12  # points for each step that a trial run takes

Step = Callable[[list[Any]], list[Any]]


class Iterates:
    """The vectors of a loop over wide axes, and how far they move in each step, relative to their size.

    ctx: the state of the run. variables: of the loop, in the jaxpr. state: their values at its start.
    """

    def __init__(self, ctx: Context, variables: list[Any], state: list[Any]) -> None:
        shapes = [tuple(v.aval.shape) for v in variables]
        self.ctx, self.due = ctx, float(_FIRST)
        self.moves: list[float] = []
        self.random = any(is_key(v) for v in state)
        self.vectors = [
            i
            for i, v in enumerate(variables)
            if not is_key(v.aval) and v.aval.dtype.kind == "f" and len(wide_axes(shapes[i])) == 1
        ]
        self.points = max((ctx.space.count(_length(shapes[i])) for i in self.vectors), default=1)

    def settled(self, before: list[Any], after: list[Any], step: Step) -> bool:
        """Whether the loop has come as near to its fixed point as the points resolve.

        before, after: the values of its variables around a step. step: the function that makes one.

        Raises `Refused` if it does not come nearer and small changes of its iterates grow: then systems of finite size
        do not converge either (the condition of de Almeida and Thouless).
        """
        if self.random or not self.vectors or any(isinstance(after[i], Wide | Flat) for i in self.vectors):
            return False
        self.moves.append(self._distance(before, after) / max(self._distance(None, after), 1e-300))
        if self.ctx.settings.probing:  # there are soon more directions than points
            return len(self.moves) >= self.points // _DIRECTIONS
        if len(self.moves) < self.due:
            return False
        self.due *= _LATER
        move = float(np.mean(self.moves[-_WINDOW:]))
        if not self._stalled():
            return False
        growth = self._growth(after, step, min(max(_CHANGE, 10 * move), _LARGEST_CHANGE))
        if growth >= 1:
            raise Refused(
                f"no limit can be derived: the iterates of this loop still move by {100 * move:.2g} % a step after "
                f"{len(self.moves)} steps, and runs that begin near each other part by a factor {growth**0.5:.3g} a "
                "step: the fixed point is unstable (de Almeida and Thouless). A fixed number of steps has a limit."
            )
        return move**2 * self.points <= _RESOLUTION

    def _stalled(self) -> bool:
        """Whether moves fall no more than noise does, which goes up and down."""
        count = max(_WINDOW, len(self.moves) // 4)
        late, earlier = np.square(self.moves[-count:]), np.square(self.moves[-2 * count : -count])
        fall = late.mean() / max(earlier.mean(), 1e-300)
        rises = np.mean(np.diff(late) > _RISE * late.mean())
        return bool(fall >= _FALL and rises >= _RISES)

    def _growth(self, state: list[Any], step: Step, size: float) -> float:
        """The factor by which the squared distance of two runs that began near each other changes in a step."""
        rng, other, distances = np.random.default_rng(0), list(state), []
        for i in self.vectors:
            noise = rng.standard_normal(np.shape(state[i]))
            other[i] = state[i] + size * np.sqrt(np.mean(np.square(state[i]))) * noise
        for _ in range(_STEPS):
            state, other = step(state), step(other)
            distances.append(self._distance(state, other) ** 2)
        half = _STEPS // 2
        return float((distances[-1] / max(distances[-1 - half], 1e-300)) ** (1 / half))

    def _distance(self, a: list[Any] | None, b: list[Any]) -> float:
        parts = [np.mean(np.square(b[i] if a is None else b[i] - a[i])) for i in self.vectors]
        return float(np.sqrt(np.sum(parts)))


def _length(shape: tuple[int, ...]) -> int:
    """The length of the only wide axis."""
    return shape[wide_axes(shape)[0]]
