"""State evolution: what approximate message passing knows after each iteration."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ....algorithms.amp.soft import SoftThreshold
from ....parts.channel import Channel
from ....parts.prior import Prior
from ....theory.scalar import coordinate, observation_averages
from ....theory.seen import label

if TYPE_CHECKING:
    from . import AMP


PERFECT = 1e-16
"""Share of the signal's variance below which nothing is left to learn."""


@dataclasses.dataclass(frozen=True)
class Knowledge:
    """The state of an estimate: overlap with the signal, mean square, and the variance that AMP believes."""

    overlap: float
    norm: float
    variance: float


def at_start(prior: Prior, snr: float) -> Knowledge:
    """The posterior mean given a copy of the signal in noise, at this signal-to-noise ratio."""
    if snr == 0:
        q, v = prior.mean**2, prior.second_moment - prior.mean**2
    else:
        seen = coordinate(prior, snr)
        q, v = seen.overlap[0], seen.mse[0]
    return Knowledge(float(q), float(q), float(v))


def bayes(prior: Prior, channel: Channel, alpha: float, snr: float, iterations: int) -> list[Knowledge]:
    """After each iteration, of message passing that knows prior and channel."""
    start = at_start(prior, snr)
    least = PERFECT * (prior.second_moment - prior.mean**2)
    blind = channel.even() and start.overlap == 0

    def learned(now: Knowledge) -> Knowledge:
        if now.variance <= least or blind:
            return now
        return at_start(prior, alpha * float(label(channel, now.overlap, now.variance).information[0]))

    return _iterated(learned, start, iterations)


def soft(
    prior: Prior, noise: float, alpha: float, denoiser: SoftThreshold, snr: float, iterations: int
) -> list[Knowledge]:
    """After each iteration, of message passing for the LASSO with labels that are fields in Gaussian noise."""

    def learned(now: Knowledge) -> Knowledge:
        precision = alpha / (1 + now.variance)
        error = noise + max(prior.second_moment - 2 * now.overlap + now.norm, PERFECT * prior.second_moment)
        spread = np.sqrt(alpha * error) / (1 + now.variance)

        def moments(
            x: np.ndarray, mean: np.ndarray, variance: np.ndarray, log_p: np.ndarray, owner: np.ndarray
        ) -> np.ndarray:
            w, slope = denoiser.posterior(precision, spread * x)
            return np.stack([w * mean, w**2, slope])

        breaks = np.array([[-1.0, 1.0]]) * denoiser.l1 / spread
        averages = observation_averages(prior, alpha / error, moments, breaks)[:, 0]
        return Knowledge(*map(float, averages))

    return _iterated(learned, at_start(prior, snr), iterations)


def _iterated(learned: Callable[[Knowledge], Knowledge], now: Knowledge, iterations: int) -> list[Knowledge]:
    """The state after each iteration; from one that was there before, to the last digit, everything repeats itself."""
    path: list[Knowledge] = []
    places: dict[Knowledge, int] = {}
    while len(path) < iterations and now not in places:
        places[now] = len(path)
        now = learned(now)
        path.append(now)
    while len(path) < iterations:
        path += path[places[now] :]
    return path[:iterations]


def predict(law: AMP) -> dict[str, Any]:
    """The observables in the limit."""
    from ....algorithms.amp.soft import SoftThreshold

    if law.l1 is None:
        path = bayes(law.prior, law.channel, law.alpha, law.snr, law.iterations)
        return {"overlap": np.array([k.overlap for k in path]), "mse": np.array([k.variance for k in path])}
    noise = law.channel.noise  # type: ignore[attr-defined]
    path = soft(law.prior, noise, law.alpha, SoftThreshold(law.l1), law.snr, law.iterations)
    overlap, norm = (np.array([getattr(k, name) for k in path]) for name in ("overlap", "norm"))
    return {"overlap": overlap, "mse": law.prior.second_moment - 2 * overlap + norm}
