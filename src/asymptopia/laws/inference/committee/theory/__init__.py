"""State evolution of the committee machine: its fixed points as curves on which alpha follows from the precisions.

At a fixed point the precision A of a mode is alpha times the information of a label, A = alpha I(A). Where the units
are not told apart this is one equation, and alpha = A / I is explicit; where they are, the ratio of the two gives the
precision of the sum from that of the difference. Transitions are where alpha turns, or curves meet or cross.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .....contract.law import NoLimit
from .....numerics.fixed_points import NotConverged, accelerated, solve_batch
from .....numerics.roots import secant
from .....parts.activation import Activation, Sign
from .....parts.prior import Prior
from .exchangeable import outputs, refined, votes, votes_error
from .fields import matrix, output, output_error, resolved
from .labels import vote, vote_error
from .prior import learnt, mixture

if TYPE_CHECKING:
    from .. import Committee


FURTHEST = 6.0  # log precisions beyond which nothing turns
START, LOW, HIGH, STEP = -19.0, -5.0, 12.0, 0.5
ASIDE, STEADY, STEPS, SAME = -4.0, 0.02, 1000, 1e-4
NEAR, SLOW = 1.0, 1e-4
TINY = 1e-7
RECOVERED, RESOLVED = 1e-13, 1e-3


class Machine(NamedTuple):
    """The committee: number of units, prior, activation, and the noise of a real label."""

    K: int
    prior: Prior
    activation: Activation
    noise: float

    @property
    def modes(self) -> np.ndarray:
        """How many directions of the units share each order parameter: their sum, and their differences."""
        return np.array([1.0, self.K - 1.0][: self.K])

    @property
    def wide(self) -> bool:
        """Whether averages are over exchangeable units: three or more, to about 1e-5, or with kinks, to about 3e-4."""
        return self.K > 2 or not (isinstance(self.activation, Sign) or _resolved(self))


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
    """Raise `NoLimit` where the equations cannot be solved: another prior, or averages beyond quadrature."""
    weights, means, _ = mixture(law.prior)
    if law.K > 2 and (len(weights) > 1 or means[0] != 0):
        raise NoLimit(f"`prior` of Committee must be Gaussian of mean 0 for three or more units, but is {law.prior!r}.")
    machine = machine_of(law)
    try:
        if not machine.wide or isinstance(law.activation, Sign):
            return
        change = refined(machine.K, law.activation, machine.noise, float(law.prior.second_moment))
    except NotConverged as error:
        raise NoLimit(str(error)) from error
    if not change <= RESOLVED:
        raise NoLimit(
            f"`activation` of Committee must be Sign() or a function that is smooth between its breaks: with "
            f"{law.activation!r} and `noise` {machine.noise:g} a finer quadrature changes the averages by {change:.1g}."
        )


@lru_cache(maxsize=64)
def _resolved(machine: Machine) -> bool:
    return resolved(machine.activation, machine.noise, machine.K, float(machine.prior.second_moment))


def observed(machine: Machine, state: State) -> dict[str, Any]:
    """The overlap matrix and the test error at a fixed point."""
    overlap, moment = matrix(state.q, machine.K), matrix(state.q + state.V, machine.K)
    if not isinstance(machine.activation, Sign):
        error = output_error(overlap, moment, machine.activation)
    elif not state.V.any():
        error = 0.0
    else:
        error = votes_error(state.q, state.V, machine.K) if machine.wide else vote_error(state.q, state.V)
    return {"overlap": overlap, "test_error": error}


def state(machine: Machine, A: np.ndarray) -> State:
    """The weights and the information at these precisions of the modes."""
    q, V, free = learnt(machine.prior, A, machine.K)
    if V.max() < RECOVERED:
        return recovered(machine)
    told, entropy = information(machine, q, V)
    return State(A, q, V, told, free - float((machine.modes * A) @ q) / 2, entropy)


def information(machine: Machine, q: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, float]:
    """What a label tells of each mode of the fields, and its expected log-probability."""
    if isinstance(machine.activation, Sign):
        return votes(q, V, machine.K) if machine.wide else vote(q, V)
    if machine.wide:
        told, entropy = outputs(np.resize(q, 2), np.resize(V, 2), machine.K, machine.activation, machine.noise)
        return told[: len(q)], entropy
    return output(q, V, machine.activation, machine.noise)


def atoms(machine: Machine) -> bool:
    """Whether the weights can be found exactly: values without spread, and labels without noise."""
    return isinstance(machine.activation, Sign) and not np.any(mixture(machine.prior)[2])


def recovered(machine: Machine) -> State:
    """The teacher found: the free entropy is minus the entropy of its weights, and of a real label's noise."""
    K, (w, m, _) = machine.K, mixture(machine.prior)
    w, m = np.asarray(w, float), np.asarray(m, float)
    first = np.full((K, K), (w @ m) ** 2) + np.eye(K) * (w @ m**2 - (w @ m) ** 2)
    q = np.linalg.eigvalsh(first)[::-1]
    label = -(1 + np.log(2 * np.pi * machine.noise)) / 2 if machine.noise else 0.0
    known = float(K * (w[w > 0] @ np.log(w[w > 0])))
    return State(np.full(K, np.inf), q, np.zeros(K), np.full(K, np.inf), known, float(label))


