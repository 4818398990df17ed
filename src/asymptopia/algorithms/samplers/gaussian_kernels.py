"""Compiled event loops of zig-zag, bouncy particle and boomerang on normal distributions."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

FAST = {"reassoc", "contract", "nsz", "arcp"}


@njit(cache=True, fastmath=FAST)
def _times(A, x, out):  # type: ignore[no-untyped-def]
    """out = A x with a matrix, or the diagonal of one."""
    if A.ndim == 1:
        for i in range(x.shape[0]):
            out[i] = A[i] * x[i]
    else:
        for i in range(x.shape[0]):
            total = 0.0
            for j in range(x.shape[0]):
                total += A[i, j] * x[j]
            out[i] = total


@njit(cache=True, fastmath=FAST)
def _dot(x, y):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total


@njit(cache=True)
def ramp_time(a, b, energy):  # type: ignore[no-untyped-def]
    """The time t at which the integral of max(0, a + b s) over 0 < s < t reaches `energy`; infinity if it does not."""
    if b > 0:
        if a >= 0:
            return 2 * energy / (a + math.sqrt(a * a + 2 * b * energy))
        return -a / b + math.sqrt(2 * energy / b)
    if a <= 0:
        return math.inf
    rest = a * a + 2 * b * energy
    return 2 * energy / (a + math.sqrt(rest)) if rest >= 0 else math.inf


@njit(cache=True)
def wave_time(start, slope, energy):  # type: ignore[no-untyped-def]
    """The time at which the integral of max(0, start cos 2s + slope sin 2s) over 0 < s < t reaches `energy`."""
    height = math.hypot(start, slope)
    if height == 0:
        return math.inf
    energy = 2 * energy / height
    begin = -math.atan2(slope, start)  # the rate is height cos(angle), and the angle grows from here at speed 2
    lap = 0.0
    sine = math.sin(begin)
    if begin < -math.pi / 2:
        sine = -1.0
    elif begin > math.pi / 2:
        sine, lap = -1.0, 2 * math.pi
    if energy >= 1 - sine:
        energy -= 1 - sine
        whole = math.floor(energy / 2)
        energy -= 2 * whole
        sine = -1.0
        lap += 2 * math.pi * (whole + 1)
    return (math.asin(min(1.0, sine + energy)) + lap - begin) / 2


@njit(cache=True, fastmath=FAST)
def _steepness(v, w, pull):  # type: ignore[no-untyped-def]
    """Coefficients of a bound a + b t on the sum of all rates."""
    a = b = 0.0
    for i in range(v.shape[0]):
        a += max(v[i] * w[i], 0.0)
        b += max(v[i] * pull[i], 0.0)
    return a, b


@njit(cache=True, fastmath=FAST)
def _chosen(v, w, pull, t, level):  # type: ignore[no-untyped-def]
    """The coordinate whose share of the bound covers `level`, its share, and its rate, at time t."""
    i, last = 0, v.shape[0] - 1
    while True:
        a, b = v[i] * w[i], v[i] * pull[i]
        share = max(a, 0.0) + max(b, 0.0) * t
        if level < share or i == last:
            return i, share, a + b * t
        level -= share
        i += 1


@njit(cache=True, fastmath=FAST)
def _drift(w, pull, t):  # type: ignore[no-untyped-def]
    for i in range(w.shape[0]):
        w[i] += t * pull[i]


@njit(cache=True, fastmath=FAST)
def _flip(A, i, v, pull):  # type: ignore[no-untyped-def]
    v[i] = -v[i]
    if A.ndim == 1:
        pull[i] = A[i] * v[i]
    else:
        for k in range(v.shape[0]):
            pull[k] += 2 * v[i] * A[i, k]


@njit(cache=True)
def _close(i, now, x, v, since, sums):  # type: ignore[no-untyped-def]
    """Move a coordinate to the present; its integrals go along."""
    t = now - since[i]
    sums[0, i] += t * (x[i] + v[i] * t / 2)
    sums[1, i] += t * (x[i] * x[i] + t * (x[i] * v[i] + v[i] * v[i] * t / 3))
    x[i] += v[i] * t
    since[i] = now


@njit(cache=True)
def zig_zag(A, x, v, refreshment, length, times, positions, sums, rng):  # type: ignore[no-untyped-def]
    """Events and turns without reason of a zig-zag path; x and v move, the positions at the times and sums are filled.

    The sum of the rates is at most the sum of max(0, a_i) + max(0, b_i) t, which an exponential clock inverts; the
    coordinate is then drawn by its share, and taken with the ratio of its rate to its share.
    """
    d, count = x.shape[0], times.shape[0]
    w, pull, since = np.empty(d), np.empty(d), np.zeros(d)
    _times(A, x, w)
    _times(A, v, pull)
    now, kept, events, afresh = 0.0, 0, 0, 0
    while True:
        a, b = _steepness(v, w, pull)
        a += d * refreshment
        t = ramp_time(a, b, rng.standard_exponential())
        while kept < count and now + t >= times[kept]:
            for i in range(d):
                positions[kept, i] = x[i] + v[i] * (times[kept] - since[i])
            kept += 1
        if now + t >= length:
            break
        now += t
        level = rng.random() * (a + b * t) - d * refreshment
        if level < 0:
            i, flip = min(int(-level / refreshment), d - 1), True
            afresh += 1
        else:
            i, share, rate = _chosen(v, w, pull, t, level)
            flip = rng.random() * share < rate
            events += flip
        _drift(w, pull, t)
        if flip:
            _close(i, now, x, v, since, sums)
            _flip(A, i, v, pull)
    for i in range(d):
        _close(i, length, x, v, since, sums)
    return events, afresh


@njit(cache=True)
def bouncy(A, x, v, refreshment, length, times, positions, sums, rng):  # type: ignore[no-untyped-def]
    """Bounces and refreshments of a bouncy particle path; moves x and v, and fills positions and sums."""
    d, count = x.shape[0], times.shape[0]
    w, pull = np.empty(d), np.empty(d)
    _times(A, x, w)
    _times(A, v, pull)
    now, kept, events, afresh = 0.0, 0, 0, 0
    renewal = rng.standard_exponential() / refreshment if refreshment > 0 else math.inf
    while True:
        t = ramp_time(_dot(v, w), _dot(v, pull), rng.standard_exponential())
        renewed = now + t >= renewal
        t = min(t, renewal - now, length - now)
        while kept < count and now + t >= times[kept]:
            for i in range(d):
                positions[kept, i] = x[i] + v[i] * (times[kept] - now)
            kept += 1
        for i in range(d):
            sums[0, i] += t * (x[i] + v[i] * t / 2)
            sums[1, i] += t * (x[i] * x[i] + t * (x[i] * v[i] + v[i] * v[i] * t / 3))
            x[i] += v[i] * t
        _drift(w, pull, t)
        now += t
        if now >= length:
            break
        if renewed:
            for i in range(d):
                v[i] = rng.standard_normal()
            renewal = now + rng.standard_exponential() / refreshment
            afresh += 1
        else:
            turn = 2 * _dot(v, w) / _dot(w, w)
            for i in range(d):
                v[i] -= turn * w[i]
            events += 1
        _times(A, v, pull)
    return events, afresh


@njit(cache=True)
def boomerang(  # type: ignore[no-untyped-def]
    B, variances, x, v, refreshment, length, times, positions, sums, rng
):
    """Events of a boomerang path; B is the precision of the target minus that of the reference."""
    d, count = x.shape[0], times.shape[0]
    w, pull, g = np.empty(d), np.empty(d), np.empty(d)
    _times(B, x, w)
    _times(B, v, pull)
    now, kept, events, afresh = 0.0, 0, 0, 0
    renewal = rng.standard_exponential() / refreshment if refreshment > 0 else math.inf
    while True:
        t = wave_time(_dot(v, w), (_dot(v, pull) - _dot(x, w)) / 2, rng.standard_exponential())
        renewed = now + t >= renewal
        t = min(t, renewal - now, length - now)
        while kept < count and now + t >= times[kept]:
            angle = times[kept] - now
            for i in range(d):
                positions[kept, i] = x[i] * math.cos(angle) + v[i] * math.sin(angle)
            kept += 1
        c, s = math.cos(t), math.sin(t)
        rise = 2 * math.sin(t / 2) ** 2
        for i in range(d):
            a, b = x[i], v[i]
            sums[0, i] += a * s + b * rise
            sums[1, i] += a * a * (t + s * c) / 2 + b * b * (t - s * c) / 2 + a * b * s * s
            x[i], v[i] = a * c + b * s, b * c - a * s
            w[i], pull[i] = w[i] * c + pull[i] * s, pull[i] * c - w[i] * s
        now += t
        if now >= length:
            break
        if renewed:
            for i in range(d):
                v[i] = math.sqrt(variances[i]) * rng.standard_normal()
            renewal = now + rng.standard_exponential() / refreshment
            afresh += 1
        else:
            for i in range(d):
                g[i] = variances[i] * w[i]
            turn = 2 * _dot(v, w) / _dot(w, g)
            for i in range(d):
                v[i] -= turn * g[i]
            events += 1
        _times(B, v, pull)
    return events, afresh
