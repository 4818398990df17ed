r"""Diffusions on the line in finite volumes: $\partial_t \rho = \partial_x (V' \rho + T \partial_x \rho)$.

On points with spacing h a particle jumps from $x_i$ to $x_{i \pm 1}$ at the rate
$\frac{T}{h^2} B((V_{i \pm 1} - V_i)/T)$, $B(z) = z/(e^z - 1)$ (Scharfetter and Gummel, IEEE Trans. Electron Devices 16
(1969) 64). Mass is preserved, no density turns negative and $e^{-V_i/T}$ is stationary, at any h and over any time,
since the exponential of the generator is applied without steps in time, as a sum of positive terms. Errors are in even
powers of h.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real

Jump = tuple[np.ndarray, np.ndarray, np.ndarray]
"""What comes to each point in a jump from the point before it, from itself and from the point after it: three (N,)."""
FEW_JUMPS, FIRST_JUMPS = 1000.0, 16.0  # that are made at once, and in the first of several pieces of a time
WIDE, HIGH = 9.0, 40.0  # deviations of a normal distribution, and temperatures uphill, beyond which no particle is
NO_MASS = 1e-40  # of the largest: such masses stay where they are


def rates(
    v: Float[np.ndarray, " N"], h: float, temperature: float
) -> tuple[Float[np.ndarray, " N-1"], Float[np.ndarray, " N-1"]]:
    """The jump rates: to the right from all points but the last, and to the left from all points but the first.

    v: the potential at N points with spacing h. Returns two arrays (N - 1,).
    """
    z = np.diff(v) / temperature
    return temperature / h**2 * _bernoulli(z), temperature / h**2 * _bernoulli(-z)


def carre_du_champ(
    right: Float[np.ndarray, " gaps"], left: Float[np.ndarray, " gaps"], mass: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " gaps"]:
    r"""The rate of jumps between each pair of neighbours, (N - 1,), under the given masses.

    Its sum with $(\Delta f)^2$ is the mean of $L f^2 - 2 f L f$, which tends to $2T \langle f'^2 \rangle$ as h
    vanishes.
    """
    return mass[:-1] * right + mass[1:] * left


def response(
    v: Float[np.ndarray, " N"], h: float, temperature: float, mass: Float[np.ndarray, " N"]
) -> Float[np.ndarray, " N-1"]:
    r"""The weights, (N - 1,), with which a change w of the potential changes the drift of a function f.

    Their sum with $\Delta w\,\Delta f$ is the mean of $\partial_V L[w] f$, which tends to $-\langle w' f' \rangle$.
    """
    z = np.diff(v) / temperature
    return (mass[:-1] * _bernoulli_slope(z) + mass[1:] * _bernoulli_slope(-z)) / h**2


def evolved(
    right: Float[np.ndarray, " gaps"],
    left: Float[np.ndarray, " gaps"],
    mass: Float[np.ndarray, "points ..."],
    times: Sequence[float],
    backward: bool = False,
) -> list[Float[np.ndarray, "_points ..."]]:
    """The masses at several increasing times, by `evolve` from each to the next."""
    states = []
    for span in np.diff(np.asarray(times, float), prepend=0.0):
        mass = evolve(right, left, mass, float(span), backward)
        states.append(mass)
    return states


def evolve(
    right: Float[np.ndarray, " gaps"],
    left: Float[np.ndarray, " gaps"],
    mass: Float[np.ndarray, "*points"],
    time: float,
    backward: bool = False,
) -> Float[np.ndarray, "*points"]:
    r"""The masses after a time, by the exponential of the generator Q.

    right, left: jump rates (N - 1,). mass: (N,), or several columns (N, K). With `backward`, `mass` holds functions of
    the position instead, and the result is their mean after the time, for each starting position.

    With $\Lambda$ the largest rate at which a point is left, $e^{tQ} = \sum_k e^{-\Lambda t} \frac{(\Lambda t)^k}{k!}
    P^k$, $P = 1 + Q/\Lambda$ (Jensen, Skand. Aktuarietidskr. 36 (1953) 87). No term is negative, so no mass turns
    negative or is lost. Masses (N,) with many jumps are moved in pieces of the time, each with the largest rate among
    the points that they can reach (van Moorsel and Sanders, Stoch. Models 10 (1994) 619). Long times are squares of
    short ones. Raises `ArithmeticError` if the rates are not finite.
    """
    if time == 0:
        return mass
    jumps = float(_departures(right, left).max()) * time
    if not np.isfinite(jumps):
        raise ArithmeticError("The rates of the jumps are not finite: the potential is too steep for its points.")
    if backward or mass.ndim > 1 or jumps <= FEW_JUMPS:
        return _kept(_moved(right, left, mass, time, backward), mass, backward)
    return _kept(_moved_in_pieces(right, left, mass, time), mass, backward)


def _moved_in_pieces(
    right: Float[np.ndarray, " gaps"], left: Float[np.ndarray, " gaps"], mass: Float[np.ndarray, " points"], time: float
) -> Float[np.ndarray, " points"]:
    """The masses (N,) after a time, of which each piece has twice as many jumps as the one before."""
    moved, jumps = np.array(mass, float), FIRST_JUMPS
    while time > 0:
        low, high = _within_reach(moved, jumps)
        pace = float(_departures(right[low : high - 1], left[low : high - 1]).max())
        if pace * time > len(mass) ** 2:
            return _moved(right, left, moved, time, False)
        span = time if pace * time <= jumps else jumps / pace
        moved[low:high] = _moved(right[low : high - 1], left[low : high - 1], moved[low:high], span, False)
        time, jumps = time - span, 2 * jumps
    return moved


def _within_reach(mass: Float[np.ndarray, " points"], jumps: float) -> tuple[int, int]:
    """The first of the points that masses reach by so many jumps in the mean, and the one after the last."""
    held = np.flatnonzero(np.abs(mass) >= NO_MASS * np.abs(mass).max())
    reach = int(jumps + 12 * np.sqrt(jumps)) + 1
    return max(int(held[0]) - reach, 0), min(int(held[-1]) + reach + 1, len(mass))


def _departures(right: Float[np.ndarray, " gaps"], left: Float[np.ndarray, " gaps"]) -> Float[np.ndarray, " points"]:
    """The rate at which each point is left."""
    out = np.zeros(len(right) + 1)
    out[:-1] = right
    out[1:] += left
    return out


def _moved(
    right: Float[np.ndarray, " gaps"],
    left: Float[np.ndarray, " gaps"],
    mass: Float[np.ndarray, "points ..."],
    time: float,
    backward: bool,
) -> Float[np.ndarray, "points ..."]:
    """The masses, or functions of the position, after a time."""
    out = _departures(right, left)
    jumps = float(out.max()) * time
    if jumps == 0:
        return mass
    jump = _jump(right, left, out, backward)
    if jumps <= len(out) ** 2:  # beyond, squaring is faster
        return _jumped(jump, mass, jumps)
    return _squared(jump, jumps, backward) @ mass


def _jump(
    right: Float[np.ndarray, " gaps"],
    left: Float[np.ndarray, " gaps"],
    out: Float[np.ndarray, " points"],
    backward: bool,
) -> Jump:
    """A jump, applied to functions if `backward`, and to masses if not."""
    pace = out.max()
    before, after = np.zeros(len(out)), np.zeros(len(out))
    before[1:], after[:-1] = (left, right) if backward else (right, left)
    return before / pace, 1 - out / pace, after / pace


def _jumped(jump: Jump, mass: Float[np.ndarray, "points ..."], jumps: float) -> Float[np.ndarray, "points ..."]:
    """The mean after a number of jumps of Poisson's law."""
    from scipy.special import gammaln

    from ._jump_sums import after_jumps

    k = np.arange(int(jumps + 12 * np.sqrt(jumps) + 40))
    weights = np.exp(k * np.log(jumps) - jumps - gammaln(k + 1.0))
    rows = np.ascontiguousarray(np.atleast_2d(mass.T), float)
    return np.asarray(after_jumps(*jump, rows, weights / weights.sum())).reshape(mass.T.shape).T


