"""Averages over a label, the field that all states share, and the fields of the states once replica symmetry breaks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from .....numerics.gaussian import density, legendre, nodes
from .....parts.channel import Channel, Linear
from .....parts.loss import Loss
from .....theory.labels import SPREAD
from .envelope import envelope

if TYPE_CHECKING:
    from jaxtyping import Float

REACH = 8.5
PANEL = 1.6  # of the deviation of the field of a state
ORDER, LABELS = 10, 4


@dataclasses.dataclass(frozen=True)
class Order:
    """Order parameters of a ground state.

    m: overlap with the teacher. q: norm. q0: overlap of two states, below q. V: response of a state. mu: the weight of
    the loss among states; 0 makes them one, whatever q0 is.
    """

    m: float
    q: float
    q0: float
    V: float
    mu: float


@dataclasses.dataclass(frozen=True)
class Averages:
    """Averages of a sample; <> weighs states by exp(-mu M), with M the envelope of the loss and f = -dM/d omega.

    energy: -E log E exp(-mu M) / mu. envelope: E<M>. f0: E<f>^2. f1: E<f^2>. slope: E<f z> / sqrt(q - q0), z the normal
    field of a state. between: E (d<f>/d omega)^2. within: E<(df/dz)^2>, infinite where f jumps. loss: E<loss>, of the
    training samples. signal: E<f> d log P(y) / d mean, of the teacher's field.
    """

    energy: float
    envelope: float
    f0: float
    f1: float
    slope: float
    between: float
    within: float
    loss: float
    signal: float


@dataclasses.dataclass(frozen=True)
class Common:
    """A label, the fields (N,) that all states share, their weights, and weights times the score of the label."""

    y: float
    omega: Float[np.ndarray, " N"]
    weight: Float[np.ndarray, " N"]
    score: Float[np.ndarray, " N"]


def averages(loss: Loss, teacher: Channel, at: Order, rho: float) -> Averages:
    """The averages at these order parameters, for teachers whose field has variance rho."""
    sums, jump = np.zeros(9), False
    for common in _labels(loss, teacher, at, rho):
        rows, f, jumps = _states(loss, common.y, common.omega, at)
        sums += np.append(rows @ common.weight, f @ common.score)
        jump |= jumps
    if jump:
        sums[6] = np.inf
    return Averages(*(float(s) for s in sums))


def _states(
    loss: Loss, y: float, omega: Float[np.ndarray, " N"], at: Order
) -> tuple[Float[np.ndarray, "8 N"], Float[np.ndarray, " N"], bool]:
    """What `Averages` averages, but for the signal, at fields omega; <f> there; whether f jumps."""
    width = np.sqrt(at.q - at.q0)
    low, high = omega.min() - REACH * width, omega.max() + REACH * width
    env = envelope(loss, y, at.V, low, high, PANEL * width)
    t = (env.h - omega[:, None]) / width
    exponent = -(t**2) / 2 - at.mu * env.value
    top = exponent.max(axis=1, keepdims=True)
    kernel = np.exp(exponent - top) * (env.weight / (np.sqrt(2 * np.pi) * width))
    total = kernel.sum(axis=1)
    values = np.stack([env.value, env.f, env.f**2, env.slope**2, loss(np.full_like(env.z, y), env.z)])
    M, f, f2, slope2, value = (kernel @ values.T / total[:, None]).T
    slope = (kernel * t) @ env.f / total / width
    energy = -(np.log(total) + top[:, 0]) / at.mu if at.mu else M
    return np.stack([energy, M, f**2, f2, slope, (slope - at.mu * f**2) ** 2, slope2, value]), f, env.jump


def _labels(loss: Loss, teacher: Channel, at: Order, rho: float) -> Iterator[Common]:
    if teacher.binary:
        yield from _binary(loss, teacher, at, rho)
    elif loss.location and isinstance(teacher, Linear):  # everything depends on y - omega, which is normal
        deviation = np.sqrt(max(rho - 2 * at.m + at.q0 + float(teacher.noise), 1e-300))
        omega, weight = _normal(0.0, deviation, at)
        yield Common(0.0, omega, weight, -weight * omega / deviation**2)
    else:
        yield from _functions(teacher, at, rho)


def _binary(loss: Loss, teacher: Channel, at: Order, rho: float) -> Iterator[Common]:
    left, ratio = max(rho - at.m**2 / at.q0, 1e-15 * rho), at.m / at.q0
    places, width = teacher.breaks()
    spread = np.sqrt(left + float(np.max(width)) ** 2) * SPREAD / (ratio if abs(ratio) > 1e-12 else 1e-12)
    at_ratio = np.ravel(np.asarray(places, float))[:, None] / (ratio if abs(ratio) > 1e-12 else 1e-12)
    omega, weight = _normal(0.0, np.sqrt(at.q0), at, np.ravel(at_ratio + spread))
    labels = (1.0,) if loss.symmetric and teacher.symmetric else (-1.0, 1.0)
    for y in labels:
        chance, score = (weight * g(y, ratio * omega, left) for g in (teacher.partition, teacher.slope))
        yield Common(y, omega, chance * (2 / len(labels)), score * (2 / len(labels)))


def _functions(teacher: Channel, at: Order, rho: float) -> Iterator[Common]:
    """Labels that are a function of a normal field u, noise included; the shared field is normal given u."""
    power = rho + float(teacher.noise) if isinstance(teacher, Linear) else rho
    u, weight = nodes(np.asarray(teacher.breaks()[0], float), 0.0, np.sqrt(power), LABELS)
    u, weight = u[weight > 1e-13], weight[weight > 1e-13]
    left = max(at.q0 - at.m**2 / power, 1e-15 * at.q0)
    spread = max(power - at.m**2 / at.q0, 1e-15 * power)
    for y, field, w in zip(np.asarray(teacher.function(u), float), u, weight, strict=True):
        omega, v = _normal(at.m / power * field, np.sqrt(left), at)
        yield Common(float(y), omega, w * v, w * v * (field - at.m / at.q0 * omega) / spread)


def _normal(
    mean: float, deviation: float, at: Order, breaks: Float[np.ndarray, " B"] | tuple = ()
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """Nodes and weights of a normal shared field, on panels as narrow as the fields of the states need."""
    count = int(np.ceil(2 * REACH * deviation / (PANEL * np.sqrt(at.q - at.q0))))
    grid = np.linspace(-REACH, REACH, max(count, 10) + 1)
    inside = np.clip((np.asarray(breaks, float) - mean) / deviation, -REACH, REACH)
    ends = mean + deviation * np.unique(np.concatenate([grid, inside]))
    t, w = legendre(ORDER)
    length = np.diff(ends)[:, None]
    x = (ends[:-1, None] + length * t).ravel()
    return x, (length * w).ravel() * density(x, mean, deviation)
