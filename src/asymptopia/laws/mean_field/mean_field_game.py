"""A linear-quadratic game of many players that are drawn to their mean: inter-bank lending."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key

CARMONA = "Carmona, Fouque and Sun, Commun. Math. Sci. 13 (2015) 911"
NODES = 6


class MeanFieldGame(Law):
    r"""Players who pay for their control and for their distance to the mean reach a Nash equilibrium with a limit.

    The states of n players, banks with logarithmic reserves $X^i$ in the source, obey

    $$dX^i = [a (\bar X - X^i) + \alpha^i]\,dt + \sigma (\sqrt{1 - \rho^2}\,dW^i + \rho\,dW^0), \qquad
    \bar X = \frac1n \sum_j X^j,$$

    from independent normal states of variance v. Player i chooses $\alpha^i$ and pays

    $$E \int_0^T \Big( \frac{(\alpha^i)^2}2 - q \alpha^i (\bar X - X^i) + \frac\epsilon2 (\bar X - X^i)^2 \Big) dt
    + \frac c2\,E (\bar X_T - X^i_T)^2 .$$

    In the equilibrium with full observation (closed loop) all play
    $\alpha^i = k_n (\bar X - X^i)$ with $k_n = q + (1 - 1/n) \eta_n$, where $\eta_n(T) = c$ and

    $$\dot\eta_n = 2 (a + q) \eta_n + (1 - 1/n^2) \eta_n^2 - (\epsilon - q^2) .$$

    Limit: n to infinity. With $\delta^2 = (a + q)^2 + \epsilon - q^2$ and $\eta_+ = \delta - a - q$,

    $$k = q + \eta_+ + \frac{\dot g(T - t)}{g(T - t)}, \qquad
    g(\tau) = 1 + (c - \eta_+) \frac{1 - e^{-2 \delta \tau}}{2 \delta},$$

    is the `feedback`. The `spread`, the variance of a player about the mean of all, is
    $e^{-2\delta t} v R^2 + \sigma^2 (1 - \rho^2) R\,(1 - e^{-2\delta t}) / 2\delta$ with $R = g(T - t) / g(T)$, and the
    `cost` of a player $\frac12 \eta(0) v + \frac12 \sigma^2 (1 - \rho^2) (\eta_+ T + \log g(T))$, with
    $\eta = k - q$. The mean itself is moved by the common noise alone: its quadratic variation, `mean_variation`, is
    $\rho^2 \sigma^2 t$. All corrections are of order 1/n.

    The system solves the equations of n players numerically, and draws their states exactly.
    """

    reversion: float = field(1.0, "rate a at which states revert to the mean", at_least=0, unit="1/time")
    incentive: float = field(0.5, "incentive q to move towards the mean", at_least=0, unit="1/time")
    penalty: float = field(2.0, "running cost epsilon of the distance to the mean", at_least=0)
    terminal: float = field(1.0, "cost c of the distance at the end", at_least=0)
    volatility: float = field(1.0, "volatility sigma of a state", at_least=0)
    correlation: float = field(0.5, "correlation rho with the common noise", at_least=-1, at_most=1)
    start: float = field(0.5, "variance v of a state at the start", at_least=0)
    horizon: float = field(1.0, "time T at which the game ends", above=0)
    times: tuple[float, ...] = field((0.25, 0.5, 1.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="players", sizes=(40, 80, 160, 320), seeds=2000, block=500)
    references = References(
        source=f"{CARMONA}, section 3.2 (closed loop)",
        status="proved: the equilibrium is explicit for every number of players",
        bibtex="""@article{CarmonaFouqueSun2015,
  author = {Carmona, Ren{\\'e} and Fouque, Jean-Pierre and Sun, Li-Hsien},
  title = {Mean field games and systemic risk},
  journal = {Communications in Mathematical Sciences},
  volume = {13}, pages = {911--933}, year = {2015}
}""",
    )
    observables = {
        "spread": Observable(r"\mathrm{Var}(X^i - \bar X)", "variance of a player about the mean", dims=("time",)),
        "mean_variation": Observable(r"[\bar X]", "quadratic variation of the mean", dims=("time",), resolution=0.1),
        "feedback": Observable("k", "control of a player, divided by its distance to the mean", dims=("time",)),
        "cost": Observable("J", "cost of a player"),
    }
    exercises = (
        dict(reversion=0.4, incentive=1.0, penalty=10.0, terminal=0.0, correlation=0.2, volatility=0.7),
        dict(reversion=0.0, incentive=0.3, terminal=5.0, start=2.0, horizon=2.0, times=(0.5, 2.0)),
    )
    landmarks = (
        Landmark(
            dict(reversion=0.0, incentive=0.0, penalty=1.0, terminal=1.0, correlation=0.0),
            "cost",
            0.75,
            1e-12,
            "the stationary Riccati solution 1: v / 2 + sigma**2 T / 2",
        ),
        Landmark(
            dict(reversion=0.0, incentive=0.0, penalty=0.0, terminal=1.0),
            "feedback",
            4 / 7,
            1e-12,
            "without a running cost c / (1 + c (T - t))",
            at=(0,),
        ),
        Landmark(
            dict(reversion=0.0, incentive=0.0, penalty=0.0, terminal=1.0, correlation=0.0, start=0.0),
            "cost",
            math.log(2) / 2,
            1e-12,
            "without a running cost sigma**2 log(1 + c T) / 2",
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.times[-1] > self.horizon:
            raise StatementError(
                f"`times` of MeanFieldGame must be at most the `horizon` {self.horizon:g}, but is {self.times}."
            )

    def check(self) -> None:
        """Raise `NoLimit` where the cost is not convex."""
        if self.incentive**2 > self.penalty:
            raise NoLimit(
                f"The cost of a player is convex only if `incentive`**2 <= `penalty`, but the `incentive` is "
                f"{self.incentive:g} and the `penalty` {self.penalty:g}: an equilibrium is not guaranteed."
            )

    def predict(self) -> dict[str, Any]:
        a, q, T, t = self.reversion, self.incentive, self.horizon, np.array(self.times)
        delta = math.sqrt((a + q) ** 2 + self.penalty - q**2)
        stable = (self.penalty - q**2) / (a + q + delta) if delta > 0 else 0.0
        excess = self.terminal - stable

        def g(tau: np.ndarray | float) -> np.ndarray:
            return 1 + excess * _saturated(delta, tau)

        left, noise = T - t, self.volatility**2 * (1 - self.correlation**2)
        ratio = g(left) / g(T)
        first = stable + excess * math.exp(-2 * delta * T) / g(T)
        return {
            "spread": self.start * np.exp(-2 * delta * t) * ratio**2 + noise * ratio * _saturated(delta, t),
            "mean_variation": (self.correlation * self.volatility) ** 2 * t,
            "feedback": q + stable + excess * np.exp(-2 * delta * left) / g(left),
            "cost": first * self.start / 2 + noise / 2 * (stable * T + np.log(g(T))),
        }

    def realize_all(self, n: int, keys: Sequence[Key]) -> dict[str, Any]:
        sources = [generator(key) for key in keys]
        clock = _clock(self, n)

        def draw() -> tuple[np.ndarray, np.ndarray]:
            """Normal deviations of the players from their mean, and a move of the mean in a time of 1."""
            drawn = np.stack([source.standard_normal(n + 1) for source in sources])
            mean = drawn[:, :-1].mean(axis=1)
            return drawn[:, :-1] - mean[:, None], own * mean + rho * drawn[:, -1]

        rho, own = self.correlation, math.sqrt(1 - self.correlation**2)
        apart = draw()[0] * self.start**0.5
        price = self.penalty / 2 + clock.feedback * (clock.feedback / 2 - self.incentive)
        cost, moved, rows = np.zeros(len(sources)), np.zeros(len(sources)), []
        for i, time in enumerate(clock.time):
            fresh, move = draw()
            apart = clock.decay[i] * apart + self.volatility * own * clock.noise[i] * fresh
            spread = (apart**2).mean(axis=1)
            moved = moved + self.volatility**2 * clock.step[i] * move**2
            cost += clock.weight[i] * price[i] * spread
            if time in self.times:
                rows.append((spread, moved, np.full(len(sources), clock.feedback[i])))
        cost += self.terminal / 2 * spread
        spread, moved, feedback = (np.stack(row, axis=1) for row in zip(*rows, strict=True))
        return {"spread": spread, "mean_variation": moved, "feedback": feedback, "cost": cost}


class Clock(NamedTuple):
    """The times at which the game is looked at, their weights in integrals, and the steps that lead to them."""

    time: np.ndarray
    weight: np.ndarray
    feedback: np.ndarray
    step: np.ndarray
    decay: np.ndarray
    noise: np.ndarray


def _saturated(delta: float, tau: np.ndarray | float) -> np.ndarray:
    """(1 - exp(-2 delta tau)) / (2 delta), which is tau where delta is 0."""
    return -np.expm1(-2 * delta * np.asarray(tau, float)) / (2 * delta) if delta > 0 else np.asarray(tau, float)


def _clock(law: MeanFieldGame, n: int) -> Clock:
    """The clock of n players in equilibrium: Gauss-Legendre times in panels over which no rate does much."""
    from scipy.integrate import solve_ivp

    a, q, penalty, T = law.reversion, law.incentive, law.penalty, law.horizon

    def slope(_: float, state: np.ndarray) -> tuple[float, float, float]:
        """Of a player's best answer to n - 1 others, who all play as it does; backwards in time."""
        eta = state[0]
        k = q + (1 - 1 / n) * eta
        return penalty - k**2 - 2 * (a + k / n) * eta, a + k, a + q + math.sqrt(penalty) + eta

    start = (law.terminal, 0.0, 0.0)
    path = solve_ivp(slope, (0, T), start, method="LSODA", rtol=1e-10, atol=1e-12, dense_output=True)
    if not path.success:
        raise ArithmeticError(f"The equations of {n} players are not solved: {path.message}.")
    x, w = np.polynomial.legendre.leggauss(NODES)
    x, w = (x + 1) / 2, w / 2
    knots = np.unique((0.0, *law.times, T))
    turned = np.interp(T - knots, path.t, path.y[2])
    rows = [(0.0, 0.0)]
    for begin, end, high, low in zip(knots[:-1], knots[1:], turned[:-1], turned[1:], strict=True):
        inner = T - np.interp(np.linspace(high, low, math.ceil(high - low) + 1)[1:-1], path.y[2], path.t)
        ends = np.array([begin, *inner, end])
        for left, right in pairwise(ends):
            rows += [(left + h * (right - left), weight * (right - left)) for h, weight in zip(x, w, strict=True)]
        rows.append((end, 0.0))
    time, weight = np.array(rows).T
    step = np.diff(time, prepend=0.0)
    eta, pulled, _ = path.sol(T - time)
    inside = path.sol(T - (time[:, None] - step[:, None] * x).ravel())[1].reshape(len(time), NODES)
    before = path.sol(T - (time - step))[1]
    noise = np.sqrt(step * (np.exp(-2 * (inside - pulled[:, None])) @ w))
    return Clock(time, weight, q + (1 - 1 / n) * eta, step, np.exp(pulled - before), noise)
