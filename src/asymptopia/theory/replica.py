"""Averages over a label and the student's cavity field, which the replica equations of a convex loss need."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import with_arrays
from ..numerics.arrays import ArrayLike
from ..numerics.gaussian import density, legendre, nodes
from ..parts.channel import Channel, Linear
from ..parts.loss import Loss
from .labels import GRID, ORDER, SPREAD, label_nodes

if TYPE_CHECKING:
    from jaxtyping import Float, Real, Shaped

    from ..contract.record import Record


@dataclasses.dataclass(frozen=True)
class Averages:
    """Averages with f = (z - omega) / V, z the proximal point of the loss at the cavity field omega; arrays (K,).

    f2:     E f**2.
    slope:  E df/d omega, which is <= 0 for a convex loss.
    slope2: E (df/d omega)**2, on which the stability of replica symmetry depends.
    signal: E f d log P(y | omega) / d mean, the mean of the teacher's field given omega.
    loss:   E loss(y, z).
    error:  E 1[y z < 0] for binary labels, E (y - z)**2 for real ones.

    The last two are nan unless they were asked for.
    """

    f2: Float[np.ndarray, " K"]
    slope: Float[np.ndarray, " K"]
    slope2: Float[np.ndarray, " K"]
    signal: Float[np.ndarray, " K"]
    loss: Float[np.ndarray, " K"]
    error: Float[np.ndarray, " K"]


def output_averages(
    loss: Loss,
    teacher: Channel,
    m: Real[ArrayLike, "..."],
    q: Real[ArrayLike, "..."],
    V: Real[ArrayLike, "..."],
    rho: Real[ArrayLike, "..."],
    *,
    training: bool = True,
) -> Averages:
    """The averages over the teacher's field z0, the cavity field omega and the label y of z0.

    z0 and omega are jointly normal with zero mean, E z0**2 = rho, E omega**2 = q, E z0 omega = m. m, q, V, rho: shape
    (K,), with m**2 <= rho q and V > 0. Number fields of `loss` and `teacher` may be arrays (K,). training: whether the
    training loss and error are wanted too.

    Accurate to about 1e-11, relative: integrals are split where the loss, its proximal map or the teacher are not
    smooth, and taken in the proximal point z instead of omega, so that no implicit equation is solved at the nodes.
    """
    m, q, V, rho = (np.atleast_1d(a) for a in np.broadcast_arrays(*(np.asarray(a, float) for a in (m, q, V, rho))))
    loss, teacher = column(loss), column(teacher)
    if teacher.binary:
        return _binary(loss, teacher, m, q, V, rho, training)
    if loss.location and isinstance(teacher, Linear):
        return _residual(loss, teacher, m, q, V, rho, training)
    if type(teacher).function is Channel.function:
        return _densities(loss, teacher, m, q, V, rho, training)
    power = rho + np.ravel(teacher.noise) if isinstance(teacher, Linear) else rho
    return _outer(loss, teacher, m, q, V, power, training)


def column(record: Record) -> Any:
    """The record with its number fields of shape (K,) reshaped to (K, 1)."""
    return with_arrays(record, lambda a: a[:, None] if a.ndim == 1 else a)


@dataclasses.dataclass(frozen=True)
class Rule:
    """A quadrature over the cavity field: omega, z, slope df/d omega, and normal weights; (K, N) each."""

    omega: Float[np.ndarray, "K N"]
    z: Float[np.ndarray, "K N"]
    f: Float[np.ndarray, "K N"]
    slope: Float[np.ndarray, "K N"]
    weight: Float[np.ndarray, "K N"]


def rule(
    loss: Loss,
    y: Float[np.ndarray, " K"],
    mean: Float[np.ndarray, " K"],
    deviation: Float[np.ndarray, " K"],
    V: Float[np.ndarray, " K"],
    breaks: Float[np.ndarray, "K B"],
) -> Rule:
    """A quadrature over omega ~ N(mean, deviation**2) for the labels y (K,), split at `breaks` (K, B) and kinks of f.

    On a panel where the loss is smooth the variable is z, with omega = z + V loss'(z); where z stays at a kink, omega.
    """
    y_, V_ = y[:, None], V[:, None]
    low, high = mean + deviation * GRID[0], mean + deviation * GRID[-1]
    kinks = np.broadcast_to(loss.kinks(y), (len(y), loss.kinks(y).shape[-1]))
    knots = np.concatenate([loss.knots(y), np.zeros_like(y_)], axis=-1)
    sides = [kinks + V_ * loss.gradient(y_, kinks + s * _tiny(kinks)) for s in (-1, 1)]
    images = knots + V_ * loss.gradient(y_, knots)
    grid = mean[:, None] + deviation[:, None] * GRID
    ends = np.concatenate([grid, breaks, images, *sides], axis=-1)
    ends = np.sort(np.clip(ends, low[:, None], high[:, None]), axis=-1)
    z_ends = np.asarray(loss.proximal(y_, ends, V_))
    t, w = legendre(ORDER)
    length, rise = np.diff(ends)[..., None], np.diff(z_ends)[..., None]
    middle = (ends[:, 1:] + ends[:, :-1]) / 2
    stuck = np.zeros(middle.shape, bool)
    at = np.zeros(middle.shape)
    for k in range(kinks.shape[-1]):
        here = (middle > sides[0][:, k : k + 1]) & (middle < sides[1][:, k : k + 1])
        stuck, at = stuck | here, np.where(here, kinks[:, k : k + 1], at)
    shape = (len(y), -1)
    z = np.where(stuck[..., None], at[..., None], z_ends[:, :-1, None] + rise * t).reshape(shape)
    gradient, curvature = loss.gradient(y_, z), loss.curvature(y_, z)
    stuck_ = np.broadcast_to(stuck[..., None], (*stuck.shape, len(t))).reshape(shape)
    omega = np.where(stuck_, (ends[:, :-1, None] + length * t).reshape(shape), z + V_ * gradient)
    stretch = 1 + V_ * curvature
    measure = np.where(stuck_, (length * w).reshape(shape), stretch * (rise * w).reshape(shape))
    return Rule(
        omega=omega,
        z=z,
        f=np.where(stuck_, (z - omega) / V_, -gradient),
        slope=np.where(stuck_, -1 / V_, -curvature / stretch),
        weight=measure * density(omega, mean, deviation),
    )


def _tiny(z: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return 1e-9 * np.maximum(1.0, np.abs(z))


def _binary(
    loss: Loss,
    teacher: Channel,
    m: Float[np.ndarray, " K"],
    q: Float[np.ndarray, " K"],
    V: Float[np.ndarray, " K"],
    rho: Float[np.ndarray, " K"],
    training: bool,
) -> Averages:
    left = np.maximum(rho - m**2 / q, 1e-15 * rho)
    ratio, variance = m / q, left[:, None]
    labels = (1.0,) if loss.symmetric and teacher.symmetric else (-1.0, 1.0)
    total = np.zeros((6, len(m)))
    for label in labels:
        y = np.full(len(m), label)
        at = rule(loss, y, np.zeros_like(m), np.sqrt(q), V, _steps(teacher, ratio, left))
        mean = ratio[:, None] * at.omega
        p = at.weight * teacher.partition(label, mean, variance)
        total[0] += _sum(p, at.f**2)
        total[1] += _sum(p, at.slope)
        total[2] += _sum(p, at.slope**2)
        total[3] += _sum(at.weight * teacher.slope(label, mean, variance), at.f)
        if training:
            total[4] += _sum(p, loss(label, at.z))
            total[5] += _sum(p, label * at.z < 0)
    total[4:] += 0.0 if training else np.nan
    return Averages(*(total * 2 / len(labels)))


def _densities(
    loss: Loss,
    teacher: Channel,
    m: Float[np.ndarray, " K"],
    q: Float[np.ndarray, " K"],
    V: Float[np.ndarray, " K"],
    rho: Float[np.ndarray, " K"],
    training: bool,
) -> Averages:
    """Labels of which only the log-partition is known: an outer integral over them, an inner one over omega."""
    y, w = (a[:, 0] for a in label_nodes(teacher, np.zeros((len(m), 1)), rho[:, None]))
    chance = np.where(w > 0, teacher.partition(y, 0.0, rho[:, None]), 1.0)
    measure = w / np.where(chance > 0, chance, 1.0)
    flat_m, flat_q, flat_V, flat_rho = (np.repeat(a, y.shape[1]) for a in (m, q, V, rho))
    label, left = y.ravel(), np.maximum(flat_rho - flat_m**2 / flat_q, 1e-15 * flat_rho)
    repeated = with_arrays(loss, lambda a: np.repeat(a, y.shape[1], axis=0))
    ratio = flat_m / flat_q
    at = rule(repeated, label, np.zeros_like(label), np.sqrt(flat_q), flat_V, _steps(teacher, ratio, left))
    mean, variance = ratio[:, None] * at.omega, left[:, None]
    p = at.weight * teacher.partition(label[:, None], mean, variance)
    slope = p * teacher.score(label[:, None], mean, variance)[0]

    def average(weight: np.ndarray, values: np.ndarray) -> np.ndarray:
        return np.asarray((_sum(weight, values).reshape(y.shape) * measure).sum(axis=1))

    nothing = np.full_like(m, np.nan)
    value = average(p, repeated(label[:, None], at.z)) if training else nothing
    error = average(p, (label[:, None] - at.z) ** 2) if training else nothing
    slopes = average(p, at.slope), average(p, at.slope**2)
    return Averages(average(p, at.f**2), *slopes, average(slope, at.f), value, error)


def _sum(weight: Float[np.ndarray, "..."], values: Shaped[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.asarray(np.einsum("kn,kn->k", weight, np.asarray(values, float)))


def _steps(teacher: Channel, ratio: Float[np.ndarray, " K"], left: Float[np.ndarray, " K"]) -> Float[np.ndarray, "K B"]:
    """Cavity fields around which the probability of a label changes, graded to the width over which it does."""
    places, width = teacher.breaks()
    width_ = np.broadcast_to(np.asarray(np.squeeze(width), float), left.shape)
    spread = np.sqrt(left + np.broadcast_to(width_, left.shape) ** 2)[:, None] * SPREAD
    safe = np.where(np.abs(ratio) > 1e-12, ratio, 1e-12)[:, None]
    rows = [(np.broadcast_to(np.squeeze(p), left.shape)[:, None] + spread) / safe for p in places]
    return np.concatenate(rows, axis=1) if rows else np.zeros((len(ratio), 0))


def _residual(
    loss: Loss,
    teacher: Linear,
    m: Float[np.ndarray, " K"],
    q: Float[np.ndarray, " K"],
    V: Float[np.ndarray, " K"],
    rho: Float[np.ndarray, " K"],
    training: bool,
) -> Averages:
    """A loss of y - z and y = z0 + noise: everything depends on y - omega, which is normal."""
    deviation = np.sqrt(np.maximum(rho - 2 * m + q + np.ravel(teacher.noise), 1e-300))
    zero, nothing = np.zeros_like(m), np.full_like(m, np.nan)
    at = rule(loss, zero, zero, deviation, V, np.zeros((len(m), 0)))
    slope, slope2 = _sum(at.weight, at.slope), _sum(at.weight, at.slope**2)
    value = _sum(at.weight, loss(0.0, at.z)) if training else nothing
    error = _sum(at.weight, at.z**2) if training else nothing
    return Averages(_sum(at.weight, at.f**2), slope, slope2, -slope, value, error)


def _outer(
    loss: Loss,
    teacher: Channel,
    m: Float[np.ndarray, " K"],
    q: Float[np.ndarray, " K"],
    V: Float[np.ndarray, " K"],
    power: Float[np.ndarray, " K"],
    training: bool,
) -> Averages:
    """An outer integral over the field u ~ N(0, power), noise included, that makes the label y = function(u)."""
    places, _ = teacher.breaks()
    scale = np.sqrt(power)[:, None]
    u, w = nodes(np.asarray(places, float) / scale)
    u = u * scale
    y = np.asarray(teacher.function(u), float)
    mean, left = m[:, None] / power[:, None] * u, np.maximum(q - m**2 / power, 1e-15 * q)
    flat = (np.broadcast_to(a, u.shape).ravel() for a in (y, mean, np.sqrt(left)[:, None], V[:, None]))
    label, centre, deviation, variance = flat
    repeated = with_arrays(loss, lambda a: np.repeat(a, u.shape[1], axis=0))
    at = rule(repeated, label, centre, deviation, variance, np.zeros((u.size, 0)))
    nothing = np.full_like(m, np.nan)

    def average(values: np.ndarray) -> np.ndarray:
        return np.asarray((_sum(at.weight, values).reshape(u.shape) * w).sum(axis=1))

    own = average(at.f * at.omega)
    signal = (average(at.f * u.reshape(-1, 1)) - m / q * own) / np.maximum(power - m**2 / q, 1e-15 * power)
    value = average(repeated(label[:, None], at.z)) if training else nothing
    error = average((label[:, None] - at.z) ** 2) if training else nothing
    return Averages(average(at.f**2), average(at.slope), average(at.slope**2), signal, value, error)
