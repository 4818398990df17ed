"""K-FAC: natural gradient with a Kronecker-factored preconditioner, for dense networks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Info, Solver, State, check_positive, check_steps, inner, norm
from .majorisers import forward, loss_slope
from .network import CrossEntropy, Network, Parameters

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class Factors(NamedTuple):
    """The running second moments of each layer's inputs and slopes, the last move, damping and a random key."""

    inputs: tuple[Float[jax.Array, "inputs inputs"], ...]
    slopes: tuple[Float[jax.Array, "outputs outputs"], ...]
    move: Parameters
    damping: Float[jax.Array, ""]
    weight: Float[jax.Array, ""]
    foretold: Float[jax.Array, ""]
    value: Float[jax.Array, ""]
    key: jax.Array


def kfac(
    network: Network,
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, "n ..."],
    key: Key,
    *,
    batch: int | None = None,
    damping: float = 1.0,
    decay: float = 0.9,
) -> Solver:
    r"""K-FAC: Gauss-Newton steps with a Kronecker-factored preconditioner, layer by layer.

    The preconditioner is $(A_l + \pi_l \sqrt\lambda) \otimes (S_l + \sqrt\lambda / \pi_l)$.

    A is the second moment of a layer's inputs, S that of the slopes at its outputs for labels drawn from the network's
    own predictions, both averaged with `decay`. The length of the step and of the momentum are those that minimise
    the damped quadratic model with the exact Gauss-Newton matrix of the batch; the damping follows how well the model
    foretold the objective. With `batch` samples drawn at each step, else all. No descent is guaranteed.

    Martens and Grosse, ICML 32 (2015) 2408.

    X: samples, (n, inputs); y: labels, (n,) or (n, outputs). key: of the batches and of the labels drawn from
    predictions.
    """
    X, y = network.checked(X, y)
    layered = Layered(
        partial(_moments, network), network.outputs, partial(loss_slope, network), _checked(network), lambda W, _: W
    )
    return preconditioned(layered, X, y, key, batch, damping, decay)


class Layered(NamedTuple):
    """What K-FAC needs of a model whose parameters are affine maps, matrices (inputs [+ 1], outputs).

    moments: matrices, X, y, key -> value, gradients, and second moments of inputs and of sampled slopes, by layer.
    outputs: matrices, X -> z. slope: y, z -> the slope of each sample's loss at its outputs.
    split:   parameters -> matrices; raises `StatementError` if they do not fit. join: matrices, parameters -> back.
    """

    moments: Callable[..., Any]
    outputs: Callable[..., Any]
    slope: Callable[..., Any]
    split: Callable[[Any], Parameters]
    join: Callable[[Parameters, Any], Any]


def _checked(network: Network) -> Callable[[Any], Parameters]:
    def split(parameters: Parameters) -> Parameters:
        network.check_parameters(parameters)
        return tuple(parameters)

    return split


def preconditioned(
    layered: Layered,
    X: Real[jax.Array, "n ..."],
    y: Real[jax.Array, "n ..."],
    key: Key,
    batch: int | None,
    damping: float,
    decay: float,
) -> Solver:
    """K-FAC of a model in layers; see `kfac` for the arguments."""
    check_positive("damping", damping)
    check_positive("decay", decay, zero=True)
    size = len(X) if batch is None else batch
    check_steps(size)

    def init(parameters: PyTree) -> State:
        matrices = layered.split(parameters)
        return State(layered.join(matrices, parameters), _empty(matrices, damping, key))

    def step(state: State) -> tuple[State, Info]:
        matrices, memory = layered.split(state.parameters), state.memory
        key, draw, choose = jax.random.split(memory.key, 3)
        inputs, labels = X, y
        if batch is not None:
            chosen = jax.random.randint(choose, (size,), 0, len(X))
            inputs, labels = X[chosen], y[chosen]
        value, gradients, second, third = layered.moments(matrices, inputs, labels, draw)
        weight = decay * memory.weight + 1 - decay
        A = tuple(decay * old + (1 - decay) * new for old, new in zip(memory.inputs, second, strict=True))
        S = tuple(decay * old + (1 - decay) * new for old, new in zip(memory.slopes, third, strict=True))
        lam = memory.damping
        if batch is None:
            lam = _adapted(memory, value)
        moves = tuple(_precondition(a / weight, s / weight, lam, G) for a, s, G in zip(A, S, gradients, strict=True))
        move, foretold = _best_length(layered, matrices, inputs, labels, gradients, moves, memory.move, lam)
        new = tuple(W + D for W, D in zip(matrices, move, strict=True))
        told = Info(value, norm(gradients), jnp.full_like(value, jnp.nan), jnp.full_like(value, 3 * size / len(X)))
        after = layered.join(new, state.parameters)
        return State(after, Factors(A, S, move, lam, weight, foretold, value, key)), told

    return Solver(init, step)


