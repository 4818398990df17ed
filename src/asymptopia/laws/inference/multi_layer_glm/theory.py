r"""State evolution through the layers of a random network.

A layer with fields $z \sim N(\omega, V)$, $\omega \sim N(0, q)$, whose output is seen with precision A, gives its own
overlap and the information of what is seen on $\omega$. Averages run over z, split where the layer is kinked and graded
on the scale $\sqrt V$ there, over $\omega$ given z, and over the noise of what is seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....numerics.fixed_points import fixed_point
from ....parts.channel import Channel
from ....parts.channel.between import between
from ....parts.prior import Prior
from ....theory.labels import SPREAD, normal_nodes
from ....theory.scalar import coordinate
from ....theory.seen import label

if TYPE_CHECKING:
    from . import MultiLayerGLM

HERMITE = (20, 48)  # nodes for the field's mean given the field, and for the noise of what is seen
COARSE = (13, 30)
LEAST, MOST = 1e-14, 1e12  # precisions between which a state is looked for
ACCEPTED = 1e-8
WARM, NEAR, SMALL, SURE = 500, 0.03, 1e-6, 1e5


class Layer(NamedTuple):
    """What a layer is in state evolution: overlap of its output, information on omega, mean log-partition."""

    overlap: float
    information: float
    log_partition: float


def predict(law: MultiLayerGLM) -> dict[str, Any]:
    """Overlaps and errors of all layers and the free entropy, with the error of the quadrature."""
    A = solve(law, HERMITE, _start(law))
    found, coarse = _observables(law, A, HERMITE), _observables(law, solve(law, COARSE, A), COARSE)
    errors = {f"{k}_error": np.abs(found[k] - coarse[k]) + 1e-9 * np.abs(found[k]) for k in found}
    return found | errors


def powers(law: MultiLayerGLM) -> tuple[float, ...]:
    """Second moments of the signal and of the hidden layers."""
    return _powers(law.prior, tuple(channel for _, channel in law.layers[:-1]))


def _powers(prior: Prior, channels: tuple[Channel, ...]) -> tuple[float, ...]:
    found = [float(prior.second_moment)]
    for channel in channels:
        alone = between(channel, 0.0, found[-1], 0.0, 0.0)
        found.append(float(alone.mean**2 + alone.variance))
    return tuple(found)


def _start(law: MultiLayerGLM) -> np.ndarray:
    weak = law.start == "uninformative"
    return np.array([(SMALL if weak else SURE) / rho for rho in powers(law)])


def solve(law: MultiLayerGLM, orders: tuple[int, int], start: np.ndarray) -> np.ndarray:
    """Precisions A of all layers at the fixed point of state evolution from `start`; (L,)."""

    def step(log_A: np.ndarray) -> np.ndarray:
        return np.log(np.clip(sweep(law, np.exp(log_A), orders)[1], LEAST, MOST))

    at = np.log(start)
    for _ in range(WARM):
        before, at = at, step(at)
        if np.abs(at - before).max() < NEAR:
            break
    return np.exp(fixed_point(step, at, tolerance=ACCEPTED, memory=4, iterations=2000))


def sweep(law: MultiLayerGLM, A: np.ndarray, orders: tuple[int, int]) -> tuple[list[float], list[float], list[float]]:
    """Overlaps of all layers, the precisions that follow, and the terms of the free entropy per unit of each layer."""
    rho = powers(law)
    first = coordinate(law.prior, A[:1])
    q, new = [float(first.overlap[0])], []
    terms = [-float(first.information[0]) + A[0] * rho[0] / 2]
    for k, (ratio, channel) in enumerate(law.layers[:-1]):
        layer = hidden(channel, min(q[-1], rho[k]), rho[k], float(A[k + 1]), orders)
        q.append(layer.overlap)
        new.append(ratio * layer.information)
        terms.append(layer.log_partition)
    ratio, channel = law.layers[-1]
    v = max(rho[-1] - q[-1], 1e-13 * rho[-1])
    seen = label(channel, rho[-1] - v, v)
    new.append(ratio * float(seen.information[0]))
    terms.append(float(seen.log_likelihood[0]))
    return q, new, terms


def _observables(law: MultiLayerGLM, A: np.ndarray, orders: tuple[int, int]) -> dict[str, Any]:
    q, _, terms = sweep(law, A, orders)
    units = np.cumprod([1.0, *(ratio for ratio, _ in law.layers)])
    entropy = units @ np.array(terms) - units[:-1] @ (A * np.array(q)) / 2
    return {"overlap": np.array(q), "mse": np.array(powers(law)) - q, "free_entropy": float(entropy)}


def hidden(channel: Channel, q: float, rho: float, A: float, orders: tuple[int, int]) -> Layer:
    """A layer with fields of power rho, of which q is known from below, and its output seen with precision A."""
    v = max(rho - q, 1e-12 * rho)
    q = rho - v
    kinks = SPREAD * np.sqrt(v) if channel.binary or type(channel).breaks(channel)[0] else np.zeros(1)
    z, weight = normal_nodes(np.r_[0.0, kinks], 0.0, np.sqrt(rho))
    (t, w), (x, u) = (np.polynomial.hermite_e.hermegauss(order) for order in orders)
    omega = (q / rho * z[:, None] + np.sqrt(q * v / rho) * t)[..., None]
    total = np.zeros(3)
    for output, share, spread in _outputs(channel, z):
        B = A * output[:, None, None] + np.sqrt(A + A**2 * spread) * x
        found = between(channel, omega, v, A, B)
        values = np.stack([found.mean**2, found.score**2, found.log_partition])
        total += np.einsum("cijk,i,j,k->c", values, weight * share, w / w.sum(), u / u.sum())
    return Layer(*map(float, total))


def _outputs(channel: Channel, z: np.ndarray) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """Possible outputs of the fields z, with their probability and the variance of noise on them."""
    if channel.binary:
        tiny = np.full_like(z, 1e-300)
        return [(np.full_like(z, a), channel.partition(a, z, tiny), 0.0) for a in channel.labels]
    return [(np.asarray(channel.function(z), float), np.ones_like(z), float(getattr(channel, "noise", 0.0)))]


def weak_recovery(law: MultiLayerGLM) -> float:
    """The ratio of the last layer above which knowing nothing is unstable; 0 if something is known at any.

    Nothing is known where the signal and all layers have mean zero and the last channel is even. There, to first order,
    an overlap q of a layer's input adds c**2 q to that of its output, c = E[x z] / rho, and a precision A of its output
    gives ratio c**2 A for its input.
    """
    *below, (_, channel) = law.layers
    rho = powers(law)
    centred = [float(law.prior.mean) == 0.0]
    slope = []
    for (_, layer), power in zip(below, rho, strict=False):
        alone = between(layer, 0.0, power, 0.0, 0.0)
        centred.append(abs(float(alone.mean)) < 1e-12)
        h = 1e-4 * np.sqrt(power)
        up, down = (float(between(layer, s * h, power, 0.0, 0.0).mean) for s in (1, -1))
        slope.append((up - down) / (2 * h))
    if not all(centred) or not channel.even():
        return 0.0
    gain = rho[0] ** 2  # of the precision of the signal on its overlap
    for (ratio, _), c, power in zip(below, slope, rho[1:], strict=True):
        gain = power**2 + ratio * c**4 * gain
    small = np.array([1e-6, 2e-6]) * rho[-1]
    first, second = label(channel, small, rho[-1] - small).information / small
    return float(1 / (gain * (2 * first - second)))


def solve_both(law: MultiLayerGLM) -> tuple[float, float]:
    """Overlap of the last hidden layer from the start of the law, and from the other."""
    other = law.replace(start="informative" if law.start == "uninformative" else "uninformative")
    here, there = (sweep(x, solve(x, COARSE, _start(x)), COARSE)[0][-1] for x in (law, other))
    return here, there
