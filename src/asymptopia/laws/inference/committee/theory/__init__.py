"""State evolution of the committee machine: its fixed points as curves on which alpha follows from the precisions.

At a fixed point the precision A of a mode is alpha times the information of a label, A = alpha I(A). Where the units
are not told apart this is one equation, and alpha = A / I is explicit; where they are, the ratio of the two gives the
precision of the sum from that of the difference. Transitions are where alpha turns, or curves meet or cross.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .....contract.law import NoLimit
from .....numerics.fixed_points import NotConverged
from .....parts.activation import Activation, Sign
from .....parts.prior import Prior
from .fields import output, output_error, resolved
from .labels import vote, vote_error
from .prior import learnt, mixture

if TYPE_CHECKING:
    from .. import Committee


START, LOW, HIGH, STEP = -19.0, -5.0, 12.0, 0.5
TINY = 1e-7
RECOVERED = 1e-13


class Machine(NamedTuple):
    """The committee: number of units, prior, activation, and the noise of a real label."""

    K: int
    prior: Prior
    activation: Activation
    noise: float


class State(NamedTuple):
    """Precisions A of the modes, what they leave of the weights (q, V), and what a label tells then.

    tilt, entropy: the free entropy is tilt + alpha * entropy.
    """

    A: np.ndarray
    q: np.ndarray
    V: np.ndarray
    information: np.ndarray
    tilt: float
    entropy: float

    @property
    def alpha(self) -> float:
        """The samples per dimension at which this is a fixed point."""
        return float(self.A[0] / self.information[0])

    def free_entropy(self, alpha: float) -> float:
        return self.tilt + alpha * self.entropy


def machine_of(law: Committee) -> Machine:
    """The committee of a statement, on which fixed points depend besides alpha and the start."""
    return Machine(law.K, law.prior, law.activation, law.noise or 0.0)


def check(law: Committee) -> None:
    """Raise `NoLimit` where the equations cannot be solved: another prior, or units with kinks or jumps."""
    mixture(law.prior)
    smooth = isinstance(law.activation, Sign) or _resolved(machine_of(law))
    if not smooth:
        raise NoLimit(
            f"`activation` of Committee must be Sign() or a function without kinks or jumps, but is {law.activation!r}."
        )


@lru_cache(maxsize=64)
def _resolved(machine: Machine) -> bool:
    return resolved(machine.activation, machine.noise, machine.K, float(machine.prior.second_moment))


def observed(machine: Machine, state: State) -> dict[str, Any]:
    """The overlap matrix and the test error at a fixed point."""
    overlap, moment = matrix(state.q), matrix(state.q + state.V)
    if isinstance(machine.activation, Sign):
        error = vote_error(state.q, state.V) if state.V.any() else 0.0
    else:
        error = output_error(overlap, moment, machine.activation)
    return {"overlap": overlap, "test_error": error}


def matrix(modes: np.ndarray) -> np.ndarray:
    """The (K, K) matrix of two units with these eigenvalues for their sum and difference."""
    if len(modes) == 1:
        return modes[:, None]
    same, other = modes.sum() / 2, (modes[0] - modes[1]) / 2
    return np.array([[same, other], [other, same]])


def state(machine: Machine, A: np.ndarray) -> State:
    """The weights and the information at these precisions of the modes."""
    q, V, free = learnt(machine.prior, A)
    if V.max() < RECOVERED:
        return recovered(machine)
    if isinstance(machine.activation, Sign):
        information, entropy = vote(q, V)
    else:
        information, entropy = output(q, V, machine.activation, machine.noise)
    return State(A, q, V, information, free - float(A @ q) / 2, entropy)


def atoms(machine: Machine) -> bool:
    """Whether the weights can be found exactly: values without spread, and labels without noise."""
    return isinstance(machine.activation, Sign) and not np.any(mixture(machine.prior)[2])


def recovered(machine: Machine) -> State:
    """The teacher found: the free entropy is minus the entropy of its weights."""
    K, (w, m, _) = machine.K, mixture(machine.prior)
    w, m = np.asarray(w, float), np.asarray(m, float)
    first = np.full((K, K), (w @ m) ** 2) + np.eye(K) * (w @ m**2 - (w @ m) ** 2)
    q = np.linalg.eigvalsh(first)[::-1]
    return State(np.full(K, np.inf), q, np.zeros(K), np.full(K, np.inf), float(K * (w[w > 0] @ np.log(w[w > 0]))), 0.0)


@lru_cache(maxsize=4096)
def together(machine: Machine, x: float) -> State:
    """The fixed point at which the units are not told apart, with log precision x of the sum."""
    A = np.zeros(machine.K)
    A[0] = np.exp(x)
    return state(machine, A)


@lru_cache(maxsize=4096)
def apart(machine: Machine, x: float) -> State:
    """The fixed point at which they are, with log precision x of the difference."""
    from scipy.optimize import brentq

    states: dict[float, State] = {}

    def mismatch(excess: float) -> float:
        s = states[excess] = state(machine, np.exp([x + excess, x]))
        if not np.isfinite(s.A).all():
            raise NotConverged("The weights are recovered here, so that the precisions are infinite.")
        return float(np.log(s.information[0] / s.information[1]) - excess)

    guess = _nearest(machine, x)
    f = mismatch(guess)
    low = high = guess
    step = 0.05
    while (mismatch(high) > 0) if f > 0 else (mismatch(low) < 0):
        low, high = (high, high + step) if f > 0 else (low - step, low)
        step *= 3
        if step > 60:
            raise NotConverged(f"No fixed point has a difference of precision {np.exp(x):g}.")
    root = low if low == high else float(brentq(mismatch, low, high, xtol=1e-11, rtol=1e-13))
    _excesses(machine)[x] = root
    return states[root]


@lru_cache(maxsize=64)
def _excesses(machine: Machine) -> dict[float, float]:
    """Solutions of `apart`: by how much the log precision of the sum exceeds x."""
    return {}


def _nearest(machine: Machine, x: float) -> float:
    """A guess of it: from the nearest solutions, or of a sum of precision 1."""
    known = sorted(_excesses(machine).items(), key=lambda item: abs(item[0] - x))
    if not known:
        return max(-x, 0.0)
    if len(known) == 1 or known[0][0] == x:
        return known[0][1] + max(known[0][0] - x, 0.0) * (x < LOW)
    (x0, e0), (x1, e1) = known[:2]
    return float(np.clip(e0 + (x - x0) * (e1 - e0) / (x1 - x0), e0 - 1.5 * abs(x - x0), e0 + 1.5 * abs(x - x0)))


def instability(machine: Machine, x: float) -> float:
    """The factor by which a tiny overlap of the units' difference grows in a step at `together(machine, x)`."""
    at = together(machine, x)
    A = at.A + np.array([0.0, TINY])
    return float(at.alpha * state(machine, A).information[1] / TINY)


