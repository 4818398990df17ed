"""Gradient descent of the free energy among probability laws, in steps of Jordan, Kinderlehrer and Otto."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...parts.potential import Normal, Potential, Quadratic

JKO = "Jordan, Kinderlehrer and Otto, SIAM J. Math. Anal. 29 (1998) 1, equation 13"
FARTHEST = 6.5
GAPS, CELLS, STEP = 160, 128, 0.1  # of the coarsest grid
LEVELS = ((1,), (2,), (4,))  # parts of all three on the finer ones
CLOSED = "closed form of a step between normal distributions"


class WassersteinFlow(Law):
    r"""A cloud of particles that descends its free energy, in steps of optimal transport.

    A distribution $\rho$ on the line, from `start` on, is replaced in each step of length $\tau$ by the minimiser of

    $$\frac{W_2^2(\rho, \rho')}{2 \tau} + F(\rho'), \qquad
    F(\rho) = \int V \rho + T \int \rho \log \rho + \frac{c}{2} \mathrm{Var}(\rho),$$

    c the `interaction`, that is the mean over pairs of $c (x - y)^2 / 4$. In a quadratic potential of stiffness k a
    normal distribution of mean m and deviation s stays normal,

    $$m' = \frac{m}{1 + \tau k}, \qquad s' = \frac{s + \sqrt{s^2 + 4 \tau T a}}{2 a}, \qquad a = 1 + \tau (k + c);$$

    otherwise the map from a standard normal variable to $\rho$ is found on grids of it, and extrapolated;
    `<name>_error` is what the last extrapolation changed. With $\tau \to 0$ at a fixed time it is the flow
    $\partial_t \rho = \partial_x ((V' + c (x - m)) \rho + T \partial_x \rho)$, at a distance $W_2$
    of order $\tau$ (`distance`).

    The system is n random particles $x_1 < \dots < x_n$, with $-\frac1n \sum \log n (x_{i+1} - x_i)$ for the entropy's
    integral, in which the first and the last gap count for half a gap more, and the distance of the sorted particles
    for $W_2$: their step is minimised to rounding.

    The times must be whole multiples of `step`. Raises `NoLimit` if the potential is not confining, or not convex
    enough for the minimiser to be unique: $1/\tau + V'' > 0$ is asked for.
    """

    potential: Potential = field(Quadratic(1.0), "potential V(x), or a function of x")
    temperature: float = field(0.5, "temperature T", above=0, unit="energy")
    interaction: float = field(0.0, "strength c of the attraction of all particles", at_least=0)
    start: Normal = field(Normal(mean=2.0, variance=2.25), "distribution of the particles at the start")
    step: float = field(0.25, "length of a step in time", above=0)
    times: tuple[float, ...] = field(
        (0.25, 0.5, 1.0), "times, increasing multiples of the step", at_least=0, axis="time"
    )

    defaults = Defaults(size="particles", sizes=(32, 64, 128), seeds=500, block=100)
    references = References(
        source=JKO,
        status="proved",
        bibtex="""@article{JordanKinderlehrerOtto1998,
  author = {Jordan, Richard and Kinderlehrer, David and Otto, Felix},
  title = {The variational formulation of the {Fokker--Planck} equation},
  journal = {SIAM Journal on Mathematical Analysis},
  volume = {29}, pages = {1--17}, year = {1998}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",)),
        "variance": Observable("v", "variance of the position", dims=("time",)),
        "free_energy": Observable("F", "free energy", unit="energy", dims=("time",)),
        "distance": Observable("W_2", "distance from the flow of continuous time", dims=("time",), limit_only=True),
    }
    exercises = (dict(temperature=0.8, interaction=1.5, step=0.5, times=(0.5, 1.0)),)
    landmarks = (
        Landmark(dict(step=1.0, times=(1.0,)), "mean", 1.0, 1e-12, CLOSED, at=(0,)),
        Landmark(dict(step=1.0, times=(1.0,)), "variance", 1.0, 1e-12, CLOSED, at=(0,)),
        Landmark(
            dict(temperature=1.0, start=Normal(mean=0.0, variance=4.0), step=0.5, times=(0.5,)),
            "variance",
            1.5485837704**2,
            1e-9,
            CLOSED,
            at=(0,),
        ),
    )

    def _counts(self) -> list[int]:
        """The number of steps until each time."""
        counts = np.array(self.times) / self.step
        if (abs(counts - np.round(counts)) > 1e-9 * np.maximum(counts, 1)).any():
            raise StatementError(
                f"`times` of WassersteinFlow must be whole multiples of its `step` {self.step:g}, but is {self.times}."
            )
        return [int(c) for c in np.round(counts)]

    def check(self) -> None:
        self._counts()
        low_high = self.potential.confining(self.temperature, "`potential` of WassersteinFlow")
        lowest = float(np.min(self.potential.curvature(np.linspace(*low_high, 2001))))
        if lowest < 0 and 1 / self.step <= -lowest:
            raise NoLimit(
                f"`step` of WassersteinFlow must be < {-1 / lowest:.6g} for the minimiser to be unique in a potential "
                f"of second derivative {lowest:.6g}, but is {self.step:g}."
            )
        if self.times[0] == 0 and self.start.variance == 0:
            raise NoLimit("The free energy of a single point is infinite: `times` of WassersteinFlow must be > 0.")

    def predict(self) -> dict[str, Any]:
        from ...numerics.drift_diffusion import refined

        if isinstance(self.potential, Quadratic):
            return self._normal()
        return refined(self._rearranged, LEVELS)

    def _normal(self) -> dict[str, np.ndarray]:
        k, T, tau = self.potential.stiffness, self.temperature, self.step  # type: ignore[attr-defined]
        means, deviations = [self.start.mean], [np.sqrt(self.start.variance)]
        convex = 1 + tau * (k + self.interaction)
        for _ in range(self._counts()[-1]):
            s = deviations[-1]
            means.append(means[-1] / (1 + tau * k))
            deviations.append((s + np.sqrt(s**2 + 4 * tau * T * convex)) / (2 * convex))
        m, s = np.array(means)[self._counts()], np.array(deviations)[self._counts()]
        energy = k * (m**2 + s**2) / 2 + self.interaction * s**2 / 2
        t, rest = np.array(self.times), T / (k + self.interaction)
        there = np.sqrt(rest + (self.start.variance - rest) * np.exp(-2 * (k + self.interaction) * t))
        return {
            "mean": m,
            "variance": s**2,
            "free_energy": energy - T * np.log(s * np.sqrt(2 * np.pi * math.e)),
            "distance": np.hypot(m - self.start.mean * np.exp(-k * t), s - there),
        }

    def _rearranged(self, parts: int) -> dict[str, np.ndarray]:
        """The same with the map x(z) from a standard normal variable z, on a grid of z."""
        from ...numerics.passage import distance

        z, h = np.linspace(-9.0, 9.0, GAPS * parts + 1, retstep=True)
        points, gaps = (h * np.exp(-(y**2) / 2) / np.sqrt(2 * np.pi) for y in (z, (z[1:] + z[:-1]) / 2))
        x = self.start.mean + np.sqrt(self.start.variance) * z
        inside = np.abs(z) <= FARTHEST
        flow = self._flow(z[inside], parts)
        rows: dict[int, tuple[Any, ...]] = {}
        for count in range(self._counts()[-1] + 1):
            if count:
                x = self._stepped(x, points, gaps, x if self.start.variance or count > 1 else x + z)
            if count in self._counts():
                m, v = points @ x, points @ x**2 - (points @ x) ** 2
                entropy = np.log(np.sqrt(2 * np.pi * math.e)) + gaps @ np.log(np.diff(x) / h)
                energy = points @ self.potential.values(x) + self.interaction * v / 2
                far = distance(x[inside], flow[len(rows)], z[inside])
                rows[count] = (m, v, energy - self.temperature * entropy, far)
        return dict(zip(self.observables, np.array(list(rows.values())).T, strict=True))

    def _flow(self, z: np.ndarray, parts: int) -> list[np.ndarray]:
        """The maps from a standard normal variable z to the distributions of the continuous flow at the times."""
        from ...numerics.drift_diffusion import covering, hats, points_around
        from ...numerics.passage import quantiles
        from ...numerics.self_consistent import Problem, flow

        mean, deviation = self.start.mean, float(np.sqrt(self.start.variance))
        basin: Any = self.potential.basin(self.temperature)
        low, high = covering(
            self.potential.values, basin, (mean, deviation), self.temperature, max(self.times), FARTHEST
        )
        x = points_around(mean, low, high, CELLS, parts)
        problem = Problem(x, self.potential.values(x), self.temperature, self.interaction)
        path = flow(problem, hats(x, mean, deviation), self.times, STEP, parts)
        masses = [path.masses[path.place(t)] for t in self.times]
        return [
            quantiles(x, mass, z) if t > 0 else mean + deviation * z for t, mass in zip(self.times, masses, strict=True)
        ]

    def _stepped(self, x: np.ndarray, points: np.ndarray, gaps: np.ndarray, guess: np.ndarray) -> np.ndarray:
        from ...numerics.monotone import spread

        def slope(y: np.ndarray) -> Any:
            return (y - x) / self.step + np.asarray(self.potential.slope(y))

        def curvature(y: np.ndarray) -> Any:
            return 1 / self.step + np.asarray(self.potential.curvature(y))

        return spread(slope, curvature, guess, points, self.temperature * gaps, self.interaction)

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        rng = generator(key)
        x = np.sort(self.start.mean + np.sqrt(self.start.variance) * rng.standard_normal(n))
        equal, between = np.full(n, 1 / n), np.full(n - 1, 1 / n)
        between[[0, -1]] += 0.5 / n
        rows = []
        done = 0
        for count in self._counts():
            for k in range(done, count):
                guess = x if k else np.linspace(x[0] - 1, x[-1] + 1, n)
                x = self._stepped(x, equal, between, guess)
            done = count
            v = x.var(ddof=1)
            entropy = between @ np.log(n * np.diff(x))
            energy = self.potential.values(x).mean() + self.interaction * v / 2
            rows.append((x.mean(), v, energy - self.temperature * entropy))
        return dict(zip(self.observed(), np.array(rows).T, strict=True))
