"""An optax optimiser that records the sharpness while it trains, also inside `jit` and `scan`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from .functions import check_arguments, check_scalar

if TYPE_CHECKING:
    import jax
    import optax
    from jaxtyping import Float, Int, Shaped


class Record(NamedTuple):
    """The measurements; rows beyond `filled` are empty.

    step, filled: the number of updates so far, and of rows filled.
    steps, losses, sharpness, within: (most,) each: the step, the loss, an estimate from below of the largest eigenvalue
               of its Hessian, and the distance from it within which an eigenvalue lies.
    """

    step: Int[jax.Array, ""]
    filled: Int[jax.Array, ""]
    steps: Int[jax.Array, " most"]
    losses: Float[jax.Array, " most"]
    sharpness: Float[jax.Array, " most"]
    within: Float[jax.Array, " most"]

    def rows(self) -> dict[str, Shaped[np.ndarray, " filled"]]:
        """The filled rows, by name."""
        names = ("steps", "losses", "sharpness", "within")
        return {name: np.asarray(getattr(self, name))[: int(self.filled)] for name in names}


class Recorded(NamedTuple):
    """The state of the wrapped optimiser, and the record."""

    inner: Any
    record: Record


def recorded(
    optimiser: optax.GradientTransformation, loss: Callable[[Any], jax.Array], every: int = 10, products: int = 20,
    most: int = 1000,
) -> optax.GradientTransformationExtraArgs:  # fmt: skip
    """The same optimiser, whose state also records the sharpness of `loss(parameters)` at each `every`-th update.

    loss:     a scalar function of the parameters in JAX, on fixed data.
    every:    updates between two measurements.
    products: products with the Hessian for each measurement, in a Lanczos iteration from a random vector; each takes
              about as long as two gradients of the loss. Where `within` is large, take more.
    most:     the number of measurements that are kept, the first ones.

    Each measurement is made before the update. The wrapper goes around the whole optimiser, and `update` must be given
    the parameters; read the record with `state.record.rows()`.

    Raises `StatementError` if a number is below 1, the loss is no scalar or computes in half precision, or `update` is
    called without parameters.
    """
    import jax
    import jax.numpy as jnp
    import optax

    for name, value in (("every", every), ("products", products), ("most", most)):
        if value < 1:
            raise StatementError(f"`{name}` must be at least 1, but is {value!r}.")
    check_arguments(loss, "loss", 1, "the parameters alone; bind its data, as in `lambda p: loss(p, data)`")
    wrapped = optax.with_extra_args_support(optimiser)

    def init(parameters: Any) -> Recorded:
        check_scalar(loss, parameters, "loss")
        zero, empty = jnp.zeros((), int), jnp.zeros(most)
        record = Record(zero, zero, jnp.zeros(most, int), empty, empty, empty)
        return Recorded(wrapped.init(parameters), record)

    def update(gradients: Any, state: Recorded, params: Any = None, **extra: Any) -> tuple[Any, Recorded]:
        if params is None:
            raise StatementError("`update` must be given the parameters, as in `update(gradients, state, parameters)`.")
        record = state.record
        due = (record.step % every == 0) & (record.filled < most)
        record = jax.lax.cond(due, lambda r: _measured(loss, params, r, products), lambda r: r, record)
        moves, inner = wrapped.update(gradients, state.inner, params, **extra)
        return moves, Recorded(inner, record._replace(step=record.step + 1))

    return optax.GradientTransformationExtraArgs(init, update)


def _measured(loss: Callable[[Any], jax.Array], parameters: PyTree, record: Record, products: int) -> Record:
    """The record with one row more."""
    import jax
    from jax.flatten_util import ravel_pytree

    flat, unravel = ravel_pytree(parameters)
    value, gradient = loss(parameters), jax.grad(lambda at: loss(unravel(at)))
    start = jax.random.normal(jax.random.fold_in(jax.random.key(0), record.step), flat.shape, flat.dtype)
    largest, within = _largest(jax.linearize(gradient, flat)[1], start, min(products, flat.size))
    at = record.filled
    return record._replace(
        filled=at + 1, steps=record.steps.at[at].set(record.step), losses=record.losses.at[at].set(value),
        sharpness=record.sharpness.at[at].set(largest), within=record.within.at[at].set(within),
    )  # fmt: skip


def _largest(
    product: Callable[[Float[jax.Array, " n"]], Float[jax.Array, " n"]], start: Float[jax.Array, " n"], order: int
) -> tuple[Float[jax.Array, ""], Float[jax.Array, ""]]:
    """The largest Ritz value of a Krylov space of this order, and its residual."""
    import jax
    import jax.numpy as jnp

    def extend(k: Any, carried: Any) -> Any:
        basis, diagonal, beside, last = carried
        basis = basis.at[k].set(last)
        image = product(last)
        diagonal = diagonal.at[k].set(last @ image)
        for _ in range(2):
            image = image - basis.T @ (basis @ image)
        size = jnp.linalg.norm(image)
        return basis, diagonal, beside.at[k].set(size), image / jnp.where(size > 0, size, 1)

    empty = jnp.zeros(order, start.dtype)
    first = jnp.zeros((order, start.size), start.dtype), empty, empty, start / jnp.linalg.norm(start)
    _, diagonal, beside, _ = jax.lax.fori_loop(0, order, extend, first)
    values, vectors = jnp.linalg.eigh(jnp.diag(diagonal) + jnp.diag(beside[:-1], 1) + jnp.diag(beside[:-1], -1))
    return values[-1], beside[-1] * jnp.abs(vectors[-1, -1])
