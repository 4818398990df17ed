r"""Quadratic majorisers of the loss of a network, composed layer by layer.

If the rest of the network is majorised at the preactivations u by a quadratic with slope g and diagonal curvature C,
and $u = W^T a$, $a = \sigma(z)$, then in the change of a this is $h \cdot \Delta a + \frac12 |W^T \Delta a|_C^2$ with
$h = W g$; a diagonal bound of the second term leaves functions of one variable, which `curvature` majorises in z.
From the loss down to any layer this uses the slope at the present point only, no bound of any slope elsewhere, and
holds for all parameters of that layer. What all layers move at once contains products of their changes: no quadratic
majorises it everywhere, and the joint majoriser holds where no weight matrix moves by more than its `radius`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .curvature import loss_curvature, unit_curvature
from .network import CrossEntropy, Network, Parameters

if TYPE_CHECKING:
    from jaxtyping import Float, Real

SPLIT = 1.0  # |a + b|^2 <= (1 + SPLIT) |a|^2 + (1 + 1/SPLIT) |b|^2


class Pass(NamedTuple):
    """The inputs and preactivations of each affine map in one forward pass."""

    inputs: tuple[Float[jax.Array, "n inputs"], ...]
    fields: tuple[Float[jax.Array, "n outputs"], ...]


class LayerMajoriser(NamedTuple):
    r"""$f + \langle G, D \rangle + \frac1{2n} \sum_i v_i \sum_j u_j (a_i^T D)_j^2 + \frac\epsilon2 \sum_j u_j |D_j|^2$.

    For any change D of one layer's matrix; a_i are the lifted inputs of that layer.
    """

    value: Float[jax.Array, ""]
    gradient: Float[jax.Array, "inputs outputs"]
    gram: Float[jax.Array, "inputs inputs"]
    units: Float[jax.Array, " outputs"]

    def __call__(self, change: Float[jax.Array, "inputs outputs"]) -> Float[jax.Array, ""]:
        """The majoriser at the layer's matrix plus this change."""
        bent = jnp.einsum("ij,ik,kj,j->", change, self.gram, change, self.units)
        return self.value + jnp.vdot(self.gradient, change) + bent / 2

    def minimiser(self) -> Float[jax.Array, "inputs outputs"]:
        """The change of the layer's matrix that minimises the majoriser."""
        factor = jax.scipy.linalg.cho_factor(self.gram)
        return -jax.scipy.linalg.cho_solve(factor, self.gradient) / self.units


class JointMajoriser(NamedTuple):
    r"""A quadratic in the changes D_l of all layers, a majoriser while $|D_l| \leq$ `radii[l]` in Frobenius norm.

    The curvature of layer l is $D \mapsto S_l D U_l + D T_l$, with S a weighted Gram matrix of its inputs, U diagonal,
    and T one of the slopes at its outputs, which bounds the products of changes.
    """

    value: Float[jax.Array, ""]
    gradients: tuple[Float[jax.Array, "inputs outputs"], ...]
    grams: tuple[Float[jax.Array, "inputs inputs"], ...]
    units: tuple[Float[jax.Array, " outputs"], ...]
    slopes: tuple[Float[jax.Array, "outputs outputs"], ...]
    radii: tuple[Float[jax.Array, ""], ...]

    def __call__(self, changes: Parameters) -> Float[jax.Array, ""]:
        """The majoriser at the parameters plus these changes."""
        total = self.value
        for D, G, S, u, T in zip(changes, self.gradients, self.grams, self.units, self.slopes, strict=True):
            total += jnp.vdot(G, D) + jnp.vdot(D, S @ (D * u) + D @ T) / 2
        return total

    def minimiser(self) -> tuple[Parameters, Float[jax.Array, ""]]:
        """The changes towards the minimum, as far as the radii allow, and the descent that they grant."""
        changes = [
            kronecker_solve(S, T, u, G)
            for G, S, u, T in zip(self.gradients, self.grams, self.units, self.slopes, strict=True)
        ]
        fall = sum(jnp.vdot(G, D) for G, D in zip(self.gradients, changes, strict=True))
        reach = [r / jnp.maximum(jnp.linalg.norm(D), 1e-30) for r, D in zip(self.radii, changes, strict=True)]
        t = jnp.minimum(1.0, jnp.min(jnp.stack(reach)))
        return tuple(-t * D for D in changes), (t - t**2 / 2) * fall


def forward(network: Network, parameters: Parameters, X: Float[jax.Array, "n d"]) -> Pass:
    """The inputs and preactivations of all layers, for inputs X (n, d)."""
    inputs, fields = [], []
    a = X
    for layer, W in enumerate(parameters):
        inputs.append(a)
        fields.append(network.affine(W, a))
        a = network.activation(layer)(fields[-1])
    return Pass(tuple(inputs), tuple(fields))


def loss_slope(
    network: Network, y: Real[jax.Array, "n ..."], z: Float[jax.Array, "n outputs"]
) -> Float[jax.Array, "n outputs"]:
    """The gradient of each sample's loss with respect to its outputs, (n, outputs)."""
    if isinstance(network.loss, CrossEntropy):
        return jax.nn.softmax(z) - jax.nn.one_hot(y, z.shape[1], dtype=z.dtype)
    return jax.grad(lambda u: network.losses(y, u).sum())(z)


def layer_majoriser(
    network: Network, parameters: Parameters, y: Real[jax.Array, "n ..."], passed: Pass, layer: int
) -> LayerMajoriser:
    """A majoriser of the mean loss in the matrix of one layer, the others fixed; valid everywhere."""
    z = passed.fields[-1]
    value = network.losses(y, z).mean()
    g, C = loss_slope(network, y, z), loss_curvature(network.loss, z)
    for above in range(network.depth - 1, layer, -1):
        g, C = _below(network, parameters[above], passed.fields[above - 1], above, g, C)
    inputs = network.lift(passed.inputs[layer])
    units, samples = rank_one(C)
    return LayerMajoriser(value, inputs.T @ g / len(y), weighted_gram(inputs, samples), units)


