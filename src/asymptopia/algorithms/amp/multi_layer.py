"""Message passing through a random network, from the labels at its output to the signal at its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...parts.channel import Channel
from ...parts.channel.between import between
from ...parts.prior import Prior
from ..checks import NotSolved

if TYPE_CHECKING:
    from jaxtyping import Float

PATIENCE = 500
LEAST = 1e-14  # variance of fields
CERTAIN = 1e-4  # share of the power that is unknown at an informed start


def multi_layer_amp(
    matrices: Sequence[Float[np.ndarray, "_outputs _inputs"]],
    y: Float[np.ndarray, " labels"],
    prior: Prior,
    channels: Sequence[Channel],
    *,
    informed: Sequence[Float[np.ndarray, " _known"]] | None = None,
    damping: float = 0.0,
    tolerance: float = 1e-7,
    iterations: int = PATIENCE,
) -> list[tuple[Float[np.ndarray, " _units"], Float[np.ndarray, " _units"]]]:
    """Posterior means and variances of the signal and of every hidden layer, from the labels of the last one.

    The network: x_0 from the prior, x_l made by `channels[l]` of the fields W_l x_{l-1}, with `matrices` W_l of shape
    (n_l, n_{l-1}) and independent entries of variance 1 / n_{l-1}; `y`, shape (n_L,), are the labels of the last.
    informed: x_0 .. x_{L-1} themselves, for a start with almost full knowledge.
    damping: share of old estimates that is kept. Returns (mean, variance) of x_0 .. x_{L-1}.

    Raises `NotSolved` if the means still change by more than `tolerance` root mean square after `iterations`.

    Source: Manoel, Krzakala, Mezard and Zdeborova, IEEE ISIT (2017) 2098, algorithm 1.
    """
    states = _beginning(matrices, prior, channels)
    if informed is not None:
        states = [(x, CERTAIN * np.full(len(x), np.mean(x**2))) for x in informed]
    scores = [np.zeros(len(W)) for W in matrices]
    change = np.inf
    for _ in range(iterations):
        new, scores = _step(matrices, y, prior, channels, states, scores, damping)
        change = max(float(np.sqrt(np.mean((a[0] - b[0]) ** 2))) for a, b in zip(new, states, strict=True))
        states = new
        if not np.isfinite(change):
            break
        if change < tolerance:
            return states
    raise NotSolved(f"Message passing did not settle: means still change by {change:.1e}, above {tolerance:.1e}.")


def _beginning(
    matrices: Sequence[Float[np.ndarray, "_outputs _inputs"]], prior: Prior, channels: Sequence[Channel]
) -> list[tuple[Float[np.ndarray, " _units"], Float[np.ndarray, " _units"]]]:
    """Means and variances before any label is seen."""
    width = matrices[0].shape[1]
    power = float(prior.second_moment)
    states = [(np.full(width, float(prior.mean)), np.full(width, power - float(prior.mean) ** 2))]
    for W, channel in zip(matrices[:-1], channels[:-1], strict=True):
        zero = np.zeros(len(W))
        layer_posterior = between(channel, zero, power, 0.0, zero)
        states.append((layer_posterior.mean, layer_posterior.variance))
        power = float(np.mean(layer_posterior.mean**2 + layer_posterior.variance))
    return states


def _step(
    matrices: Sequence[Float[np.ndarray, "_outputs _inputs"]],
    y: Float[np.ndarray, " labels"],
    prior: Prior,
    channels: Sequence[Channel],
    states: list[tuple[Float[np.ndarray, " _units"], Float[np.ndarray, " _units"]]],
    scores: list[Float[np.ndarray, " _fields"]],
    damping: float,
) -> tuple[list[tuple[Float[np.ndarray, " _layer"], Float[np.ndarray, " _layer"]]], list[Float[np.ndarray, " _made"]]]:
    """One sweep, damped as a whole: scores from the labels down to the signal, then new estimates of all layers up."""
    fields = [_fields(*row) for row in zip(matrices, states, scores, strict=True)]
    g, slope = channels[-1].score(y, *fields[-1])
    fresh, messages = [], []
    for layer in range(len(matrices) - 1, -1, -1):
        fresh.append(g)
        W, mean = matrices[layer], states[layer][0]
        A = -len(W) / W.shape[1] * float(np.mean(slope))
        messages.append((A, W.T @ fresh[-1] + A * mean))
        if layer:
            estimate = between(channels[layer - 1], *fields[layer - 1], *messages[-1])
            g, slope = estimate.score, estimate.slope
    fresh, messages = fresh[::-1], messages[::-1]
    new = [prior.posterior(*messages[0])]
    for layer in range(1, len(matrices)):
        field, V = _fields(matrices[layer - 1], new[-1], fresh[layer - 1])
        estimate = between(channels[layer - 1], field, V, *messages[layer])
        new.append((estimate.mean, estimate.variance))
    share = 1 - damping
    kept = [(a + share * (b - a), c + share * (d - c)) for (a, c), (b, d) in zip(states, new, strict=True)]
    return kept, [old + share * (g - old) for old, g in zip(scores, fresh, strict=True)]


def _fields(
    W: Float[np.ndarray, "outputs inputs"],
    state: tuple[Float[np.ndarray, " inputs"], Float[np.ndarray, " inputs"]],
    score: Float[np.ndarray, " outputs"],
) -> tuple[Float[np.ndarray, " outputs"], float]:
    """Means and variance of the fields W x, less the reaction to what x has heard from them."""
    V = max(float(np.mean(state[1])), LEAST)
    return W @ state[0] - V * score, V