@lru_cache(maxsize=4096)
def together(machine: Machine, x: float) -> State:
    """The fixed point at which the units are not told apart, with log precision x of the sum."""
    A = np.zeros(len(machine.modes))
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

    guess, tolerance = _nearest(machine, x), 1e-7 if machine.wide else 1e-11
    root = secant(mismatch, guess, tolerance)
    if root is None:
        f = mismatch(guess)
        low = high = guess
        step = 0.05
        while (mismatch(high) > 0) if f > 0 else (mismatch(low) < 0):
            low, high = (high, high + step) if f > 0 else (low - step, low)
            step *= 3
            if step > 60:
                raise NotConverged(f"No fixed point has a difference of precision {np.exp(x):g}.")
        root = low if low == high else float(brentq(mismatch, low, high, xtol=tolerance, rtol=1e-13))
    _excesses(machine)[x] = root
    return states[root]


@lru_cache(maxsize=64)
def _excesses(machine: Machine) -> dict[float, float]:
    """Solutions of `apart`: by how much the log precision of the sum exceeds x."""
    return {}


def _nearest(machine: Machine, x: float) -> float:
    """A guess of it: from the nearest solutions, or of a sum of precision 1."""
    if machine.wide and not _excesses(machine):
        return start_apart(machine) - x
    known = sorted(_excesses(machine).items(), key=lambda item: abs(item[0] - x))
    if not known:
        return max(-x, 0.0)
    if machine.wide and len(known) == 1:
        return known[0][1] + known[0][0] - x
    if len(known) == 1 or known[0][0] == x:
        return known[0][1] + max(known[0][0] - x, 0.0) * (x < LOW)
    (x0, e0), (x1, e1) = known[:2]
    return float(np.clip(e0 + (x - x0) * (e1 - e0) / (x1 - x0), e0 - 1.5 * abs(x - x0), e0 + 1.5 * abs(x - x0)))


@lru_cache(maxsize=64)
def start_apart(machine: Machine) -> float:
    """The log precision of the sum from which the units are told apart."""
    special = specialisation(machine, branch(machine, together))
    return float(np.log(special.A[0])) if special is not None else 0.0


def instability(machine: Machine, x: float) -> float:
    """The factor by which a tiny overlap of the units' difference grows in a step at `together(machine, x)`."""
    at = together(machine, x)
    A = at.A + np.array([0.0, TINY])
    return float(at.alpha * state(machine, A).information[1] / TINY)


def uninformative(machine: Machine, alpha: float) -> State:
    """The fixed point that message passing reaches without knowledge of the teacher."""
    crossing = next(crossings(machine, together, alpha), None)
    if crossing is None:
        return beyond(machine, alpha)
    if machine.K == 1 or instability(machine, float(np.log(crossing.A[0]))) <= 1:
        return crossing
    if machine.wide:
        return settled(machine, alpha, np.log(crossing.A[0]) + np.array([0.0, ASIDE]))
    return next(crossings(machine, apart, alpha), None) or beyond(machine, alpha)


def beyond(machine: Machine, alpha: float) -> State:
    """The teacher found, beyond the last point of a curve; raises `NotConverged` for weights that spread."""
    if np.any(mixture(machine.prior)[2]):
        raise NotConverged(
            f"No fixed point was found at alpha = {alpha:g}: averages over labels are beyond quadrature."
        )
    return recovered(machine)


def informative(machine: Machine, alpha: float) -> State:
    """The fixed point of largest overlap, which is reached from the teacher."""
    if atoms(machine):
        return recovered(machine)
    return from_teacher(machine, alpha) if machine.wide and machine.K > 1 else all_states(machine, alpha)[-1]


@lru_cache(maxsize=256)
def from_teacher(machine: Machine, alpha: float) -> State:
    """The fixed point to which steps fall from precisions that are too large to be kept."""
    A = np.full(2, max(alpha, 4.0))
    while np.any(alpha * state(machine, A).information > A):
        A = 1.5 * A
    return settled(machine, alpha, np.log(A))


