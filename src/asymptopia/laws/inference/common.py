"""What laws of inference say of the state that a start leads to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...contract.transitions import FixedPoint, State

FEWEST = 5  # of what is counted in whole numbers


def doubt_start(points: Sequence[FixedPoint], start: str) -> str | None:
    """Why the state reached from a start is not that of equilibrium: the hard phase, or an informed start in vain.

    points: all fixed points. start: "uninformative" or "informative". None where the start leads to equilibrium.
    """
    state = State.of(points)
    here = state.low if start == "uninformative" else state.high
    if here.free_entropy >= state.best.free_entropy:
        return None
    better = f"overlap {state.best.overlap:.6g} instead of {here.overlap:.6g}"
    if start == "uninformative":
        return f"hard phase: the Bayes-optimal state, with {better}, is not reached without knowledge of the signal"
    return f"the informed state is metastable: that of largest free entropy has {better}"


def few(what: str, per_size: float, sizes: Sequence[int]) -> str | None:
    """Why systems with so many of `what` for each unit of size say nothing of the limit: they are rounded too far."""
    count = per_size * min(sizes)
    if count >= FEWEST:
        return None
    return (
        f"at the smallest of the sizes there should be {count:.3g} {what}, which is rounded to {max(1, round(count))}; "
        f"it takes sizes of at least {math.ceil(FEWEST / per_size)}"
    )
