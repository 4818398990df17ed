"""Published and recomputed values that the law must reproduce."""

from __future__ import annotations

import numpy as np

from ....contract.law import Landmark
from ....parts.channel import Linear
from ....parts.loss import Square
from ....parts.mixture import Mixture

FIRST = "the first step in closed form"
RECOMPUTED = "independent second-moment recursion over the spectrum of the inputs"


def landmarks() -> tuple[Landmark, ...]:
    linear = dict(loss=Square(), ridge=0.0, teacher=Linear(noise=0.25))
    rows = []
    for alpha, rate, batch, step, loss, error, source in (
        (2.0, 0.2, 1.0, 1, 0.21, 0.46, FIRST),
        (2.0, 0.2, 1.0, 2, 0.1376, 0.3208, RECOMPUTED),
        (2.0, 0.2, 0.5, 5, 0.1045759104, 0.241004544, RECOMPUTED),
        (2.0, 0.1, 0.1, 50, 0.13646964597734593, 0.3510930844189236, RECOMPUTED),
        (0.5, 0.3, 0.3, 50, 0.0007147980099514259, 0.7295695281288659, RECOMPUTED),
    ):
        fields = dict(alpha=alpha, rate=rate, batch=batch, steps=step) | linear
        rows.append(Landmark(fields, "train_loss", loss, 1e-11, source, at=(step,)))
        rows.append(Landmark(fields, "test_error", error, 1e-11, source, at=(step,)))
    m = 0.4 * (2 / np.pi) ** 0.5  # of one step on log(1 + exp(-y z)) from 0: rate alpha E |star| / 2
    rows.append(Landmark(dict(steps=1), "overlap", m, 1e-4, FIRST, at=(1,)))
    rows.append(Landmark(dict(steps=1, batch=1.0), "norm", m**2 + 0.08, 1e-4, FIRST, at=(1,)))
    clusters = dict(steps=1, batch=1.0, teacher=Mixture(separation=2.0))
    rows.append(Landmark(clusters, "overlap", 0.8, 1e-4, FIRST, at=(1,)))
    return tuple(rows)


LANDMARKS = landmarks()
