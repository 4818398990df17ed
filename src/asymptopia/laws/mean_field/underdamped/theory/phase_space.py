r"""Kramers' equation on a grid of positions and velocities, by splitting with spectral shifts.

A step drifts positions by v h/2, kicks velocities by $-U' h/2$, lets friction and noise act exactly for h, kicks and
drifts again: of second order in h, and with h, h/2 and h/4 extrapolated. Shifts, friction and noise act on the Fourier
transform, so that smooth densities keep all digits as long as the grid holds and resolves them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .....numerics.drift_diffusion import romberg
from .....parts.potential import Normal, Potential

POINTS, STEP, REACH = 192, 0.05, 7.5


def moments(
    potential: Potential, friction: float, temperature: float, start: Normal, tau: float, times: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """E x, x**2, v, v**2 and x v at the times, shape (times, 5), and what the last extrapolation and grid changed."""
    levels = [_march(potential, friction, temperature, start, tau, times, POINTS, STEP / 2**k) for k in range(3)]
    coarse = _march(potential, friction, temperature, start, tau, times, 3 * POINTS // 4, STEP)
    extrapolated, error = romberg(levels)
    return extrapolated, error + np.abs(coarse - levels[0])


def _march(
    potential: Potential,
    friction: float,
    temperature: float,
    start: Normal,
    tau: float,
    times: Sequence[float],
    points: int,
    step: float,
) -> np.ndarray:
    """The moments at the times; the density p is an array (v, x), and neighbouring drifts are one."""
    x, v = _grid(potential, temperature, start, tau, points)
    force = -np.asarray(potential.slope(x))
    p = _gauss(v, 0.0, tau)[:, None] * _gauss(x, start.mean, start.variance)
    wave_x, wave_v = (2 * math.pi * np.fft.rfftfreq(len(g), g[1] - g[0]) for g in (x, v))
    seen, now = [], 0.0
    for t in times:
        count = math.ceil((t - now) / step - 1e-9)
        if count:
            h = (t - now) / count
            drift, kick = np.exp(-0.5j * h * np.outer(v, wave_x)), np.exp(-0.5j * h * np.outer(wave_v, force))
            rub = _friction(v, math.exp(-friction * h), temperature).T
            whole = drift**2
            whole[:, -1] = drift[:, -1].real ** 2  # of the shortest wave there is a real part only
            for k in range(count):
                p = _shifted(p, drift if k == 0 else whole, 1)
                p = _shifted(rub @ _shifted(p, kick, 0), kick, 0)
            p = _shifted(p, drift, 1)
        now = t
        total, a, b = p.sum(), p.sum(axis=0), p.sum(axis=1)
        seen.append(np.array([a @ x, a @ x**2, b @ v, b @ v**2, v @ p @ x]) / total)
    return np.array(seen)


def _shifted(p: np.ndarray, shift: np.ndarray, axis: int) -> np.ndarray:
    """A density that is shifted along an axis by factors of its Fourier transform."""
    from scipy.fft import irfft, rfft

    return np.asarray(irfft(rfft(p, axis=axis) * shift, p.shape[axis], axis=axis, overwrite_x=True))


def _grid(
    potential: Potential, temperature: float, start: Normal, tau: float, points: int
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities that hold what the start and the noise reach."""
    basin = potential.basin(temperature)
    assert basin is not None
    deviation = math.sqrt(start.variance)
    ends = (start.mean - REACH * deviation, start.mean + REACH * deviation)
    inside = np.linspace(min(basin[0], ends[0]), max(basin[1], ends[1]), 2001)
    U = potential.values(inside)
    likely = np.linspace(start.mean - 6 * deviation, start.mean + 6 * deviation, 401)
    top = max(float(potential.values(likely).max() - U.min()), 30 * temperature)
    turning = inside[U - U.min() <= top]
    low, high = min(turning[0], ends[0]), max(turning[-1], ends[1])
    speed = math.sqrt(2 * top) + REACH * math.sqrt(max(temperature, tau))
    width = 0.05 * (high - low)
    x = np.linspace(low - width, high + width, points, endpoint=False)
    return x, np.linspace(-speed, speed, points, endpoint=False)


def _gauss(x: np.ndarray, mean: float, variance: float) -> np.ndarray:
    return np.asarray(np.exp(-((x - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance))


def _friction(v: np.ndarray, kept: float, temperature: float) -> np.ndarray:
    """What friction and noise do to a density on the grid v, applied from the right."""
    h, count = v[1] - v[0], len(v)
    wave = 2 * math.pi * np.fft.fftfreq(count, h)
    heat = np.exp(-temperature * (1 - kept**2) * wave**2 / 2)
    shrunk = np.exp(-1j * kept * np.outer(v, wave)) * heat  # characteristic function of kept * v + noise
    return np.asarray((shrunk @ np.exp(1j * np.outer(wave, v))).real / count)
