r"""Tokens that attend to each other on a sphere.

$$\dot x_i = P_{x_i} \frac{1}{Z_i} \sum_j e^{\beta x_i \cdot x_j} x_j, \qquad P_x = 1 - x x^T,$$

with $Z_i = \sum_j e^{\beta x_i \cdot x_j}$ ("softmax") or $Z_i = n$ ("unnormalised"); j = i is included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float

ATTENTION = ("softmax", "unnormalised")
LATEST = 300.0  # clusters that are still apart then may stay so for a time exponential in beta


class TokenPath(NamedTuple):
    """Positions at the times (times, n, d), and the time when the mean cosine of pairs reached 1/2."""

    tokens: Float[np.ndarray, "times n d"]
    clustered: float


def velocity(x: Float[np.ndarray, "n d"], beta: float, attention: str = "softmax") -> Float[np.ndarray, "n d"]:
    """The velocities of tokens x, shape (n, d), on the unit sphere."""
    cosines = x @ x.T
    if attention == "softmax":
        weights = np.exp(beta * (cosines - cosines.max(axis=1, keepdims=True)))
        weights /= weights.sum(axis=1, keepdims=True)
    else:
        weights = np.exp(beta * cosines) / len(x)
    pull = weights @ x
    return pull - np.sum(pull * x, axis=1, keepdims=True) * x


def mean_cosine(x: Float[np.ndarray, "n d"]) -> float:
    """The mean cosine between different tokens x (n, d) on the unit sphere."""
    n = len(x)
    return float((np.sum(x.sum(axis=0) ** 2) - n) / (n * (n - 1)))


def attend(x: Float[np.ndarray, "n d"], beta: float, times: Sequence[float], attention: str = "softmax") -> TokenPath:
    """The trajectories of tokens that start at x (n, d) on the unit sphere, to relative errors of 1e-9.

    More dimensions than tokens are rotated away first: tokens stay in the space that they span.
    Raises `ValueError` for tokens that are not on the unit sphere, and `ArithmeticError` if a step fails or clusters
    stay apart until `LATEST`.
    """
    from scipy.integrate import solve_ivp

    x = np.asarray(x, float)
    if x.ndim != 2 or len(x) < 2 or not np.allclose(np.sum(x**2, axis=1), 1, atol=1e-10):
        raise ValueError("`x` must be two or more tokens of norm 1, shape (n, d).")
    basis = np.linalg.qr(x.T)[0] if x.shape[1] > len(x) else np.eye(x.shape[1])
    start = x @ basis

    def slope(_: float, y: np.ndarray) -> np.ndarray:
        return velocity(y.reshape(start.shape), beta, attention).ravel()

    def half(_: float, y: np.ndarray) -> float:
        return mean_cosine(y.reshape(start.shape)) - 0.5

    half.direction = 1.0  # type: ignore[attr-defined]
    now, last, state = 0.0, float(max(times, default=0.0)), start.ravel()
    clustered = 0.0 if half(0.0, state) >= 0 else np.inf
    positions: dict[float, np.ndarray] = {}
    wanted = sorted(set(map(float, times)))
    method = "DOP853" if attention == "softmax" else "LSODA"
    span = max(last, 1.0)
    while now < last or clustered == np.inf:
        ask = [t for t in wanted if now <= t <= now + span]
        run = solve_ivp(slope, (now, now + span), state, method, rtol=1e-9, atol=1e-11, dense_output=True, events=half)
        if not (run.success and np.isfinite(run.y).all()):
            why = run.message if not run.success else f"at beta = {beta:g} they move too fast."
            raise ArithmeticError(f"The tokens could not be followed beyond time {now:g}: {why}")
        positions |= {t: run.sol(t).reshape(start.shape) for t in ask}
        clustered = min([clustered, *run.t_events[0]])
        if clustered == np.inf and now + span > max(last, LATEST):
            raise ArithmeticError(
                f"The tokens have gathered in clusters that are still apart at time {now + span:.3g}, with a mean "
                f"cosine of {half(0.0, run.y[:, -1]) + 0.5:.3g}: at beta = {beta:g} they hardly see each other. Take a "
                "smaller `beta`."
            )
        now, state, span = now + span, run.y[:, -1], 2 * span
    path = np.array([positions[float(t)] for t in times]).reshape(-1, *start.shape)
    return TokenPath(path @ basis.T, float(clustered))


def around_pole(n: int, d: int, concentration: float, rng: np.random.Generator) -> Float[np.ndarray, "n d"]:
    """n independent points on the unit sphere in d dimensions, with density proportional to exp(concentration x_1)."""
    angle = np.linspace(0, np.pi, 20_001)
    density = np.sin(angle) ** (d - 2) * np.exp(concentration * (np.cos(angle) - 1))
    mass = np.concatenate([[0.0], np.cumsum(density[1:] + density[:-1])])
    theta = np.interp(rng.random(n), mass / mass[-1], angle)
    across = rng.standard_normal((n, d - 1))
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    return np.column_stack([np.cos(theta), np.sin(theta)[:, None] * across])


def noisy_attend(
    x: Float[np.ndarray, "n d"],
    beta: float,
    temperature: float,
    times: Sequence[float],
    attention: str,
    step: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, "times n d"]:
    """The trajectories of tokens with noise of variance 2 temperature a unit of time: (times, n, d).

    Heun's method in the sense of Stratonovich, in steps of at most `step`; tokens are put back on the sphere.
    """
    seen, now = [], 0.0
    for t in times:
        count = int(np.ceil((t - now) / step - 1e-9))
        h = (t - now) / max(count, 1)
        for _ in range(count):
            shake = np.sqrt(2 * temperature * h) * rng.standard_normal(x.shape)
            first = h * velocity(x, beta, attention) + _tangent(x, shake)
            ahead = _unit(x + first)
            second = h * velocity(ahead, beta, attention) + _tangent(ahead, shake)
            x = _unit(x + (first + second) / 2)
        seen.append(x)
        now = t
    return np.array(seen)


def _tangent(x: Float[np.ndarray, "... d"], v: Float[np.ndarray, "... d"]) -> Float[np.ndarray, "... d"]:
    return v - np.sum(v * x, axis=1, keepdims=True) * x


def _unit(x: Float[np.ndarray, "... d"]) -> Float[np.ndarray, "... d"]:
    return x / np.linalg.norm(x, axis=1, keepdims=True)
