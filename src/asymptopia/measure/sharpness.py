"""Sharpness, the largest eigenvalue of the Hessian of a loss, along gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from . import pytorch
from .extremes import extremes
from .operators import finite_scalar, flat_parameters, hessian, operator_of

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from scipy.sparse.linalg import LinearOperator


@dataclass(frozen=True)
class Training:
    """A run of full-batch gradient descent, recorded at some steps.

    steps, losses, sharpness: (K,) each: the recorded steps, the loss, and the largest eigenvalue of its Hessian.
    rate:                     the learning rate; descent on a quadratic is stable as long as the sharpness is below
                              2 / rate, the edge of stability.
    parameters:               the final parameters, a tree like the initial ones.
    """

    steps: Int[np.ndarray, " moments"]
    losses: Float[np.ndarray, " moments"]
    sharpness: Float[np.ndarray, " moments"]
    rate: float
    parameters: Any

    @property
    def edge(self) -> float:
        """The edge of stability, 2 / rate."""
        return 2 / self.rate


def sharpness(loss: Callable[[Any], Any], parameters: PyTree) -> float:
    """The largest eigenvalue of the Hessian of `loss(parameters)`."""
    return _largest(hessian(loss, parameters))


def sharpness_along(
    loss: Callable[[Any], Any], parameters: PyTree, rate: float, steps: int, every: int = 10
) -> Training:
    """Full-batch gradient descent with a constant `rate`, and the sharpness at the start and each `every` steps.

    Raises `StatementError` if the descent diverges, saying at which step.
    """
    import jax
    from jax import lax

    check_descent(rate, steps, every)
    if pytorch.is_module(parameters):
        return _torch_descent(loss, parameters, rate, steps, every)
    flat, unravel = flat_parameters(parameters)
    value = finite_scalar(loss, flat, unravel)
    gradient = jax.grad(value)
    curve = jax.jit(lambda at, v: jax.jvp(gradient, (at,), (v,))[1])
    curves = jax.jit(jax.vmap(curve, (None, 0)))

    @jax.jit
    def descend(at: Any) -> Any:
        return lax.fori_loop(0, every, lambda _, w: w - rate * gradient(w), at)

    def largest(at: Any) -> float:
        return _largest(
            operator_of(lambda v: np.asarray(curve(at, v), float), lambda v: np.asarray(curves(at, v), float), flat)
        )

    seen = []
    for step in range(0, steps + 1, every):
        if step:
            flat = descend(flat)
        seen.append((step, _not_diverged(float(value(flat)), rate, step), largest(flat)))
    numbers, losses, curvatures = (np.array(column) for column in zip(*seen, strict=True))
    return Training(numbers, losses, curvatures, float(rate), unravel(flat))


def check_descent(rate: float, steps: int, every: int) -> None:
    """Raise `StatementError` for a learning rate, or for recorded steps, that no descent can have."""
    if not rate > 0:
        raise StatementError(f"`rate` must be > 0, but is {rate!r}.")
    if not 1 <= every <= steps:
        raise StatementError(f"`every` must be between 1 and the number of steps {steps}, but is {every!r}.")


def _not_diverged(loss: float, rate: float, step: int) -> float:
    if not np.isfinite(loss):
        raise StatementError(f"Gradient descent with `rate` {rate!r} has diverged at step {step}; take less.")
    return loss


def _torch_descent(loss: Callable[[Any], Any], module: Any, rate: float, steps: int, every: int) -> Training:
    """The same of a copy of a PyTorch module, where it ends."""
    import copy

    import torch

    module = copy.deepcopy(module)
    parameters = pytorch.trained(module)
    pytorch.scalar(loss, module)
    seen = []
    for step in range(steps + 1):
        value = loss(module)
        if step % every == 0:
            now = _not_diverged(float(value.detach()), rate, step)
            seen.append((step, now, _largest(hessian(loss, module))))
        if step < steps:
            gradients = torch.autograd.grad(value, parameters)
            with torch.no_grad():
                for p, g in zip(parameters, gradients, strict=True):
                    p.sub_(rate * g)
    numbers, losses, curvatures = (np.array(column) for column in zip(*seen, strict=True))
    return Training(numbers, losses, curvatures, float(rate), module)


def _largest(operator: LinearOperator) -> float:
    return float(extremes(operator, 1)[0][-1])
