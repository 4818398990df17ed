"""Whether the replica-symmetric solution of a loss that is not convex is stable (de Almeida and Thouless)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .....contract.batching import stacked
from .....contract.record import StatementError
from .....theory.labels import label_nodes
from .....theory.overlaps import wide
from .....theory.replica import output_averages
from . import solved

if TYPE_CHECKING:
    from .. import ERM

FIELDS = np.sinh(np.linspace(-7.0, 7.0, 4001))
BETWEEN = np.arange(64) / 64  # places between neighbouring knots of a loss, however narrow it is
STRONGEST, WEAKEST, STAGE = 1e4, 1e-6, 1.5


@lru_cache(maxsize=256)
def replicon(law: ERM) -> float:
    r"""$\alpha E (\partial_\omega f)^2 \, E (\partial_B \hat w)^2$, above 1 where replica symmetry is unstable.

    It is the factor by which the squared distance of two runs of approximate message passing falls in a step. For a
    convex loss it is at most $\hat V / (\text{ridge} + \hat V)$. Infinite where the proximal map jumps.
    """
    count = stacked(law)
    rho = wide(law.prior.second_moment, count)
    m, q, V, _ = solved(law, rho)
    if least_stretch(law, float(V[0])) <= 0:
        return float("inf")
    at = output_averages(law.loss, law.teacher, m, q, V, rho, training=False)
    return float((law.alpha * at.slope2 * V / (law.ridge - law.alpha * at.slope))[0])


def least_stretch(law: ERM, V: float) -> float:
    """The least 1 + V loss''(y, z) over fields and labels: the proximal map is continuous where it is positive."""
    if law.loss.location:
        labels = np.zeros(1)
    elif law.teacher.binary:
        labels = np.array([-1.0, 1.0])
    else:
        y, weight = label_nodes(law.teacher, np.zeros((1, 1)), np.full((1, 1), float(law.prior.second_moment)))
        labels = np.unique(y[weight > 0])
    knots = np.sort(law.loss.knots(labels), axis=1)
    inside = knots[:, :-1, None] + np.diff(knots, axis=1)[:, :, None] * BETWEEN
    around = labels[:, None] * law.loss.location + FIELDS
    z = np.concatenate([around, inside.reshape(len(labels), -1)], axis=1)
    return float(1 + V * law.loss.curvature(np.broadcast_to(labels[:, None], z.shape), z).min())


def least_stable_ridge(law: ERM) -> float:
    """The ridge down to which, from strong ones, replica symmetry is stable; 0 if it is at all of them.

    Raises `StatementError` where it is not stable at any.
    """
    from scipy.optimize import brentq

    def excess(log_ridge: float) -> float:
        return min(np.log(replicon(law.replace(ridge=float(np.exp(log_ridge))))), 50.0)

    if excess(np.log(STRONGEST)) > 0:
        raise StatementError(f"Replica symmetry of {law!r} is unstable up to ridge = {STRONGEST:g}.")
    high = np.log(STRONGEST)
    while high > np.log(WEAKEST):
        low = high - np.log(STAGE)
        if excess(low) > 0:
            return float(np.exp(brentq(excess, low, high, xtol=1e-11)))
        high = low
    return 0.0
