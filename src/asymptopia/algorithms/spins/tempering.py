"""Parallel tempering of Ising spins on given couplings, and its temperature ladder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .checks import checked_count, checked_couplings, checked_field, checked_ladder

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real


@dataclass(frozen=True)
class Tempered:
    """The measurements of parallel tempering at K temperatures; energies are H / n.

    energy, energy_variance: mean over the run, and n times the variance, of the energy per spin.
    overlap_counts: (K, n + 1), how often the two replicas agreed in 0, 1, ..., n spins: their overlap was -1, ..., 1.
    accepted:    share of the proposed flips that were made.
    exchanged:   (K - 1,), share of the proposed exchanges between neighbouring temperatures that were made.
    round_trips: how often a configuration went from the lowest temperature to the highest and back, in all.
    lowest_energy, lowest_spins: the lowest energy seen after a sweep, and its configuration (n,).
    history:     (bins, K), mean energy of the sweeps 1, 2-3, 4-7, 8-15, ...: in equilibrium the last ones agree.
    """

    temperatures: Float[np.ndarray, " T"]
    energy: Float[np.ndarray, " T"]
    energy_variance: Float[np.ndarray, " T"]
    overlap_counts: Real[np.ndarray, "T overlaps"]
    accepted: Float[np.ndarray, " T"]
    exchanged: Float[np.ndarray, " pairs"]
    round_trips: int
    lowest_energy: float
    lowest_spins: Int[np.ndarray, " n"]
    history: Float[np.ndarray, "records T"]

    def overlap_moment(self, power: int, absolute: bool = False) -> Float[np.ndarray, " T"]:
        """The mean of q**power, or of |q|**power, at each temperature."""
        n = self.overlap_counts.shape[1] - 1
        q = np.linspace(-1, 1, n + 1)
        return self.overlap_counts @ (np.abs(q) if absolute else q) ** power / self.overlap_counts.sum(axis=1)

    @property
    def heat_capacity(self) -> Float[np.ndarray, " T"]:
        """The heat capacity per spin (K,), from the fluctuations of the energy."""
        return self.energy_variance / self.temperatures**2


def spin_tempering(
    couplings: Real[ArrayLike, "n n"],
    field: Real[ArrayLike, "..."],
    temperatures: Sequence[float] | Real[np.ndarray, " T"],
    sweeps: int,
    rng: np.random.Generator,
    *,
    burn: int | None = None,
    heat_bath: bool = False,
) -> Tempered:
    r"""Sample $H = -\frac12 \sum_{ij} J_{ij} s_i s_j - \sum_i h_i s_i$ at each of the temperatures, two replicas each.

    A sweep proposes every spin once, in order, and then exchanges between neighbouring temperatures, even and odd pairs
    in turn. Fields that act on the spins are kept, so that a proposal costs O(1) and a flip O(n).

    couplings: (n, n), symmetric, without a diagonal. field: a number, or one a spin. temperatures: at least two,
    ascending. sweeps: their number, the first `burn` of which (a third by default) are not measured. heat_bath: flip
    with probability 1 / (1 + exp(cost / T)), Glauber's rule, instead of Metropolis' min(1, exp(-cost / T)) of 95 % of
    the spins: slower, except for spins on which next to nothing acts. Raises `StatementError`.

    rng: the source of randomness.
    """
    from .dense_moves import temper

    J = checked_couplings(couplings)
    n = len(J)
    h, T = checked_field(field, n), checked_ladder(temperatures)
    sweeps = checked_count("sweeps", sweeps, 2)
    burn = sweeps // 3 if burn is None else checked_count("burn", burn, 0)
    if burn >= sweeps:
        raise StatementError(f"`burn` must be below `sweeps` = {sweeps}, but is {burn}.")
    first, second, overlaps, flips, swaps, trips, lowest, history = temper(J, h, 1 / T, sweeps, burn, heat_bath, rng)
    measured = sweeps - burn
    proposed = np.where(np.arange(len(T) - 1) % 2, sweeps // 2, (sweeps + 1) // 2)
    lengths = np.diff(np.append(2 ** np.arange(len(history)) - 1, sweeps))
    mean = first / measured
    return Tempered(
        temperatures=T,
        energy=mean / n,
        energy_variance=(second / measured - mean**2) / n,
        overlap_counts=overlaps,
        accepted=flips / (2 * n * sweeps),
        exchanged=swaps / (2 * proposed),
        round_trips=int(trips),
        lowest_energy=float(-(lowest @ J @ lowest / 2 + h @ lowest) / n),
        lowest_spins=lowest.astype(np.int8),
        history=history / (lengths[:, None] * n),
    )


def even_ladder(
    couplings: Real[ArrayLike, "n n"],
    field: Real[ArrayLike, "..."],
    lowest: float,
    highest: float,
    rng: np.random.Generator,
    *,
    exchanged: float = 0.3,
    sweeps: int = 300,
    rounds: int = 4,
) -> Float[np.ndarray, " T"]:
    r"""A temperature ladder from `lowest` to `highest` whose neighbours exchange about equally often.

    If energies are normal, a fraction $\mathrm{erfc}(\ell / 2)$ of the exchanges over a small step $\Delta\beta$ is
    made, where $\ell = \sigma_H \Delta\beta$ adds up along the ladder. Each round runs parallel tempering, takes the
    length of each step from the exchanges that were made (from $\sigma_H$ where there are next to none or all), and
    divides the whole into equal parts, as many as give at least the probability asked for. Source: Predescu,
    Predescu and Ciobanu, J. Chem. Phys. 120 (2004) 4119.

    couplings, field, rng: as in `spin_tempering`. exchanged: the share of exchanges that is to be made, > 0 and < 1.
    sweeps: of each of the `rounds`. Raises `StatementError` unless 0 < `lowest` < `highest`.
    """
    from scipy.interpolate import PchipInterpolator
    from scipy.special import erfcinv

    if not 0 < lowest < highest < math.inf:
        raise StatementError(f"`lowest` must be positive and below `highest`, but they are {lowest} and {highest}.")
    if not 0 < exchanged < 1:
        raise StatementError(f"`exchanged` must be a probability between 0 and 1, but is {exchanged}.")
    J = checked_couplings(couplings)
    step = 2 * float(erfcinv(exchanged))
    T = np.geomspace(lowest, highest, 2 + math.ceil(math.log(highest / lowest) * math.sqrt(len(J)) / 4))
    for _ in range(checked_count("rounds", rounds, 1)):
        run = spin_tempering(J, field, T, sweeps, rng)
        deviation = np.sqrt(len(J) * run.energy_variance)
        length = (deviation[1:] + deviation[:-1]) / 2 * -np.diff(1 / T)
        seen = (run.exchanged > 0.02) & (run.exchanged < 0.98)
        length[seen] = 2 * erfcinv(run.exchanged[seen])
        total = np.append(0.0, np.cumsum(np.maximum(length, 1e-9)))
        count = 1 + max(1, math.ceil(total[-1] / step))
        T = np.exp(PchipInterpolator(total, np.log(T))(np.linspace(0, total[-1], count)))
        T[0], T[-1] = lowest, highest
    return T
