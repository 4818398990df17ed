"""The exponents that the limit of a training step has by its own code, beside those that were measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..contract.record import NoLimit, StatementError
from ..derive import exponents
from .runs import Step, built, of_arrays

LEAST = 64
QUANTITIES = (
    ("initial gain", 1, 0), ("gain of changes", 3, 2), ("gain of updates", 4, 0), ("preactivation", 1, None),
    ("gradient", 5, None),
)  # fmt: skip
LOUD = 1e8  # the loss times this where updates do not follow its size: what is added to a root does not matter


@dataclass(frozen=True)
class Derived:
    """The exponents of the quantities of layers in the width, by (layer, quantity), or why there are none."""

    values: Mapping[tuple[str, str], float] = field(default_factory=dict)
    reason: str | None = None


def derived_exponents(step: Step, degree: float) -> Derived:
    """The exponents of a step in JAX in the width, from its first update.

    degree: how an update grows with the loss. A quantity that the first update leaves at zero has no exponent.
    """
    from ..measure.pytorch import is_module

    if is_module(built(step, LEAST, 0)[0]):
        return Derived(reason="limits are derived from programs in JAX, and this step is one of PyTorch")
    loud = LOUD if degree < 0.5 else 1.0
    try:
        powers = exponents(lambda n, key: _first_update(step, n, loud))
    except (NoLimit, StatementError) as error:
        return Derived(reason=str(error).splitlines()[0])
    gains = {key: powers[above] - (powers[below] if below else 0.0) for key, above, below in _ratios(powers)}
    return Derived({key: power / 2 + 0.0 for key, power in gains.items() if not np.isnan(power)})


def _first_update(step: Step, n: int, factor: float) -> dict[str, Any]:
    """The mean squares of `squares`, by layer and number."""
    from .in_jax import squares

    parameters, optimiser, loss = of_arrays(*step(n, 0))
    seen = squares(parameters, optimiser, lambda p: factor * loss(p))
    return {f"{name}|{k}": value for name, values in seen.items() for k, value in enumerate(values)}


def _ratios(powers: Mapping[str, float]) -> Iterator[tuple[tuple[str, str], str, str | None]]:
    """Each (layer, quantity), and the mean squares that it is made of."""
    for name in dict.fromkeys(key.rpartition("|")[0] for key in powers):
        for quantity, above, below in QUANTITIES:
            yield (name, quantity), f"{name}|{above}", None if below is None else f"{name}|{below}"
