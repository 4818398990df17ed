"""Networks that structured optimisers can read: affine maps, activations, and a loss."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import Record, StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...parts.activation import Activation, Gelu, Identity, Relu, Sigmoid, Softplus, Tanh
from ...parts.loss import Logistic, Loss, Square

if TYPE_CHECKING:
    from jaxtyping import Float, Real

ACTIVATIONS = (Gelu, Identity, Relu, Sigmoid, Softplus, Tanh)
Parameters = tuple[jax.Array, ...]


class CrossEntropy(Record):
    """The cross-entropy log sum_k exp(z_k) - z_y of class scores z, for the class y = 0, 1, ... ."""

    def __call__(self, y: Real[ArrayLike, "..."], z: Float[jax.Array, "... classes"]) -> Any:
        picked = jnp.take_along_axis(z, jnp.asarray(y)[:, None], axis=1)[:, 0]
        return jax.scipy.special.logsumexp(z, axis=1) - picked


LOSSES = (Square, Logistic, CrossEntropy)


@dataclasses.dataclass(frozen=True)
class Network:
    """A dense network and its loss, $f(W) = \\frac1n \\sum_i \\ell(y_i, z^L_i)$.

    $z^l = W_l^T [a^{l-1}; 1]$ with $a^0 = x$ and $a^l = \\sigma_l(z^l)$; the outputs are $z^L$. Parameters are a tuple
    of matrices $W_l$ of shape (inputs + 1, outputs), whose last rows are the biases, or (inputs, outputs) without
    `bias`. The square and the logistic loss (labels -1 and 1) are summed over the outputs; for `CrossEntropy` a label
    is the number of a class.

    widths:      inputs, hidden units of each layer, outputs.
    activations: one for all hidden layers, or one for each.

    Raises `StatementError` for widths below 1 and for an activation or loss without bounds, naming those with.
    """

    widths: tuple[int, ...]
    activations: Activation | tuple[Activation, ...] = Tanh()  # noqa: RUF009 (a frozen record)
    loss: Loss | CrossEntropy = Square()  # noqa: RUF009
    bias: bool = True

    def __post_init__(self) -> None:
        widths = tuple(self.widths)
        whole = all(isinstance(w, (int, np.integer)) and not isinstance(w, bool) and w >= 1 for w in widths)
        if len(widths) < 2 or not whole:
            raise StatementError(f"`widths` must be two or more whole numbers >= 1, but is {widths}.")
        object.__setattr__(self, "widths", tuple(int(w) for w in widths))
        given = self.activations
        each = given if isinstance(given, (tuple, list)) else (given,) * (len(widths) - 2)
        each = tuple(_instance(a) for a in each)
        if len(each) != len(widths) - 2:
            raise StatementError(
                f"`activations` must be one, or one for each of {len(widths) - 2} hidden layers, but are {len(each)}."
            )
        for a in each:
            if type(a) not in ACTIVATIONS:
                raise StatementError(f"There is no majoriser for the activation {_named(a)}. {_known(ACTIVATIONS)}")
        object.__setattr__(self, "activations", each)
        loss = _instance(self.loss)
        if type(loss) not in LOSSES:
            raise StatementError(f"There is no majoriser for the loss {_named(loss)}. {_known(LOSSES)}")
        object.__setattr__(self, "loss", loss)

    @property
    def depth(self) -> int:
        """The number of affine maps."""
        return len(self.widths) - 1

    def activation(self, layer: int) -> Activation:
        """The activation after the affine map `layer` = 0, 1, ...; the identity after the last."""
        return self.activations[layer] if layer < self.depth - 1 else Identity()  # type: ignore[index]

    def draw(self, key: Key, dtype: Any = float) -> Parameters:
        """Random parameters: Gaussian weights of variance gain/inputs (gain 2 for relu, else 1), zero biases."""
        layers = []
        for layer, (i, o) in enumerate(zip(self.widths, self.widths[1:], strict=False)):
            gain = 2.0 if isinstance(self.activation(layer), Relu) else 1.0
            weights = jax.random.normal(jax.random.fold_in(key, layer), (i, o), dtype) * (gain / i) ** 0.5
            layers.append(jnp.concatenate([weights, jnp.zeros((1, o), dtype)]) if self.bias else weights)
        return tuple(layers)

    def lift(self, a: Float[jax.Array, "n units"]) -> Float[jax.Array, "n inputs"]:
        """The activations, with a column of ones if the network has biases."""
        return jnp.concatenate([a, jnp.ones((len(a), 1), a.dtype)], axis=1) if self.bias else a

    def outputs(self, parameters: Parameters, X: Float[jax.Array, "n d"]) -> Float[jax.Array, "n outputs"]:
        """The outputs z^L for inputs X of shape (n, d): shape (n, outputs)."""
        a = X
        for layer, W in enumerate(parameters):
            a = self.activation(layer)(self.affine(W, a))
        return a

    def affine(
        self, W: Float[jax.Array, "inputs outputs"], a: Float[jax.Array, "n units"]
    ) -> Float[jax.Array, "n outputs"]:
        """The affine map W^T [a; 1] of each sample: (n, outputs)."""
        return a @ W[:-1] + W[-1] if self.bias else a @ W

    def losses(self, y: Real[jax.Array, "n ..."], z: Float[jax.Array, "n outputs"]) -> Float[jax.Array, " n"]:
        """The loss of each sample, (n,), at the outputs z (n, outputs)."""
        if isinstance(self.loss, CrossEntropy):
            return self.loss(y, z)
        return self.loss(y.reshape(z.shape), z).sum(axis=1)

    def objective(
        self, parameters: Parameters, X: Float[jax.Array, "n d"], y: Real[jax.Array, "n ..."]
    ) -> Float[jax.Array, ""]:
        """The mean loss f over the samples."""
        return self.losses(y, self.outputs(parameters, X)).mean()

    def checked(
        self, X: Real[Any, "n d"], y: Real[Any, "n ..."]
    ) -> tuple[Float[jax.Array, "n d"], Real[jax.Array, "n ..."]]:
        """Inputs and labels as arrays; raises `StatementError` if they do not fit the network.

        What JAX traces has no numbers yet, and passes.
        """
        if isinstance(X, jax.core.Tracer) or isinstance(y, jax.core.Tracer):
            return X, y if isinstance(self.loss, CrossEntropy) else y.reshape(len(X), self.widths[-1])
        X, y = np.asarray(X), np.asarray(y)
        if X.ndim != 2 or X.shape[1] != self.widths[0] or len(X) == 0:
            raise StatementError(f"`X` must have shape (n, {self.widths[0]}) with n >= 1, but has shape {X.shape}.")
        if not np.isfinite(X).all():
            raise StatementError(f"`X` must be finite, but has {np.sum(~np.isfinite(X))} entries that are not.")
        outputs, n = self.widths[-1], len(X)
        if isinstance(self.loss, CrossEntropy):
            whole = y.shape == (n,) and np.issubdtype(y.dtype, np.integer)
            if not whole or y.min() < 0 or y.max() >= outputs:
                raise StatementError(f"`y` must be {n} whole numbers from 0 to {outputs - 1}, but is {_brief(y)}.")
            return jnp.asarray(X), jnp.asarray(y)
        if y.shape != (n, outputs) and not (outputs == 1 and y.shape == (n,)):
            raise StatementError(f"`y` must have shape {(n, outputs)}, but has shape {y.shape}.")
        if not np.isfinite(y).all():
            raise StatementError(f"`y` must be finite, but has {np.sum(~np.isfinite(y))} entries that are not.")
        if isinstance(self.loss, Logistic) and np.any(np.abs(y) != 1):
            raise StatementError(f"`y` must hold labels -1 and 1 for {self.loss!r}, but is {_brief(y)}.")
        return jnp.asarray(X), jnp.asarray(y.reshape(n, outputs), X.dtype)

    def check_parameters(self, parameters: PyTree) -> None:
        """Raise `StatementError` unless these are finite matrices of the network's shapes."""
        expected = [(i + self.bias, o) for i, o in zip(self.widths, self.widths[1:], strict=False)]
        shapes = [np.shape(W) for W in parameters]
        if shapes != expected:
            raise StatementError(f"The parameters must have shapes {expected}, but have {shapes}.")
        check_finite(parameters)


def check_finite(parameters: PyTree) -> None:
    """Raise `StatementError` if a parameter is not finite; JAX tracers, which have no values yet, pass."""
    leaves = jax.tree.leaves(parameters)
    if not leaves:
        raise StatementError("There must be parameters, but the tree is empty.")
    known = [np.asarray(leaf) for leaf in leaves if not isinstance(leaf, jax.core.Tracer)]
    bad = sum(int(np.sum(~np.isfinite(leaf))) for leaf in known)
    if bad:
        raise StatementError(f"The parameters must be finite, but {bad} of them are not.")


def _instance(part: Any) -> Any:
    return part() if isinstance(part, type) else part


def _named(part: Any) -> str:
    return repr(part) if isinstance(part, Record) else getattr(part, "__name__", repr(part))


def _known(classes: tuple[type, ...]) -> str:
    return "Supported: " + ", ".join(c.__name__ for c in classes) + "."


def _brief(y: Real[np.ndarray, "..."]) -> str:
    values = np.unique(y)[:5]
    return f"of shape {y.shape}, type {y.dtype}, with values {', '.join(f'{v:g}' for v in values)}, ..."
