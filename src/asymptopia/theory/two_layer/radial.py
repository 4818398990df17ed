r"""Neurons f(w.x) on isotropic inputs: only the length r of w moves, and the output depends on |x| alone.

With $h(s) = E f(s u_1)$ for u uniform on the sphere, $g(x) = \int h(r |x|)\,\rho(dr)$ and
$\dot r = -a\,E[(g(x) - y)\,|x|\,h'(r |x|)]$ (Mei, Montanari and Nguyen 2018, supplement).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import NoLimit
from ...numerics.product_normal import chi_nodes
from . import Found, Setting

if TYPE_CHECKING:
    from ...parts.activation import Activation

FINE, ANGLES = 1e-11, 48
LEVELS = (24, 32)


def solve_radial(setting: Setting) -> Found:
    """Outputs (T, P) and risk (T,), each with its error, which is the change by finer nodes."""
    coarse, fine = (_solved(setting, level) for level in (0, 1))
    return fine | {f"{k}_error": np.abs(fine[k] - coarse[k]) + FINE for k in fine}


def _solved(setting: Setting, level: int) -> Found:
    from scipy.integrate import solve_ivp

    d = setting.inputs.dimension
    s, y, p = setting.inputs.radial_nodes(level)
    r, w = chi_nodes(d, LEVELS[level])
    r = np.sqrt(setting.neurons.variance) * r  # type: ignore[attr-defined]
    h, slope = spherical_mean(setting.activation, d, 4 * r.max() * s.max())
    reach = 4 * r.max()

    def velocity(_: float, r: np.ndarray) -> np.ndarray:
        if not np.abs(r).max() <= reach:
            raise NoLimit(
                f"At `rate` {setting.rate:g} weights grow fourfold before time {setting.times[-1]:g}: choose earlier "
                "`times` or a smaller `rate`."
            )
        field = np.multiply.outer(r, s)
        return -setting.rate * slope(field) @ (p * (w @ h(field) - y) * s)

    solution = solve_ivp(velocity, (0.0, setting.times[-1]), r, "DOP853", setting.times, rtol=1e-9, atol=FINE)
    if not solution.success:
        raise ArithmeticError(f"The radial flow could not be followed: {solution.message}")
    lengths = np.linalg.norm(setting.probes, axis=1)
    output = np.array([w @ h(np.multiply.outer(r, lengths)) for r in solution.y.T])
    left = np.array([w @ h(np.multiply.outer(r, s)) - y for r in solution.y.T])
    return {"output": output, "risk": left**2 @ p / 2}


def spherical_mean(activation: Activation, d: int, far: float) -> tuple[Any, Any]:
    """The functions s -> E f(s u) and its derivative, with u a coordinate of a uniform point on the sphere in R^d.

    Splines through quadratures whose panels end where f is not smooth, for |s| <= far.
    """
    from scipy.interpolate import CubicSpline
    from scipy.special import gammaln

    grid = np.linspace(-far, far, 4001)
    ends = np.concatenate([np.linspace(-np.pi / 2, np.pi / 2, 9), np.zeros(len(activation.breaks()))])
    ends = np.broadcast_to(ends, (len(grid), len(ends))).copy()
    for i, z in enumerate(activation.breaks()):
        with np.errstate(divide="ignore"):
            ends[:, 9 + i] = np.arcsin(np.clip(z / grid, -1, 1))
    ends.sort(axis=1)
    x, v = np.polynomial.legendre.leggauss(ANGLES // 4)
    length = np.diff(ends, axis=1)[..., None] / 2
    angle = (ends[:, :-1, None] + length * (1 + x)).reshape(len(grid), -1)
    scale = np.exp(gammaln(d / 2) - gammaln((d - 1) / 2)) / np.sqrt(np.pi)
    weight = scale * np.cos(angle) ** (d - 2) * (length * v).reshape(angle.shape)
    mean = (weight * activation(grid[:, None] * np.sin(angle))).sum(axis=1)
    spline = CubicSpline(grid, mean)
    return spline, spline.derivative()
