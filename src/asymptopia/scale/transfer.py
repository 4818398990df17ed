"""Whether the best learning rate is the same at every size."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contract.record import StatementError
from .exponents import Exponent, fitted
from .runs import built


@dataclass(frozen=True)
class Transfer:
    """The best learning rate against the size.

    sizes:    (N,); rates: (R,), in a geometric sequence.
    losses:   (seeds, N, R) after the steps; inf where a run diverged.
    best:     (seeds, N) the rate at the vertex of the parabola through the least loss and its neighbours.
    exponent: of the best rate in the size, with its interval.
    """

    sizes: np.ndarray
    rates: np.ndarray
    losses: np.ndarray
    best: np.ndarray
    exponent: Exponent


def transfer(
    step: Any, sizes: Sequence[int], rates: Sequence[float], seeds: int = 3, steps: int = 50, level: float = 0.95
) -> Transfer:
    """The best learning rate at each size, after some steps, and its exponent in the size.

    step:  `step(size, seed, rate)` returns (model, optimiser, loss), as in `scale`.
    sizes: the widths or depths to train at; rates: at least five learning rates > 0, in a geometric sequence.
    seeds: runs of each size and rate; steps: of each run, on the same batch.
    level: the probability that the interval of the exponent holds it.

    Raises `StatementError` if `step` takes no rate, rates are fewer than five, or the best rate is at an end of them.
    """
    rates = sorted(map(float, rates))
    if len(rates) < 5 or rates[0] <= 0:
        raise StatementError(f"At least five rates > 0 must be given, but they are {rates}.")
    try:
        inspect.signature(step).bind(1, 0, 1.0)
    except TypeError:
        raise StatementError("`step` must take (size, seed, rate) for a transfer of learning rates.") from None
    losses = np.array([[_losses(step, n, s, rates, steps) for n in sizes] for s in range(seeds)])
    x = np.log(rates)
    best = np.array([[math.exp(_vertex(x, row, n)) for n, row in zip(sizes, one, strict=True)] for one in losses])
    return Transfer(np.array(sizes), np.array(rates), losses, best, fitted(np.array(sizes, float), best, level))


def _vertex(x: np.ndarray, losses: np.ndarray, size: int) -> float:
    k = int(np.argmin(losses))
    if k == 0 or k == len(x) - 1:
        raise StatementError(
            f"The best of the rates must lie inside of them, but is {math.exp(x[k]):.3g}, at an end, at size {size}."
        )
    around = losses[k - 1 : k + 2]
    if not np.isfinite(around).all():
        return float(x[k])
    a, b, _ = np.polyfit(x[k - 1 : k + 2] - x[k], around, 2)
    return float(x[k] - b / (2 * a)) if a > 0 else float(x[k])


def _losses(step: Any, size: int, seed: int, rates: Sequence[float], steps: int) -> list[float]:
    """The loss after the steps at each rate, by one program where `step` takes a rate that JAX traces."""
    import jax

    from ..measure.pytorch import is_module

    def ended(rate: Any) -> Any:
        model, optimiser, loss = built(lambda n, s: step(n, s, rate), size, seed)
        if is_module(model):
            raise StatementError("PyTorch's modules are not traced.")
        return loss(_descended(model, optimiser, loss, steps))

    try:
        run = jax.jit(ended).lower(float(rates[0])).compile()
    except Exception:  # whatever its code does with a rate that is no number yet: rate by rate it may be sound
        return [_trained(step, size, seed, rate, steps) for rate in rates]
    values = [float(run(float(rate))) for rate in rates]
    return [value if math.isfinite(value) else math.inf for value in values]


def _trained(step: Any, size: int, seed: int, rate: float, steps: int) -> float:
    """The loss after the steps; inf where it is no number."""
    from ..measure.pytorch import is_module

    model, optimiser, loss = built(lambda n, s: step(n, s, rate), size, seed)
    if is_module(model):
        for _ in range(steps):
            optimiser.zero_grad()
            loss(model).backward()
            optimiser.step()
        value = float(loss(model).detach())
    else:
        value = float(loss(_descended(model, optimiser, loss, steps)))
    return value if math.isfinite(value) else math.inf


def _descended(parameters: Any, optimiser: Any, loss: Any, steps: int) -> Any:
    import jax

    def one(_: Any, carried: Any) -> Any:
        now, state = carried
        updates, state = optimiser.update(jax.grad(loss)(now), state, now)
        return jax.tree.map(lambda p, u: p + u, now, updates), state

    run = jax.jit(lambda p: jax.lax.fori_loop(0, steps, one, (p, optimiser.init(p)))[0])
    return run(parameters)
