"""Gradient descent on a loss of your own at the edge of stability: the flow that it follows on average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import PyTree
from . import pytorch
from .extremes import extremes
from .operators import finite_scalar, flat_parameters, hessian
from .sharpness import Training, check_descent

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float

PARTS = 4  # Euler steps in the time of one step of descent
TURNS = 60  # of the projected gradient for the oscillation
BEYOND = 0.05  # share of the edge by which the sharpness of a flow may exceed it


@dataclass(frozen=True)
class Flow(Training):
    """A central flow: what `Training` records, of the averaged parameters, at each `every`-th step of descent.

    mean_losses: (T,) mean of the loss of descent, with its oscillation.
    oscillation: (T,) variance of the parameters of descent about their mean, in all directions.
    """

    mean_losses: Float[np.ndarray, " moments"]
    oscillation: Float[np.ndarray, " moments"]


def central_flow(
    loss: Callable[[Any], Any], parameters: PyTree, rate: float, steps: int, every: int = 10, count: int = 3
) -> Flow:
    r"""The path of gradient descent with a constant `rate`, averaged over its oscillation at the edge of stability.

    Descent with the rate $\eta$ oscillates in directions where the Hessian $H(w) = \nabla^2 L$ exceeds $2/\eta$, and
    the oscillation brings it back. On average, in time of $\eta$ a step,

    $$\dot w = -\nabla L(w) - \tfrac12 \nabla_w \langle H(w), \Sigma \rangle, \qquad
    \Sigma \succeq 0, \quad 2/\eta - H \succeq 0, \quad \langle \Sigma, 2/\eta - H \rangle = 0 ,$$

    with $\Sigma$ the covariance of the oscillation, which holds eigenvalues of H at the edge as long as they would
    grow. The mean loss of descent is $L(w) + \langle H, \Sigma \rangle / 2$.

    Arguments:
        loss:       a scalar in JAX of `parameters`, any tree of JAX arrays, on all data.
        parameters: where the flow begins, any tree of JAX arrays.
        rate:       the step of descent, > 0; the edge is at 2 / rate.
        steps, every: of descent; how many are followed, and after how many the flow is recorded; it ends at the last
                    record.
        count:      the number of largest eigenvalues that may reach the edge together.

    Raises: `StatementError` if a number is not admitted, the flow diverges, the Hessian exceeds the edge by more than a
    twentieth (take a larger `count`), or parameters are a PyTorch module.

    Source: Cohen, Damian, Talwalkar, Kolter and Lee, ICLR 13 (2025), arXiv 2410.24206, definition 1.
    """
    import jax

    if pytorch.is_module(parameters):
        raise StatementError("`parameters` must be a tree of JAX arrays: a central flow needs third derivatives of it.")
    flat, unravel = flat_parameters(parameters)
    check_descent(rate, steps, every)
    if not 1 <= count <= flat.size // 2:
        raise StatementError(f"`count` must be between 1 and half of the {flat.size} parameters, but is {count!r}.")
    value = finite_scalar(loss, flat, unravel)
    start = np.asarray(extremes(hessian(value, flat), count).vectors)[:, -count:]
    advance = jax.jit(lambda state: jax.lax.fori_loop(0, every * PARTS, lambda _, s: _moved(value, rate, s), state))
    state = flat, jax.numpy.asarray(start, flat.dtype), jax.numpy.zeros((count, count), flat.dtype)
    seen = []
    for step in range(0, steps + 1, every):
        state = advance(state) if step else state
        seen.append((step, *_recorded(value, state, rate, step)))
    steps_seen, losses, mean_losses, sharpness, oscillation = (np.array(column) for column in zip(*seen, strict=True))
    return Flow(steps_seen, losses, sharpness, float(rate), unravel(state[0]), mean_losses, oscillation)


State = tuple["jax.Array", "jax.Array", "jax.Array"]


def _recorded(value: Any, state: State, rate: float, step: int) -> tuple[float, float, float, float]:
    """Loss, mean loss, sharpness and oscillation; raises where they are no flow."""
    import jax

    w, directions, sigma = state
    bent = np.asarray(directions.T @ _images(jax.grad(value), w, directions))
    sharpest, here = float(np.linalg.eigvalsh(bent)[-1]), float(value(w))
    if not np.isfinite([here, sharpest]).all():
        raise StatementError(f"The central flow with `rate` {rate!r} has diverged at step {step}; take less.")
    if step and sharpest > (1 + BEYOND) * 2 / rate and np.trace(np.asarray(sigma)) > 0:
        raise StatementError(
            f"The sharpness {sharpest:.4g} at step {step} exceeds the edge {2 / rate:.4g}, where the flow would hold "
            "it: take a larger `count`, or start below the edge."
        )
    return here, here + float(np.sum(bent * np.asarray(sigma))) / 2, sharpest, float(np.trace(np.asarray(sigma)))


def _images(gradient: Any, w: Float[jax.Array, " n"], directions: Float[jax.Array, "n k"]) -> Float[jax.Array, "n k"]:
    """The products of the Hessian with directions (n, k)."""
    import jax

    return jax.vmap(jax.linearize(gradient, w)[1], 1, 1)(directions)


def _moved(value: Any, rate: float, state: State) -> State:
    """One Euler step: the sharpest directions, the oscillation that holds them at the edge, and where both lead."""
    import jax
    import jax.numpy as jnp

    w, directions, sigma = state
    gradient, length = jax.grad(value), rate / PARTS
    directions, before = _followed(gradient, w, directions), directions
    turn = directions.T @ before
    sigma = turn @ sigma @ turn.T

    def bent(at: jax.Array) -> jax.Array:
        return directions.T @ _images(gradient, at, directions)

    here, pull = jax.vjp(bent, w)
    count = len(here)
    slopes = jax.vmap(lambda e: pull(e)[0])(jnp.eye(count**2, dtype=w.dtype).reshape(-1, count, count))
    downhill = gradient(w)
    slack = 2 / rate * jnp.eye(count) - here + length * (slopes @ downhill).reshape(count, count)
    gain = length * slopes @ slopes.T / 2
    sigma = _complementary(slack, gain, sigma)
    return w - length * (downhill + slopes.T @ sigma.ravel() / 2), directions, sigma


def _followed(gradient: Any, w: Float[jax.Array, " n"], directions: Float[jax.Array, "n k"]) -> Float[jax.Array, "n k"]:
    """Ritz vectors of the largest eigenvalues, in the span of the old ones and of what the Hessian makes of them."""
    import jax.numpy as jnp

    images = _images(gradient, w, directions)
    beside = images - directions @ (directions.T @ images)
    basis = jnp.linalg.qr(jnp.concatenate([directions, beside / (jnp.linalg.norm(beside, axis=0) + 1e-30)], axis=1))[0]
    inside = basis.T @ _images(gradient, w, basis)
    vectors = jnp.linalg.eigh((inside + inside.T) / 2)[1]
    return basis @ vectors[:, -directions.shape[1] :]


def _complementary(
    slack: Float[jax.Array, "k k"], gain: Float[jax.Array, "m m"], start: Float[jax.Array, "k k"]
) -> Float[jax.Array, "k k"]:
    """X >= 0 with slack + gain X >= 0 and <X, slack + gain X> = 0, by an accelerated projected gradient."""
    import jax
    import jax.numpy as jnp

    shape, length = start.shape, 1 / (jnp.trace(gain) + 1e-30)

    def positive(x: jax.Array) -> jax.Array:
        values, vectors = jnp.linalg.eigh((x + x.T) / 2)
        return (vectors * jnp.maximum(values, 0)) @ vectors.T

    def turn(k: Any, carried: Any) -> Any:
        now, ahead = carried
        later = positive(ahead - length * (slack + (gain @ ahead.ravel()).reshape(shape)))
        return later, later + k / (k + 3) * (later - now)

    return jax.lax.fori_loop(0, TURNS, turn, (positive(start), positive(start)))[0]
