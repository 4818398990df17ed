"""Event chains of continuous spins on a graph, without rejections: rotors of the plane, the scalar field phi^4."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numba import njit

from ...contract.record import StatementError
from .event_chain import check_counts

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class SpinChains(NamedTuple):
    """The result of event chains of spins.

    configuration: the spins (n,) at the end.
    snapshots:     configurations at equally spaced chains, the last one included; (count, n).
    displacement:  of all chains together.
    events:        how often the motion passed to another spin or turned back.
    """

    configuration: Float[np.ndarray, " n"]
    snapshots: Float[np.ndarray, "count ..."]
    displacement: float
    events: int

    @property
    def turning_rate(self) -> float:
        """Events per displacement."""
        return self.events / self.displacement


def rotor_chains(
    angles: Float[np.ndarray, " n"],
    edges: Int[np.ndarray, "m 2"],
    chains: int,
    length: float,
    rng: np.random.Generator,
    *,
    coupling: float = 1.0,
    field: float = 0.0,
    count: int = 1,
) -> SpinChains:
    r"""Event chains of rotors: $e^{K \sum_{ij} \cos(\theta_i - \theta_j) + h \sum_i \cos\theta_i}$ is invariant.

    One rotor turns until the energy of one of its pairs, counted uphill only, has risen by an exponential random
    number; then the other rotor of this pair turns on, in the same sense. If the energy of the rotor itself in the
    field has risen so far first, the rotor turns back. Chains have independent lengths between 0 and twice `length`,
    first rotors and senses.

    angles:   the start (n,), in radians.
    edges:    the pairs (m, 2) that interact, indices from 0 to n - 1.
    coupling: K >= 0, in units of the temperature; `field`: h >= 0.
    count:    the number of snapshots.

    Raises `StatementError` for numbers that are not finite, pairs that do not exist, and counts below 1.
    Michel, Mayer and Krauth, EPL 112 (2015) 20003.
    """
    _at_least_0(coupling=coupling, field=field)
    return _run(angles, edges, chains, length, rng, (True, float(coupling), float(field), 0.0), count)


def field_chains(
    values: Float[np.ndarray, " n"],
    edges: Int[np.ndarray, "m 2"],
    chains: int,
    length: float,
    rng: np.random.Generator,
    *,
    coupling: float = 1.0,
    quadratic: float = 1.0,
    quartic: float = 0.0,
    count: int = 1,
) -> SpinChains:
    r"""Event chains of a real field on a graph: $e^{-S}$ is invariant, with the action

    $$S = \frac K2 \sum_{ij} (\phi_i - \phi_j)^2 + \sum_i \left( \frac a2 \phi_i^2 + \frac b4 \phi_i^4 \right) .$$

    values:  the start (n,).
    edges:   the pairs (m, 2) that interact, indices from 0 to n - 1.
    coupling, quadratic, quartic: K >= 0; a, of either sign if b > 0, else positive; b >= 0.

    Motion and lengths of chains, and errors raised, are those of `rotor_chains`.
    """
    _at_least_0(coupling=coupling, quartic=quartic)
    if not (np.isfinite(quadratic) and (quadratic > 0 or quartic > 0)):
        raise StatementError(
            f"`quadratic` must be finite, and > 0 where `quartic` is 0: no distribution is invariant otherwise, but "
            f"they are {quadratic} and {quartic}."
        )
    return _run(values, edges, chains, length, rng, (False, float(coupling), float(quadratic), float(quartic)), count)


def ring(n: int) -> Int[np.ndarray, "n 2"]:
    """The pairs (n, 2) of neighbours on a ring of n >= 3 sites."""
    if n < 3:
        raise StatementError(f"A ring needs 3 sites or more, but has {n}.")
    sites = np.arange(n)
    return np.stack([sites, (sites + 1) % n], axis=1)


def ring_snapshots(
    chains: Callable[..., SpinChains],
    start: Float[np.ndarray, " n"],
    width: float,
    rng: np.random.Generator,
    count: int,
) -> SpinChains:
    """What chains of a ring show once they have forgotten their start.

    chains: `rotor_chains` or `field_chains`, with all that is stated. start: (n,). width: of a spin's values.

    Spins move by 40 log n widths each before, and by three times as much while `count` configurations are kept.
    """
    n = len(start)
    sweeps, length, edges = math.ceil(10 * math.log(n)), 4.0 * n * width / count, ring(n)
    settled = chains(start, edges, count * sweeps, length, rng)
    return chains(settled.configuration, edges, 3 * count * sweeps, length, rng, count=count)


def variance_between_halves(means: Float[np.ndarray, " count"]) -> float:
    """The variance of a mean from half the squared differences of snapshots half of them apart, (count,)."""
    half = len(means) // 2
    return float(((means[half:] - means[:half]) ** 2).mean() / 2)


def _at_least_0(**values: float) -> None:
    for name, value in values.items():
        if not (np.isfinite(value) and value >= 0):
            raise StatementError(f"`{name}` must be finite and >= 0, but is {value}.")


def _run(
    start: Float[np.ndarray, " n"],
    edges: Int[np.ndarray, "m 2"],
    chains: int,
    length: float,
    rng: np.random.Generator,
    energy: tuple[bool, float, float, float],
    count: int,
) -> SpinChains:
    x = np.array(start, float)
    if x.ndim != 1 or len(x) == 0 or not np.isfinite(x).all():
        raise StatementError(f"The start must be finite numbers (n,), but has shape {x.shape}.")
    if not (np.isfinite(length) and length > 0):
        raise StatementError(f"`length` must be finite and > 0, but is {length}.")
    check_counts(chains, count)
    first, neighbours = _adjacency(np.asarray(edges), len(x))
    snapshots = np.empty((count, len(x)))
    return SpinChains(x, snapshots, *_chains(x, first, neighbours, int(chains), float(length), energy, snapshots, rng))


def _adjacency(
    edges: Int[np.ndarray, "m 2"], n: int
) -> tuple[Int[np.ndarray, " sites"], Int[np.ndarray, " neighbours"]]:
    """Where the neighbours of each site begin (n + 1,), and the neighbours of all sites, one after the other."""
    edges = edges.reshape(0, 2) if edges.size == 0 else edges
    if edges.ndim != 2 or edges.shape[1] != 2 or (edges.size and edges.dtype.kind not in "iu"):
        raise StatementError(f"`edges` must be whole numbers (m, 2), but are {edges.dtype} of shape {edges.shape}.")
    edges = edges.astype(np.int64)
    if edges.size and (edges.min() < 0 or edges.max() >= n or (edges[:, 0] == edges[:, 1]).any()):
        raise StatementError(f"`edges` must join two different sites between 0 and {n - 1}.")
    both = np.concatenate([edges, edges[:, ::-1]])
    order = np.argsort(both[:, 0], kind="stable")
    return np.searchsorted(both[order, 0], np.arange(n + 1)), both[order, 1].copy()


@njit(cache=True)
def _cosine_free(angle, strength, climb):  # type: ignore[no-untyped-def]
    """How far an angle can grow until -strength cos(angle) has risen by `climb`, counted uphill only."""
    if strength == 0.0:
        return math.inf
    angle %= 2 * math.pi
    gone = 0.0
    if angle > math.pi:
        gone, angle = 2 * math.pi - angle, 0.0
    risen = strength * (1 - math.cos(angle))
    turns = np.floor((climb + risen) / (2 * strength))  # a float: as many as a weak energy takes
    if turns > 1e15:
        return math.inf
    rest = (climb + risen) / strength - 2 * turns
    return gone + 2 * math.pi * turns + math.acos(max(1 - rest, -1.0)) - angle


@njit(cache=True)
def _square_free(x, strength, climb):  # type: ignore[no-untyped-def]
    """How far x can grow until strength x**2 / 2 has risen by `climb`, counted uphill only."""
    if strength == 0.0:
        return math.inf
    low = max(x, 0.0)
    return math.sqrt(low * low + 2 * climb / strength) - x


@njit(cache=True)
def _well_free(x, a, b, climb):  # type: ignore[no-untyped-def]
    """How far x can grow until a x**2 / 2 + b x**4 / 4 has risen by `climb`, counted uphill only."""
    if a >= 0:
        low = max(x, 0.0) ** 2
        w = climb + (a / 2 + b / 4 * low) * low
        return math.sqrt(4 * w / (a + math.sqrt(a * a + 4 * b * w))) - x
    depth = a * a / (4 * b)
    well = math.sqrt(-a / b)
    if x < 0:
        low = min(x, 0.0) if x > -well else -well
        w = climb + (a / 2 + b / 4 * low * low) * low * low
        if w < 0:
            return -math.sqrt(max((-a - 2 * math.sqrt(max(b * (w + depth), 0.0))) / b, 0.0)) - x
        climb = w
    low = max(x, well)
    w = climb + (a / 2 + b / 4 * low * low) * low * low
    return math.sqrt((-a + 2 * math.sqrt(max(b * (w + depth), 0.0))) / b) - x


@njit(cache=True)
def _next(x, i, sense, first, neighbours, energy, rng):  # type: ignore[no-untyped-def]
    """How far spin i can move in this sense, and the spin that moves on: itself, back, if its own energy stops it."""
    rotors, coupling, a, b = energy
    climb = rng.exponential()
    free, after = _cosine_free(sense * x[i], a, climb) if rotors else _well_free(sense * x[i], a, b, climb), i
    for k in range(first[i], first[i + 1]):
        j = neighbours[k]
        apart, climb = sense * (x[i] - x[j]), rng.exponential()
        reach = _cosine_free(apart, coupling, climb) if rotors else _square_free(apart, coupling, climb)
        if reach < free:
            free, after = reach, j
    return free, after


@njit(cache=True)
def _chains(x, first, neighbours, chains, length, energy, snapshots, rng):  # type: ignore[no-untyped-def]
    n, count = len(x), snapshots.shape[0]
    displacement, events, kept = 0.0, 0, 0
    for chain in range(chains):
        left = 2 * length * rng.random()
        displacement += left
        i, sense = min(int(rng.random() * n), n - 1), 1.0 if rng.random() < 0.5 else -1.0
        while True:
            free, after = _next(x, i, sense, first, neighbours, energy, rng)
            x[i] += sense * min(free, left)
            if energy[0]:
                x[i] %= 2 * math.pi
            if free >= left:
                break
            left -= free
            events += 1
            if after == i:
                sense = -sense
            i = after
        while kept < count and (chain + 1) * count >= chains * (kept + 1):
            snapshots[kept] = x
            kept += 1
    return displacement, events
