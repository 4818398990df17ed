"""Optimisers on least squares, mode by mode: functions of a curvature, the same for all of its kind.

A start at random from the least-squares solution leaves at curvature x the error $r(x) e_0$ with $r$ = 1 at first; a
gradient is $x r(x)$. What an optimiser measures are moments of such functions over the limiting spectrum.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....parts.optimiser import (
    GaussNewton,
    GradientDescent,
    HeavyBall,
    Inertial,
    KroneckerFactored,
    Majorization,
    Optimiser,
)

if TYPE_CHECKING:
    from . import TrainingRace


Step = tuple[float, np.ndarray]


class Spectrum(NamedTuple):
    """Curvatures, their shares, and the mean square of the error at the start at each."""

    x: np.ndarray
    share: np.ndarray
    square: np.ndarray

    def mean(self, f: np.ndarray) -> float:
        """Mean of f over the modes."""
        return float(self.share @ f)

    def inner(self, f: np.ndarray, g: np.ndarray) -> float:
        """The inner product of two moves f e_0 and g e_0, per dimension."""
        return float(self.share @ (self.square * f * g))

    def loss(self, r: np.ndarray) -> float:
        """The mean loss above its least value."""
        return self.inner(r, self.x * r) / 2


def spectrum(samples: float, noise: float, order: int = 400) -> Spectrum:
    """Marchenko and Pastur's spectrum of X^T X / m for m = samples n > n, by Chebyshev's rule of the second kind.

    Teacher and start of unit norm give the error a mean square of 2, and the noise its variance over m x/n.
    """
    c = 1 / samples
    angle = np.pi * np.arange(1, order + 1) / (order + 1)
    x = 1 + c + 2 * np.sqrt(c) * np.cos(angle)
    return Spectrum(x, 2 * np.sin(angle) ** 2 / ((order + 1) * x), 2 + noise * c / x)


@singledispatch
def steps(optimiser: Optimiser, modes: Spectrum) -> Iterator[Step]:
    """The cost in gradients of each step and the error r after it, without end."""
    raise NotImplementedError(f"There is no theory of {type(optimiser).__name__}.")


@steps.register
def _(optimiser: GradientDescent, modes: Spectrum) -> Iterator[Step]:
    r = np.ones_like(modes.x)
    while True:
        r = (1 - optimiser.rate * modes.x) * r
        yield 1.0, r


@steps.register
def _(optimiser: HeavyBall, modes: Spectrum) -> Iterator[Step]:
    before = r = np.ones_like(modes.x)
    while True:
        before, r = r, r - optimiser.rate * modes.x * r + optimiser.momentum * (r - before)
        yield 1.0, r


@steps.register
def _(optimiser: Inertial, modes: Spectrum) -> Iterator[Step]:
    h, a, b = optimiser.step, optimiser.damping, optimiser.newtonian
    r, other = np.ones_like(modes.x), np.full_like(modes.x, 1 - a * b)
    while True:
        drift = (1 / b - a) * r - other / b
        r, other = r + h * (drift - b * modes.x * r), other + h * drift
        yield 1.0, r


@steps.register
def _(optimiser: GaussNewton, modes: Spectrum) -> Iterator[Step]:
    r, damping, count = np.ones_like(modes.x), optimiser.damping, optimiser.iterations
    while True:
        r = r + conjugate_gradients(modes, modes.x + damping, -modes.x * r, count)[-1]
        damping /= 3
        yield 1 + (2 * count + 1) / 3, r


@steps.register
def _(optimiser: KroneckerFactored, modes: Spectrum) -> Iterator[Step]:
    """The slopes' factor is 1 for the square loss; each step gains more than its damped model foretells."""
    r, move, damping = np.ones_like(modes.x), np.zeros_like(modes.x), optimiser.damping
    while True:
        gradient = modes.x * r
        root = np.sqrt(damping)
        balance = np.sqrt(modes.mean(modes.x))
        plane = [-gradient / ((modes.x + balance * root) * (1 + root / balance)), move]
        matrix = [[modes.inner(p, (modes.x + damping) * q) for q in plane] for p in plane]
        lengths = np.linalg.lstsq(matrix, [-modes.inner(gradient, p) for p in plane], rcond=None)[0]
        move = lengths[0] * plane[0] + lengths[1] * plane[1]
        r = r + move
        damping *= 0.6
        yield 3.0, r


@steps.register
def _(optimiser: Majorization, modes: Spectrum) -> Iterator[Step]:
    """Of a single linear layer the majoriser is the loss itself."""
    while True:
        yield 1.0, np.zeros_like(modes.x)


def conjugate_gradients(modes: Spectrum, operator: np.ndarray, right: np.ndarray, count: int) -> list[np.ndarray]:
    """The approximations p_1, p_2, ... to operator p = right, from p = 0."""
    p, residual = np.zeros_like(right), right
    direction, size, steps = residual, modes.inner(residual, residual), []
    for _ in range(count):
        pushed = operator * direction
        length = size / modes.inner(direction, pushed)
        p, residual = p + length * direction, residual - length * pushed
        size, last = modes.inner(residual, residual), size
        direction = residual + size / last * direction
        steps.append(p)
    return steps


def along(
    walk: Iterator[Step], times: np.ndarray, read: Callable[[np.ndarray], float], start: np.ndarray
) -> list[float]:
    """What is read off the error after all steps that are paid for within each of the times, which increase."""
    spent, r, readings = 0.0, start, []
    cost, following = next(walk)
    for time in times:
        while spent + cost <= time * (1 + 1e-9):
            spent, r = spent + cost, following
            cost, following = next(walk)
        readings.append(read(r))
    return readings


def predict(law: TrainingRace) -> dict[str, Any]:
    """The observables in the limit."""

    samples, noise = float(law.samples), float(law.noise)
    modes = spectrum(samples, noise)
    times, one = np.asarray(law.times, float), np.ones_like(modes.x)
    floor = noise * (1 - 1 / samples) / 2

    def accuracy(r: np.ndarray, modes: Spectrum = modes) -> float:
        overlap = modes.mean(1 - r)
        norm = modes.mean((1 - r) ** 2 * (modes.square - 1) + r**2)
        return 1 - float(np.arccos(np.clip(overlap / np.sqrt(norm), -1, 1))) / np.pi

    def loss(r: np.ndarray) -> float:
        return floor + modes.loss(r)

    krylov = [one, *(one + p for p in conjugate_gradients(modes, modes.x, -modes.x, int(times[-1])))]
    return {
        "loss": np.array(along(steps(law.optimiser, modes), times, loss, one)),
        "accuracy": np.array(along(steps(law.optimiser, modes), times, accuracy, one)),
        "best": np.array([loss(krylov[int(t)]) for t in times]),
        "shortfall": 0.0,
    }
