"""The functional dimension of a ReLU network, computed exactly instead of from singular values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from ..numerics import modular

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int, Real

LARGEST = 2**27  # entries of a Jacobian


@dataclass(frozen=True)
class ReluDimension:
    """The rank of the Jacobian of a ReLU network's outputs with respect to its parameters, on given inputs.

    rank:       the functional dimension on these inputs, computed modulo a prime: never above the true rank, and below
                it with a probability of order rank / 2**31, unless the parameters were chosen to fool that prime.
    parameters: number of weights and biases.
    hidden:     number of hidden units, each with a rescaling that does not change the function.
    outputs:    number of outputs on these inputs.
    """

    rank: int
    parameters: int
    hidden: int
    outputs: int

    @property
    def identifiable(self) -> bool:
        """Whether the outputs on these inputs certainly determine all parameters locally, up to rescalings."""
        return self.rank == self.parameters - self.hidden

    def __str__(self) -> str:
        most = self.parameters - self.hidden
        said = f"functional dimension {self.rank} of at most {most}"
        if self.identifiable:
            return f"{said}: locally identifiable from these inputs, up to {self.hidden} rescalings. This is certain."
        if self.rank == self.outputs:
            return f"{said}: as many as there are outputs; more inputs may determine more."
        return f"{said}: {most - self.rank} more directions change nothing on these inputs; on others they may."


def relu_dimension(
    weights: Sequence[Float[np.ndarray, "_rows _columns"]],
    biases: Sequence[Float[np.ndarray, " _units"]],
    inputs: Float[np.ndarray, "N d"],
) -> ReluDimension:
    """The exact functional dimension of a dense ReLU network on some inputs, for small networks.

    weights: (units, units of the layer below) of each layer; the last layer is linear.
    biases:  (units,) of each layer.
    inputs:  (N, d).

    Floating-point numbers are rational. Where no preactivation vanishes, so are the entries of the Jacobian, and its
    rank is found by elimination modulo a prime. The rank is at most parameters - hidden; if it equals that, the network
    is locally identifiable from these inputs (Bona-Pellissier, Malgouyres and Bachoc, Adv. Neural Inf. Process. Syst.
    35 (2022)). Distant parameters may still give the same outputs, and other inputs may determine more.

    Raises `StatementError` if shapes do not fit, or the sign of a preactivation is not certain.
    """
    W, b, x = [np.asarray(w, float) for w in weights], [np.asarray(c, float) for c in biases], np.asarray(inputs, float)
    _check(W, b, x)
    active = _activations(W, b, x)
    jacobian = _jacobian(
        [modular.residues(w) for w in W], [modular.residues(c) for c in b], modular.residues(x), active
    )
    hidden = sum(len(c) for c in b[:-1])
    return ReluDimension(modular.rank(jacobian), jacobian.shape[1], hidden, jacobian.shape[0])


def _check(
    W: list[Float[np.ndarray, "_rows _columns"]], b: list[Float[np.ndarray, " _units"]], x: Float[np.ndarray, "N d"]
) -> None:
    fits = len(W) == len(b) >= 1 and all(w.ndim == 2 for w in W) and x.ndim == 2
    widths = [x.shape[-1], *(len(w) for w in W)] if fits else []
    if (
        not fits
        or any(w.shape[1] != n for w, n in zip(W, widths, strict=False))
        or any(c.shape != (n,) for c, n in zip(b, widths[1:], strict=True))
    ):
        raise StatementError(
            "`weights` must be matrices (units, units before), `biases` vectors (units,) and `inputs` (N, inputs), but "
            f"have the shapes {[w.shape for w in W]}, {[c.shape for c in b]} and {x.shape}."
        )
    if not all(np.isfinite(a).all() for a in (*W, *b, x)):
        raise StatementError("`weights`, `biases` and `inputs` must be finite.")
    entries = len(x) * widths[-1] * sum(w.size + len(w) for w in W)
    if entries > LARGEST:
        raise StatementError(
            f"The Jacobian has {entries} entries, more than the {LARGEST} up to which its rank is found exactly: use "
            "`functional_dimension`."
        )


def _activations(
    W: list[Float[np.ndarray, "_rows _columns"]], b: list[Float[np.ndarray, " _units"]], x: Float[np.ndarray, "N d"]
) -> list[Bool[np.ndarray, "_N _on"]]:
    """Which units are on, (N, units) for each hidden layer; every sign is beyond the error of the arithmetic."""
    found: list[np.ndarray] = []
    error = np.zeros_like(x)
    for w, c in zip(W[:-1], b[:-1], strict=True):
        u = x @ w.T + c
        rounding = (w.shape[1] + 2) * np.finfo(float).eps * (np.abs(x) @ np.abs(w.T) + np.abs(c))
        error = 1.01 * (error @ np.abs(w.T) + rounding)
        if (np.abs(u) <= error).any():
            raise StatementError(
                f"A preactivation of hidden layer {len(found) + 1} is 0 to the accuracy of the arithmetic: there the "
                "network has no derivative. Choose other inputs."
            )
        found.append(u > 0)
        x, error = np.where(u > 0, u, 0.0), np.where(u > 0, error, 0.0)
    return found


def _jacobian(
    W: list[Real[np.ndarray, "_rows _columns"]],
    b: list[Real[np.ndarray, " _units"]],
    x: Real[np.ndarray, "N d"],
    active: list[Bool[np.ndarray, "_N _on"]],
) -> Int[np.ndarray, "values parameters"]:
    """The derivatives of all outputs, (N outputs, parameters), in residues."""
    below = [x]
    for w, c, on in zip(W, b, active, strict=False):
        below.append(on * ((modular.product(below[-1], w.T) + c) % modular.PRIME))
    n, outputs = len(x), len(b[-1])
    back = np.broadcast_to(np.eye(outputs, dtype=np.int64), (n, outputs, outputs))
    columns: list[np.ndarray] = []
    for layer in range(len(W) - 1, -1, -1):
        weight = back[..., None] * below[layer][:, None, None, :] % modular.PRIME
        columns += [weight.reshape(n * outputs, -1), back.reshape(n * outputs, -1)]
        if layer:
            before = modular.product(back.reshape(n * outputs, -1), W[layer]).reshape(n, outputs, -1)
            back = before * active[layer - 1][:, None, :]
    return np.concatenate(columns, axis=1)