def _squared(jump: Jump, jumps: float, backward: bool) -> Float[np.ndarray, "points points"]:
    """The matrix of so many jumps in the mean, by squaring that of at most one; rows or columns sum to 1 always."""
    doublings = int(np.ceil(np.log2(max(jumps, 1.0))))
    transition = _jumped(jump, np.eye(len(jump[1])), jumps / 2**doublings)
    for _ in range(doublings):
        transition = transition @ transition
        transition /= transition.sum(axis=1, keepdims=True) if backward else transition.sum(axis=0)
    return transition


def _kept(
    moved: Float[np.ndarray, "points ..."], mass: Float[np.ndarray, "points ..."], backward: bool
) -> Float[np.ndarray, "points ..."]:
    """The masses; raises `ArithmeticError` if mass was lost, or a mean lies beyond what it is a mean of."""
    room = 1e-9 * np.abs(mass).max(axis=0)
    kept = (
        (moved.min(axis=0) >= mass.min(axis=0) - room) & (moved.max(axis=0) <= mass.max(axis=0) + room)
        if backward
        else np.abs(moved.sum(axis=0) - mass.sum(axis=0)) <= 1e-9 * np.abs(mass).sum(axis=0)
    )
    if not np.all(kept):
        raise ArithmeticError("The evolution of the masses lost some: the rates of the jumps differ by too much.")
    total = moved.sum(axis=0)
    return moved if backward or not np.all(total > 0) else moved * (mass.sum(axis=0) / total)


