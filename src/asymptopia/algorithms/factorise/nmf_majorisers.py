"""Majorisation-minimisation steps for nonnegative factorisation.

Each step takes factors (W, H.T) and returns new ones. All but `heuristic` never increase the objective, for any beta,
weights and penalties. `heuristic` leaves out the exponent: proved not to increase for beta from 0 to 2 only.

Sources: Fevotte and Idier, Neural Computation 23 (2011) 2421 (sections 3 and 4); Marmin, Goulart and Fevotte, Signal
Processing 202 (2023) 108766 (joint).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...numerics.roots import bracketed_roots
from .beta_divergence import exponent, orders, power_into
from .nmf_problem import Factors, Problem

if TYPE_CHECKING:
    from jaxtyping import Float


@dataclass(frozen=True)
class Majoriser:
    r"""For each entry a = t A: $A (den \, t^b / b - num \, t^a / a + L t) + c A^2 t^2 / 2$, with the orders of beta."""

    A: Float[np.ndarray, "n r"]
    num: Float[np.ndarray, "..."]
    den: Float[np.ndarray, "..."]
    L: Float[np.ndarray, "..."] | None
    c: Float[np.ndarray, " n"] | None
    beta: float

    def minimiser(self) -> Float[np.ndarray, "n r"]:
        """The minimising factor t of each entry; closed form without penalty, or with l1 and beta <= 1 or >= 2."""
        beta, num, den = self.beta, self.num, self.den
        if self.L is not None and self.c is not None:
            if self.c.any() or 1 < beta < 2:
                return self._root()
            den = den + self.L if beta <= 1 else den
            num = np.maximum(num - self.L, 0.0) if beta >= 2 else num
        t = num / np.maximum(den, 1e-300)
        power = exponent(beta)
        if power == 0.5:
            return np.sqrt(t, out=t)
        return t if power == 1 else t**power

    def slope(self, t: Float[np.ndarray, "..."], where: np.ndarray | slice = slice(None)) -> Float[np.ndarray, "..."]:
        """The derivative in t divided by A, which increases with t."""
        a, b = orders(self.beta)
        A, num, den, L, c = self._flat(where)
        return den * t ** (b - 1) - num * t ** (a - 1) + L + c * A * t

    def rise(self, t: Float[np.ndarray, "..."], where: np.ndarray | slice = slice(None)) -> Float[np.ndarray, "..."]:
        """The value at t minus that at 1, divided by A; convex in t."""
        a, b = orders(self.beta)
        A, num, den, L, c = self._flat(where)
        fall = np.log(t) if a == 0 else (t**a - 1) / a
        return den * (t**b - 1) / b - num * fall + L * (t - 1) + c * A * (t**2 - 1) / 2

    def _flat(self, where: np.ndarray | slice) -> tuple[np.ndarray, ...]:
        L = np.zeros_like(self.A) if self.L is None else self.L
        c = np.zeros(len(self.A)) if self.c is None else self.c
        parts = (self.A, self.num, self.den, L, np.repeat(c[:, None], self.A.shape[1], axis=1))
        return tuple(np.broadcast_to(p, self.A.shape).ravel()[where] for p in parts)

    def _root(self) -> Float[np.ndarray, "n r"]:
        """Where the slope vanishes, in log t; 0 where it is positive throughout."""
        ends = np.full(self.A.size, -80.0), np.full(self.A.size, 80.0)
        with np.errstate(over="ignore"):
            u = bracketed_roots(lambda u, which: self.slope(np.exp(u), which), *ends)
        return np.where(np.isnan(u), 0.0, np.exp(u)).reshape(self.A.shape)

    def equaliser(self, least: Float[np.ndarray, "n r"]) -> Float[np.ndarray, "n r"]:
        """The t beyond the minimiser with the same value as t = 1; 0 if the majoriser is lower even at 0."""
        best = np.log(np.maximum(least.ravel(), 1e-30))
        up = best > 0
        with np.errstate(all="ignore"):
            far = np.where(up, best + 1, -70.0)
            while (short := up & ~(self.rise(np.exp(far)) > 0) & (far < 300)).any():
                far = np.where(short, far + 2, far)
            # in log t, where the root is as far from the minimiser as digits allow
            root = bracketed_roots(lambda u, which: self.rise(np.exp(u), which), best, far)
        root = np.where(np.isfinite(root), np.exp(root), np.where(up, np.exp(best), 0.0))
        # where the minimiser is this close to 1, the majoriser is a parabola to more digits than its values have
        return np.where(np.abs(best) < 1e-4, np.exp(2 * best), root).reshape(self.A.shape)


def terms(problem: Problem, factors: Factors) -> tuple[Float[np.ndarray, "n m"], Float[np.ndarray, "n m"] | None]:
    """The weighted $x v^{beta-2}$ and $v^{beta-1}$ (None where the latter is 1); overwrites `spare`."""
    X, S, beta = problem.X, problem.weights, problem.beta
    V, C = problem.spare[0]
    np.matmul(factors[0], factors[1].T, out=V)
    if beta == 1 and S is None:
        return np.divide(X, V, out=V), None
    if beta == 2 and S is None:
        return X, V
    power_into(V, beta - 2, C)
    if S is not None:
        C *= S
    V *= C
    C *= X
    return C, V


def mm(problem: Problem, factors: Factors) -> Factors:
    """Minimise the majoriser over W, then over H.

    problem: what is minimised; factors: (W, H.T), of shapes (n, r) and (m, r), positive. Returns new ones.
    """
    for side in (0, 1):
        factors = _replace(factors, side, _moved(factors[side], majoriser(problem, factors, side).minimiser(), problem))
    return factors


def heuristic(problem: Problem, factors: Factors) -> Factors:
    """The multiplicative update without the exponent, for W and then H; l1 penalties only.

    problem: what is minimised; factors: (W, H.T), of shapes (n, r) and (m, r), positive. Returns new ones.
    """
    for side in (0, 1):
        G = majoriser(problem, factors, side)
        t = G.num / np.maximum(G.den if G.L is None else G.den + G.L, 1e-300)
        factors = _replace(factors, side, _moved(factors[side], t, problem))
    return factors


def equalise(problem: Problem, factors: Factors, share: float = 0.95) -> Factors:
    """Step beyond the minimiser, by a share of the way to equal height, for W and then H.

    problem: what is minimised; factors: (W, H.T), of shapes (n, r) and (m, r), positive. Returns new ones.
    """
    for side in (0, 1):
        G = majoriser(problem, factors, side)
        t = G.minimiser()
        t += share * (G.equaliser(t) - t)
        factors = _replace(factors, side, _moved(factors[side], t, problem))
    return factors


def joint(problem: Problem, factors: Factors) -> Factors:
    """Descend a majoriser of both factors, for W and then H; it needs the powers of W H once, not twice.

    problem: what is minimised; factors: (W, H.T), of shapes (n, r) and (m, r), positive. Returns new ones.
    """
    W, Ht = factors
    beta = problem.beta
    P, Q = terms(problem, factors)
    Q = np.ones_like(P) if Q is None else Q
    W1 = _moved(W, _along(problem, 0, W, P @ Ht, Q @ Ht).minimiser(), problem)
    (a, b), t = orders(beta), W1 / W
    # one of the two terms is linear in W, so that its weights are the new W; the other is W t**a or W t**b
    num, den = P.T @ (W * t**a if a != 1 else W1), Q.T @ (W * t**b if b != 1 else W1)
    return W1, _moved(Ht, _along(problem, 1, Ht, num, den).minimiser(), problem)


def majoriser(problem: Problem, factors: Factors, side: int) -> Majoriser:
    """The majoriser over one factor with the other held, which touches the objective at these factors."""
    A, B = factors[side], factors[1 - side]
    if problem.beta == 2 and problem.weights is None:
        X = problem.X if side == 0 else problem.X.T
        return _along(problem, side, A, X @ B, A @ (B.T @ B))
    P, Q = terms(problem, factors)
    P = P if side == 0 else P.T
    den = B.sum(axis=0)[None, :] if Q is None else (Q if side == 0 else Q.T) @ B
    return _along(problem, side, A, P @ B, den)


def _along(
    problem: Problem,
    side: int,
    A: Float[np.ndarray, "n r"],
    num: Float[np.ndarray, "n r"],
    den: Float[np.ndarray, "..."],
) -> Majoriser:
    L, c = problem.penalty_majoriser(side, A) if problem.penalised(side) else (None, None)
    return Majoriser(A, num, den, L, c, problem.beta)


def _moved(A: Float[np.ndarray, "n r"], t: Float[np.ndarray, "n r"], problem: Problem) -> Float[np.ndarray, "n r"]:
    """t A, written into t, not below the floor."""
    t *= A
    return np.maximum(t, problem.floor, out=t)


def _replace(factors: Factors, side: int, A: Float[np.ndarray, "n r"]) -> Factors:
    return (A, factors[1]) if side == 0 else (factors[0], A)
