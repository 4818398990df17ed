"""Event chains of spheres in a periodic box, without rejections: soft spheres of any power, hard spheres."""

from __future__ import annotations

import math
from numbers import Integral
from numbers import Real as RealNumber
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ._sphere_events import SHORTEST, Cells, Energy, chains_of, nearest, observe, sums
from .event_chain import check_counts

if TYPE_CHECKING:
    from jaxtyping import Float, Real

STEEPEST = 1e12  # the energy that is cut at the reach: beyond it, rounding hides the exponential numbers
FARTHEST = 1e9  # the box over the reach
LONGEST = 1e6  # a chain over the box


class SphereChains(NamedTuple):
    """The result of event chains of spheres.

    configuration: positions (n, d) at the end.
    snapshots:     positions at equally spaced chains, the last one included; (count, n, d).
    energies:      energy per sphere, over the temperature, of each snapshot; (count,).
    virials:       (1 / n d) sum over pairs of -r u'(r), over the temperature, of each snapshot; (count,).
    displacement:  of all chains together.
    events:        how often the motion passed to another sphere.
    jumps:         the distances, along the motion, from each sphere to the one that took over, summed.
    density:       spheres per volume.
    """

    configuration: Float[np.ndarray, "n d"]
    snapshots: Float[np.ndarray, "count n d"]
    energies: Float[np.ndarray, " count"]
    virials: Float[np.ndarray, " count"]
    displacement: float
    events: int
    jumps: float
    density: float

    @property
    def pressure(self) -> float:
        r"""Pressure over temperature by the events, $\rho (1 + \text{jumps} / \text{displacement})$.

        Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014) 054116, equation 20.
        """
        return self.density * (1 + self.jumps / self.displacement)

    @property
    def virial_pressure(self) -> float:
        r"""Pressure over temperature by the virial of the snapshots; of hard spheres, whose forces it lacks, nan."""
        return self.density * (1 + float(self.virials.mean()))


def sphere_chains(
    positions: Real[ArrayLike, "n d"],
    box: float,
    chains: int,
    length: float,
    rng: np.random.Generator,
    *,
    power: float = 12.0,
    strength: float = 1.0,
    scale: float = 1.0,
    core: float = 0.0,
    reach: float = 2.0,
    count: int = 1,
) -> SphereChains:
    r"""Event chains of n spheres in a periodic box of d = 1, 2 or 3 dimensions and of sides `box`.

    Two spheres at a distance r have the energy, over the temperature,

    $$u(r) = \epsilon \left[\left(\frac{\sigma}{r - c}\right)^k - \left(\frac{\sigma}{R - c}\right)^k\right]
      \quad (c < r < R),$$

    0 beyond R = `reach`, and infinite within c = `core`; k is the `power`, epsilon the `strength`, sigma the `scale`.
    Without strength they are hard spheres of diameter `core`.

    One sphere moves along an axis, forward, until the energy with one of the others, counted uphill only, has risen by
    an exponential random number; this distance is exact. Then that one moves on. Chains have independent lengths
    between 0 and twice `length`, first spheres and axes. No move is rejected, and the Boltzmann distribution is
    invariant. Only spheres in neighbouring cells are looked at, so that the time of an event does not grow with n.

    Raises `StatementError` for numbers out of their ranges, a box below 4 `reach`, overlapping cores, a start of
    infinite energy, and where the spheres are jammed: many events in a row that move next to nothing.
    Bernard, Krauth and Wilson, Phys. Rev. E 80 (2009) 056704; Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014)
    054116.
    """
    x = _checked_positions(positions)
    length, box = _number("length", length), _number("box", box)
    energy = _checked_energy(strength, scale, power, core, reach)
    if not 4 * energy.reach <= box <= min(FARTHEST * energy.reach, 1e100):
        raise StatementError(
            f"`box` must be finite and at least 4 times the reach of {energy.reach}, at most {FARTHEST:g} times it, "
            f"but is {box}."
        )
    if not 0 < length <= LONGEST * box:
        raise StatementError(f"`length` must be finite and > 0, at most {LONGEST:g} times the box, but is {length}.")
    if not isinstance(rng, np.random.Generator):
        raise StatementError(f"`rng` must be a NumPy random generator, but is {rng!r}.")
    check_counts(chains, count)
    x %= box
    cells = Cells.of(x, box, energy.reach)
    _check_start(x, box, cells, energy)
    snapshots, energies, virials = np.empty((int(count), *x.shape)), np.empty(int(count)), np.empty(int(count))
    displacement, events, jumps, jammed = chains_of(x, box, cells, int(chains), length, energy, snapshots, rng)
    if jammed:
        raise StatementError(
            f"The spheres are jammed: after {events} events, many in a row moved less than {SHORTEST:g} of the box "
            "each, at which no chain ends. Spread `positions`, or lower `core`, `power` or `strength`."
        )
    observe(snapshots, box, cells, energy, energies, virials)
    if not (np.isfinite(energies).all() and np.isfinite(virials).all()):
        raise StatementError(
            "Spheres came as near to contact as rounding shows, where energies are infinite: raise "
            "`power` or `strength`."
        )
    if energy.strength == 0:
        virials[:] = np.nan
    return SphereChains(x, snapshots, energies, virials, displacement, events, jumps, len(x) / box ** x.shape[1])


