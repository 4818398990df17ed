"""Runs of a training step of one's own, in PyTorch or in JAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..contract.record import StatementError
from ..measure.functions import check_arguments, first_line
from .seen import Seen

Step = Callable[[int, int], tuple[Any, Any, Callable[[Any], Any]]]


def observe(step: Step, size: int, seed: int, steps: int) -> Seen:
    """One run at this size, observed. Raises `StatementError` if a loss is not finite."""
    model, optimiser, loss = built(step, size, seed)
    seen = _room(model).observe(model, optimiser, loss, steps)
    if not all(map(math.isfinite, seen.losses)):
        raise StatementError(
            f"The loss must stay finite, but goes from {seen.losses[0]:.3g} to {seen.losses[1]:.3g} in {steps} steps "
            f"at size {size}: take fewer steps, or a lower rate."
        )
    if not seen.layers:
        raise StatementError("No layer with a matrix of weights was seen at work in the loss.")
    return seen


def update_degrees(step: Step, size: int) -> dict[str, float]:
    """How the first update of each layer grows with the loss, the exponent in a factor of 16 of it; "" of all."""
    moved = []
    for factor in (1.0, 16.0):
        model, optimiser, loss = built(step, size, 0)
        one = _room(model).moved(model, optimiser, loss, factor)
        moved.append(one | {"": math.hypot(*one.values())})
    if not (moved[0][""] > 0 and moved[1][""] > 0):
        raise StatementError("The optimiser does not move the parameters.")
    return {name: math.log(moved[1][name] / a) / math.log(16) for name, a in moved[0].items() if a and moved[1][name]}


def built(step: Step, size: int, seed: int) -> tuple[Any, Any, Callable[[Any], Any]]:
    """What `step` returns, checked; PyTorch's generator starts from the seed."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)
    try:
        parts = step(size, seed)
    except StatementError:
        raise
    except Exception as error:
        raise StatementError(f"`step({size}, {seed})` fails: {type(error).__name__}: {error}") from error
    if not (isinstance(parts, tuple) and len(parts) == 3 and callable(parts[2])):
        what = f"{len(parts)} things" if isinstance(parts, tuple) else type(parts).__name__
        raise StatementError(f"`step(size, seed)` must return (model, optimiser, loss), but returns {what}.")
    model, optimiser, loss = parts
    check_arguments(loss, "loss", 1, "the model alone; bind its data, as in `lambda m: loss(m, data)`")
    return of_arrays(model, optimiser, _said(loss))


def _said(loss: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The loss, whose failure is a `StatementError`."""

    def called(model: Any) -> Any:
        try:
            return loss(model)
        except StatementError:
            raise
        except Exception as error:
            raise StatementError(f"The loss fails: {type(error).__name__}: {first_line(error)}") from error

    return called


def of_arrays(model: Any, optimiser: Any, loss: Callable[[Any], Any]) -> tuple[Any, Any, Callable[[Any], Any]]:
    """The same of what is trained alone, for a module of Equinox, which holds functions too."""
    from ..measure.pytorch import is_module
    from ..numerics.trained import trained_arrays

    if is_module(model):
        return model, optimiser, loss
    trained, whole = trained_arrays(model)
    return trained, optimiser, lambda at: loss(whole(at))


def _room(model: Any) -> Any:
    from ..measure.pytorch import is_module

    if is_module(model):
        from . import in_torch

        return in_torch
    from . import in_jax

    return in_jax
