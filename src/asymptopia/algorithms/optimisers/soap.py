r"""SOAP: Adam in the eigenbasis of Shampoo's preconditioners.

For a matrix W with gradient G, decaying means of $G G^T$ and $G^T G$ are the Kronecker factors of a model of the
curvature. Adam keeps its second moment V in the coordinates $G' = Q_L^T G Q_R$ of their eigenvectors,

$$M \leftarrow \beta_1 M + (1 - \beta_1) G, \quad V \leftarrow \beta_2 V + (1 - \beta_2) G' \odot G', \quad
  W \leftarrow W - \eta\, Q_L \frac{Q_L^T M Q_R}{\sqrt V + \epsilon} Q_R^T,$$

M and V corrected for their start at 0. Q moves slowly: one power iteration by QR every few steps.

Vyas, Morwani, Zhao, Kwun, Shapira, Brandfonbrener, Janson and Kakade, arXiv:2409.11321 (2024), algorithms 3 and 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...contract.record import StatementError
from ...numerics.arrays import PyTree
from .interface import check_positive

if TYPE_CHECKING:
    from jaxtyping import Float, Int


class Moments(NamedTuple):
    """The memory of one array: Adam's moments, and for each of its axes a Kronecker factor and its basis, or None."""

    mean: Float[jax.Array, "..."]
    square: Float[jax.Array, "..."]
    factors: tuple[Float[jax.Array, "d d"] | None, ...]
    bases: tuple[Float[jax.Array, "d d"] | None, ...]


class SoapState(NamedTuple):
    """The number of steps, and the moments of each array of the parameters in the order of the tree."""

    steps: Int[jax.Array, ""]
    moments: tuple[Moments, ...]


def soap(
    rate: float | Float[jax.Array, ""] | Callable[[Int[jax.Array, ""]], Float[jax.Array, ""]],
    b1: float = 0.95,
    b2: float = 0.95,
    eps: float = 1e-8,
    every: int = 10,
    largest: int = 1024,
) -> optax.GradientTransformation:
    """SOAP, that is Adam in the eigenbasis of Shampoo's Kronecker factors, as an optax transformation.

    rate:    the learning rate, or a function of the number of steps.
    b1, b2:  the decay of the mean gradient; that of its square and of the factors.
    every:   the steps between two refreshes of the bases. They are the identity in the first step, which is Adam's;
             the first refresh is an exact eigendecomposition, those after it are one power iteration.
    largest: axes that are longer have no factor, and keep their own coordinates.

    Each axis of an array of two or more dimensions has a factor; vectors and scalars follow Adam. Raises
    `StatementError` for decays outside [0, 1), `eps` <= 0, `every` < 1 and `largest` < 0.
    """
    for name, decay in (("b1", b1), ("b2", b2)):
        check_positive(name, decay, zero=True)
        if decay >= 1:
            raise StatementError(f"`{name}` must be below 1, but is {decay}.")
    check_positive("eps", eps)
    check_positive("largest", largest, zero=True)
    if isinstance(every, bool) or not float(every).is_integer() or every < 1:
        raise StatementError(f"`every` must be a whole number >= 1, but is {every}.")

    def init(parameters: PyTree) -> SoapState:
        return SoapState(jnp.zeros((), int), tuple(_start(x, largest) for x in jax.tree.leaves(parameters)))

    def update(gradient: PyTree, state: SoapState, parameters: PyTree = None) -> tuple[PyTree, SoapState]:
        leaves, structure = jax.tree.flatten(gradient)
        one, other = 1 - b1 ** (state.steps + 1), 1 - b2 ** (state.steps + 1)
        directions, moments = [], []
        for g, old in zip(leaves, state.moments, strict=True):
            mean = b1 * old.mean + (1 - b1) * g
            square = b2 * old.square + (1 - b2) * _rotate(g, old.bases) ** 2
            scaled = _rotate(mean, old.bases) / one / (jnp.sqrt(square / other) + eps)
            directions.append(_rotate(scaled, old.bases, back=True).astype(g.dtype))
            factors = tuple(
                None if f is None else b2 * f + (1 - b2) * _gram(g, axis) for axis, f in enumerate(old.factors)
            )
            bases = tuple(_refreshed(f, q, state.steps, every) for f, q in zip(factors, old.bases, strict=True))
            moments.append(jax.tree.map(lambda new, x: new.astype(x.dtype), Moments(mean, square, factors, bases), old))
        return jax.tree.unflatten(structure, directions), SoapState(state.steps + 1, tuple(moments))

    return optax.chain(optax.GradientTransformation(init, update), optax.scale_by_learning_rate(rate))


def _start(x: Float[jax.Array, "..."], largest: int) -> Moments:
    x = jnp.asarray(x)
    sides = [side if x.ndim > 1 and side <= largest else None for side in x.shape]
    factors = tuple(None if side is None else jnp.zeros((side, side), x.dtype) for side in sides)
    bases = tuple(None if side is None else jnp.eye(side, dtype=x.dtype) for side in sides)
    return Moments(jnp.zeros_like(x), jnp.zeros_like(x), factors, bases)


def _gram(g: Float[jax.Array, "..."], axis: int) -> Float[jax.Array, "d d"]:
    rows = jnp.moveaxis(g, axis, 0).reshape(g.shape[axis], -1)
    return rows @ rows.T


def _rotate(
    x: Float[jax.Array, "..."], bases: tuple[Float[jax.Array, "_d _d"] | None, ...], back: bool = False
) -> Float[jax.Array, "..."]:
    """The coordinates of x in the bases of its axes, or x from its coordinates."""
    for axis, basis in enumerate(bases):
        if basis is not None:
            x = jnp.moveaxis(jnp.tensordot(x, basis, axes=(axis, 1 if back else 0)), -1, axis)
    return x


def _refreshed(
    factor: Float[jax.Array, "d d"] | None, basis: Float[jax.Array, "d d"] | None, steps: Int[jax.Array, ""], every: int
) -> Float[jax.Array, "d d"] | None:
    if factor is None or basis is None:
        return None
    which = jnp.where(steps == 0, 0, jnp.where(steps % every == 0, 1, 2))
    return jax.lax.switch(which, (_eigenvectors, _iterated, lambda _, q: q), factor, basis)


def _eigenvectors(factor: Float[jax.Array, "d d"], _: Float[jax.Array, "d d"]) -> Float[jax.Array, "d d"]:
    return jnp.linalg.eigh(factor)[1][:, ::-1]


def _iterated(factor: Float[jax.Array, "d d"], basis: Float[jax.Array, "d d"]) -> Float[jax.Array, "d d"]:
    return jnp.linalg.qr(factor @ basis)[0]
