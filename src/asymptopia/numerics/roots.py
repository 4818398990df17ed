"""Roots and maxima of many functions of one variable at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

Function = Callable[[np.ndarray, np.ndarray], np.ndarray]


def bracketed_roots(
    function: Function,
    low: Float[np.ndarray, " K"],
    high: Float[np.ndarray, " K"],
    *,
    tolerance: float = 1e-13,
    iterations: int = 200,
) -> Float[np.ndarray, " K"]:
    """The root of each of K functions between ends (K,) at which its signs differ, by Chandrupatla's method.

    function(x, members): the values at x (k,) of the functions `members` (k,); infinite values are allowed. tolerance:
    of x, relative to max(1, |x|). Ends of equal sign give nan.

    Source: Chandrupatla, Advances in Engineering Software 28 (1997) 145.
    """
    a, b = np.array(high, float), np.array(low, float)
    every = np.arange(len(a))
    fa, fb = _finite(function(a, every)), _finite(function(b, every))
    root = np.where(fb == 0, b, np.where(fa == 0, a, np.nan))
    left = np.flatnonzero(np.isnan(root) & (np.sign(fa) * np.sign(fb) < 0))
    a, b, fa, fb = a[left], b[left], fa[left], fb[left]
    c, fc, t = a.copy(), fa.copy(), np.full(len(left), 0.5)
    for _ in range(iterations):
        if not len(left):
            break
        x = a + t * (b - a)
        fx = _finite(function(x, left))
        same = np.sign(fx) == np.sign(fa)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        near = tolerance * np.maximum(1.0, np.abs(best)) / np.maximum(np.abs(b - a), 1e-300)
        done = (near > 0.5) | (fx == 0)
        root[left[done]] = np.where(fx == 0, x, best)[done]
        t = np.clip(_inverse_quadratic(a, b, c, fa, fb, fc), near, 1 - near)
        a, b, c, fa, fb, fc, t, left = (v[~done] for v in (a, b, c, fa, fb, fc, t, left))
    root[left] = np.where(np.abs(fa) < np.abs(fb), a, b)
    return root


def _inverse_quadratic(
    a: Float[np.ndarray, " K"], b: Float[np.ndarray, " K"], c: Float[np.ndarray, " K"], *values: np.ndarray
) -> Float[np.ndarray, " K"]:
    """Where on [a, b] the inverse parabola through the three points vanishes, where it may be trusted; else 1/2."""
    fa, fb, fc = values
    with np.errstate(all="ignore"):
        xi, phi = (a - b) / (c - b), (fa - fb) / (fc - fb)
        trusted = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
        t = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
    return np.where(trusted & np.isfinite(t), t, 0.5)


def _finite(values: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.clip(np.asarray(values, float), -1e300, 1e300)


def peaks(
    function: Function,
    low: Float[np.ndarray, " K"],
    middle: Float[np.ndarray, " K"],
    high: Float[np.ndarray, " K"],
    rounds: int = 60,
) -> Float[np.ndarray, " K"]:
    """The maximiser of each of K functions between `low` and `high`, given a point `middle` above both, all (K,).

    By parabolas through the three best points, safeguarded by golden section (Brent 1973, chapter 5): accurate to about
    the square root of the rounding error of the function.
    """
    golden = (3 - np.sqrt(5)) / 2
    low, high, x = (np.array(v, float) for v in (low, high, middle))
    every = np.arange(len(x))
    fx = function(x, every)
    w, fw = np.where(x - low > high - x, low, high), np.full(len(x), -np.inf)
    v, fv = w.copy(), fw.copy()
    for k in range(rounds):
        if not len(x) or np.all(high - low <= 2e-8 * np.maximum(1.0, np.abs(x))):
            break
        with np.errstate(all="ignore"):
            r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
            trial = x - ((x - v) * q - (x - w) * r) / (2 * (q - r))
        wide = np.where(x - low > high - x, x - golden * (x - low), x + golden * (high - x))
        usable = np.isfinite(trial) & (trial > low) & (trial < high) & (k % 4 != 3)
        u = np.where(usable, trial, wide)
        step = 4e-9 * np.maximum(1.0, np.abs(x))
        u = np.where(np.abs(u - x) < step, x + step * np.where(x - low > high - x, -1, 1), u)
        fu = function(u, every)
        better = fu > fx
        low = np.where(better, np.where(u > x, x, low), np.where(u < x, u, low))
        high = np.where(better, np.where(u > x, high, x), np.where(u < x, high, u))
        second = ~better & (fu > fw)
        v, fv = np.where(better | second, w, np.where(fu > fv, u, v)), np.where(better | second, fw, np.maximum(fu, fv))
        w, fw = np.where(better, x, np.where(second, u, w)), np.where(better, fx, np.where(second, fu, fw))
        x, fx = np.where(better, u, x), np.where(better, fu, fx)
    return x


def with_turns(
    function: Callable[[Float[np.ndarray, " T"]], Float[np.ndarray, " T"]],
    t: Float[np.ndarray, " T"],
    values: Float[np.ndarray, " T"],
) -> tuple[Float[np.ndarray, " more"], Float[np.ndarray, " more"]]:
    """A grid t and the values of a function on it, with those places added where it nearly turns at zero.

    Signs on the grid alone miss both of two roots between neighbours. Where three values bend more than they are away
    from zero, the extremum is added.
    """
    with np.errstate(invalid="ignore"):
        bend = np.abs(values[2:] - 2 * values[1:-1] + values[:-2])
        turns = np.sign(values[1:-1]) * (values[1:-1] - values[:-2]) <= 0
        turns &= np.sign(values[1:-1]) * (values[2:] - values[1:-1]) >= 0
        near = np.flatnonzero(turns & (np.abs(values[1:-1]) < bend)) + 1
    if not len(near):
        return t, values
    sign = -np.sign(values[near])
    at = peaks(lambda x, k: sign[k] * function(x), t[near - 1], t[near], t[near + 1])
    every, added = np.r_[t, at], np.r_[values, function(at)]
    order = np.argsort(every, kind="stable")
    return every[order], added[order]


def secant(function: Callable[[float], float], guess: float, tolerance: float, steps: int = 7) -> float | None:
    """A root to which secants lead in a few steps, the first of slope -1, from a guess less than 1 away from it.

    Returns the last point at which the function was taken, once the next is within `tolerance` of it; None where they
    lead nowhere.
    """
    x, value = guess, function(guess)
    new = x + value
    for _ in range(steps):
        if not abs(new - guess) < 1:
            return None
        if abs(new - x) <= tolerance:
            return x
        there = function(new)
        slope = (there - value) / (new - x)
        x, value = new, there
        new = x - value / slope if slope else np.inf
    return None