def uninformative(machine: Machine, alpha: float) -> State:
    """The fixed point that message passing reaches without knowledge of the teacher."""
    crossing = next(crossings(machine, together, alpha), None)
    if crossing is None:
        return recovered(machine)
    if machine.K == 1 or instability(machine, float(np.log(crossing.A[0]))) <= 1:
        return crossing
    return next(crossings(machine, apart, alpha), None) or recovered(machine)


def informative(machine: Machine, alpha: float) -> State:
    """The fixed point of largest overlap, which is reached from the teacher."""
    return recovered(machine) if atoms(machine) else all_states(machine, alpha)[-1]


def stable(machine: Machine, s: State) -> bool:
    """Whether iteration from nearby stays there: no eigenvalue of a step's derivative exceeds 1."""
    if not np.isfinite(s.A).all():
        return True
    rates = np.empty((machine.K, machine.K))
    for k in range(machine.K):
        h = TINY if s.A[k] == 0 else 1e-4 * s.A[k]
        moved = [
            state(machine, s.A + sign * h * np.eye(machine.K)[k]).information
            for sign in ((1, 0) if s.A[k] == 0 else (1, -1))
        ]
        rates[:, k] = s.alpha * (moved[0] - moved[1]) / (h if s.A[k] == 0 else 2 * h)
    return bool(np.abs(np.linalg.eigvals(rates)).max() < 1)


def all_states(machine: Machine, alpha: float) -> list[State]:
    """Every fixed point, by increasing overlap."""
    curves = (together,) if machine.K == 1 else (together, apart)
    states = [s for curve in curves for s in crossings(machine, curve, alpha)]
    return sorted(states + [recovered(machine)] * atoms(machine), key=lambda s: float(s.q.sum()))


StateAlong = Callable[[Machine, float], State]


def points(machine: Machine, curve: StateAlong) -> Iterator[float]:
    """Log precisions along a curve, as far as the weights are not recovered."""
    for x in (START, -7.0, *np.arange(LOW, HIGH, STEP)):
        try:
            finite = np.isfinite(curve(machine, float(x)).A).all()
        except NotConverged:
            finite = False
        if not finite:
            return
        yield float(x)


def crossings(machine: Machine, curve: StateAlong, alpha: float) -> Iterator[State]:
    """The points of a curve at which alpha is the given one, in their order."""
    xs = points(machine, curve)
    low = next(xs)
    if curve(machine, low).alpha > alpha and curve is together:
        yield curve(machine, low)  # so few samples that the overlap is below the resolution
    for high in xs:
        if (curve(machine, low).alpha - alpha) * (curve(machine, high).alpha - alpha) <= 0:
            yield solve(machine, curve, lambda s: np.log(s.alpha / alpha), low, high)
        low = high


def solve(machine: Machine, curve: StateAlong, function: Callable[[State], float], low: float, high: float) -> State:
    """The point of the curve between two log precisions at which the function of it vanishes."""
    from scipy.optimize import brentq

    def along(x: float) -> float:
        return function(curve(machine, float(x)))

    return curve(machine, float(brentq(along, low, high, xtol=1e-10, rtol=1e-12)))


def predict(law: Committee) -> dict[str, Any]:
    """The observables in the limit."""

    machine = machine_of(law)
    state = (uninformative if law.start == "uninformative" else informative)(machine, law.alpha)
    return observed(machine, state) | {"free_entropy": state.free_entropy(law.alpha)}
