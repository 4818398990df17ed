"""The LASSO and the elastic net: extrapolated coordinate descent, and where that is slow Newton steps on covariances.

Friedman, Hastie and Tibshirani, J. Stat. Softw. 33 (2010) 1; the extrapolation is that of Bertrand and Massias,
AISTATS (2021), the scaled dual point that of Fercoq, Gramfort and Salmon, ICML (2015).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_solve

from .coordinates import Descent
from .newton import factorise
from .objective import Objective

PRICE = 0.1
"""Newton steps on the covariances of m columns cost as much as so many times m rounds of sweeps over them."""

ROUNDS = 300
"""The most rounds."""

EXACT = 1e-8
"""To tolerances up to this one the last step is one of Newton's, which is exact where it keeps all signs."""

LOOKBACK = 4
"""The rate of descent is that of so many last rounds."""

STEPS = 20.0
"""The most Newton steps, in units of one in as many coefficients as X has rows or columns, the fewer of the two.

Where columns are so alike that these do not do, proximal Newton steps, whose systems are of that size, are cheaper.
"""

STALE = 3
"""Newton steps end where so many rounds of them have not halved the least gap before: only rounding may be left."""


def sparse_least_squares(problem: Objective, tolerance: float) -> Descent:
    """Minimise |y - X w|^2 / 2 + ridge/2 |w|^2 + l1 |w|_1 until the relative gap is 0.9 of `tolerance`."""
    from .lasso_sweeps import coefficient_rounds, gap_of

    y, ridge, l1, target = problem.y, problem.ridge, problem.l1, 0.9 * tolerance
    columns, least = np.ascontiguousarray(problem.X.T), problem.scale(0.0)
    squares = np.einsum("ij,ij->i", columns, columns)
    w, residual, pull = np.zeros(len(columns)), y.copy(), columns @ y
    gaps: list[float] = []
    while len(gaps) < ROUNDS and not (gaps and gaps[-1] <= target):
        members = np.flatnonzero((w != 0) | (np.abs(pull) > l1))
        price = PRICE * len(members)
        if _slow(gaps, target, price):
            break
        rounds = np.empty(LOOKBACK if gaps else max(int(price), LOOKBACK) + 1)
        done = coefficient_rounds(columns, squares, residual, w, pull, ridge, l1, least, target, rounds)
        gaps.extend(rounds[:done])
    covariances, sharp, first = Covariances(columns, ridge, l1), tolerance > EXACT, len(gaps) - 1
    while len(gaps) < ROUNDS and not (sharp and gaps[-1] <= target):
        many = gaps[-1] > target and np.count_nonzero(w) > len(y)
        if many or covariances.spent >= STEPS or _stale(gaps[first:]):
            break
        covariances.include(_members(w, pull, l1))
        new = covariances.solved(w, pull)
        left = y - new[covariances.members] @ columns[covariances.members]
        tension = columns @ left
        gap = gap_of(left, new, tension, ridge, l1, least)[0]
        if gaps[-1] <= target < gap:
            break
        w, residual, pull, sharp = new, left, tension, True
        gaps.append(gap)
    s = -gap_of(residual, w, pull, ridge, l1, least)[1] * residual
    return Descent(w, y + s, s, len(gaps), bool(gaps[-1] <= target))


def _slow(gaps: list[float], target: float, price: float) -> bool:
    """Whether the rounds done, and those to come at the rate of the last ones, each cost more than Newton steps."""
    if len(gaps) <= max(price, LOOKBACK):
        return False
    fall = np.log(gaps[-1 - LOOKBACK] / gaps[-1]) / LOOKBACK
    return bool(np.log(gaps[-1] / target) > price * fall)


def _stale(gaps: list[float]) -> bool:
    """Whether the last rounds have not halved the least of the gaps before them."""
    return len(gaps) > STALE and min(gaps[-STALE:]) > 0.5 * min(gaps[:-STALE])


def _members(w: np.ndarray, pull: np.ndarray, l1: float) -> np.ndarray:
    """The coefficients that are not zero, and of those pulled beyond l1 as many others, the most pulled first."""
    support, rest = np.flatnonzero(w), np.flatnonzero((w == 0) & (np.abs(pull) > l1))
    most = max(len(support), 50)
    if len(rest) > most:
        rest = rest[np.argpartition(-np.abs(pull[rest]), most)[:most]]
    return np.sort(np.concatenate([support, rest]))


class Covariances:
    """The problem in some of its coefficients, the members, by the covariances of their columns.

    columns: shape (d, n), those of X. `spent` counts Newton steps, as `STEPS` does.
    """

    def __init__(self, columns: np.ndarray, ridge: float, l1: float) -> None:
        self.columns, self.ridge, self.l1 = columns, ridge, l1
        self.members, self.spent = np.zeros(0, int), 0.0
        self.matrix = np.zeros((0, 0))

    def include(self, members: np.ndarray) -> None:
        """Add those of the coefficients (a list of indices) that are not there."""
        fresh = np.setdiff1d(members, self.members, assume_unique=True)
        if len(fresh) == 0:
            return
        old, rows = len(self.members), self.columns[fresh]
        self.members = np.concatenate([self.members, fresh])
        matrix = np.empty((len(self.members), len(self.members)))
        matrix[:old, :old] = self.matrix
        matrix[old:] = rows @ (self.columns[self.members].T if old else rows.T)
        matrix[:old, old:] = matrix[old:, :old].T
        self.matrix = matrix

    def solved(self, w: np.ndarray, pull: np.ndarray) -> np.ndarray:
        """The minimum over the members, from w and pull = X^T (y - X w) (d,): sweeps and Newton steps in turn."""
        from .lasso_sweeps import covariance_rounds

        v, g = w[self.members], pull[self.members]
        for _ in range(20):
            covariance_rounds(self.matrix, g, v, self.ridge, self.l1, 2 + len(v) // 20)
            self.spent += (np.count_nonzero(v) / min(self.columns.shape)) ** 3
            if not v.any() or (self._step(v, g) and (np.abs(g[v == 0]) <= self.l1).all()) or self.spent >= STEPS:
                break
        new = w.copy()
        new[self.members] = v
        return new

    def _step(self, v: np.ndarray, g: np.ndarray) -> bool:
        """A Newton step of what is not zero, in place, whole if no sign changes, and whether it is whole.

        Otherwise it goes as far as lowers the objective, with those set to zero whose signs would change: all that a
        whole step changes, or half of them and so on. Up to the first of them it always does.
        """
        support = np.flatnonzero(v)
        old, signs = v[support], np.sign(v[support])
        block = self.matrix[np.ix_(support, support)]
        slope = g[support] - self.ridge * old - self.l1 * signs
        step = cho_solve(factorise(block + self.ridge * np.eye(len(old))), slope, check_finite=False)
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(signs * step < 0, -old / step, np.inf)
        crossed = np.sort(room[room <= 1])
        most, t = len(crossed), 1.0
        while True:
            kept = room > t
            change = np.where(kept, old + t * step, 0.0) - old
            rise = change @ (0.5 * (block @ change + self.ridge * change) - slope)
            if most == 0 or rise < 0:
                break
            most //= 2
            t = crossed[most]
        v[support] = np.where(kept, old + change, 0.0)
        g -= self.matrix[:, support] @ change
        return len(crossed) == 0
