r"""Online logistic regression of a noiseless teacher, closed in two numbers.

With $v = |z^\star|$, of density $\sqrt{2/\pi} e^{-v^2/2}$, the signed field of the student is
$a = R v + \sqrt\Delta\,\xi$ with a standard normal $\xi$, and $g = \sigma(-a)$:

$$R' = \eta E[v g], \qquad (R^2 + \Delta)' = 2 \eta E[a g] + \eta^2 E[g^2].$$

Late, when R is large, only samples of small v matter. By Gaussian integration by parts
$\Delta = \eta (E\,\mathrm{softplus}(\sqrt\Delta\,\xi) - 1/2)$ and $R^2 R' = \eta \sqrt{2/\pi}\,C$ with
$C = \int_0^\infty v E \sigma(-(v + \sqrt\Delta \xi)) dv$, by parts
$\int_0^\infty E\,\mathrm{softplus}(-(v + \sqrt\Delta\xi)) dv$.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ....numerics.gaussian import legendre

FIELD, ORDER, PANELS = 9.0, 16, 8


def predict(rate: float, times: Sequence[float]) -> dict[str, Any]:
    """The observables of the law at the times, and the late amplitudes."""
    from scipy.integrate import solve_ivp

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        R, spread = float(y[0]), max(float(y[1]), 0.0)
        v, a, weight = _fields(R, spread)
        g = 1 / (1 + np.exp(a))
        pull = rate * float(np.sum(weight * v * g))
        return np.array([pull, 2 * rate * np.sum(weight * a * g) + rate**2 * np.sum(weight * g**2) - 2 * R * pull])

    last = max(times)
    run = solve_ivp(slope, (0.0, last or 1.0), [0.0, 0.0], "DOP853", t_eval=times, rtol=1e-10, atol=1e-12)
    if not run.success:
        raise ArithmeticError(f"The learning curve could not be followed: {run.message}")
    R, spread = run.y
    losses = []
    for r, s in zip(R, spread, strict=True):
        _, a, weight = _fields(r, s)
        losses.append(np.sum(weight * np.logaddexp(0, -a)))
    return {
        "alignment": R,
        "residual": spread,
        "test_error": np.arctan2(np.sqrt(spread), R) / np.pi if last > 0 else np.full(len(R), 0.5),
        "test_loss": np.array(losses),
    } | late(rate)


def late(rate: float) -> dict[str, float]:
    """The residual at late times, and the amplitudes of the powers of time."""
    from scipy.optimize import brentq

    def excess(spread: float) -> float:
        xi, w = _normal(spread)
        return rate * (float(w @ np.logaddexp(0, math.sqrt(spread) * xi)) - 0.5) - spread

    high = rate
    while excess(high) > 0:
        high *= 2
    spread = float(brentq(excess, 0.0, high, xtol=1e-15, rtol=1e-14))
    xi, w = _normal(spread)
    reach = 45 + 10 * math.sqrt(spread)
    v, dv = _panels(np.linspace(0, reach, 65))
    C = float(dv @ np.logaddexp(0, -(v[:, None] + math.sqrt(spread) * xi)) @ w)
    a = (3 * rate * math.sqrt(2 / math.pi) * C) ** (1 / 3)
    return {
        "late_residual": spread,
        "alignment_amplitude": a,
        "error_amplitude": math.sqrt(spread) / (math.pi * a),
        "loss_amplitude": math.sqrt(2 / math.pi) * C / a,
    }


def _fields(R: float, spread: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """v (V, 1), a (V, X) and the weights (V, X) of an average over v and xi."""
    xi, w = _normal(spread)
    reach = min(FIELD, (45 + 10 * math.sqrt(spread)) / max(abs(R), 1e-9))
    v, dv = _panels(np.linspace(0, reach, PANELS + 1))
    dv = dv * math.sqrt(2 / math.pi) * np.exp(-(v**2) / 2)
    return v[:, None], R * v[:, None] + math.sqrt(spread) * xi, dv[:, None] * w


def _normal(spread: float) -> tuple[np.ndarray, np.ndarray]:
    """Points and weights of a standard normal variable for functions of sqrt(spread) xi like the logistic one."""
    spacing = min(0.25, 0.7 / max(1.0, math.sqrt(spread)))  # its poles, at i pi / sqrt(spread), give exp(-28)
    count = math.ceil(FIELD / spacing)
    xi = spacing * np.arange(-count, count + 1)
    w = np.exp(-(xi**2) / 2)
    return xi, w / w.sum()


def _panels(ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x, w = legendre(ORDER)
    length = np.diff(ends)[:, None]
    return (ends[:-1, None] + length * x).ravel(), (length * w).ravel()
