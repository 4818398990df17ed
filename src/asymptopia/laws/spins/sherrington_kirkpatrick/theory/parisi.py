r"""Parisi's functional: its value on a step function, and the derivatives there.

For $0 \le t_0 < ... < t_K \le 1$ and $\gamma = \gamma_j$ on $[t_j, t_{j+1}]$, 0 below $t_0$ and $1/T$ above $t_K$,

$$\mathcal P(\gamma) = u(0, h) - \frac12 \int_0^1 t\,\gamma(t)\,dt, \qquad
  \partial_t u = -\frac12 (\partial_x^2 u + \gamma\,(\partial_x u)^2), \qquad u(1, x) = T \log 2\cosh(x / T),$$

$|x|$ at T = 0. On each step $e^{\gamma u}$ solves a heat equation: a Gaussian convolution of positive numbers, by the
trapezoidal rule on grids that coarsen as u becomes smoother. The derivatives follow from the distribution of the
diffusion $dX = \gamma\,\partial_x u\,dt + dW$ from h, which is carried along the same convolutions.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from .....numerics.gaussian import legendre

TAIL = 7.0  # deviations beyond which the diffusion is not followed
SPAN = 8.3  # half the width of a convolution, in deviations
SPACING = 0.5  # of a grid, in units of the smoothness of what is summed on it
PANEL = 0.75  # width of a panel of quadrature, in the same units


class Functional(NamedTuple):
    r"""The free energy $-\mathcal P$ of a step function and what is known beside it.

    by_gamma, by_t: its derivatives with respect to the K levels and the K + 1 places.
    moments:        $E\,(\partial_x u(t_j, X))^2$ at the places (K + 1,).
    magnetisation:  $\partial_x u(0, h)$.
    entropy:        minus the derivative with respect to T of the free energy at fixed steps; at T = 0 that of the limit
                    in which the last place approaches 1 as T does 0.
    """

    free_energy: float
    by_gamma: np.ndarray
    by_t: np.ndarray
    moments: np.ndarray
    magnetisation: float
    entropy: float


class _Step(NamedTuple):
    """u, its slope and its derivative by gamma at the lower end of a step, on a grid; the convolution back to there."""

    spacing: float
    u: np.ndarray
    slope: np.ndarray
    by_gamma: np.ndarray
    push: Any  # masses on the grid at the lower end -> masses on the grid at the upper end


def parisi(t: np.ndarray, gamma: np.ndarray, temperature: float, h: float = 0.0) -> Functional:
    """The functional at levels `gamma` (K,), positive and ascending, between the places `t` (K + 1,).

    At temperature 0 the last place must be 1. If t[0] = 0, so must be h.
    """
    t, gamma = np.asarray(t, float), np.asarray(gamma, float)
    T, h = float(temperature), abs(float(h))
    _check(t, gamma, T, h)
    steps, top = _backwards(t, gamma, T, h)
    masses, value, magnetisation = _start(steps[0], t[0], h)
    by_gamma, moments = np.empty(len(gamma)), np.empty(len(t))
    for j, step in enumerate(steps):
        by_gamma[j], moments[j] = masses @ step.by_gamma, masses @ step.slope**2
        masses = step.push(masses)
    moments[-1], entropy = top(masses)
    above = 1 / T if T else gamma[-1]
    rest = 1 - t[-1]
    energy = -value - rest * above / 2 + (gamma @ np.diff(t**2) + above * (1 - t[-1] ** 2)) / 4
    jumps = np.diff(np.concatenate([[0.0], gamma, [above]]))
    return Functional(
        free_energy=float(energy),
        by_gamma=np.diff(t**2) / 4 - by_gamma,
        by_t=jumps * (moments - t) / 2,
        moments=moments,
        magnetisation=magnetisation,
        entropy=entropy - (rest * above) ** 2 / 4,
    )


def _check(t: np.ndarray, gamma: np.ndarray, T: float, h: float) -> None:
    inside = t.ndim == 1 and len(t) == len(gamma) + 1 >= 2 and t[0] >= 0 and t[-1] <= 1 and (np.diff(t) > 0).all()
    if not inside or not (gamma > 0).all() or T < 0:
        raise ValueError(f"`t` must ascend within [0, 1] and `gamma` be positive, but they are {t} and {gamma}.")
    if T == 0 and t[-1] != 1:
        raise ValueError(f"At temperature 0 the last of `t` must be 1, but is {t[-1]}.")
    if t[0] == 0 and h != 0:
        raise ValueError(f"In an external field the first of `t` must be positive, but is {t[0]}.")


def _backwards(t: np.ndarray, gamma: np.ndarray, T: float, h: float) -> tuple[list[_Step], Any]:
    """The steps, lowest first, and what the masses at the last place say: the moment there and the entropy."""
    s = np.sqrt(np.diff(t))
    spacings = _spacings(t, gamma, T)
    # beyond `ends` u has slope 1 for all that matters, and nothing comes back from there
    reach = h + TAIL * math.sqrt(t[-1]) + float(gamma @ s**2)
    ends = np.append(reach, np.minimum(reach, 9 * np.sqrt(1 - t[1:]) + 20 * T))
    counts = np.ceil(ends[: len(spacings)] / spacings).astype(int) + 1
    x = spacings[-1] * np.arange(counts[-1])
    if len(spacings) > len(gamma):  # the terminal function itself is on a grid
        u, steps, left, top = _terminal(x, T)[0], [], len(gamma), _summary(x, T)
    else:
        first, y = _kinked(x, spacings[-1], s[-1], gamma[-1], T)
        u, steps, left = first.u, [first], len(gamma) - 1
        top = _summary(y, T) if T else _dense_at_zero
    here = spacings[-1]
    for j in range(left - 1, -1, -1):
        steps.append(_convolve(u, here, spacings[j], counts[j], s[j], gamma[j]))
        here, u = spacings[j], steps[-1].u
    return steps[::-1], top


def _spacings(t: np.ndarray, gamma: np.ndarray, T: float) -> np.ndarray:
    """Spacings of the grids at the places from the first, each half the one before or equal to it.

    A grid at the last place, where the slope of u has a width T, is among them if that is wider than the last step.
    """
    s = np.sqrt(np.diff(t))
    count = len(gamma) + int(s[-1] < T)
    below = np.concatenate([[math.sqrt(t[0]) if t[0] else math.inf], s])[:count]
    smoothness = np.sqrt(t[-1] - t[:count] + (T / 2) ** 2)
    finest = SPACING / np.sqrt(below**-2.0 + smoothness**-2.0)
    finest = np.minimum.accumulate(np.minimum(finest, 0.4 / np.append(gamma, gamma[-1:])[:count]))
    return np.asarray(finest[-1] * 2.0 ** np.floor(np.log2(finest / finest[-1]) + 1e-9))


def _terminal(x: np.ndarray, T: float) -> tuple[np.ndarray, np.ndarray]:
    """T log 2 cosh(x / T) and its slope, for x >= 0."""
    if T == 0:
        return x, np.ones_like(x)
    return x + T * np.log1p(np.exp(-2 * x / T)), np.tanh(x / T)


def _summary(x: np.ndarray, T: float) -> Any:
    """The mean squared slope of the terminal function and the mean entropy of a spin, from masses at x."""
    u, slope = _terminal(x, T)
    return lambda masses: (float(masses @ slope**2), float(masses @ (u - x * slope)) / T)


def _dense_at_zero(masses: np.ndarray) -> tuple[float, float]:
    """At T = 0, where the first of the masses is the density at 0 of both signs together."""
    return 1.0, -float(masses[0] ** 2)


def _convolve(u: np.ndarray, spacing: float, coarser: float, count: int, s: float, gamma: float) -> _Step:
    """One step down from u on a grid to `count` points of one coarser or equal, by sums of positive terms."""
    from scipy.ndimage import correlate1d

    every, given = round(coarser / spacing), len(u)
    reach = math.ceil((SPAN + gamma * s) * s / spacing)
    size = (count - 1) * every + 1
    u = np.append(u, u[-1] + spacing * np.arange(1, size + reach - given + 1))
    k = spacing * np.arange(-reach, reach + 1)
    w = np.exp(-((k / s) ** 2) / 2)
    w /= w.sum()
    e = np.exp(gamma * (u - u[-1]))
    total, mean = correlate1d(np.stack([e, e * u]), w, mode="mirror")[:, :size:every]
    slope = correlate1d(e, w * k / s**2, mode="mirror")[:size:every] / (gamma * total)
    new = u[-1] + np.log(total) / gamma

    def push(masses: np.ndarray) -> np.ndarray:
        whole = np.zeros_like(u)
        whole[:size:every] = masses / total
        whole[1:] /= 2  # folded at 0: the masses stand for both signs
        pushed = e * correlate1d(whole, w, mode="mirror")
        pushed[1:] *= 2
        return np.append(pushed[: given - 1], pushed[given - 1 :].sum())

    return _Step(coarser, new, slope, (mean / total - new) / gamma, push)


def _kinked(x: np.ndarray, spacing: float, s: float, gamma: float, T: float) -> tuple[_Step, np.ndarray]:
    """The step down from a terminal function that turns within T of 0 to points x, and the points above that it uses.

    Near 0 by panels of quadrature that grow away from the turn; farther away the function is |x|. At T = 0 the first of
    the points above is 0, and what is pushed to it is the density there.
    """
    width = (SPAN + gamma * s) * s
    near = x <= width + 20 * T
    y, weight = _panels(float(x[near][-1]) + width, T or s, s)
    U, tanh = _terminal(y, T)
    z = x[near, None]
    ends = [np.exp(gamma * (U - z) - ((y - sign * z) / s) ** 2 / 2) / (math.sqrt(2 * math.pi) * s) for sign in (1, -1)]
    total = (ends[0] + ends[1]) @ weight
    share = (ends[0] + ends[1]) * (weight / total[:, None])
    u, slope, by_gamma = x + gamma * s**2 / 2, np.ones_like(x), np.full_like(x, s**2 / 2)
    u[near] = x[near] + np.log(total) / gamma
    slope[near] = (ends[0] - ends[1]) @ (weight * tanh) / total
    by_gamma[near] = (share @ U - u[near]) / gamma
    if T == 0:
        at_zero = np.exp(-gamma * x[near] - (x[near] / s) ** 2 / 2) / (math.sqrt(2 * math.pi) * s) / total
        return _Step(spacing, u, slope, by_gamma, lambda masses: np.array([masses[near] @ at_zero])), y

    def push(masses: np.ndarray) -> np.ndarray:
        return np.append(masses[near] @ share, masses[~near].sum())

    return _Step(spacing, u, slope, by_gamma, push), np.append(y, x[-1] + 40 * T)


def _panels(reach: float, turn: float, s: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on [0, reach]: panels narrower than `turn` at 0, growing to a share of s."""
    width = PANEL * min(turn, s)
    ends = [0.0]
    while ends[-1] < reach:
        ends.append(ends[-1] + width)
        width = min(1.5 * width, PANEL * s)
    lengths = np.diff(ends)[:, None]
    nodes, weights = legendre(8)
    return (np.array(ends)[:-1, None] + lengths * nodes).ravel(), (lengths * weights).ravel()


def _start(step: _Step, variance: float, h: float) -> tuple[np.ndarray, float, float]:
    """Masses at the first place, of a Gaussian around h folded at 0; the value and the slope of u at the start."""
    if variance == 0:
        masses = np.zeros_like(step.u)
        masses[0] = 1
        return masses, float(step.u[0]), 0.0
    x = step.spacing * np.arange(len(step.u))
    up, down = (np.exp(-((x - sign * h) ** 2) / (2 * variance)) for sign in (1, -1))
    up[0] /= 2
    down[0] /= 2
    total = (up + down).sum()
    masses = (up + down) / total
    return masses, float(masses @ step.u), float((up - down) @ step.slope / total)
