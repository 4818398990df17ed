r"""The nonlinear Fokker-Planck equation of noisy neurons f(w x), on a grid of w.

Neurons feel the potential $V(w) = \lambda w^2/2 + \sum_x p_x (g(x) - y)\,f(w x)$, which depends on their law through g.
Steps in time are exponentials of the generator at the output half a step later: mass is preserved, no density turns
negative, and errors are of second order in the step, as those in space.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....contract.law import NoLimit
from ....numerics.drift_diffusion import hats, points_around, rates, refined, response
from ....numerics.self_consistent import Path, flow, variance_by_duality
from ....parts.inputs import inputs_of

if TYPE_CHECKING:
    from . import NoisyTwoLayer

LEVELS = ((128, 1), (128, 2), (128, 4), (128, 8))  # points of the coarsest grid, and parts of its spacing and step
STEP = 0.1
FARTHEST = 40.0
ROUNDS = 60
FAST = 5.0  # with a faster relaxation than this, steps in time are shorter
Found = dict[str, np.ndarray]


class Noisy(NamedTuple):
    """Points w (M,), what neurons there make of inputs and of probes (M, n) and (M, P), labels, weights, T, decay."""

    w: np.ndarray
    f: np.ndarray
    probed: np.ndarray
    y: np.ndarray
    p: np.ndarray
    temperature: float
    decay: float

    @property
    def h(self) -> float:
        """The distance of neighbouring points."""
        return float(self.w[1] - self.w[0])

    def landscape(self, output: np.ndarray) -> np.ndarray:
        """The part of the potential that is owed to the data, given the outputs at the inputs."""
        return np.asarray(self.f @ (self.p * (output - self.y)))

    def seen(self, mass: np.ndarray) -> np.ndarray:
        """The outputs at the inputs."""
        return np.asarray(mass @ self.f)

    def rates(self, output: np.ndarray, /) -> tuple[np.ndarray, np.ndarray]:
        """The rates of the jumps to the right and to the left."""
        return rates(self.potential(output), self.h, self.temperature)

    def potential(self, output: np.ndarray) -> np.ndarray:
        """What a neuron feels, given the outputs at the inputs."""
        return self.decay * self.w**2 / 2 + self.landscape(output)

    def free_energy(self, mass: np.ndarray) -> float:
        """Risk, decay and minus T times the entropy."""
        risk = self.p @ (mass @ self.f - self.y) ** 2 / 2
        filled = mass[mass > 0]
        entropy = -filled @ np.log(filled / self.h)
        return float(risk + self.decay / 2 * mass @ self.w**2 - self.temperature * entropy)

    def fastest(self, mass: np.ndarray) -> float:
        """The fastest rate of relaxation where neurons are: of single ones, and of the output."""
        there = mass > 1e-9 * mass.max()
        bend = np.gradient(np.gradient(self.landscape(self.seen(mass)), self.h), self.h) + self.decay
        slopes = np.gradient(self.f, self.h, axis=0)
        return float(np.abs(bend[there]).max() + (mass @ slopes**2) @ self.p)

    def confinement(self, output: np.ndarray) -> float:
        r"""A lower bound, of Bakry and Emery or Holley and Stroock, on T times the log-Sobolev constant of the law."""
        phi = self.landscape(output)
        bend = np.diff(phi, 2).min() / self.h**2
        return float(max(self.decay + bend, self.decay * np.exp(-np.ptp(phi) / self.temperature)))


def stationary(problem: Noisy) -> np.ndarray:
    r"""The masses of the Gibbs distribution $\propto e^{-V/T}$ with its own potential, by Newton's method.

    The free energy is convex, so that there is one. Raises `ArithmeticError` if it is not found.
    """

    def gibbs(output: np.ndarray) -> np.ndarray:
        v = problem.potential(output)
        mass = np.exp(-(v - v.min()) / problem.temperature)
        return np.asarray(mass / mass.sum())

    output = problem.y.copy()
    for _ in range(ROUNDS):
        mass = gibbs(output)
        mean = mass @ problem.f
        off = output - mean
        if np.abs(off).max() < 1e-12:
            return mass
        spread = (problem.f * mass[:, None]).T @ problem.f - np.outer(mean, mean)
        move = np.linalg.solve(np.eye(len(off)) + spread * problem.p / problem.temperature, off)
        size = 1.0
        while size > 1e-6 and np.linalg.norm((new := output - size * move) - gibbs(new) @ problem.f) > np.linalg.norm(
            off
        ):
            size /= 2
        output = new
    raise ArithmeticError("Newton's method for the stationary distribution of the neurons did not converge.")


def fluctuation(problem: Noisy, path: Path, time: float) -> np.ndarray:
    r"""The limit of N times the variance of the outputs at the probes, at a time of the path.

    By duality it is that of $u_s$, $u_t = f(w x')$ and
    $-\partial_s u = L_s u - \sum_x p_x \langle u'\,\partial_w f(\cdot\,x), \rho_s \rangle f(w x)$:
    $\mathrm{Var}_{\rho_0}(u_0) + 2 T \int_0^t \langle (u_s')^2, \rho_s \rangle\,ds$.
    """

    def coupled(u: np.ndarray, mass: np.ndarray, dt: float) -> np.ndarray:
        """The exponential of the coupling over a time, to second order."""
        answer = response(problem.potential(problem.seen(mass)), problem.h, problem.temperature, mass)
        felt = (np.diff(problem.f, axis=0) * answer[:, None]).T

        def pull(v: np.ndarray) -> np.ndarray:
            return problem.f @ (problem.p[:, None] * (felt @ np.diff(v, axis=0)))

        first = pull(u)
        return u + dt * first + dt**2 / 2 * pull(first)

    return variance_by_duality(problem, path, time, problem.probed, coupled)


def on_grid(
    build: object, start: tuple[float, float], times: Sequence[float], level: tuple[int, int], far: float
) -> Found:
    """All observables with this many cells, in parts as are the steps in time, on |w - mean| <= `far`.

    build: points -> `Noisy`; start: mean and deviation.
    """
    cells, parts = level
    mean, deviation = start
    w = points_around(mean, mean - far, mean + far, cells, parts)
    problem: Noisy = build(w)  # type: ignore[operator]
    begun, rest = hats(w, mean, deviation), stationary(problem)
    fastest = max(problem.fastest(begun), problem.fastest(rest))
    path = flow(problem, begun, times, STEP * min(1.0, FAST / fastest), parts)
    edge = max(path.masses[:, [0, -1]].max(), *rest[[0, -1]]) / problem.h
    bottom = problem.free_energy(rest)
    energies = np.array([problem.free_energy(m) for m in path.masses])
    pace = np.array([problem.confinement(m @ problem.f) for m in path.masses])
    decayed = np.concatenate([[0.0], np.cumsum((pace[1:] + pace[:-1]) / 2 * np.diff(path.times))])
    at = [path.place(t) for t in times]
    masses = path.masses[at]
    return {
        "edge": np.array(edge),
        "output": masses @ problem.probed,
        "risk": (masses @ problem.f - problem.y) ** 2 @ problem.p / 2,
        "second_moment": masses @ w**2,
        "free_energy": energies[at],
        "free_energy_gap": energies[at] - bottom,
        "free_energy_bound": bottom + (energies[0] - bottom) * np.exp(-2 * decayed[at]),
        "fluctuation": np.array([fluctuation(problem, path, t) for t in times]),
    }


def predict(law: NoisyTwoLayer) -> dict[str, Any]:
    """The observables in the limit."""
    law.check()
    inputs = inputs_of(law.data)
    X, y, p = inputs.nodes(0)
    kind, probes = law.start, np.asarray(law.probes, float)[:, None]

    def build(w: np.ndarray) -> Noisy:
        seen, probed = (np.asarray(kind.outputs(law.activation, w[:, None], a), float) for a in (X, probes))
        return Noisy(w, seen, probed, y, p, law.temperature, law.decay)

    start = (law.start.mean, float(np.sqrt(law.start.variance)))
    far = 9 * max(start[1], 0.3)
    while on_grid(build, start, law.times, LEVELS[0], far)["edge"] > 1e-10:
        far *= 1.25
        if far > FARTHEST:
            raise NoLimit(
                f"`decay` of NoisyTwoLayer must confine the neurons, but with {law.decay:g} at temperature "
                f"{law.temperature:g} they spread beyond |w| = {FARTHEST:g}."
            )

    def solve(*level: Any) -> dict[str, np.ndarray]:
        solution = on_grid(build, start, law.times, level, far)
        return {name: solution[name] for name in law.observables}

    return refined(solve, LEVELS)
