"""The least empirical risk of losses that are not convex, with no or one step of replica symmetry breaking."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from .averages import averages
from .saddle import NARROW, RHO, Ground, broken, symmetric

if TYPE_CHECKING:
    from .. import NonconvexERM

AT_ONCE = 1e-9  # the response that leaves a field where it is: a new sample


def predict(law: NonconvexERM) -> dict[str, Any]:
    """The observables in the limit; after one step each is uncertain by what that step changed."""
    before, after = symmetric(law), broken(law) if law.breaking else symmetric(law)
    values = _observed(law, after)
    if after is not before:
        values |= {f"{k}_error": abs(v - values[k]) for k, v in _observed(law, before).items()}
    elif law.breaking and before.eigenvalues[1] > 1:
        values |= {f"{k}_error": NARROW * abs(v) for k, v in values.items()}
    order = after.order
    values["symmetric_loss"] = before.energy
    values["state_overlap"] = order.q0 if order.mu else order.q
    values["eigenvalue"] = after.eigenvalues[0] if order.mu else after.eigenvalues[1]
    return values


def _observed(law: NonconvexERM, ground: Ground) -> dict[str, float]:
    new = dataclasses.replace(ground.order, V=AT_ONCE, mu=0.0)
    return {
        "least_loss": ground.energy,
        "train_loss": ground.at.loss,
        "test_loss": averages(law.loss, law.teacher, new, RHO).loss,
        "cosine": (abs(ground.order.m) if law.even() else ground.order.m) / np.sqrt(RHO * ground.order.q),
        "norm": ground.order.q,
    }
