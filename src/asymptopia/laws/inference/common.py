"""What laws of inference say of the state that a start leads to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ...contract.transitions import FixedPoint, State
from ...parts.prior import Prior

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


def none_drawn(per_size: Mapping[str, float], sizes: Sequence[int]) -> str | None:
    """Why systems with less than one of some things say nothing of the limit: of samples, say, they have at least one.

    per_size: their numbers for each unit of size, by name. It is for counts that are rounded up or down at random,
    which has no bias where one or more are expected.
    """
    for what, share in per_size.items():
        if share * min(sizes) < 1:
            return (
                f"at the smallest of the sizes there should be {share * min(sizes):.3g} {what}, but there is at least "
                f"1; it takes sizes of at least {math.ceil(1 / share)}"
            )
    return None


def few_nonzero(share: float, sizes: Sequence[int]) -> str | None:
    """Why signals of which this share of the coordinates is not zero say nothing of the limit: many have none."""
    count = share * min(sizes)
    if share == 1 or count >= FEWEST:
        return None
    return (
        f"at the smallest of the sizes {count:.3g} coordinates of the signal are not 0 on average, too few for one "
        f"system to be like another; it takes sizes of at least {math.ceil(FEWEST / share)}"
    )


def nonzero_share(prior: Prior) -> float:
    """The probability that a coordinate is not zero; 1 of a prior that is not stated as a mixture."""
    mixture = prior.components()
    if mixture is None:
        return 1.0
    weights, means, variances = (np.asarray(a, float) for a in mixture)
    return float(weights[(means != 0) | (variances != 0)].sum())