def joint_majoriser(
    network: Network, parameters: Parameters, X: Float[jax.Array, "n d"], y: Real[jax.Array, "n ..."], radius: float
) -> JointMajoriser:
    """A majoriser of the mean loss in all matrices, valid for changes up to `radius` times each matrix's norm."""
    passed = forward(network, parameters, X)
    z = passed.fields[-1]
    value = network.losses(y, z).mean()
    g, C = loss_slope(network, y, z), loss_curvature(network.loss, z)
    rows = []
    for layer in range(network.depth - 1, -1, -1):
        inputs = network.lift(passed.inputs[layer])
        units, samples = rank_one(C)
        gram, slopes = weighted_gram(inputs, samples), jnp.zeros((C.shape[1],) * 2, z.dtype)
        size = jnp.linalg.norm(parameters[layer])
        if layer > 0:
            scale = jnp.sqrt(jnp.mean(jnp.sum(network.lift(passed.inputs[layer - 1]) ** 2, axis=1)))
            steep = jnp.linalg.norm(g, axis=1) / scale
            slopes = (g / jnp.maximum(steep, 1e-30)[:, None]).T @ g / len(y)
            gram = (1 + SPLIT) * gram
        rows.append((inputs.T @ g / len(y), gram, units, slopes, radius * size))
        if layer > 0:
            g, C = _below(network, parameters[layer], passed.fields[layer - 1], layer, g, C, (radius * size, steep))
    gradients, grams, units_, slopes_, radii = zip(*reversed(rows), strict=True)
    return JointMajoriser(value, gradients, grams, units_, slopes_, radii)


def _below(
    network: Network,
    W: Float[jax.Array, "rows columns"],
    z: Float[jax.Array, "n units"],
    layer: int,
    g: Float[jax.Array, "n outputs"],
    C: Float[jax.Array, "n outputs"],
    moving: tuple[jax.Array, jax.Array] | None = None,
) -> tuple[Float[jax.Array, "n units"], Float[jax.Array, "n units"]]:
    """Slope and curvature in the preactivations z below the affine map `layer`, from those at its outputs.

    moving: how far W may move, and for each sample the weight of the products of changes in W and in the activations;
            None if W is fixed.
    """
    weights = W[:-1] if network.bias else W
    norm = spectral_norm(weights)
    if moving is None:
        d = diagonal(weights, norm, C)
    else:
        far, steep = moving
        d = ((1 + 1 / SPLIT) * C.max(axis=1) * (norm + far) ** 2 + steep)[:, None]
    activation = network.activation(layer - 1)
    h = g @ weights.T
    return h * activation.derivative(z), unit_curvature(activation, h, d, z)


def diagonal(
    weights: Float[jax.Array, "inputs outputs"], norm: Float[jax.Array, ""], C: Float[jax.Array, "n outputs"]
) -> Float[jax.Array, "n inputs"]:
    """Diagonal matrices (n, inputs) above W C_i W^T, for each sample the smaller of two bounds.

    One by convexity, $(\\sum_j w_j x_j)^2 \\leq \\sum_j |w_j| \\sum_j |w_j| x_j^2$; one by the spectral norm.
    """
    size = jnp.abs(weights)
    convex = (C * size.sum(axis=0)) @ size.T
    flat = jnp.broadcast_to((C.max(axis=1) * norm**2)[:, None], convex.shape)
    return jnp.where((flat.sum(axis=1) < convex.sum(axis=1))[:, None], flat, convex)


def spectral_norm(weights: Float[jax.Array, "rows columns"]) -> Float[jax.Array, ""]:
    """The largest singular value."""
    small = weights @ weights.T if weights.shape[0] < weights.shape[1] else weights.T @ weights
    return jnp.sqrt(jnp.maximum(jnp.linalg.eigvalsh(small)[-1], 0.0))


def rank_one(C: Float[jax.Array, "samples units"]) -> tuple[Float[jax.Array, " units"], Float[jax.Array, " samples"]]:
    """Factors u (units,) and v (samples,) with C_ij <= v_i u_j."""
    units = C.mean(axis=0)
    units = jnp.maximum(units, 1e-3 * units.max() + 1e-30)
    return units, (C / units).max(axis=1)


def weighted_gram(inputs: Float[jax.Array, "n d"], samples: Float[jax.Array, " n"]) -> Float[jax.Array, "d d"]:
    """The weighted Gram matrix, plus a multiple of the identity that makes it safe to invert."""
    gram = (inputs * samples[:, None]).T @ inputs / len(inputs)
    slack = 100 * np.finfo(gram.dtype).eps * jnp.trace(gram) + 1e-30
    return gram + slack * jnp.eye(len(gram), dtype=gram.dtype)


def kronecker_solve(
    S: Float[jax.Array, "inputs inputs"],
    T: Float[jax.Array, "outputs outputs"],
    units: Float[jax.Array, " outputs"],
    G: Float[jax.Array, "inputs outputs"],
) -> Float[jax.Array, "inputs outputs"]:
    """D with S D diag(units) + D T = G, for S positive definite and T positive semidefinite."""
    root = jnp.sqrt(units)
    lam, Q = jnp.linalg.eigh(S)
    gamma, R = jnp.linalg.eigh(T / root / root[:, None])
    inside = (Q.T @ (G / root) @ R) / (lam[:, None] + jnp.maximum(gamma, 0.0))
    return Q @ inside @ R.T / root
