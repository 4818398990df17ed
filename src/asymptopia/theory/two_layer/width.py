"""The width at which the mean-field limit describes a network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ...contract.record import StatementError

if TYPE_CHECKING:
    from ...laws.mean_field.common import _Network


def required_width(law: _Network, accuracy: float) -> int:
    """The fewest neurons with which a network's outputs lie within `accuracy` of the limit, in the root mean square.

    The mean square is over random networks, at each time and probe of a `TwoLayer` or `TwoLayerFluctuations`. By the
    central limit theorem it is $V/N$, with V the largest fluctuation plus its numerical error; the square of the bias
    is smaller by another 1/N.

    Raises `StatementError` unless the accuracy is a number > 0, and what `law.limit()` raises.
    """
    from . import solve

    if not (accuracy > 0 and math.isfinite(accuracy)):
        raise StatementError(f"`accuracy` must be a number > 0, but is {accuracy!r}.")
    law.admit()
    solution = solve(law.setting(), fluctuations=True)
    largest = float((solution["fluctuation"] + solution["fluctuation_error"]).max())
    return max(1, math.ceil(largest / accuracy**2))