def _empty(parameters: Parameters, damping: float, key: Key) -> Factors:
    """The memory before the first step: no second moments, no momentum."""
    kind = parameters[0].dtype
    number = jnp.zeros((), kind)
    return Factors(
        tuple(jnp.zeros((len(W), len(W)), kind) for W in parameters),
        tuple(jnp.zeros((W.shape[1],) * 2, kind) for W in parameters),
        tuple(jnp.zeros_like(W) for W in parameters),
        number + damping,
        number,
        number,
        number,
        key,
    )


def _moments(
    network: Network, parameters: Parameters, X: Real[jax.Array, "n ..."], y: Real[jax.Array, "n ..."], key: Key
) -> Any:
    """Mean loss, its gradients, and the second moments of inputs and of sampled slopes of each layer."""
    passed = forward(network, parameters, X)
    z, n = passed.fields[-1], len(X)
    slopes = (loss_slope(network, y, z), _sampled_slope(network, z, key))
    gradients, second, third = [], [], []
    for layer in range(network.depth - 1, -1, -1):
        inputs = network.lift(passed.inputs[layer])
        gradients.append(inputs.T @ slopes[0] / n)
        second.append(inputs.T @ inputs / n)
        third.append(slopes[1].T @ slopes[1] / n)
        if layer > 0:
            W = parameters[layer][:-1] if network.bias else parameters[layer]
            bend = network.activation(layer - 1).derivative(passed.fields[layer - 1])
            slopes = (slopes[0] @ W.T * bend, slopes[1] @ W.T * bend)
    value = network.losses(y, z).mean()
    return value, tuple(reversed(gradients)), tuple(reversed(second)), tuple(reversed(third))


def _sampled_slope(network: Network, z: Float[jax.Array, "n outputs"], key: Key) -> Float[jax.Array, "n outputs"]:
    """Slopes for labels drawn from the predictions: their second moment is the Hessian of the loss in the outputs."""
    if isinstance(network.loss, CrossEntropy):
        return loss_slope(network, jax.random.categorical(key, z), z)
    curvature = jax.jvp(lambda u: loss_slope(network, jnp.ones_like(z), u), (z,), (jnp.ones_like(z),))[1]
    return jnp.sqrt(curvature) * jax.random.rademacher(key, z.shape, z.dtype)


def _adapted(memory: Factors, value: Float[jax.Array, ""]) -> Float[jax.Array, ""]:
    """The damping after comparing what the last step gained with what its model foretold."""
    share = (memory.value - value) / jnp.maximum(memory.foretold, 1e-30)
    factor = jnp.where(share > 0.75, 0.6, jnp.where(share < 0.25, 1.6, 1.0))
    factor = jnp.where(memory.weight > 0, factor, 1.0).astype(memory.damping.dtype)
    return jnp.clip(memory.damping * factor, 1e-12, 1e12)


def _precondition(
    A: Float[jax.Array, "inputs inputs"],
    S: Float[jax.Array, "outputs outputs"],
    lam: Float[jax.Array, ""],
    G: Float[jax.Array, "inputs outputs"],
) -> Float[jax.Array, "inputs outputs"]:
    """-(A + pi sqrt(lam))^-1 G (S + sqrt(lam) / pi)^-1, with pi from the mean eigenvalues."""
    one, other = jnp.trace(A) / len(A), jnp.trace(S) / len(S)
    pi = jnp.sqrt(jnp.maximum(one, 1e-20) / jnp.maximum(other, 1e-20))
    left = A + pi * jnp.sqrt(lam) * jnp.eye(len(A), dtype=A.dtype)
    right = S + jnp.sqrt(lam) / pi * jnp.eye(len(S), dtype=S.dtype)
    half = jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(left), G)
    return -jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(right), half.T).T


def _best_length(
    layered: Layered,
    parameters: Parameters,
    X: Real[jax.Array, "n ..."],
    y: Real[jax.Array, "n ..."],
    gradients: PyTree,
    one: PyTree,
    other: PyTree,
    lam: Float[jax.Array, ""],
) -> tuple[Parameters, Float[jax.Array, ""]]:
    """The combination of two moves that minimises the damped model, and the descent that the model foretells."""
    z, push = jax.linearize(lambda p: layered.outputs(p, X), parameters)
    first, second = push(one), push(other)

    def bend(v: jax.Array) -> jax.Array:
        return jax.jvp(lambda u: layered.slope(y, u), (z,), (v,))[1] / len(X)

    b1, b2 = bend(first), bend(second)
    a11 = jnp.vdot(first, b1) + lam * inner(one, one)
    a12 = jnp.vdot(first, b2) + lam * inner(one, other)
    a22 = jnp.vdot(second, b2) + lam * inner(other, other)
    g1, g2 = inner(gradients, one), inner(gradients, other)
    whole = a11 * a22 - a12**2
    both = whole > 1e-6 * a11 * a22
    safe = jnp.where(both, whole, 1.0)
    t = jnp.where(both, (a12 * g2 - a22 * g1) / safe, -g1 / jnp.maximum(a11, 1e-30))
    m = jnp.where(both, (a12 * g1 - a11 * g2) / safe, 0.0)
    return jax.tree.map(lambda p, q: t * p + m * q, one, other), -(t * g1 + m * g2) / 2
