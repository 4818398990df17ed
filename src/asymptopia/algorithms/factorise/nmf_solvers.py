"""The loop of nonnegative factorisation: start, momentum, stopping rule and result."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .nmf_coordinates import newton, rows_moved
from .nmf_problem import Factors, Problem, objective, random_factors, stated

if TYPE_CHECKING:
    from jaxtyping import Float, Real

Step = Callable[[Problem, Factors], Factors]


@dataclass(frozen=True)
class Factorisation:
    """W (n, r) and H (r, m) with W @ H about X.

    objectives: what is minimised, at the start and whenever it was evaluated after; the last is that of W and H.
    converged:  whether it fell by less than the tolerance, relatively, over the last evaluated interval.
    """

    W: Float[np.ndarray, "n r"]
    H: Float[np.ndarray, "r m"]
    objectives: Float[np.ndarray, " steps"]
    iterations: int
    converged: bool


def factorise(
    X: Real[ArrayLike, "n m"],
    rank: int,
    *,
    beta: float = 1.0,
    step: Step = newton,
    weights: Real[ArrayLike, "n m"] | None = None,
    l1: tuple[float, float] = (0.0, 0.0),
    smooth: tuple[float, float] = (0.0, 0.0),
    start: tuple[Any, Any] | None = None,
    seed: int = 0,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    every: int = 10,
    momentum: bool = False,
) -> Factorisation:
    r"""Nonnegative W (n, r) and H (r, m) that minimise the beta-divergence of X (n, m) from W H.

    step:      `newton` (fastest), `mm`, `joint`, `equalise`, `heuristic`, or a function of your own of a `Problem` and
               factors (W, H.T) that returns new ones.
    weights:   (n, m), of the divergences of the entries; 0 where X is missing (and may be nan).
    l1:        strengths of the penalties `sum(W)` and `sum(H)`; smooth: of half the squared differences between
               consecutive rows of W and columns of H. Both factors need one, or none.
    start:     W and H to start from; random by `seed` otherwise.
    tolerance: of the relative decrease over `every` iterations, at which to stop; 0 runs all `iterations`.
    momentum:  extrapolate the iterates, with a plain step wherever the objective would rise.

    With beta <= 0 the divergence of a zero is infinite, and zeros of X are refused unless their weight is 0. With
    beta > 0 they are admitted, whole rows of them too. Raises `StatementError`.

    X: (n, m), >= 0. rank: r, the number of columns of W.
    """
    problem = stated(X, rank, beta, weights, l1, smooth)
    for name, value, least in (("iterations", iterations, 0), ("every", every, 1), ("tolerance", tolerance, 0)):
        if not value >= least:
            raise StatementError(f"`{name}` must be >= {least}, but is {value!r}.")
    factors = random_factors(problem, np.random.default_rng(seed)) if start is None else _checked(start, problem)
    return run(problem, factors, step, iterations, tolerance, every, momentum)


def run(
    problem: Problem,
    factors: Factors,
    step: Step,
    iterations: int,
    tolerance: float = 0.0,
    every: int = 10,
    momentum: bool = False,
) -> Factorisation:
    """Take steps from given factors until convergence; see `factorise`."""
    step = Momentum(step) if momentum else step
    values = [objective(problem, factors)]
    done, converged = 0, False
    while done < iterations and not converged:
        for _ in range(min(every, iterations - done)):
            factors = step(problem, factors)
            done += 1
        values.append(objective(problem, factors))
        converged = tolerance > 0 and values[-2] - values[-1] <= tolerance * abs(values[-1])
    W, Ht = factors
    return Factorisation(W, np.ascontiguousarray(Ht.T), np.array(values), done, converged)


class Momentum:
    """A step from iterates extrapolated by a weight that grows while the objective falls (Ang and Gillis 2019).

    Where it would rise, a plain step is taken and the weight is cut, so that a monotone step stays monotone.
    """

    def __init__(self, step: Step, weight: float = 0.5, grow: float = 1.05, cut: float = 2.0) -> None:
        self.step, self.weight, self.grow, self.cut = step, weight, grow, cut
        self.before: Factors | None = None
        self.value = np.inf

    def __call__(self, problem: Problem, factors: Factors) -> Factors:
        if self.before is None:
            self.before, self.value = factors, objective(problem, factors)
            return factors if self.value == 0 else self._plain(problem, factors)
        ahead = tuple(
            np.maximum(now + self.weight * (now - old), problem.floor)
            for now, old in zip(factors, self.before, strict=True)
        )
        new = self.step(problem, (ahead[0], ahead[1]))
        value = objective(problem, new)
        if not value <= self.value:
            self.weight /= self.cut
            return self._plain(problem, factors)
        self.weight = min(1.0, self.grow * self.weight)
        self.before, self.value = factors, value
        return new

    def _plain(self, problem: Problem, factors: Factors) -> Factors:
        new = self.step(problem, factors)
        self.before, self.value = factors, objective(problem, new)
        return new


def encode(
    problem: Problem, W: Float[np.ndarray, "n r"], Ht: Float[np.ndarray, "m r"], iterations: int, tolerance: float
) -> Float[np.ndarray, "n r"]:
    """The best W for given H; rows are dropped once they move by less than `tolerance` of their largest entry.

    Without a smoothness of W its rows are apart, and what one is does not depend on which others there are.
    """
    W, left = W.copy(), np.arange(len(W))
    for _ in range(iterations):
        part = problem.rows(0, left)
        moved = rows_moved(part, 0, W[left], Ht)
        change = np.abs(moved - W[left]).max(axis=1) > tolerance * moved.max(axis=1)
        W[left] = moved
        if not change.any():
            break
        left = left if problem.smooth[0] else left[change]
    else:
        message = f"After {iterations} iterations the W of {len(left)} samples still moves: raise `max_iter`."
        warnings.warn(message, ConvergenceWarning, stacklevel=3)
    return W


def _checked(start: tuple[Any, Any], problem: Problem) -> Factors:
    (n, m), r = problem.X.shape, problem.rank
    checked = []
    for name, given, shape in (("W", start[0], (n, r)), ("H", start[1], (r, m))):
        A = np.array(given, float)
        if A.shape != shape or not np.isfinite(A).all() or (A < 0).any():
            raise StatementError(f"`start` must have {name} of shape {shape} with finite entries >= 0.")
        checked.append(np.maximum(A, problem.floor))
    return checked[0], np.ascontiguousarray(checked[1].T)