def settled(machine: Machine, alpha: float, x: np.ndarray) -> State:
    """The fixed point that steps of state evolution reach from log precisions x of sum and differences.

    Where steps are short it is solved for, and taken if it is stable and near; else this is the narrow passage that a
    fixed point left where it vanished, and the steps go on.
    """

    def step(rows: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.log([alpha * state(machine, np.exp(row)).information for row in rows])

    short = STEADY
    for _ in range(STEPS):
        new = step(x[None], x)[0]
        moved, x = float(np.abs(new - x).max()), new
        if x[1] - x[0] < ASIDE:
            equal = list(crossings(machine, together, alpha))[-1]
            if instability(machine, float(np.log(equal.A[0]))) <= 1:
                return equal
        if moved < short:
            short = moved / 3
            near = solved_near(machine, step, x, slow=moved < SLOW)
            if near is not None and stable(machine, near):
                return near
    raise NotConverged(f"State evolution has not settled after {STEPS} steps: the last was {moved:.1e}.")


def solved_near(machine: Machine, step: Callable[..., np.ndarray], x: np.ndarray, slow: bool) -> State | None:
    """A fixed point of the steps at log precisions less than `NEAR` from x; by Newton's method too if they are slow."""
    if slow:
        try:
            solution, _ = solve_batch(step, x[None], tolerance=1e-7, accept=1e-4, rounds=3, warm=1)
        except NotConverged:
            return None
    else:
        solution, residual = accelerated(step, x[None], 1e-7, iterations=12)
        if not residual[0] <= 1e-7:
            return None
    return state(machine, np.exp(solution[0])) if np.abs(solution[0] - x).max() < NEAR else None


def stable(machine: Machine, s: State) -> bool:
    """Whether iteration from nearby stays there: no eigenvalue of a step's derivative exceeds 1."""
    if not np.isfinite(s.A).all():
        return True
    count = len(machine.modes)
    rates = np.empty((count, count))
    for k in range(count):
        h = TINY if s.A[k] == 0 else 1e-4 * s.A[k]
        moved = [
            state(machine, s.A + sign * h * np.eye(count)[k]).information
            for sign in ((1, 0) if s.A[k] == 0 else (1, -1))
        ]
        rates[:, k] = s.alpha * (moved[0] - moved[1]) / (h if s.A[k] == 0 else 2 * h)
    return bool(np.abs(np.linalg.eigvals(rates)).max() < 1)


def all_states(machine: Machine, alpha: float) -> list[State]:
    """Every fixed point, by increasing overlap; of exchangeable units only those reached from either start."""
    if machine.wide and machine.K > 1:
        states = [*crossings(machine, together, alpha), uninformative(machine, alpha), informative(machine, alpha)]
        states = [s for i, s in enumerate(states) if all(np.abs(s.q - t.q).max() > SAME for t in states[:i])]
        return sorted(states, key=lambda s: float(machine.modes @ s.q))
    curves = (together,) if machine.K == 1 else (together, apart)
    states = [s for curve in curves for s in crossings(machine, curve, alpha)]
    return sorted(states + [recovered(machine)] * atoms(machine), key=lambda s: float(s.q.sum()))


StateAlong = Callable[[Machine, float], State]
Path = list[tuple[StateAlong, float]]


def branch(machine: Machine, curve: StateAlong) -> Path:
    """The points of a curve."""
    return [(curve, x) for x in takewhile(lambda x: x < FURTHEST, points(machine, curve))]


def at(machine: Machine, point: tuple[StateAlong, float]) -> State:
    return point[0](machine, point[1])


def specialisation(machine: Machine, path: Path) -> State | None:
    """The alpha at which an overlap of the units' difference starts to grow."""

    def excess(s: State) -> float:
        return instability(machine, float(np.log(s.A[0]))) - 1

    for low, high in pairwise(path):
        if excess(at(machine, low)) < 0 < excess(at(machine, high)):
            return solve(machine, together, excess, low[1], high[1])
    return None


def points(machine: Machine, curve: StateAlong) -> Iterator[float]:
    """Log precisions along a curve, as far as the weights are not recovered."""
    for x in (START, -7.0, *np.arange(LOW, HIGH, STEP)):
        try:
            finite = np.isfinite(curve(machine, float(x)).A).all()
        except NotConverged:
            if curve is together and not np.any(mixture(machine.prior)[2]):
                raise  # such a curve ends where the weights are recovered, not where averages fail
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
    """The observables in the limit; raises `NoLimit` where averages over labels are beyond quadrature."""
    machine = machine_of(law)
    try:
        state = (uninformative if law.start == "uninformative" else informative)(machine, law.alpha)
        return observed(machine, state) | {"free_entropy": state.free_entropy(law.alpha)}
    except NotConverged as error:
        raise NoLimit(str(error)) from error