def spectral_gap(v: Float[np.ndarray, " N"], h: float, temperature: float) -> float:
    """The slowest relaxation rate of the diffusion, to full relative precision however small it is.

    By inverse iteration: the solution of `-Q u = f` has the flux `sum of pi f` to the left of a point, summed from the
    nearer end so that nothing cancels. Raises `ArithmeticError` behind barriers of about 700 temperatures, where the
    rate underflows.
    """
    pi = np.exp(-(v - v.min()) / temperature)
    pi /= pi.sum()
    conductance = pi[:-1] * rates(v, h, temperature)[0]
    if not conductance.min() > 0:
        raise ArithmeticError(
            "The barriers of the potential are too high, in temperatures, for a spectral gap above 0."
        )
    middle = int(np.searchsorted(np.cumsum(pi), 0.5))
    u = np.arange(len(v)) * h
    before = np.inf
    for _ in range(2000):
        u = u - pi @ u
        u /= np.sqrt(pi @ u**2)
        gained = pi * u
        flux = np.append(np.cumsum(gained)[:middle], -np.cumsum(gained[::-1])[::-1][middle + 1 :])
        solved = np.insert(np.cumsum(-flux / conductance), 0, 0.0)
        gap = float(1 / (pi @ (u * solved)))
        if abs(gap - before) <= 1e-13 * gap:
            return gap
        u, before = solved / np.abs(solved).max(), gap
    raise ArithmeticError("The inverse iteration for the spectral gap did not converge.")


def hats(x: Float[np.ndarray, " N"], mean: float, deviation: float) -> Float[np.ndarray, " N"]:
    """The masses of a normal distribution on equidistant points, by linear interpolation, which keeps the mean."""
    from scipy.special import ndtr

    h = x[1] - x[0]
    mass = np.maximum(1 - np.abs(x - mean) / h, 0.0)  # of a single point
    if deviation > 0:  # second differences of E max(x - X, 0), less those of max(x - mean, 0)
        z = np.abs(np.concatenate([[x[0] - h], x, [x[-1] + h]]) - mean) / deviation
        mass += deviation / h * np.diff(np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - z * ndtr(-z), 2)
    return np.maximum(mass, 0.0)


def covering(
    potential: Callable[[np.ndarray], np.ndarray],
    basin: tuple[float, float],
    start: tuple[float, float],
    temperature: float,
    time: float,
    wide: float = WIDE,
) -> tuple[float, float]:
    """The interval in which particles stay until a time: a basin, and the start with what noise lifts beyond it.

    potential: V at points. basin: ends beyond which V rises. start: mean and deviation of a normal distribution, of
    which so many deviations, `wide`, count.
    """
    mean, deviation = start
    free = wide * (np.sqrt(deviation**2 + 2 * temperature * time) - deviation)  # if V did not rise
    ends = []
    for outward, edge in zip((-1.0, 1.0), basin, strict=True):
        end = mean + outward * wide * deviation
        lift = _lift(potential, end, outward * free, HIGH * temperature)
        ends.append(float(outward * max(outward * edge, outward * (end + lift))))
    return ends[0], ends[1]


def _lift(potential: Callable[[np.ndarray], np.ndarray], end: float, free: float, height: float) -> float:
    """The shortest way from the end, up to `free`, on which V rises so high, about; it is not asked for much more."""
    if free == 0:
        return 0.0
    enough = potential(np.array([end])) + height
    for length in free * 0.5 ** np.arange(40.0)[::-1]:
        if potential(np.array([end + length])) >= enough:
            lengths = np.linspace(length / 2, length, 65)
            return float(lengths[np.argmax(potential(end + lengths) >= enough)])
    return float(free)


