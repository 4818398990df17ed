r"""Causal equations for the correlation and response of a sphere in a Gaussian landscape, to long times.

Correlation C(t, t'), response R(t, t') and the overlap m(t) with a signal solve, for $t > t'$ and with $C(t, t) = 1$,
$R(t'^+, t') = 1$ and $\Sigma(t, s) = f''(C(t, s)) R(t, s)$,

$$\partial_t C(t, t') = -\mu C + \int_0^t \Sigma(t, s) C(s, t') ds + \int_0^{t'} f'(C(t, s)) R(t', s) ds
  + \lambda f'(m(t)) m(t'),$$
$$\partial_t R(t, t') = -\mu R + \int_{t'}^t \Sigma(t, s) R(s, t') ds, \qquad
  \dot m = -\mu m + \int_0^t \Sigma(t, s) m(s) ds + \lambda f'(m),$$
$$\mu(t) = T + \int_0^t [\Sigma C + f'(C) R](t, s) ds + \lambda f'(m) m, \qquad
  e(t) = -\int_0^t f'(C(t, s)) R(t, s) ds - \lambda f(m)$$

(Crisanti, Horner and Sommers, Z. Phys. B 92 (1993) 257; Cugliandolo and Kurchan, Phys. Rev. Lett. 71 (1993) 173).
The implicit trapezoidal rule at three steps, each half the one before, is extrapolated to step zero. The past is kept
on nodes that thin with their distance to the present and to the start, with quadrature weights that absorb what varies
between them, so that cost and memory grow with the logarithm of the time, squared, at each step.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval

from .memory import available

if TYPE_CHECKING:
    from jaxtyping import Float

LEVELS = 3


@dataclass(frozen=True)
class TwoTime:
    """A solution at K times: energy, overlap, multiplier (K,), correlation and response (K, K), and their errors.

    correlation[i, j] is C(times[i], times[j]), symmetric; response[i, j] is R(times[i], times[j]) for j <= i, else 0.
    `<name>_error` estimates the error of discretisation, from the last extrapolation and from thinner nodes.
    """

    times: Float[np.ndarray, " K"]
    energy: Float[np.ndarray, " K"]
    overlap: Float[np.ndarray, " K"]
    multiplier: Float[np.ndarray, " K"]
    correlation: Float[np.ndarray, "K K"]
    response: Float[np.ndarray, "K K"]
    energy_error: Float[np.ndarray, " K"]
    overlap_error: Float[np.ndarray, " K"]
    correlation_error: Float[np.ndarray, "K K"]


def solve_two_time(
    landscape: Sequence[float],
    temperature: float,
    times: Sequence[float],
    *,
    signal: float = 0.0,
    overlap: float = 1.0,
    step: float | None = None,
    thinning: float | None = None,
) -> TwoTime:
    r"""Solve the equations above at these times, with an estimate of the error.

    landscape: coefficients of f, constant first; $E H(s) H(s') = n f(s \cdot s' / n)$.
    signal:    $\lambda$; `overlap` is m(0). With signal 0 and overlap 1, m(t) is C(t, 0).
    step:      the largest time step of the coarsest of the three solutions; by default a fraction of the fastest
               relaxation time that grows with the last time.
    thinning:  nodes may be this far apart, as a fraction of their distance to the present and to the start; 0 keeps a
               uniform grid, whose cost grows as the cube of the last time.

    Raises `ValueError` for times that do not increase or a landscape that is no covariance, `MemoryError` if the nodes
    would not fit, `ArithmeticError` if a step is too long to be solved.
    """
    f, grid = _checked(landscape, temperature, times, overlap)
    default_step, default_thinning = _resolution(f, temperature, abs(signal), float(grid[-1]))
    h = default_step if step is None else step
    ratio = default_thinning if thinning is None else thinning
    if not (h > 0 and 0 <= ratio <= 0.5):
        raise ValueError(f"`step` must be > 0 and `thinning` >= 0 and <= 0.5, but they are {h:g} and {ratio:g}.")
    _refuse_what_does_not_fit(grid, h / 2 ** (LEVELS - 1), ratio)
    start = float(temperature), float(signal), float(overlap)
    solutions = [_march(f, start, grid, h, ratio, 2**i) for i in range(LEVELS)]
    thinner = _march(f, start, grid, h, 1.5 * ratio, 1) if ratio else solutions[0]
    values, errors = zip(*(_extrapolate(list(s), o, h) for *s, o in zip(*solutions, thinner, strict=True)), strict=True)
    energy, m, multiplier, correlation, response = values
    return TwoTime(grid, energy, m, multiplier, correlation, response, errors[0], errors[1], errors[3])


def _resolution(f: Float[np.ndarray, " orders"], temperature: float, signal: float, last: float) -> tuple[float, float]:
    """Step and thinning by default: errors of 1e-7 up to time 100, of 1e-6 beyond."""
    rate = 2 * math.sqrt(polyval(1.0, polyder(f, 2))) + temperature + signal * float(polyval(1.0, polyder(f)))
    unit = 1 / max(rate, 3.0)
    if last <= 100:
        return 0.3 * unit, 0.1
    return (0.6 * unit, 0.15) if last <= 1000 else (1.2 * unit, 0.2)


def _checked(
    landscape: Sequence[float], temperature: float, times: Sequence[float], overlap: float
) -> tuple[Float[np.ndarray, " orders"], Float[np.ndarray, " K"]]:
    f, grid = np.asarray(landscape, float), np.asarray(times, float)
    if f.ndim != 1 or len(f) < 3 or not np.all(np.isfinite(f)) or (f < 0).any() or f[2:].sum() == 0 or f[:2].any():
        raise ValueError(f"`landscape` must hold coefficients >= 0 of q**2, q**3, ... from place 2 on, but is {f}.")
    if grid.ndim != 1 or not grid.size or not np.all(np.isfinite(grid)) or grid[0] < 0 or (np.diff(grid) <= 0).any():
        raise ValueError(f"`times` must be >= 0 and increase, but are {grid}.")
    if not (math.isfinite(temperature) and temperature >= 0 and -1 <= overlap <= 1):
        raise ValueError(
            f"`temperature` must be >= 0 and `overlap` within [-1, 1], but they are {temperature:g} and {overlap:g}."
        )
    return f, grid


def _refuse_what_does_not_fit(grid: Float[np.ndarray, " nodes"], h: float, ratio: float) -> None:
    steps = grid[-1] / h
    nodes = steps if ratio == 0 else min(steps, 4 / ratio * (1 + math.log1p(steps * ratio)) + len(grid))
    need, limit = 2 * 3 * 8 * (nodes + 64) ** 2, available()
    if need > limit:
        fits = math.sqrt(limit / 48) - 64
        remedy = f"times up to {fits * h:.3g} would" if ratio == 0 else f"{int(fits)} nodes would"
        raise MemoryError(f"{nodes:.0f} nodes need {need / 1e9:.1f} GB, but {limit / 1e9:.1f} are available; {remedy}.")


def _extrapolate(
    levels: list[Float[np.ndarray, "..."]], thinner: Float[np.ndarray, "..."], h: float
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """Richardson's extrapolation in even powers of the step, and its error.

    That is its last correction, the effect of thinner nodes, and a floor for where both happen to vanish.
    """
    coarse, last = levels[0], levels[-1]
    error = 1e-5 * h**2 + np.abs(coarse - thinner) / 4
    for k in range(1, len(levels)):
        last = levels[-1]
        levels = [(4**k * b - a) / (4**k - 1) for a, b in itertools.pairwise(levels)]
    return levels[0], error + np.abs(levels[0] - last)


def _march(
    f: Float[np.ndarray, " orders"],
    start: tuple[float, float, float],
    grid: Float[np.ndarray, " nodes"],
    h: float,
    ratio: float,
    parts: int,
) -> list[Float[np.ndarray, "..."]]:
    """Energy, overlap, multiplier, correlation and response on the grid; each step of at most h is cut into parts."""
    from . import two_time_march as march

    temperature, signal, overlap = start
    slope = polyder(f)
    curve = polyder(slope)
    room, count = 256, len(grid)
    W, rows, ends = np.zeros((3, room, room)), np.zeros((march.ROWS, room)), np.zeros((2, room), np.int64)
    state = np.array([*march.start(rows, overlap, slope, temperature, signal), 0.0, 40.0, 0.0, 0.0])
    n, t = 0, 0.0
    scalars, pairs = np.zeros((3, count)), np.zeros((2, count, count))
    for i, stop in enumerate(grid):
        state[5] = np.diff(grid[i:]).min(initial=np.inf)
        left = math.ceil((stop - t) / h - 1e-9) * parts
        length = (stop - t) / left if left else 0.0
        while left and not state[4]:
            n, left = march.march(W, rows, n, length, left, state, slope, curve, temperature, signal, ratio, *ends)
            if left < 0:
                raise ArithmeticError(f"A step of {length:g} is too long at time {rows[march.S, n]:g}; take a shorter.")
            if left:
                grow = (0, W.shape[1] // 2)
                W, rows, ends = (
                    np.pad(W, ((0, 0), grow, grow)),
                    np.pad(rows, ((0, 0), grow)),
                    np.pad(ends, ((0, 0), grow)),
                )
        if not state[4]:
            rows[march.S, n], rows[march.KEEP, n], t = stop, 1.0, stop
        now = rows[:, : n + 1]
        kept = np.flatnonzero(np.isin(now[march.S], grid[: i + 1]))
        m, response = now[march.M, n], now[march.R]
        past = np.sum(now[march.WEIGHT] * polyval(now[march.C], slope) * response)
        scalars[:, i] = -past - signal * polyval(m, f), m, state[0]
        pairs[0, i, len(kept) : i + 1] = 1.0  # where nothing has moved since; no response to it is left
        pairs[0, i, : len(kept)], pairs[1, i, : len(kept)] = now[march.C, kept], response[kept]
        pairs[0, :i, i], pairs[1, i, i] = pairs[0, i, :i], 1.0
    return [*scalars, *pairs]
