"""Plateaus of online learning, how long they last, where learning ends, the largest rate: of any `OnlineSGD`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from .....contract.law import NoLimit
from .....contract.record import StatementError
from .....numerics.arrays import ArrayLike
from . import State, Task, breaks_of, error, velocity
from .integrals import pairs

LONGEST = 1e6
NEUTRAL = 1e-9  # growth below this multiple of the rate is none: deviations that change nothing
TOO_LARGE = "There is no symmetric fixed point: the rate is too large for a plateau."
GAPS = np.concatenate([[0.0], np.geomspace(1e-6, 2.0, 60)])


class FixedState(NamedTuple):
    """A fixed point: its overlaps, the test error there, and the growth rates of small deviations, largest first."""

    Q: np.ndarray
    R: np.ndarray
    v: np.ndarray
    test_error: float
    rates: np.ndarray


class Plateau(NamedTuple):
    """The symmetric fixed points of as many students as orthogonal teachers.

    split:      the students differ, Q_ii > Q_ik: what trajectories come close to.
    collapsed:  they are one and the same; unstable towards `split`.
    relaxation: the slowest rate (negative) at which symmetric deviations from `split` vanish.
    escape:     the rate at which a student begins to prefer a teacher.
    """

    split: FixedState
    collapsed: FixedState
    relaxation: float
    escape: float

    @property
    def height(self) -> float:
        """The test error on the plateau."""
        return self.split.test_error


def small_rate_plateau(units: int) -> float:
    r"""Height of the plateau of erf(z / sqrt 2) as the rate tends to 0, $\frac M\pi (\frac\pi6 - M \arcsin\frac1{2M})$.

    Saad and Solla 1995.
    """
    return float(units / np.pi * (np.pi / 6 - units * np.arcsin(1 / (2 * units))))


def small_rate_error(rate: float, noise: float, students: int, teachers: int) -> float:
    r"""Final error of erf(z / sqrt 2) to first order in rate and noise, $\eta\sigma^2 (K - M + M/\sqrt3) / 2\pi$.

    Goldt et al. 2019.
    """
    return float(rate * noise / (2 * np.pi) * (students - teachers + teachers / np.sqrt(3)))


def plateau(law: Any) -> Plateau:
    """The symmetric fixed points at the law's activation, rate and noise, for its number of units.

    Raises `StatementError` unless there are as many students as orthonormal teachers, all of second layer 1, and
    `NoLimit` if there is no such point, as at large rates.
    """
    K, M = np.shape(law.cross_overlaps)
    ones = all(np.all(x == 1) for x in law.second_layers())
    if K != M or M < 2 or not np.array_equal(law.overlaps()[2], np.eye(M)) or not ones or law.second_layer_rate:
        raise StatementError(
            "A plateau needs at least two students, as many as orthonormal teachers, and second layers that stay 1."
        )
    equations = _Equations(law)
    symmetric = _Symmetric(equations)
    collapsed = equations.fixed(equations.symmetric(*symmetric.at(0.0)))
    x = symmetric.at(symmetric.gap())
    apart = equations.fixed(equations.symmetric(*x))
    return Plateau(apart, collapsed, float(equations.symmetric_rates(*x)[0]), float(apart.rates[0]))


def plateau_length(law: Any, margin: float = 0.5) -> float:
    """The time that the test error stays within `margin` times its height of the plateau's height.

    0 if it never is; inf if it leaves after a time of 10**6 only. Raises as `plateau` does.
    """
    height = plateau(law).height
    low, high = (1 - margin) * height, (1 + margin) * height
    last = 100.0 / law.rate
    while True:
        times = np.linspace(0.0, last, 257)
        errors = law.replace(times=tuple(times)).predict()["test_error"]
        if (errors < low).any():
            return float(_passing(times, errors, low) - _passing(times, errors, high))
        if last > LONGEST:
            return np.inf
        last *= 4


def _passing(times: np.ndarray, values: np.ndarray, level: float) -> float:
    """The first time at which the values are below the level."""
    k = int(np.argmax(values < level))
    if k == 0:
        return float(times[0])
    share = np.log(values[k - 1] / level) / np.log(values[k - 1] / values[k])
    return float(times[k - 1] + share * (times[k] - times[k - 1]))


def final_state(law: Any) -> FixedState:
    """The stable fixed point that the law's start tends to: integrated for long, then solved.

    Raises `NoLimit` if there is none within a time of 10**6 / rate.
    """
    equations = _Equations(law)
    last = 100 / law.rate
    while last <= LONGEST / law.rate:
        last_state = law.replace(times=(last,)).predict()
        x = equations.vector(*(last_state[k][0] for k in "QRv"))
        try:
            fixed = equations.fixed(x)
        except NoLimit:
            fixed = None
        if fixed and np.abs(equations.vector(*fixed[:3]) - x).max() < 1e-3 and fixed.rates[0] < 1e-9:
            return fixed
        last *= 4
    raise NoLimit("The dynamics comes to no stable fixed point.")


def largest_rate(law: Any) -> float:
    """The rate of the first layer above which a student that equals the teacher, without noise, is unstable.

    Raises `StatementError` unless there are as many students as teachers, `NoLimit` if it is stable at every rate
    or the units are neither erf nor linear.
    """
    from scipy.optimize import brentq

    _, R, T = law.overlaps()
    if R.shape[0] != R.shape[1]:
        raise StatementError(
            f"There must be as many students as teachers, but there are {R.shape[0]} and {R.shape[1]}."
        )
    law = law.replace(second_layer=tuple(law.second_layers()[1]))

    def growth(rate: float) -> float:
        equations = _Equations(law, rate=rate, noise=0.0, second_rate=0.0)
        return float(equations.rates(equations.vector(T, T, None))[0]) - NEUTRAL * rate

    high = 1.0
    while growth(high) < 0:
        high *= 2
        if high > LONGEST:
            raise NoLimit("The student is stable at every rate.")
    low = high / 2
    while growth(low) > 0:
        low /= 2
    return float(brentq(growth, low, high, xtol=1e-12, rtol=1e-13))


class _Equations:
    """The equations of a law as those of one vector: Q on and above its diagonal, R, and v where it learns."""

    def __init__(self, law: Any, **changes: Any) -> None:
        _, R, T = law.overlaps()
        self.start, u = law.second_layers()
        self.task = Task(T, u, law.rate, law.noise, law.second_layer_rate)._replace(**changes)
        self.K, self.M = R.shape
        learns = bool(self.task.second_rate)
        self._functions = _compiled(breaks_of(law.activation), self.K, self.M, learns)
        self._activation = law.activation

    def velocity(self, x: np.ndarray) -> np.ndarray:
        return self._call(0, x)

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return self._call(1, x)

    def error(self, x: np.ndarray) -> float:
        return float(self._call(2, x))

    def _call(self, which: int, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._functions[which](np.asarray(x, float), self.start, self._activation, self.task))

    def vector(self, Q: Any, R: Any, v: Any) -> np.ndarray:
        last = v if self.task.second_rate else []
        return np.concatenate([np.asarray(Q)[np.triu_indices(self.K)], np.ravel(R), last])

    def symmetric(self, Q: float, C: float, R: float) -> np.ndarray:
        """Q on the diagonal of the students' overlaps, C off it, R with every teacher."""
        same = np.eye(self.K)
        return self.vector(Q * same + C * (1 - same), np.full((self.K, self.M), R), self.start)

    def rates(self, x: np.ndarray) -> np.ndarray:
        """Growth rates of small deviations from x, largest first."""
        J = self.jacobian(x)
        if not np.isfinite(J).all():
            raise NoLimit("Where units coincide, rates of growth are known for erf and linear units only.")
        return np.sort(np.linalg.eigvals(J).real)[::-1]

    def symmetric_rates(self, Q: float, C: float, R: float) -> np.ndarray:
        """Growth rates of deviations that keep the symmetry, largest first."""
        basis = np.array([self.symmetric(*e) for e in np.eye(3)])
        J = self.jacobian(self.symmetric(Q, C, R)) @ basis.T
        return np.sort(np.linalg.eigvals(J[self.rows]).real)[::-1]

    @property
    def rows(self) -> list[int]:
        """Where Q, C and R are in the vector of a symmetric state."""
        return [0, 1, self.K * (self.K + 1) // 2]

    def fixed(self, x: np.ndarray) -> FixedState:
        """The fixed point next to x, by Newton's method, accepted on its residual. Raises `NoLimit`."""
        for _ in range(50):
            r, J = self.velocity(x), self.jacobian(x)
            if not (np.isfinite(r).all() and np.isfinite(J).all()):
                break
            if np.abs(r).max() <= 1e-14 * max(1.0, np.abs(x).max()):
                Q, R, v = _states(x, self.start, self.K, self.M, bool(self.task.second_rate), np)
                return FixedState(Q, R, np.asarray(v), self.error(x), self.rates(x))
            x = x - np.linalg.lstsq(J, r, rcond=1e-12)[0]
        raise NoLimit("The equations have no fixed point next to the given state.")


def _states(x: Any, v: Any, K: int, M: int, learns: bool, xp: Any) -> State:
    table, n = pairs(K)[2], K * (K + 1) // 2
    return State(x[:n][table], xp.reshape(x[n : n + K * M], (K, M)), x[n + K * M :] if learns else v)


@cache
def _compiled(breaks: Any, K: int, M: int, learns: bool) -> tuple[Callable[..., Any], ...]:
    import jax
    import jax.numpy as jnp

    def speed(x: ArrayLike, v: ArrayLike, activation: Any, task: Task) -> Any:
        slopes = velocity(activation, _states(x, v, K, M, learns, jnp), task, breaks)
        last = slopes.v if learns else jnp.zeros(0)
        return jnp.concatenate([slopes.Q[np.triu_indices(K)], slopes.R.ravel(), last])

    def measure(x: ArrayLike, v: Any, activation: Any, task: Task) -> Any:
        return error(activation, _states(x, v, K, M, learns, jnp), task, breaks)

    return jax.jit(speed), jax.jit(jax.jacfwd(speed)), jax.jit(measure)


class _Symmetric:
    """The symmetric subspace, in which the difference Q - C is followed with C and R at rest."""

    def __init__(self, equations: _Equations) -> None:
        M = equations.M
        self.equations = equations
        self.guess = np.array([1 / (2 * M - 1), 1 / np.sqrt(M * (2 * M - 1))])

    def at(self, gap: float) -> np.ndarray:
        """Q, C and R at this difference."""
        from scipy.optimize import root

        def still(x: np.ndarray) -> np.ndarray:
            return self._speed(np.array([x[0] + gap, *x]))[1:]

        solution = root(still, self.guess, tol=1e-13)
        if np.abs(solution.fun).max() > 1e-9:
            raise NoLimit(TOO_LARGE)
        self.guess = solution.x
        return np.array([solution.x[0] + gap, *solution.x])

    def gap(self) -> float:
        """The smallest difference above 0 that does not move."""
        from scipy.optimize import brentq

        def growth(gap: float) -> float:
            Q, C, _ = self._speed(self.at(gap))
            return float(Q - C)

        for low, high in pairwise(GAPS):
            if growth(high) <= 0:
                return float(brentq(growth, low, high, xtol=1e-15, rtol=1e-14))
        raise NoLimit(TOO_LARGE)

    def _speed(self, x: np.ndarray) -> np.ndarray:
        return self.equations.velocity(self.equations.symmetric(*x))[self.equations.rows]