def points_around(centre: float, low: float, high: float, cells: int, finer: int) -> Float[np.ndarray, " N"]:
    """Equidistant points, (high - low) / (cells * finer) apart, that cover [low, high]; `centre` is one of them.

    They cover the same interval for every `finer`, and contain the coarser ones.
    """
    coarse = (high - low) / cells
    before, after = (int(np.ceil(length / coarse)) + 1 for length in (centre - low, high - centre))
    return centre + coarse / finer * np.arange(-before * finer, after * finer + 1)


def cell_densities(
    x: Float[np.ndarray, " N"], mass: Float[np.ndarray, " N"], edges: Float[np.ndarray, " E"]
) -> Float[np.ndarray, " E-1"]:
    """The mean density in each cell between neighbouring `edges` of masses on equidistant points x."""
    from scipy.interpolate import CubicSpline

    h = x[1] - x[0]
    faces = np.append(x - h / 2, x[-1] + h / 2)
    below = CubicSpline(faces, np.append(0.0, np.cumsum(mass)))
    return np.diff(below(np.clip(edges, faces[0], faces[-1]))) / np.diff(edges)


def normal_densities(mean: float, deviation: float, edges: Float[np.ndarray, " E"]) -> Float[np.ndarray, " E-1"]:
    """The mean density of a normal distribution in each cell between neighbouring `edges`; `deviation` may be 0."""
    from scipy.special import ndtr

    away = edges - mean
    below = ndtr(away / deviation) if deviation > 0 else (away > 0).astype(float)
    return np.diff(below) / np.diff(edges)


def densities_from(
    start: tuple[float, float],
    time: float,
    x: Float[np.ndarray, " N"],
    mass: Float[np.ndarray, " N"],
    edges: Float[np.ndarray, " E"],
) -> Float[np.ndarray, " E-1"]:
    """The mean density in each cell at a time: of the masses, or at time 0 of the normal start (mean, deviation)."""
    return cell_densities(x, mass, edges) if time > 0 else normal_densities(*start, edges)


def romberg(values: Sequence[Real[ArrayLike, "..."]]) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Richardson extrapolation of values at spacings h, h/2, h/4, ... with errors in even powers: limit and error.

    The error is the change by the last extrapolation, and at least an eighth of the change of the last value. Where the
    last halving did not shrink the differences by a factor of 3, the values do not converge as they should yet (to
    first order where steps of a jump are steep), and the error is at least their last difference.
    """
    row = levels = [np.asarray(v, float) for v in values]
    coarser = levels[0]
    for k in range(1, len(row)):
        before = row[-1]
        row = [fine + (fine - coarse) / (4**k - 1) for coarse, fine in pairwise(row)]
        coarser = row[0] if k == len(levels) - 2 else coarser
    error = np.maximum(np.abs(row[-1] - before), np.abs(row[-1] - coarser) / 8)
    if len(levels) == 2:
        return row[-1], error
    last = np.abs(levels[-1] - levels[-2])
    astray = last > np.abs(levels[-2] - levels[-3]) / 3
    return row[-1], np.where(astray, np.maximum(error, last), error)


def refined(
    solve: Callable[..., dict[str, Float[np.ndarray, "..."]]],
    levels: Sequence[tuple[Any, ...]],
    tolerance: float = 1e-5,
) -> dict[str, Float[np.ndarray, "..."]]:
    """The results of `solve` extrapolated over refined grids, with `<name>_error`; at least three grids.

    solve: the numbers of a level -> values by name. levels: each has half the spacing of the one before. Further levels
    are used while an error exceeds `tolerance`, relative to values of at least 1.
    """
    solutions = [solve(*level) for level in levels[:3]]
    for following in range(3, len(levels) + 1):
        values: dict[str, np.ndarray] = {}
        for name in solutions[0]:
            values[name], values[f"{name}_error"] = romberg([f[name] for f in solutions])
        good = all((values[f"{n}_error"] <= tolerance * np.maximum(1.0, np.abs(values[n]))).all() for n in solutions[0])
        if good or following == len(levels):
            break
        solutions.append(solve(*levels[following]))
    return values


def _bernoulli_slope(z: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    small = np.abs(z) < 1e-3
    safe, b = np.where(small, 1.0, z), _bernoulli(z)
    return np.where(small, -0.5 + z / 6 - z**3 / 180, b * (1 - z - b) / safe)


def _bernoulli(z: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    small = np.abs(z) < 1e-8
    safe = np.where(small, 1.0, np.minimum(z, 700.0))
    return np.where(small, 1 - z / 2, np.where(z > 700, 0.0, safe / np.expm1(safe)))
