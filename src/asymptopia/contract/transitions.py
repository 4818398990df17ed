"""Transitions between fixed points as a parameter varies: where one loses stability, ends, or is overtaken."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from .fields import admitted, open_edge, vary
from .record import Record, StatementError

FRESH = 1e-9  # an order parameter below this is the trivial fixed point
JUMP = 0.1  # a change of the order parameter between neighbours, relative to its largest value, that is looked into
CLOSEST = 1e-6  # how close, relatively, two parameters are brought before a change between them is no jump


@dataclasses.dataclass(frozen=True)
class FixedPoint:
    """A fixed point of a law's equations.

    values:       its order parameters and observables by name, with "overlap", by which fixed points are ordered.
    free_entropy: the stable fixed point with the largest free entropy is the equilibrium.
    stable:       whether iteration from nearby returns to it.
    """

    values: Mapping[str, float]
    free_entropy: float
    stable: bool = True

    @property
    def overlap(self) -> float:
        """The order parameter by which the states are ordered."""
        return self.values["overlap"]


@dataclasses.dataclass(frozen=True)
class State:
    """The stable fixed points at one parameter value that matter for inference.

    low, high: those with the smallest and the largest overlap: reached from an uninformed and from an informed start.
    best:      the one with the largest free entropy, that is the equilibrium.
    """

    low: FixedPoint
    high: FixedPoint
    best: FixedPoint

    @classmethod
    def of(cls, points: Sequence[FixedPoint]) -> State:
        """The state from all fixed points at one parameter value; raises `ArithmeticError` if none is stable."""
        stable = sorted((p for p in points if p.stable), key=lambda p: p.overlap)
        if not stable:
            raise ArithmeticError("None of the fixed points is stable.")
        return cls(stable[0], stable[-1], max(stable, key=lambda p: p.free_entropy))

    @property
    def trivial(self) -> bool:
        """Whether an uninformed start learns nothing: its overlap is zero."""
        return abs(self.low.overlap) < FRESH

    @property
    def several(self) -> bool:
        """Whether there is more than one stable fixed point."""
        return self.low is not self.high

    @property
    def informed(self) -> bool:
        """Whether there are two states, and the one from an informed start has the larger free entropy."""
        return self.several and self.high.free_entropy > self.low.free_entropy


Points = Callable[[Sequence[float]], Sequence[Sequence[FixedPoint]]]
Place = tuple[float, State]


def transitions(points: Points, values: Sequence[float], tolerance: float = 1e-9) -> dict[str, float]:
    """The transitions of a law's fixed points between the first and the last of some parameter values, by name.

    points(values): all fixed points at each of the values. tolerance: the relative accuracy of a transition.

    weak_recovery:        the overlap from an uninformed start leaves zero.
    algorithmic:          the uninformed state ends, and the overlap jumps to the informed one (a spinodal).
    informative_spinodal: the informed state appears beside the uninformed one.
    information_theoretic: both exist and have the same free entropy.

    Values between which the state jumps are refined until the region with several states between them is resolved. A
    transition that is met again is numbered, as in algorithmic_2. Returns name -> value.
    """
    changes: list[tuple[float, str]] = []
    states = scan(points, values)
    for left, right in itertools.pairwise(states):
        changes += _between(points, left, right, tolerance)
    names: dict[str, float] = {}
    for x, name in sorted(changes):
        count = sum(k == name or k.startswith(name + "_") for k in names)
        names[f"{name}_{count + 1}" if count else name] = x
    return names


def scan(points: Points, values: Sequence[float]) -> list[Place]:
    """The states at the values, in order, with values added in between until every jump is resolved."""
    ordered = sorted(float(v) for v in values)
    states = [(x, State.of(p)) for x, p in zip(ordered, points(ordered), strict=True)]
    scale = max(s.high.overlap for _, s in states) or 1.0
    nearest = min(b - a for a, b in itertools.pairwise(ordered))
    done = [states[0]]
    todo = states[:0:-1]
    while todo:
        (a, first), (b, second) = done[-1], todo[-1]
        jump = abs(first.low.overlap - second.low.overlap) > JUMP * scale
        close = abs(b - a) <= CLOSEST * max(abs(a), abs(b), nearest)
        if jump and not (first.several or second.several or close):
            middle = (a + b) / 2
            todo.append((middle, State.of(points([middle])[0])))
        else:
            done.append(todo.pop())
    return done


def _between(points: Points, left: Place, right: Place, tolerance: float) -> list[tuple[float, str]]:
    """The transitions between two neighbours."""
    changes = []
    if left[1].trivial != right[1].trivial:
        changes.append((_middle(_bisected(points, left, right, lambda s: s.trivial, tolerance)), "weak_recovery"))
    several = [place for place in (left, right) if place[1].several]
    if len(several) == 1:
        ends = _bisected(points, left, right, lambda s: s.several, tolerance)
        (at, many), (_, one) = ends if ends[0][1].several else ends[::-1]
        appears = abs(one.low.overlap - many.low.overlap) <= abs(one.low.overlap - many.high.overlap)
        changes.append((_middle(ends), "informative_spinodal" if appears else "algorithmic"))
        if appears and many.informed:
            changes.append((_middle(ends), "information_theoretic"))
        several.append((at, many))
    if len(several) == 2 and several[0][1].informed != several[1][1].informed:
        ends = _bisected(points, several[0], several[1], lambda s: s.informed, tolerance)
        changes.append((_middle(ends), "information_theoretic"))
    return changes


def _bisected(
    points: Points, left: Place, right: Place, flag: Callable[[State], bool], tolerance: float
) -> tuple[Place, Place]:
    """Two places as close as the tolerance, between which the flag changes as it does from `left` to `right`."""
    least = tolerance * abs(right[0] - left[0])
    first = flag(left[1])
    while abs(right[0] - left[0]) > max(least, tolerance * max(abs(left[0]), abs(right[0]))):
        middle = (left[0] + right[0]) / 2
        place = (middle, State.of(points([middle])[0]))
        left, right = (place, right) if flag(place[1]) == first else (left, place)
    return left, right


def _middle(ends: tuple[Place, Place]) -> float:
    return (ends[0][0] + ends[1][0]) / 2


class Phased(Record):
    """A statement whose equations may have several fixed points, with transitions between them."""

    def fixed_points(self) -> list[FixedPoint]:
        """All fixed points of a law's equations, stable or not, ordered by overlap; for laws that have several."""
        raise StatementError(f"{type(self).__name__} does not give the fixed points of its equations.")

    def fixed_points_along(self, along: str, values: Sequence[float]) -> list[list[FixedPoint]]:
        """All fixed points at each value of a field, or of a field of a part such as `prior.rho`."""
        return [vary(self, along, v).fixed_points() for v in values]

    def thresholds(self, along: str) -> dict[str, float]:
        """The transitions met as the field `along` varies, by name; found from the fixed points if a law has them."""
        if type(self).fixed_points is Phased.fixed_points:
            raise StatementError(f"{type(self).__name__} has no known transition along {along!r}.")
        return transitions_along(self, along)

    def slow_thresholds(self, along: str) -> str | None:
        """What is sought, where `thresholds` takes seconds or longer; else None. It is said before the search."""
        return None

    def threshold_notes(self, along: str) -> list[str]:
        """Sentences on transitions that `thresholds` leaves out although there might be some; not computed anew."""
        return []


def transitions_along(law: Phased, along: str) -> dict[str, float]:
    """The transitions of a law with fixed points over the whole range of a field; see `transitions`.

    Where the informed state is the equilibrium from the open edge of the field on, `information_theoretic` is that
    edge: inference is then hard from alpha = 0 on.
    """
    return dict(_transitions_along(law, along))


@lru_cache(maxsize=256)
def _transitions_along(law: Phased, along: str) -> dict[str, float]:
    values = admitted(law, along).tolist()

    def points(at: Sequence[float]) -> Sequence[Sequence[FixedPoint]]:
        return law.fixed_points_along(along, at)

    changes = transitions(points, values)
    edge = open_edge(law, along)
    if edge is None or "information_theoretic" in changes or not State.of(points(values[:1])[0]).informed:
        return changes
    return {"information_theoretic": float(edge)} | changes
