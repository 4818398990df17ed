"""The Sherrington-Kirkpatrick model with no, a few, or infinitely many steps of replica symmetry breaking."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....theory import replica_symmetric as symmetric
from .minimum import ACCEPTED, Minimum, continuous, continuous_start, minimise, polish, steps, steps_start

if TYPE_CHECKING:
    from .. import SherringtonKirkpatrick


COLDEST = 0.01  # below this temperature full breaking is interpolated to temperature 0, single steps below COLD
COLD = 1e-5
COUNTS = (12, 24, 36)  # steps that follow a continuous function; the last two are extrapolated
RATIO = (COUNTS[2] + 0.75) ** 4 / (COUNTS[1] + 0.75) ** 4  # the error of k steps falls as (k + 3/4)**-4


class Phase(NamedTuple):
    """Free energy, entropy and magnetisation per spin, mean overlap and its square, the largest overlap."""

    free_energy: float
    entropy: float
    magnetisation: float
    overlap: float
    squared_overlap: float
    largest_overlap: float

    def energy(self, temperature: float) -> float:
        """Per spin."""
        return self.free_energy + temperature * self.entropy


def solve(temperature: float, h: float, breaking: int | str) -> tuple[Phase, Phase]:
    """The phase with this many steps of breaking, or "full", and the errors of what is known of it.

    In fields so strong that symmetry breaks only at the lowest temperatures, for a range of overlaps of less than
    1e-3, the symmetric phase stands for it, with the width of that range as error.
    """
    T, h = float(temperature), abs(float(h))
    if breaking == 0 or symmetric.replicon(1 / T, h) <= 1:
        return _symmetric(T, h), _exact()
    critical = symmetric.critical_beta(h)
    if critical > 0.5 / COLDEST:
        lowest, highest = _ends(T, h, critical)
        return _symmetric(T, h), Phase(*[highest - lowest] * len(Phase._fields))
    if breaking == "full":
        return _full(T, h, critical)
    return _stepwise(T, h, critical, int(breaking)), _exact(_ends(T, h, critical))


def _exact(ends: tuple[float, float] = (0.0, 1.0)) -> Phase:
    free = 1e-10
    return Phase(free, 10 * free, 10 * free, _uncertain(ends), _uncertain(ends), _uncertain(ends))


def _uncertain(ends: tuple[float, float]) -> float:
    """Of an overlap: free energies of functions with a jump less spread over a width w differ by about w**5."""
    width = ends[1] - ends[0]
    return width * min(1.0, math.sqrt(ACCEPTED / width**5))


def _symmetric(T: float, h: float) -> Phase:
    free_energy = symmetric.free_energy(1 / T, h)
    q = free_energy["overlap"]
    return Phase(free_energy["free_energy"], free_energy["entropy"], free_energy["magnetisation"], q, q**2, q)


def _stepwise(T: float, h: float, critical: float, k: int) -> Phase:
    """k steps. At the lowest temperatures those of T = 0, and the free energy that follows from their entropy."""
    cold = T < COLD
    lowest, highest = _ends(0.0 if cold else T, h, critical)
    if lowest == 0:
        lowest = highest / (4 * math.sqrt(k))
    T_solved = 0.0 if cold else T
    minimum = minimise(steps(k)(T_solved, h), steps_start(k, T_solved, lowest, highest), T_solved, h)
    phase = _phase(minimum, T_solved, minimum.t, minimum.gamma)
    return phase._replace(free_energy=phase.free_energy - T * phase.entropy) if cold else phase


def _full(T: float, h: float, critical: float) -> tuple[Phase, Phase]:
    """Full breaking; at the lowest temperatures by the cubic law of the free energy between temperature 0 and 0.01."""
    if T >= COLDEST:
        return _continuous(T, h, critical)
    (cold, cold_error), (ground, ground_error) = (_continuous(t, h, critical) for t in (COLDEST, 0.0))
    x = T / COLDEST
    powers = np.array([x**3, x**2, x**2, x, x, x**2])
    low, high = np.array(ground), np.array(cold)
    low[1] = 0.0  # there is no entropy at T = 0: what the solution has is its error
    value = Phase(*(low + powers * (high - low)))
    return value, Phase(*np.maximum(cold_error, ground_error))


@lru_cache(maxsize=64)
def _continuous(T: float, h: float, critical: float) -> tuple[Phase, Phase]:
    """The minimum by polynomials of two degrees and by three numbers of steps; the last two are extrapolated."""
    lowest, highest = _ends(T, h, critical)
    width = highest - lowest
    degree = 1 if width < 0.1 else 3 if width < 0.4 else 4 if width < 0.7 else 6
    lower, minimum, degree = _degrees(T, h, degree, lowest, highest)
    phases = []
    for count in COUNTS:
        if count != COUNTS[0]:
            minimum = polish(continuous(degree, count, T, h), minimum.parameters, T, h, minimum.inverse)
        phases.append(np.array(_phase(minimum, T, *continuous(degree, 500, T, h)(minimum.parameters))))
    below = np.array(_phase(lower, T, *continuous(degree - 1, 500, T, h)(lower.parameters)))
    best, moved = phases[2].copy(), phases[2] - phases[1]
    best[:3] += moved[:3] / (RATIO - 1)
    error = np.abs(phases[0] - below) + np.abs(moved) * np.array([0.1, 0.3, 0.3, 1, 1, 1]) + 1e-10
    error[3:] += _uncertain((lowest, highest))
    # free energy, entropy and magnetisation are stationary in what is approximate, and give the square of the overlap
    best[4] = 1 + 2 * T * (best[0] + T * best[1] + h * best[2])
    error[4] = 2 * T * (error[0] + T * error[1] + h * error[2]) + 1e-10
    return Phase(*map(float, best)), Phase(*map(float, error))


def _degrees(T: float, h: float, degree: int, lowest: float, highest: float) -> tuple[Minimum, Minimum, int]:
    """The minima with the fewest steps over polynomials of two neighbouring degrees, the largest that can be found."""
    minima: dict[int, Minimum] = {}
    failure = None
    for d in range(degree, -1, -1):
        build = continuous(d, COUNTS[0], T, h)
        try:
            minima[d] = minimise(build, continuous_start(d, T, h, lowest, highest), T, h)
        except NotConverged as error:
            failure = error
        if d in minima and d + 1 in minima:
            return minima[d], minima[d + 1], d + 1
    raise failure or NotConverged("Parisi's functional has no minimum over continuous functions.")


def _phase(minimum: Minimum, T: float, t: np.ndarray, gamma: np.ndarray) -> Phase:
    """The observables of the minimum, with the moments of the overlap from the steps given."""
    functional = minimum.functional
    free, entropy, m = functional.free_energy, functional.entropy, functional.magnetisation
    if T == 0:
        return Phase(free, entropy, m, 1.0, 1.0, 1.0)
    share = np.diff(np.concatenate([[0.0], T * gamma, [1.0]]))
    return Phase(free, entropy, m, float(share @ t), float(share @ t**2), float(t[-1]))


def _ends(T: float, h: float, critical: float) -> tuple[float, float]:
    """Roughly the least and the largest overlap, to start from; critical: the inverse temperature of the line.

    The largest hardly depends on the field, and the least on the temperature (Parisi and Toulouse, 1980), so that the
    least is that on the line of Almeida and Thouless.
    """
    largest = 1 - 2 * T**2 + T**3
    if h == 0:
        return 0.0, largest
    least = symmetric.overlap(critical, h)
    line = 1 - 2 / critical**2 + 1 / critical**3
    return least, largest + (least - line) * (1 - largest) / (1 - line)


def predict(law: SherringtonKirkpatrick) -> dict[str, Any]:
    """The observables in the limit."""

    law.check()
    T = 1 / float(law.beta)
    value, error = solve(T, float(law.h), law.breaking)
    observables = value._asdict() | {"energy": value.energy(T)}
    errors = error._asdict() | {"energy": error.free_energy + T * error.entropy}
    if law.h < 0:
        observables["magnetisation"] *= -1
    return observables | {f"{k}_error": v for k, v in errors.items()}
