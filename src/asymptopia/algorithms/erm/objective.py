"""The objective of empirical risk minimisation, and an upper bound on its distance from the minimum."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ...parts.loss import Loss

if TYPE_CHECKING:
    from jaxtyping import Float

RADIUS = 10.0
"""Without ridge and l1 a solution is compared with those of up to so many times its norm, or `Objective.reach`."""


@dataclasses.dataclass(frozen=True)
class Objective:
    """sum_i loss(y_i, x_i.w) + ridge/2 |w|^2 + l1 |w|_1 for X (n, d) and n labels."""

    X: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, " n"]
    loss: Loss
    ridge: float
    l1: float

    @property
    def unpenalised(self) -> bool:
        """Whether there is neither ridge nor l1."""
        return self.ridge == 0 and self.l1 == 0

    def losses(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """loss(y_i, z_i) at the fields z (n,)."""
        return np.asarray(self.loss(self.y, z), float)

    def slope(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The derivative of loss(y_i, z_i) in z_i."""
        return np.asarray(self.loss.gradient(self.y, z), float)

    def curvature(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The second derivative of loss(y_i, z_i) in z_i, never negative by rounding."""
        return np.maximum(np.asarray(self.loss.curvature(self.y, z), float), 0.0)

    def penalty(self, w: Float[np.ndarray, " d"]) -> float:
        """ridge/2 |w|^2 + l1 |w|_1."""
        return float(0.5 * self.ridge * (w @ w) + self.l1 * np.abs(w).sum())

    def value(self, w: Float[np.ndarray, " d"], z: Float[np.ndarray, " n"]) -> float:
        """The objective at w, with z = X w."""
        return float(self.losses(z).sum()) + self.penalty(w)

    def excess(self, z: Float[np.ndarray, " n"], touch: Float[np.ndarray, " n"], s: Float[np.ndarray, " n"]) -> float:
        """The sum of the losses at z minus their tangents of slope s_i at touch_i; >= 0 by convexity."""
        if touch is z:
            return 0.0
        return float((self.losses(z) - self.losses(touch) - s * (z - touch)).sum())

    def gap(
        self,
        w: Float[np.ndarray, " d"],
        z: Float[np.ndarray, " n"],
        touch: Float[np.ndarray, " n"],
        s: Float[np.ndarray, " n"],
        pull: Float[np.ndarray, " d"],
        value: float,
    ) -> float:
        """An upper bound on value = value(w, z) less its minimum, from subgradients s_i of loss(y_i, .) at touch_i.

        By convexity loss(y_i, x_i.w') >= loss(y_i, touch_i) + s_i (x_i.w' - touch_i) for every w'; the sum over i
        plus the penalty is least in closed form (this is the duality gap, the conjugate losses taken where they are
        known), with pull = X^T s. Without ridge the competitors w' are restricted to a ball: with l1, losses being
        >= 0, one that holds the minimiser; with neither, that of radius `radius(w)`. Losses being >= 0, the value
        itself is a bound too.
        """
        return min(self.duality_gap(w, z, touch, s, pull), value)

    def duality_gap(
        self,
        w: Float[np.ndarray, " d"],
        z: Float[np.ndarray, " n"],
        touch: Float[np.ndarray, " n"],
        s: Float[np.ndarray, " n"],
        pull: Float[np.ndarray, " d"],
    ) -> float:
        """The duality gap alone; see `gap`, which also bounds by the value itself."""
        total = self.excess(z, touch, s)
        within = np.clip(-pull, -self.l1, self.l1)
        outside = -pull - within
        total += float((self.l1 * np.abs(w) - within * w).sum())
        if self.ridge > 0:
            total += float(((self.ridge * w - outside) ** 2).sum()) / (2 * self.ridge)
        elif self.l1 > 0:
            radius = float(self.losses(z).sum()) / self.l1 + np.abs(w).sum()
            total += float(radius * np.abs(outside).max(initial=0.0) - outside @ w)
        else:
            total += float((np.linalg.norm(w) + self.radius(w)) * np.linalg.norm(outside))
        return total

    def radius(self, w: Float[np.ndarray, " d"]) -> float:
        """Without penalty, the largest norm of competitors of w: `RADIUS` times |w|, or `reach` if that is larger."""
        return RADIUS * max(float(np.linalg.norm(w)), self.reach)

    @cached_property
    def reach(self) -> float:
        """The typical norm of w at which a loss with its slope at 0 would have fallen to zero."""
        zero = np.zeros(len(self.y))
        slopes, size = float(np.abs(self.slope(zero)).sum()), float(np.linalg.norm(self.X))
        if slopes * size == 0:
            return 0.0
        return float(self.losses(zero).sum() / slopes * np.sqrt(self.X.size) / size)

    def scale(self, value: float) -> float:
        """The scale of a relative gap: the value of the objective, at least 1e-6 of its value at w = 0."""
        return max(value, self._least_scale)

    @cached_property
    def _least_scale(self) -> float:
        return max(1e-6 * float(self.losses(np.zeros(len(self.y))).sum()), np.finfo(float).tiny)
