"""The transition of a derived law along a field: where one of its limits takes a given value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..contract.fields import vary
from ..contract.record import StatementError, nearest

if TYPE_CHECKING:
    from ..contract.law import Law

_CLEAR = 3.0  # errors by which the ends of the interval lie on either side
_SHARE = 1e-4  # of the interval: how closely the transition is located


def crossing(
    law: Law, along: str, observable: str, value: float, between: tuple[float, float], at: int | tuple[int, ...] = ()
) -> float:
    """The value of the field `along` at which the limit of an observable equals `value`; for `thresholds` of a law.

    Arguments:
        law:        the statement; its other fields are kept.
        along:      a number field, or that of a part, such as `prior.rho`.
        observable: its name; of an array, `at` says which entry.
        value:      what it has at the transition; at a jump, any value that the limit jumps over.
        between:    two values of the field, on either side of the transition.

    Returns: the root of (limit - value), found by bisection and interpolation to 1e-4 of the interval. All limits are
    derived with the same nets of points, so that they change smoothly; the error of the root is that of the limit,
    divided by its slope.

    Raises: `StatementError` if there is no such field, observable or entry, or if its limits at both ends are not on
    different sides of `value`, by three of their errors; `NoLimit` where a limit on the way cannot be derived.
    """
    from scipy import optimize

    if len(between) != 2 or not between[0] < between[1]:
        raise StatementError(f"`between` must be two increasing values of {along!r}, but is {between}.")
    if not math.isfinite(value):
        raise StatementError(f"`value` must be a finite number, but is {value}.")
    low, high = map(float, between)
    if observable not in law.observables:
        known = nearest(observable, law.observables)
        raise StatementError(f"{type(law).__name__} has no observable {observable!r}.{known}")

    def excess(place: float) -> tuple[float, float]:
        limit = vary(law, along, place).limit()
        error, values = f"{observable}_error", limit[observable].values
        try:
            gap = float(values[at]) - value
        except (IndexError, TypeError):
            raise StatementError(
                f"`at` must say one entry of {observable!r}, whose shape is {values.shape}, but is {at!r}."
            ) from None
        return gap, float(limit[error].values[at]) if error in limit else 0.0

    ends = [excess(low), excess(high)]
    if ends[0][0] * ends[1][0] > 0 or any(abs(gap) <= _CLEAR * error for gap, error in ends):
        told = " and ".join(
            f"{value + gap:.4g} +- {e:.1g} at {x:g}" for x, (gap, e) in zip((low, high), ends, strict=True)
        )
        raise StatementError(
            f"{observable!r} does not cross {value:g} along {along!r} between {low:g} and {high:g}: {told}."
        )
    gaps = {low: ends[0][0], high: ends[1][0]}
    root = optimize.brentq(lambda x: gaps[x] if x in gaps else excess(x)[0], low, high, xtol=_SHARE * (high - low))
    return float(root)
