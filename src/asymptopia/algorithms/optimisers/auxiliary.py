"""Training with auxiliary variables: the activations of all samples are unknowns of their own.

The method of auxiliary coordinates (MAC; Carreira-Perpinan and Wang, AISTATS 2014) with a quadratic penalty, and
ADMM with a multiplier at the outputs (Taylor et al., ICML 33 (2016) 2722).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ...numerics.arrays import ArrayLike
from ...parts.activation import Activation, Relu
from .curvature import loss_curvature, unit_curvature
from .interface import Info, Solver, State, check_positive
from .majorisers import LayerMajoriser, diagonal, forward, loss_slope, rank_one, spectral_norm, weighted_gram
from .network import Network, Parameters

if TYPE_CHECKING:
    from jaxtyping import Float, Real

INNER = 5  # majorised steps for what has no closed form


def auxiliary_coordinates(
    network: Network, X: Real[ArrayLike, "n d"], y: Real[ArrayLike, "n ..."], penalty: float = 1.0
) -> Solver:
    r"""Minimise $F = f(W_L, a_{L-1}) + \frac\rho{2n} \sum_l |a_l - \sigma(W_l^T [a_{l-1}; 1])|^2$ block by block.

    From the last layer to the first, the matrix and then its inputs each move to the minimum of a majoriser of F,
    all samples at once: F never rises, and `value` and `guaranteed` are its. The activations start as those of the
    network, where F is the loss.

    penalty: the weight $\rho$. network: its layers, activation and loss. X: samples, (n, inputs); y: labels, (n,) or
    (n, outputs).
    """
    check_positive("penalty", penalty)
    X, y = network.checked(X, y)
    n = len(X)

    def init(parameters: Parameters) -> State:
        network.check_parameters(parameters)
        return State(tuple(parameters), forward(network, parameters, X).inputs[1:])

    def step(state: State) -> tuple[State, Info]:
        matrices, inputs = list(state.parameters), [X, *state.memory]
        value = _penalised(network, matrices, inputs, y, penalty)
        granted = squares = jnp.zeros_like(value)
        for layer in range(network.depth - 1, -1, -1):
            lifted = network.lift(inputs[layer])
            g, C = _local(network, matrices[layer], inputs, y, layer, penalty)
            units, samples = rank_one(C)
            majoriser = LayerMajoriser(value, lifted.T @ g / n, weighted_gram(lifted, samples), units)
            change = majoriser.minimiser()
            matrices[layer] += change
            granted -= jnp.vdot(majoriser.gradient, change) / 2
            squares += jnp.sum(majoriser.gradient**2)
            if layer > 0:
                g, C = _local(network, matrices[layer], inputs, y, layer, penalty)
                weights = matrices[layer][:-1] if network.bias else matrices[layer]
                made = network.activation(layer - 1)(network.affine(matrices[layer - 1], inputs[layer - 1]))
                slope = g @ weights.T + penalty * (inputs[layer] - made)
                bend = diagonal(weights, spectral_norm(weights), C) + penalty
                inputs[layer] -= slope / bend
                granted += jnp.sum(slope**2 / bend) / (2 * n)
        told = Info(value, jnp.sqrt(squares), granted, jnp.full_like(value, 2.0))
        return State(tuple(matrices), tuple(inputs[1:])), told

    return Solver(init, step)


def _penalised(
    network: Network,
    matrices: Sequence[Float[jax.Array, "_rows _columns"]],
    inputs: Sequence[Float[jax.Array, "_n _units"]],
    y: Real[jax.Array, "n ..."],
    penalty: float,
) -> Float[jax.Array, ""]:
    total = network.losses(y, network.affine(matrices[-1], inputs[-1])).mean()
    for layer in range(network.depth - 1):
        made = network.activation(layer)(network.affine(matrices[layer], inputs[layer]))
        total += penalty / 2 * jnp.sum((inputs[layer + 1] - made) ** 2) / len(y)
    return total


def _local(
    network: Network,
    W: Float[jax.Array, "rows columns"],
    inputs: Sequence[Float[jax.Array, "_n _units"]],
    y: Real[jax.Array, "n ..."],
    layer: int,
    penalty: float,
) -> tuple[Any, Any]:
    """Slope and curvature of a majoriser of F in the preactivations of one layer."""
    z = network.affine(W, inputs[layer])
    if layer == network.depth - 1:
        return loss_slope(network, y, z), loss_curvature(network.loss, z)
    activation = network.activation(layer)
    h = penalty * (activation(z) - inputs[layer + 1])
    return h * activation.derivative(z), unit_curvature(activation, h, jnp.full_like(z, penalty), z)


class Copies(NamedTuple):
    """The unknown preactivations and activations of all samples, and the multiplier at the outputs."""

    fields: tuple[Float[jax.Array, "n units"], ...]
    activations: tuple[Float[jax.Array, "n units"], ...]
    multiplier: Float[jax.Array, "n outputs"]


def admm(
    network: Network, X: Real[ArrayLike, "n d"], y: Real[ArrayLike, "n ..."], penalty: float = 1.0, ridge: float = 1e-6
) -> Solver:
    """Alternate least squares for each matrix, for the activations, and for the preactivations of each sample.

    Constraints z = W a and a = sigma(z) are penalised with weight `penalty`, that at the outputs has a multiplier as
    well; `ridge` times their mean square is added to Gram matrices. The loss of the network with the present matrices
    is reported as `value`. There is no guarantee of descent, for networks not even of convergence.

    network: its layers, activation and loss. X: samples, (n, inputs); y: labels, (n,) or (n, outputs).
    """
    check_positive("penalty", penalty)
    check_positive("ridge", ridge)
    X, y = network.checked(X, y)

    def init(parameters: Parameters) -> State:
        network.check_parameters(parameters)
        passed = forward(network, parameters, X)
        return State(tuple(parameters), Copies(passed.fields, passed.inputs[1:], jnp.zeros_like(passed.fields[-1])))

    def step(state: State) -> tuple[State, Info]:
        value = network.objective(state.parameters, X, y)
        matrices, (fields, activations, multiplier) = list(state.parameters), state.memory
        z, a = list(fields), [X, *activations]
        for layer in range(network.depth):
            lifted = network.lift(a[layer])
            gram = lifted.T @ lifted
            gram += ridge * jnp.trace(gram) / len(gram) * jnp.eye(len(gram), dtype=gram.dtype)
            matrices[layer] = jax.scipy.linalg.solve(gram, lifted.T @ z[layer], assume_a="pos")
            made = network.affine(matrices[layer], a[layer])
            if layer == network.depth - 1:
                z[layer] = _outputs(network, y, z[layer], made, multiplier, penalty)
                multiplier += penalty * (z[layer] - made)
                continue
            activation = network.activation(layer)
            weights = matrices[layer + 1][:-1] if network.bias else matrices[layer + 1]
            offset = matrices[layer + 1][-1] if network.bias else 0.0
            wanted = (z[layer + 1] - offset) @ weights.T + activation(z[layer])
            system = weights @ weights.T + jnp.eye(len(weights), dtype=weights.dtype)
            a[layer + 1] = jax.scipy.linalg.solve(system, wanted.T, assume_a="pos").T
            z[layer] = _preactivations(activation, z[layer], made, a[layer + 1])
        nothing = jnp.full_like(value, jnp.nan)
        told = Info(value, nothing, nothing, jnp.full_like(value, 2.0))
        return State(tuple(matrices), Copies(tuple(z), tuple(a[1:]), multiplier)), told

    return Solver(init, step)


def _outputs(
    network: Network,
    y: Real[jax.Array, "n ..."],
    z: Float[jax.Array, "n outputs"],
    made: Float[jax.Array, "n outputs"],
    multiplier: Float[jax.Array, "n outputs"],
    penalty: float,
) -> Float[jax.Array, "n outputs"]:
    """argmin over z of loss + multiplier z + penalty/2 |z - made|^2, by majorised steps."""
    for _ in range(INNER):
        slope = loss_slope(network, y, z) + multiplier + penalty * (z - made)
        z = z - slope / (loss_curvature(network.loss, z) + penalty)
    return z


def _preactivations(
    activation: Activation,
    z: Float[jax.Array, "..."],
    made: Float[jax.Array, "..."],
    a: Float[jax.Array, "..."],
) -> Float[jax.Array, "..."]:
    """argmin over z of (a - sigma(z))^2 + (z - made)^2: of relu exactly, else lowered by majorised steps."""
    if isinstance(activation, Relu):
        on, off = jnp.maximum((a + made) / 2, 0.0), jnp.minimum(made, 0.0)
        better = (a - on) ** 2 + (on - made) ** 2 < a**2 + (off - made) ** 2
        return jnp.where(better, on, off)
    for _ in range(INNER):
        h = activation(z) - a
        slope = h * activation.derivative(z) + z - made
        z = z - slope / (unit_curvature(activation, h, jnp.ones_like(z), z) + 1)
    return z
