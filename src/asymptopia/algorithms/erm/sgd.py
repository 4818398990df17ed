"""Gradient descent, mini-batch and persistent SGD, and Langevin dynamics of a generalised linear model."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...numerics.compiled import compiled
from ...numerics.proximal import derivatives
from ...parts.loss import Loss

if TYPE_CHECKING:
    import jax
    from jaxtyping import Bool, Float, Real


@dataclasses.dataclass(frozen=True)
class Schedule:
    r"""The steps of a descent: rate, batch, ridge, persistence and temperature.

    $$w \leftarrow w - \eta \Big(\frac1b \sum_{i \in B} \nabla\ell_i + \lambda w\Big) + \sqrt{2 \eta T}\, \xi .$$

    steps, rate: their number and their size $\eta$.
    batch:       b, the probability with which each sample is in the batch B, independently.
    ridge:       $\lambda$.
    persistence: mean number of steps between the draws that decide whether a sample is in the batch, >= 1.
    temperature: T.
    """

    steps: int
    rate: float
    batch: float = 1.0
    ridge: float = 0.0
    persistence: float = 1.0
    temperature: float = 0.0

    def __post_init__(self) -> None:
        for name, holds, must in (
            ("steps", self.steps >= 0, ">= 0"),
            ("rate", self.rate > 0, "> 0"),
            ("batch", 0 < self.batch <= 1, "> 0 and <= 1"),
            ("ridge", self.ridge >= 0, ">= 0"),
            ("persistence", self.persistence >= 1, ">= 1"),
            ("temperature", self.temperature >= 0, ">= 0"),
        ):
            if not holds:
                raise StatementError(f"`{name}` must be {must}, but is {getattr(self, name)!r}.")


class Trajectories(NamedTuple):
    """Weights (runs, steps + 1, d), and the mean loss of the samples (runs, steps + 1)."""

    weights: Float[np.ndarray, "runs times d"]
    loss: Float[np.ndarray, "runs times"]


def descend(
    X: Real[ArrayLike, "runs n d"],
    y: Real[ArrayLike, "runs n"],
    start: Real[ArrayLike, "runs d"],
    loss: Loss,
    schedule: Schedule,
    rngs: Sequence[np.random.Generator],
) -> Trajectories:
    """Run many descents at once, each on its own data and with its own generator.

    X: shape (runs, n, d); y: (runs, n); start: (runs, d). A row of X that is zero stands for no sample.
    The field of a sample is x.w, so that `X` holds the factor 1 / sqrt(d), if any.
    Raises `StatementError` for arrays that do not fit together.

    loss: of a label and a field. schedule: rates, batches and number of steps. rngs: one generator a run.
    """
    X, y, start = (np.asarray(a, float) for a in (X, y, start))
    if X.ndim != 3 or y.shape != X.shape[:2] or start.shape != (X.shape[0], X.shape[2]) or len(rngs) != len(X):
        raise StatementError(
            "`X`, `y`, `start` and `rngs` must have shapes (runs, n, d), (runs, n), (runs, d) and (runs,), "
            f"but have {X.shape}, {y.shape}, {start.shape} and {(len(rngs),)}."
        )
    count, d = X.shape[1:]
    weights = [membership(count, schedule, rng) / schedule.batch for rng in rngs] if schedule.batch < 1 else None
    kicks = None
    if schedule.temperature > 0:
        size = np.sqrt(2 * schedule.rate * schedule.temperature)
        kicks = size * np.stack([rng.standard_normal((schedule.steps + 1, d)) for rng in rngs])
    random = None if weights is None else np.stack(weights)
    real = (schedule.rate, schedule.ridge)
    iterates = _runs(loss, schedule.steps + 1, real, X, y, start, random, kicks)
    return Trajectories(*(np.asarray(a) for a in iterates))


def membership(count: int, schedule: Schedule, rng: np.random.Generator) -> Bool[np.ndarray, "times count"]:
    """Whether each of `count` samples is in the batch at each time: booleans (steps + 1, count).

    schedule: how batches are drawn, and for how many steps. rng: the source of randomness.
    """
    member = np.empty((schedule.steps + 1, count), bool)
    member[0] = rng.random(count) < schedule.batch
    kept = 1 - 1 / schedule.persistence
    for t in range(schedule.steps):
        member[t + 1] = rng.random(count) < kept * member[t] + (1 - kept) * schedule.batch
    return member


@compiled("times")
def _runs(loss: Loss, times: int, real: Any, *each: Any) -> Any:
    import jax

    return jax.vmap(lambda *one: _single(loss, times, real, *one))(*each)


def _single(
    loss: Loss,
    times: int,
    real: Any,
    X: Float[jax.Array, "n d"],
    y: Float[jax.Array, " n"],
    start: Real[ArrayLike, " d"],
    weights: Float[jax.Array, "times n"] | None,
    kicks: Float[jax.Array, "times d"] | None,
) -> Any:
    import jax
    import jax.numpy as jnp

    slope = derivatives(loss)[0]
    rate, ridge = real
    present = jnp.any(X != 0, axis=1)

    def step(w: Any, random: Any) -> Any:
        weight, kick = random
        z = X @ w
        force = slope(y, z) if weight is None else slope(y, z) * weight
        new = w - rate * (X.T @ force + ridge * w)
        here = jnp.sum(jnp.where(present, loss(y, z), 0.0)) / jnp.sum(present)
        return (new if kick is None else new + kick), (w, here)

    return jax.lax.scan(step, start, (weights, kicks), length=times)[1]
