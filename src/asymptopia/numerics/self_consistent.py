r"""Diffusions drawn to their own mean: $\partial_t \rho = \partial_x ((V' + c (x - m_t)) \rho + T \partial_x \rho)$.

Each step in time is the exponential of the generator at the mean half a step later: mass is preserved and no density
turns negative. Errors are of second order in the step, as those in space.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from .drift_diffusion import carre_du_champ, evolve, rates, response

if TYPE_CHECKING:
    from jaxtyping import Float


class Problem(NamedTuple):
    """Diffusing particles attracted to their mean: equidistant points, the potential, temperature and coupling."""

    x: Float[np.ndarray, " N"]
    v: Float[np.ndarray, " N"]
    temperature: float
    coupling: float

    def seen(self, mass: Float[np.ndarray, " N"]) -> float:
        """The mean of all particles, on which the rates depend."""
        return float(self.x @ mass)

    def rates(self, mean: float, /) -> tuple[Float[np.ndarray, " gaps"], Float[np.ndarray, " gaps"]]:
        """The jump rates to the right and to the left, given the mean of all particles."""
        return rates(self.potential(mean), self.x[1] - self.x[0], self.temperature)

    def potential(self, mean: float) -> Float[np.ndarray, " N"]:
        """The potential that one particle feels, given the mean of all."""
        return self.v + self.coupling * (self.x - mean) ** 2 / 2


class Coupled(Protocol):
    """Particles whose jump rates depend on a statistic of all of them."""

    def seen(self, mass: Float[np.ndarray, " N"]) -> Any:
        """The statistic on which the rates depend, from the masses on the points."""

    def rates(self, seen: Any, /) -> tuple[Float[np.ndarray, " gaps"], Float[np.ndarray, " gaps"]]:
        """The rates of the jumps to the right and to the left."""


class Path(NamedTuple):
    """A solution: times, the masses at them, and the statistic half way from each time to the next."""

    times: Float[np.ndarray, " steps"]
    masses: Float[np.ndarray, "steps N"]
    halfway: Float[np.ndarray, "steps N"]

    def place(self, time: float) -> int:
        """The position of a time among `times`."""
        return int(np.searchsorted(self.times, time - 1e-12))


def flow(problem: Coupled, mass: Float[np.ndarray, " N"], times: Sequence[float], step: float, parts: int = 1) -> Path:
    """The masses as a function of time, in equal steps of at most `step` between successive times.

    parts: of each step, which become the steps. Solutions in 1, 2, 4 ... parts can be extrapolated, those at `step`
    over 1, 2, 4 ... cannot, where a time is no multiple of them.
    """
    ends = np.unique(np.append(0.0, np.asarray(times, float)))
    grid = [np.linspace(a, b, int(np.ceil((b - a) / step - 1e-9)) * parts + 1)[1:] for a, b in pairwise(ends)]
    clock = np.concatenate([[0.0], *grid])
    masses, halfway = [mass], []
    for dt in np.diff(clock):
        now = masses[-1]
        halfway.append(problem.seen(evolve(*problem.rates(problem.seen(now)), now, dt / 2)))
        masses.append(evolve(*problem.rates(halfway[-1]), now, dt))
    return Path(clock, np.array(masses), np.array(halfway))


def variance_by_duality(
    problem: Coupled,
    path: Path,
    time: float,
    f: Float[np.ndarray, "N ..."],
    coupled: Callable[[Float[np.ndarray, "N ..."], Float[np.ndarray, " N"], float], Float[np.ndarray, "N ..."]],
) -> Float[np.ndarray, "..."]:
    """The limit of n times the variance of the mean of f over n particles at a time of the path; see `fluctuation`.

    f: values on the points (N,), or several functions as columns (N, P); the result is a number, or (P,).
    coupled(f, mass, dt): what the interaction alone makes of f over a time dt, under these masses.
    """

    def stirred(f: np.ndarray, mass: np.ndarray) -> np.ndarray:
        return carre_du_champ(*problem.rates(problem.seen(mass)), mass) @ np.diff(f, axis=0) ** 2

    last = path.place(time)
    spread = np.zeros((last + 1, *f.shape[1:]))
    spread[last] = stirred(f, path.masses[last])
    for k in range(last - 1, -1, -1):
        dt = path.times[k + 1] - path.times[k]
        f = coupled(f, path.masses[k + 1], dt / 2)
        f = evolve(*problem.rates(path.halfway[k]), f, dt, backward=True)
        f = coupled(f, path.masses[k], dt / 2)
        spread[k] = stirred(f, path.masses[k])
    begun = path.masses[0]
    return np.asarray(begun @ f**2 - (begun @ f) ** 2 + np.trapezoid(spread, path.times[: last + 1], axis=0))


def fluctuation(problem: Problem, path: Path, time: float) -> float:
    r"""The limit of n times the variance of the mean of n particles, at a time of the path.

    The fluctuations of the empirical measure solve the linearised equation with the noise of the particles. By duality
    their effect on the mean is that of $f_s$, with $f_t(x) = x$ and $-\partial_s f = L_{m_s} f + c\,x\,\langle f',
    \rho_s \rangle$:

    $$\mathrm{Var}_{\rho_0}(f_0) + 2 T \int_0^t \langle (f_s')^2, \rho_s \rangle\,ds ,$$

    in both of which the generator is that of the jumps on the grid.
    """
    x = problem.x
    h = x[1] - x[0]

    def coupled(f: np.ndarray, mass: np.ndarray, dt: float) -> np.ndarray:
        """The exponential, over a time, of the pull of the mean alone."""
        felt = -problem.coupling * h * response(problem.potential(problem.seen(mass)), h, problem.temperature, mass)
        pace = felt.sum() * h
        return f + (np.expm1(pace * dt) / pace if pace else 0.0) * x * (felt @ np.diff(f))

    return float(variance_by_duality(problem, path, time, x, coupled))