def _checked_positions(positions: Real[ArrayLike, "n d"]) -> Float[np.ndarray, "n d"]:
    """A copy of the positions."""
    try:
        x = np.array(positions, float)
    except (TypeError, ValueError):
        raise StatementError("`positions` must be finite numbers, (n, d).") from None
    if x.ndim != 2 or len(x) < 2 or x.shape[1] not in (1, 2, 3) or not np.isfinite(x).all():
        raise StatementError(f"`positions` must be finite, (n, d) with n >= 2 and d = 1, 2 or 3, but are {x.shape}.")
    return x


def _number(name: str, value: Real[ArrayLike, ""]) -> float:
    """A finite number; raises `StatementError` otherwise."""
    single = isinstance(value, RealNumber) or (np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iuf")
    if not (single and np.isfinite(value)):
        raise StatementError(f"`{name}` must be finite, a number, but is {value!r}.")
    return float(value)


def _checked_energy(strength: float, scale: float, power: float, core: float, reach: float) -> Energy:
    scale, power = _number("scale", scale), _number("power", power)
    strength, core, reach = _number("strength", strength), _number("core", core), _number("reach", reach)
    for name, value in (("power", power), ("scale", scale)):
        if value <= 0:
            raise StatementError(f"`{name}` must be finite and > 0, but is {value}.")
    if not (strength >= 0 and core >= 0 and strength + core > 0):
        raise StatementError(
            f"`strength` and `core` must be finite and >= 0, one of them > 0, but are {strength} and {core}."
        )
    if strength == 0:
        return Energy(strength, scale, power, core, core)
    if reach <= core:
        raise StatementError(f"`reach` must be finite and > `core` = {core}, but is {reach}.")
    cut = power * (math.log(scale) - math.log(reach - core))
    if max(cut, cut + math.log(strength)) > math.log(STEEPEST):
        raise StatementError(
            "`(scale / (reach - core))**power`, the energy that is cut at the reach, must be at most "
            f"{STEEPEST:g}, also times `strength`, but is exp({cut:.4g}): lower `power` or raise `reach`."
        )
    return Energy(strength, scale, power, core, reach)


def _check_start(x: Float[np.ndarray, "n d"], box: float, cells: Cells, energy: Energy) -> None:
    """Raise `StatementError` for overlapping cores, contact of soft spheres and rods that fill the box."""
    n, d = x.shape
    if d == 1 and n * energy.core >= box:
        raise StatementError(f"{n} rods with cores of {energy.core} do not move in a box of {box}: they are jammed.")
    least = nearest(x, box, cells)
    if least < energy.core * (1 - 1e-12):
        raise StatementError("`positions` must not overlap: two spheres are nearer than their `core`.")
    if energy.strength > 0 and (least <= energy.core or not np.isfinite(sums(x, box, cells, energy)).all()):
        raise StatementError("`positions` must have a finite energy, but two spheres are in contact, or next to it.")


def lattice(n: int, d: int, box: float) -> Float[np.ndarray, "n d"]:
    """n positions on a cubic lattice of d = 1, 2 or 3 dimensions in a box, of which some places stay free.

    Raises `StatementError` unless n is a whole number >= 1 and the box finite and > 0.
    """
    box = _number("box", box)
    if not (isinstance(n, Integral) and n >= 1 and isinstance(d, Integral) and 1 <= d <= 3 and box > 0):
        raise StatementError(f"`lattice` needs n >= 1, d = 1, 2 or 3 and a box > 0, but has {n}, {d} and {box}.")
    side = math.ceil(n ** (1 / d) - 1e-9)
    places = np.stack(np.meshgrid(*[np.arange(side)] * d, indexing="ij"), axis=-1).reshape(-1, d)
    chosen = np.linspace(0, len(places) - 1, n).round().astype(int)
    return (places[chosen] + 0.5) * box / side
